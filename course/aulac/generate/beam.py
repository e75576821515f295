"""Beam search: keep the few likeliest beginnings, not one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from aulac.model import Transformer


@dataclass(frozen=True)
class Hypothesis:
    """Tokens after the prompt, and ln p of them; `ended` at a stop token."""

    ids: tuple[int, ...]
    log_p: float
    ended: bool = False

    def score(self, length_penalty: float) -> float:
        """ln p over length to the power: 0 favours short texts, 1 is a mean."""
        return self.log_p / max(1, len(self.ids)) ** length_penalty


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

    A hypothesis that reaches a stop token is set aside (the stop counts in its
    probability, and stays out of `ids`). The search ends when `beams` have ended
    and no open one can overtake them, or after `max_tokens`. With one beam it is
    greedy. Everything is computed anew for each token: the beam is for measuring
    and for short texts, where it costs little.

    Raises ValueError for an empty prompt or no beams.
    """
    if not ids or beams < 1:
        raise ValueError("give at least one token and at least one beam.")
    model.eval()
    stops = sorted(set(stop_ids))
    open_, ended = [Hypothesis((), 0.0)], list[Hypothesis]()
    for _ in range(max_tokens):
        grown = _grow(model, list(ids), open_, beams + len(stops))
        done = [h for h in grown if h.ids[-1] in stops]
        ended += [Hypothesis(h.ids[:-1], h.log_p, True) for h in done]
        open_ = [h for h in grown if h.ids[-1] not in stops][:beams]
        ended = _best(ended, beams, length_penalty)
        if len(ended) == beams and open_:
            # ln p only falls; at best it is spread over the longest text.
            most = max_tokens**length_penalty
            hope = max(h.log_p for h in open_) / most
            if hope <= ended[-1].score(length_penalty):
                break
    return _best(ended + open_, beams, length_penalty)


def _grow(
    model: Transformer, prompt: list[int], beam: list[Hypothesis], keep: int
) -> list[Hypothesis]:
    """The `keep` likeliest hypotheses that are one token longer."""
    rows = torch.tensor([[*prompt, *h.ids] for h in beam])  # (B, T)
    weight = model.output
    last = model.hidden(rows.to(weight.device))[:, -1]  # (B, W)
    logs = (last @ weight.T).float().log_softmax(-1).cpu()  # (B, V)
    logs = logs.double() + torch.tensor([[h.log_p] for h in beam]).double()
    best, places = logs.flatten().topk(min(keep, logs.numel()))
    size = logs.shape[1]
    return [
        Hypothesis((*beam[place // size].ids, place % size), value)
        for value, place in zip(best.tolist(), places.tolist(), strict=True)
    ]


def _best(
    found: list[Hypothesis], beams: int, penalty: float
) -> list[Hypothesis]:
    return sorted(found, key=lambda h: -h.score(penalty))[:beams]
