"""A small model of the stories' world, trained in a minute for a benchmark to measure."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from aulac.corpus.stories import generate
from aulac.lesson import recipes
from aulac.model import Transformer
from aulac.scale import SCALES, Scale
from aulac.tokenizer import Tokenizer

UNSEEN = 977  # seed of the held-out stories; the training ones have another


@dataclass(frozen=True)
class World:
    """Texts to train on, texts to measure on, and a tokenizer."""

    train: list[str]
    unseen: list[str]
    tokenizer: Tokenizer


def unseen(count: int, known: set[str]) -> list[str]:
    """So many stories that are not among the known ones."""
    others = (d.text for d in generate(2 * count, seed=UNSEEN))
    return [text for text in others if text not in known][:count]


def world(documents: int, count: int) -> World:
    """So many stories to train on, and `count` others."""
    train = [d.text for d in generate(documents, seed=recipes.SEED)]
    tokenizer = recipes.welcome_tokenizer(train, SCALES["tiny"])
    return World(train, unseen(count, set(train)), tokenizer)


def trained(world: World, steps: int, **sizes: Any) -> Transformer:
    """A model of scale `tiny`, or with other `sizes`, after so many steps."""
    scale: Scale = replace(SCALES["tiny"], steps=steps, **sizes)
    with tempfile.TemporaryDirectory() as folder:
        model = recipes.pretrain(
            world.train, world.tokenizer, scale, Path(folder)
        )
    torch.manual_seed(0)
    return model.eval()
