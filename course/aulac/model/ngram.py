"""A language model by counting: how often a token followed the ones before it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from aulac.errors import InputError

Context = tuple[int, ...]


class Ngram:
    """Counts of n-grams in the library's token ids, with additive smoothing.

    p(next | the last n - 1 tokens) = (count + k) / (total + k V): Lidstone's rule, and
    Laplace's for k = 1. Where a text has fewer tokens before a place, so many are
    looked at, and a context that was never seen gives every token 1 / V. With k = 0
    what was never seen is impossible, and measuring it raises EvaluationError.

    Raises ValueError for an order, a vocabulary or a k that makes no sense.
    """

    context = 256  # tokens of a window; no prediction looks back so far

    def __init__(self, order: int, vocab_size: int, k: float = 1.0) -> None:
        if not 1 <= order <= self.context // 2 or vocab_size < 1 or k < 0:
            raise InputError(
                f"no table of counts has order {order}, {vocab_size} tokens and "
                f"k = {k}: give an order from 1 to {self.context // 2}, a vocabulary "
                "and k >= 0.",
                f"không có bảng đếm nào với bậc {order}, {vocab_size} token và "
                f"k = {k}: hãy cho bậc từ 1 đến {self.context // 2}, một từ vựng và "
                "k >= 0.",
            )
        self.order, self.vocab_size, self.k = order, vocab_size, k
        self.counts: dict[Context, Counter[int]] = defaultdict(Counter)

    def add(self, ids: Sequence[int]) -> None:
        """Count the tokens of one text; its first is what a text begins after."""
        for place in range(1, len(ids)):
            for size in range(min(self.order, place + 1)):
                before = tuple(ids[place - size : place])
                self.counts[before][ids[place]] += 1

    def probabilities(self, before: Sequence[int]) -> Tensor:
        """p of each next token behind some tokens: (V,), fp64."""
        size = min(self.order - 1, len(before))
        seen = self.counts.get(tuple(before[len(before) - size :]), Counter())
        found = torch.full((self.vocab_size,), self.k, dtype=torch.float64)
        for token, count in seen.items():
            found[token] += count
        total = found.sum()
        return found / total if total else found + 1 / self.vocab_size

    def log_probabilities(self, ids: Tensor) -> Tensor:
        """ln p of each next token: ids (B, T) -> (B, T, V), fp64."""
        rows = [
            [self.probabilities(row[: t + 1]) for t in range(len(row))]
            for row in ids.tolist()
        ]
        return torch.stack([torch.stack(row) for row in rows]).log()
