"""Training: the loop and all that it stands on.

- `loop`: `train`, one loop for pretraining and everything after it
- `engine`: one optimiser step; `optim`: Muon and AdamW; `feed`, `shards`: what it reads
- `checkpoint`, `failure`, `log`: what is kept, what went wrong, what was measured
- `distributed`: more than one process; `progress`, `curve`: what is shown meanwhile
"""

from aulac.scale.plan import Plan, precision, schedule
from aulac.train.engine import Engine, NextToken
from aulac.train.failure import TrainingError
from aulac.train.feed import Batch, Data
from aulac.train.loop import OnStep, Run, train

__all__ = [
    "Batch",
    "Data",
    "Engine",
    "NextToken",
    "OnStep",
    "Plan",
    "Run",
    "TrainingError",
    "precision",
    "schedule",
    "train",
]
