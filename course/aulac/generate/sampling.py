"""Choosing the next token, again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from aulac.generate.cache import KVCache
from aulac.generate.text import Letters, until
from aulac.model import Transformer


def sample(
    logits: Tensor,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    generator: torch.Generator | None = None,
) -> int:
    """One token id from logits (V,). Temperature 0 takes the most likely.

    top_k keeps the k most likely, 0 all; top_p keeps the fewest whose
    probabilities reach p (nucleus sampling, Holtzman et al. 2020).
    """
    if temperature <= 0:
        return int(logits.argmax())
    ranked, order = logits.float().sort(descending=True)  # (V,)
    if top_k:
        ranked, order = ranked[:top_k], order[:top_k]
    probabilities = (ranked / temperature).softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # of those more likely
    probabilities = probabilities * (before < top_p)
    chosen = torch.multinomial(probabilities.cpu(), 1, generator=generator)
    return int(order[int(chosen)])


@torch.inference_mode()
def generate_ids(
    model: Transformer,
    ids: Sequence[int],
    max_tokens: int = 128,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop_ids: Iterable[int] = (),
    cached: bool = True,
) -> Iterator[int]:
    """Token ids after `ids`, up to `max_tokens` or one of `stop_ids`.

    `cached=False` computes everything anew for each token: for comparison.
    Raises ValueError for an empty prompt.
    """
    if not ids:
        raise ValueError("the prompt is empty: give at least one token.")
    model.eval()
    weight = model.embed.weight
    stops, known = set(stop_ids), list(ids)
    draw = torch.Generator().manual_seed(seed)
    size = len(known) + max_tokens
    cache = KVCache(model.config, size, like=weight) if cached else None
    fresh = known
    for _ in range(max_tokens):
        given = fresh if cached else known
        given_ids = torch.tensor([given], device=weight.device)  # (1, T)
        last = model.hidden(given_ids, cache)[0, -1]  # (W,)
        logits = weight @ last  # (V,)
        chosen = sample(logits, temperature, top_k, top_p, draw)
        if chosen in stops:
            return
        yield chosen
        known.append(chosen)
        fresh = [chosen]


def stream(
    model: Transformer,
    tokenizer: Any,
    prompt: str | Sequence[int],
    max_tokens: int = 128,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    cached: bool = True,
) -> Iterator[str]:
    """The continuation of a prompt, in pieces of whole characters.

    A byte-level token may end in the middle of a Vietnamese letter; its bytes
    wait until the letter is whole. Ends at `<|endoftext|>`, `<|im_end|>` or a text
    of `stop`, not shown.
    """
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
    ids = ids or [tokenizer.eos_id]  # a text begins after the end of another
    ends = (tokenizer.eos_id, tokenizer.im_start_id, tokenizer.im_end_id)
    tokens = generate_ids(
        model, ids, max_tokens, temperature, top_k, top_p, seed, ends, cached
    )
    letters = Letters()
    pieces = (letters.add(tokenizer.token_bytes(token)) for token in tokens)
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    yield from until(_with_end(pieces, letters), stops)


def _with_end(pieces: Iterator[str], letters: Letters) -> Iterator[str]:
    yield from pieces
    yield letters.end()


def generate(
    model: Transformer,
    tokenizer: Any,
    prompt: str | Sequence[int],
    max_tokens: int = 128,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    cached: bool = True,
) -> str:
    """The continuation of a prompt, without the prompt (see `stream`)."""
    options = (max_tokens, temperature, top_k, top_p, seed, stop, cached)
    return "".join(stream(model, tokenizer, prompt, *options))
