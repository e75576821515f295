"""Beam search: keep the few likeliest beginnings, not one.

With the rules of transformers' `generate(num_beams=..., early_stopping="never")`, and
the length normalisation of Wu et al. (2016, "Google's Neural Machine Translation
System") without its constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from aulac.errors import InputError
from aulac.generate.cache import KVCache
from aulac.generate.sampling import no_prompt
from aulac.model import Transformer


@dataclass(frozen=True)
class Hypothesis:
    """Tokens after the prompt, and ln p of them; `ended` at a stop token."""

    ids: tuple[int, ...]
    log_p: float
    ended: bool = False

    def score(self, length_penalty: float) -> float:
        """ln p over length to the power: 0 favours short texts, 1 is a mean.

        The stop token that ended it counts, in ln p and so in the length.
        """
        length = max(1, len(self.ids) + self.ended)
        return self.log_p / length**length_penalty


@torch.inference_mode()
def beam_search(
    model: Transformer,
    ids: Sequence[int],
    max_tokens: int = 64,
    beams: int = 4,
    *,
    length_penalty: float = 1.0,
    stop_ids: Iterable[int] = (),
) -> list[Hypothesis]:
    """The likeliest continuations of `ids` that a beam finds, best first.

    A hypothesis that reaches a stop token while it is among the `beams` likeliest is
    set aside (the stop stays out of its `ids`). The search ends when `beams` have
    ended and no open one can overtake them, or after `max_tokens`. With one beam it
    is greedy. A row of the cache goes with each beginning that is kept.

    Raises ValueError for an empty prompt or no beams.
    """
    if not ids:
        raise no_prompt()
    if beams < 1:
        raise InputError(
            f"{beams} beams cannot search: give at least one.",
            f"beams là {beams}: cần ít nhất một.",
        )
    stops = frozenset(stop_ids)
    tree = _Tree(model, ids, len(ids) + max_tokens)
    open_, ended = [Hypothesis((), 0.0)], list[Hypothesis]()
    # Were each beam's every stop among the likeliest, `beams` others must be left.
    most = beams * (1 + len(stops))
    for length in range(1, max_tokens + 1):
        grown = tree.grow(open_, most)
        done = [h for h, _ in grown[:beams] if h.ids[-1] in stops]
        ended += [Hypothesis(h.ids[:-1], h.log_p, True) for h in done]
        ended = _best(ended, beams, length_penalty)
        kept = [(h, row) for h, row in grown if h.ids[-1] not in stops]
        open_ = tree.keep(kept[:beams])
        if not open_:
            break
        if len(ended) == beams:
            # ln p only falls; at best it is spread over the longest text.
            longest = max_tokens if length_penalty > 0 else length
            hope = max(h.log_p for h in open_) / longest**length_penalty
            if hope <= ended[-1].score(length_penalty):
                break
    return _best(ended + open_, beams, length_penalty)


class _Tree:
    """The model over the open hypotheses, a row of one cache for each."""

    def __init__(self, model: Transformer, ids: Sequence[int], size: int):
        self.model, like = model.eval(), model.norm.weight
        self.cache = KVCache(model.config, size, like=like)
        self.fresh = torch.tensor([list(ids)], device=like.device)  # (1, T)

    def grow(
        self, beam: list[Hypothesis], most: int
    ) -> list[tuple[Hypothesis, int]]:
        """The `most` likeliest that are a token longer; each with its row."""
        logits = self.model(self.fresh, self.cache, last=1)[:, -1]  # (B, V)
        logs = logits.float().log_softmax(-1).cpu().double()
        logs = logs + torch.tensor([[h.log_p] for h in beam]).double()
        best, places = logs.flatten().topk(min(most, logs.numel()))
        size = logs.shape[1]
        return [
            (Hypothesis((*beam[at // size].ids, at % size), log_p), at // size)
            for log_p, at in zip(best.tolist(), places.tolist(), strict=True)
        ]

    def keep(self, kept: list[tuple[Hypothesis, int]]) -> list[Hypothesis]:
        """Go on from these alone."""
        if not kept:
            return []
        self.cache.pick([row for _, row in kept])
        newest = [[h.ids[-1]] for h, _ in kept]
        self.fresh = torch.tensor(newest, device=self.fresh.device)  # (B, 1)
        return [h for h, _ in kept]


def _best(
    found: list[Hypothesis], beams: int, penalty: float
) -> list[Hypothesis]:
    return sorted(found, key=lambda h: -h.score(penalty))[:beams]
