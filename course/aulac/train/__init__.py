"""Training: the loop and all that it stands on.

- `loop`: `train`, one loop for pretraining and everything after it
- `trainer`: one optimiser step; `optim`: Muon and AdamW; `loader`, `shards`: what it reads
- `checkpoint`, `failure`, `log`: what is kept, what went wrong, what was measured
- `distributed`: more than one process; `progress`: what is shown meanwhile
"""

from aulac.scale.plan import Plan, precision, schedule
from aulac.train.failure import TrainingError
from aulac.train.loader import Batch, Data
from aulac.train.loop import OnStep, Run, train
from aulac.train.trainer import NextToken, Trainer

__all__ = [
    "Batch",
    "Data",
    "NextToken",
    "OnStep",
    "Plan",
    "Run",
    "Trainer",
    "TrainingError",
    "precision",
    "schedule",
    "train",
]
