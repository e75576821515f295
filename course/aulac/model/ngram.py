"""A language model by counting: how often a token followed the ones before it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from aulac.errors import InputError

Prefix = tuple[int, ...]


class Ngram:
    """Counts of n-grams in the library's token ids, with additive smoothing.

    p(next | the last n - 1 tokens) = (count + k) / (total + k V): Lidstone's rule, and
    Laplace's for k = 1. Where a text has fewer tokens before a place, so many are
    looked at, and a prefix that was never seen gives every token 1 / V. With k = 0
    what was never seen is impossible, and measuring it raises EvaluationError.

    context: tokens of a window when a text is measured; it changes no number, since
    a window moves on by half of it and no prediction looks back so far.

    Raises ValueError for an order, a vocabulary, a k or a context that makes no sense.
    """

    def __init__(
        self, order: int, vocab_size: int, k: float = 1.0, context: int = 256
    ) -> None:
        fits = 1 <= order <= context // 2
        if not fits or vocab_size < 1 or k < 0:
            raise InputError(
                f"no table of counts has order {order}, {vocab_size} tokens and "
                f"k = {k}: give an order from 1 to {context // 2} (half the context), "
                "at least one token, and k >= 0.",
                f"không có bảng đếm nào với bậc {order}, {vocab_size} token và "
                f"k = {k}: hãy cho bậc từ 1 đến {context // 2} (nửa ngữ cảnh), cỡ từ "
                "vựng ít nhất là 1 và k >= 0.",
            )
        self.order, self.vocab_size, self.k = order, vocab_size, k
        self.context = context
        self.counts: dict[Prefix, Counter[int]] = defaultdict(Counter)

    def add(self, ids: Sequence[int]) -> None:
        """Count the tokens of one text; its first is what a text begins after."""
        for place in range(1, len(ids)):
            for size in range(min(self.order, place + 1)):
                before = tuple(ids[place - size : place])
                self.counts[before][ids[place]] += 1

    def log_probabilities(self, ids: Tensor) -> Tensor:
        """ln p of each next token: ids (B, T) -> (B, T, V), fp64."""
        return torch.stack([self._row(row) for row in ids.tolist()])

    def _row(self, ids: list[int]) -> Tensor:
        """Of one text: (T,) -> (T, V). Written at once: most of it is k / total."""
        places, tokens, counts, totals = [], [], [], []
        for place in range(len(ids)):
            size = min(self.order - 1, place + 1)
            behind: Mapping[int, int] = self.counts.get(
                tuple(ids[place + 1 - size : place + 1]), {}
            )
            places += [place] * len(behind)
            tokens += list(behind)
            counts += list(behind.values())
            totals.append(sum(behind.values()))
        weights = torch.full((len(ids), self.vocab_size), self.k).double()
        where = (
            torch.tensor(places, dtype=torch.long),
            torch.tensor(tokens, dtype=torch.long),
        )
        weights.index_put_(
            where, torch.tensor(counts).double(), accumulate=True
        )
        total = (
            torch.tensor(totals).double() + self.k * self.vocab_size
        )  # (T,)
        weights[total == 0] = 1.0  # k = 0, and a prefix that was never seen
        total[total == 0] = self.vocab_size
        return weights.log_() - total.log()[:, None]
