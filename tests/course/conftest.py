"""A small tokenizer and small models that these tests share."""

from __future__ import annotations

import itertools

import pytest

WHO = ("Con mèo", "Bạn Lan", "Chú chó nhỏ", "Bà ngoại", "Cô giáo", "Đàn chim")
DOES = (
    "ngồi dưới gốc đa",
    "đi ra vườn",
    "kể chuyện ngày xưa",
    "tìm chiếc lá đỏ",
)
WHEN = ("vào buổi sáng", "khi trời mưa", "trước giờ ăn cơm")


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """72 Vietnamese sentences, no two alike."""
    rows = itertools.product(WHO, DOES, WHEN)
    return [f"{who} {does} {when}." for who, does, when in rows]


@pytest.fixture(scope="session")
def tokenizer(sentences):
    """A tokenizer small enough that letters are often cut inside their bytes."""
    from aulac.tokenizer import train

    return train(sentences[:20], 300, superwords=False, progress=False)


@pytest.fixture
def build():
    """Builds a small model: build(seed=0, **sizes)."""
    import torch

    from aulac.model import Config, Transformer

    def make(seed: int = 0, **sizes):
        torch.manual_seed(seed)
        values = {"vocab_size": 300, "depth": 2, "width": 32, "heads": 4}
        values |= {"kv_heads": 2, "head_dim": 8, "ff": 64, "context": 64}
        model = Transformer(Config(**values | sizes))
        # Fresh models write nothing to the residual stream; these must.
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 2:
                    weight.normal_(std=0.2)
                else:
                    weight.uniform_(0.5, 1.5)
        return model.eval()

    return make


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A workspace with nothing in it, and a course that came without a model."""
    from aulac.lesson import artefacts

    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path / "workspace"))
    monkeypatch.setattr("aulac.lesson.shipped.PLACE", tmp_path / "nothing")
