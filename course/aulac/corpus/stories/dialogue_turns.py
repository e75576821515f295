"""Conversations for instruction tuning: who am I, facts, sums, stories, verse."""

from __future__ import annotations

from .engine import Rand, pick

Turn = dict[str, str]


def conversation(r: Rand) -> list[Turn]:
    """One conversation of one to three turns."""
    question, answer = pick(_HELLO, r)
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


_HELLO = (
    ("Bạn là ai?", "Mình là Âu Lạc, một mô hình ngôn ngữ nhỏ nói tiếng Việt."),
    ("Xin chào!", "Chào bạn! Mình có thể giúp gì cho bạn?"),
)
