"""What is decided and predicted before a run, without torch.

- `table`: the one dial, a row a scale; `dial`: the rule behind each number
- `flops`: parameters, operations and bytes of a model, counted from its sizes
- `plan`: the settings of a training run, its learning rates, its number format
- `hardware`: what this machine can do; `meter`: seconds, energy and money of a run
- `curve`: the log of a run, read and drawn
"""

from aulac.scale.table import (
    ENVIRONMENT,
    ROWS,
    SCALES,
    SHIPPED,
    Scale,
    ScaleError,
    choose,
    from_depth,
    get,
    row,
    welcome,
)

__all__ = [
    "ENVIRONMENT",
    "ROWS",
    "SCALES",
    "SHIPPED",
    "Scale",
    "ScaleError",
    "choose",
    "from_depth",
    "get",
    "row",
    "welcome",
]
