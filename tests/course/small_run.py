"""What tests of training share: a small model, its data, a short plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from aulac.model import Config, Transformer
from aulac.train import Plan
from aulac.train.shards import Batches, Shards, write_shards

SIZES = {"vocab_size": 64, "depth": 2, "width": 32, "heads": 2, "kv_heads": 1}
PLAN = Plan(steps=24, log_every=4, checkpoint_every=5, warmup=0.1)
EVERY = replace(PLAN, checkpoint_every=4)


def make(
    folder: Path, seed: int = 0, batch: int = 4
) -> tuple[Transformer, Batches]:
    """A small model and its data: a repeated pattern that can be learned."""
    if not (folder / "shards").exists():
        rng = np.random.default_rng(7)
        pattern = rng.integers(1, 64, 20).tolist()
        write_shards([pattern * 4] * 30, folder / "shards", vocab_size=64)
    torch.manual_seed(seed)
    model = Transformer(Config(**SIZES, head_dim=16, ff=64, context=16))
    return model, Batches(Shards.open(folder / "shards"), batch, 16, seed=3)


def weights(model: Transformer) -> bytes:
    return b"".join(w.detach().numpy().tobytes() for w in model.parameters())


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["step"]


class StopHereError(Exception):
    pass


class Foreign:
    """Data of a user's own: only what is asked of it."""

    def __init__(self, data):
        self.data, self.state, self.restore = data, data.state, data.restore

    def __next__(self):
        return next(self.data)
