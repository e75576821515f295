"""A model as files.

- `huggingface`, `gguf`: for other programs
- `packed`, `counts`: few bits a weight, a table of counts; for this library alone
- `folder`: `load`, whichever of these folders it is
"""

from aulac.export.folder import load
from aulac.export.huggingface import (
    from_hf,
    qwen3_config,
    qwen3_name,
    read_config,
    to_hf,
)

__all__ = [
    "from_hf",
    "load",
    "qwen3_config",
    "qwen3_name",
    "read_config",
    "to_hf",
]
