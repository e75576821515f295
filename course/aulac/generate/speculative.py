"""Speculative decoding: a small model guesses ahead, the large one checks at once.

The draft proposes a few tokens one by one; the target computes its probabilities for
all of them in a single pass and accepts each with probability min(1, p / q). At the
first refusal a token is drawn from what p has over q, so what comes out is
distributed exactly as if the target had sampled alone (Leviathan, Kalman and Matias,
2023; Chen et al., 2023). A better draft makes it faster, never different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aulac.errors import InputError
from aulac.generate.cache import KVCache
from aulac.generate.sampling import Sampling, no_prompt
from aulac.model import Transformer


@dataclass
class Tally:
    """How the guesses fared: fill one in to see."""

    proposed: int = 0
    accepted: int = 0
    passes: int = 0  # of the target, each over several tokens at once

    @property
    def acceptance(self) -> float:
        return self.accepted / self.proposed if self.proposed else 0.0


class _Reader:
    """A model with its cache, which reads only what it has not read yet."""

    def __init__(self, model: Transformer, size: int) -> None:
        self.model = model.eval()
        self.cache = KVCache(model.config, size, like=model.norm.weight)

    def logits(self, known: list[int], last: int) -> Tensor:
        """Logits after each of the last `last` tokens of `known`: (last, V)."""
        # What was read of tokens that were refused since is forgotten.
        self.cache.rewind(min(self.cache.length, len(known) - last))
        fresh = known[self.cache.length :]
        ids = torch.tensor([fresh], device=self.cache.keys.device)
        return self.model(ids, self.cache, last=last)[0]  # (last, V)


@torch.inference_mode()
def speculate(
    target: Transformer,
    draft: Transformer,
    ids: Sequence[int],
    max_tokens: int = 128,
    *,
    ahead: int = 4,
    seed: int = 0,
    stop_ids: Iterable[int] = (),
    tally: Tally | None = None,
    **sampling: Any,
) -> Iterator[int]:
    """Token ids after `ids`, distributed as the target alone would give them.

    `ahead` tokens are guessed at a time; `sampling` are the fields of `Sampling`
    and hold for both models. With temperature 0 the ids are the target's greedy
    ones. Raises ValueError for an empty prompt or different vocabularies.
    """
    if not ids:
        raise no_prompt()
    if target.config.vocab_size != draft.config.vocab_size:
        raise InputError(
            f"the draft knows {draft.config.vocab_size} tokens and the target "
            f"{target.config.vocab_size}: both need the same tokenizer.",
            f"mô hình nháp có {draft.config.vocab_size} token, mô hình chính có "
            f"{target.config.vocab_size}: hai mô hình phải dùng chung bộ tách token.",
        )
    how, tally = Sampling(**sampling), tally or Tally()
    stops, known = set(stop_ids), list(ids)
    random = torch.Generator().manual_seed(seed)
    end = len(known) + max_tokens
    large, small = _Reader(target, end + ahead), _Reader(draft, end + ahead)
    while len(known) < end:
        guessed = min(ahead, end - len(known) - 1)
        for token in _round(large, small, known, guessed, how, random, tally):
            if token in stops:
                return
            known.append(token)
            yield token


def _round(
    target: _Reader,
    draft: _Reader,
    known: list[int],
    ahead: int,
    how: Sampling,
    random: torch.Generator,
    tally: Tally,
) -> list[int]:
    """One to `ahead + 1` new tokens."""
    ahead_ids, guesses = list(known), list[Tensor]()
    for _ in range(ahead):
        odds = how.probabilities(draft.logits(ahead_ids, 1)[0], ahead_ids)
        guesses.append(odds.cpu())
        ahead_ids.append(_draw(guesses[-1], random))
    logits = target.logits(ahead_ids, ahead + 1)  # (ahead + 1, V)
    tally.passes += 1
    for step, guess in enumerate(guesses):
        token = ahead_ids[len(known) + step]
        wanted = how.probabilities(
            logits[step], ahead_ids[: len(known) + step]
        ).cpu()
        tally.proposed += 1
        luck = float(torch.rand((), generator=random))
        if luck * guess[token] < wanted[token]:
            tally.accepted += 1
            continue
        rest = (wanted - guess).clamp(min=0)  # what the target has over it
        # Where the two differ by rounding alone, nothing may be left over.
        rest = rest / rest.sum() if rest.any() else wanted
        drawn = _draw(rest, random)
        return [*ahead_ids[len(known) : len(known) + step], drawn]
    last = how.probabilities(logits[-1], ahead_ids).cpu()
    return [*ahead_ids[len(known) :], _draw(last, random)]


def _draw(odds: Tensor, random: torch.Generator) -> int:
    return int(torch.multinomial(odds, 1, generator=random))
