"""Several texts at once: the weights are read from memory once for all of them.

Prompts of unequal length are padded at the left, so that all texts grow at the same
end. The pads are seen by nobody and count in no position: each row is the text that
it would be alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from aulac.generate.cache import KVCache
from aulac.generate.sampling import Sampling, ends, no_prompt, prompt_ids
from aulac.generate.text import Writer
from aulac.model import Transformer

Ended = Callable[[int, int], bool]


@torch.inference_mode()
def batch_ids(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    max_tokens: int = 128,
    *,
    seed: int = 0,
    stop_ids: Iterable[int] = (),
    ended: Ended | None = None,
    **sampling: Any,
) -> list[list[int]]:
    """Token ids after each prompt, up to `max_tokens` or one of `stop_ids`.

    `sampling` are the fields of `Sampling`. Row i draws with seed + i, so it says
    what `generate_ids` says with that seed, whatever its neighbours. ended: asked
    about (row, token) after each token; true ends that row. A row that has ended
    leaves the batch. Raises ValueError for an empty prompt.
    """
    how, rows = Sampling(**sampling), _Rows(model, prompts, max_tokens)
    stops = set(stop_ids)
    draws = [
        torch.Generator().manual_seed(seed + i) for i in range(len(prompts))
    ]
    known = [list(prompt) for prompt in prompts]
    for _ in range(max_tokens if prompts else 0):
        chosen = _draw(how, rows.logits(), rows.open, draws, known)
        going: list[int] = []
        for place, (row, token) in enumerate(
            zip(rows.open, chosen, strict=True)
        ):
            if token in stops:
                continue
            known[row].append(token)
            if ended is None or not ended(row, token):
                going.append(place)
        if not going:
            break
        rows.go_on(going, chosen)
    return [k[len(p) :] for k, p in zip(known, prompts, strict=True)]


class _Rows:
    """The model over the rows that are still open, with their cache."""

    def __init__(
        self,
        model: Transformer,
        prompts: Sequence[Sequence[int]],
        max_tokens: int,
    ):
        if not all(prompts):
            raise no_prompt()
        self.model, like = model.eval(), model.norm.weight
        longest = max(map(len, prompts), default=0)
        missing = [longest - len(prompt) for prompt in prompts]
        padded = [
            [0] * pads + list(prompt)
            for pads, prompt in zip(missing, prompts, strict=True)
        ]
        size = longest + max_tokens
        pads = torch.tensor(missing) if any(missing) else None
        self.cache = KVCache(model.config, size, len(prompts), like, pads)
        self.open = list(range(len(prompts)))
        self.fresh = torch.tensor(padded, device=like.device)  # (B, T)

    def logits(self) -> Tensor:
        """Logits of the next token of each open row: (B, V)."""
        return self.model(self.fresh, self.cache, last=1)[:, -1]

    def go_on(self, places: list[int], chosen: list[int]) -> None:
        """Go on with the open rows at these places, and what they chose."""
        if len(places) < len(self.open):
            self.cache.pick(places)
            self.open = [self.open[place] for place in places]
        newest = [[chosen[place]] for place in places]
        self.fresh = torch.tensor(newest, device=self.fresh.device)  # (B, 1)


def _draw(
    how: Sampling,
    logits: Tensor,
    rows: list[int],
    draws: list[torch.Generator],
    known: list[list[int]],
) -> list[int]:
    """A token for each row of logits (B, V)."""
    if how.greedy and how.repetition_penalty == 1:
        return logits.argmax(-1).tolist()
    return [
        how.draw(line, draws[row], known[row])
        for line, row in zip(logits, rows, strict=True)
    ]


def generate_batch(
    model: Transformer,
    tokenizer: Any,
    prompts: Sequence[str | Sequence[int]],
    max_tokens: int = 128,
    *,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    **sampling: Any,
) -> list[str]:
    """The continuation of each prompt, without the prompts (see `batch_ids`).

    Row i is what `generate` gives for it with seed + i: it ends at
    `<|endoftext|>`, `<|im_end|>` or a text of `stop`, not shown.
    """
    writers = [Writer(stop) for _ in prompts]
    texts = [""] * len(prompts)

    def ended(row: int, token: int) -> bool:
        texts[row] += writers[row].add(tokenizer.token_bytes(token))
        return writers[row].stopped

    batch_ids(
        model,
        [prompt_ids(tokenizer, prompt) for prompt in prompts],
        max_tokens,
        seed=seed,
        stop_ids=ends(tokenizer),
        ended=ended,
        **sampling,
    )
    return [
        text + writer.end()
        for text, writer in zip(texts, writers, strict=True)
    ]
