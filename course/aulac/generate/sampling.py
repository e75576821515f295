"""Choosing the next token, again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aulac.errors import InputError
from aulac.generate.cache import KVCache
from aulac.generate.text import Writer
from aulac.model import Cache, Transformer

Step = Callable[..., Tensor]

# Below this a float32 logit that is larger at all is larger by so much that nothing
# else is drawn, and dividing by it would soon overflow.
COLDEST = 1e-6


def no_prompt() -> InputError:
    """The error for a text that holds no token to go on from."""
    return InputError(
        "a prompt is empty: give it at least one token.",
        "có phần mở đầu (prompt) bị rỗng: hãy cho ít nhất một token.",
    )


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen from the logits.

    temperature: divides the logits; 0 (below COLDEST) takes the most likely token.
    top_k: keeps the k most likely, 0 all.
    top_p: keeps the fewest whose probabilities reach p (Holtzman et al., 2020).
    min_p: keeps those at least min_p times as likely as the most likely one
        (Nguyen et al., 2024).
    repetition_penalty: divides the positive logits of tokens already there, and
        multiplies the negative ones (Keskar et al., 2019); 1 changes nothing.

    They apply in the order penalty, temperature, top_k, top_p, min_p, which is
    transformers' order. Raises ValueError for values that make no sense.
    """

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.temperature < math.inf) or self.top_k < 0:
            raise InputError(
                "temperature and top_k must be 0 or more, and finite.",
                "temperature và top_k phải là số hữu hạn, từ 0 trở lên.",
            )
        if not (0 < self.top_p <= 1 and 0 <= self.min_p <= 1):
            raise InputError(
                "top_p lies in (0, 1], min_p in [0, 1].",
                "top_p phải nằm trong (0, 1], min_p trong [0, 1].",
            )
        if not 0 < self.repetition_penalty < math.inf:
            raise InputError(
                "repetition_penalty must be above 0, and finite.",
                "repetition_penalty phải là số hữu hạn lớn hơn 0.",
            )

    @property
    def greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature < COLDEST

    def probabilities(self, logits: Tensor, seen: Sequence[int]) -> Tensor:
        """Logits (V,) of the next token after `seen` -> probabilities (V,)."""
        logits = self.penalised(logits.float(), seen)  # (V,)
        if self.greedy:
            return F.one_hot(logits.argmax(), len(logits)).float()
        ranked, order = logits.sort(descending=True, stable=True)  # (V,)
        odds = (ranked / self.temperature).softmax(-1)
        if self.top_k:
            odds[self.top_k :] = 0
        odds = odds / odds.sum()
        odds[odds.cumsum(-1) - odds >= self.top_p] = 0  # those more likely do
        odds[odds < self.min_p * odds[0]] = 0
        return torch.zeros_like(odds).scatter(0, order, odds / odds.sum())

    def penalised(self, logits: Tensor, seen: Sequence[int]) -> Tensor:
        """Logits (V,) with those of `seen` tokens lowered."""
        if self.repetition_penalty == 1 or not seen:
            return logits
        known = torch.tensor(sorted(set(seen)), device=logits.device)
        found = logits[known]
        less, more = (
            found / self.repetition_penalty,
            found * self.repetition_penalty,
        )
        return logits.scatter(0, known, torch.where(found > 0, less, more))

    def draw(
        self,
        logits: Tensor,
        generator: torch.Generator | None = None,
        seen: Sequence[int] = (),
    ) -> int:
        """One token id from logits (V,)."""
        if self.greedy:
            return int(self.penalised(logits, seen).argmax())
        odds = self.probabilities(logits, seen).cpu()
        return int(torch.multinomial(odds, 1, generator=generator))


@torch.inference_mode()
def generate_ids(
    model: Transformer,
    ids: Sequence[int],
    max_tokens: int = 128,
    *,
    seed: int = 0,
    stop_ids: Iterable[int] = (),
    cached: bool = True,
    cache: Cache | None = None,
    step: Step | None = None,
    **sampling: Any,
) -> Iterator[int]:
    """Token ids after `ids`, up to `max_tokens` or one of `stop_ids`.

    `sampling` are the fields of `Sampling`. `cached=False` computes everything
    anew for each token: for comparison. cache: an empty one to use instead of
    `KVCache`. step: what reads each token after the prompt, such as
    `torch.compile(model)` with a `StaticKVCache`; by default the model itself.

    Raises ValueError for an empty prompt.
    """
    how = Sampling(**sampling)
    if not ids:
        raise no_prompt()
    model.eval()
    stops, known = set(stop_ids), list(ids)
    like, size = model.norm.weight, len(known) + max_tokens
    draw = torch.Generator().manual_seed(seed)
    if cached and cache is None:
        cache = KVCache(model.config, size, like=like)
    fresh: list[int] = known
    read: Step = model
    for _ in range(max_tokens):
        given = torch.tensor([fresh], device=like.device)  # (1, T)
        logits = read(given, cache, last=1)[0, -1]  # (V,)
        chosen = how.draw(logits, draw, known)
        if chosen in stops:
            return
        yield chosen
        known.append(chosen)
        if cache is not None:
            fresh, read = [chosen], model if step is None else step


def stream(
    model: Transformer,
    tokenizer: Any,
    prompt: str | Sequence[int],
    max_tokens: int = 128,
    *,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    cached: bool = True,
    **sampling: Any,
) -> Iterator[str]:
    """The continuation of a prompt, in pieces of whole characters.

    A byte-level token may end in the middle of a Vietnamese letter; its bytes
    wait until the letter is whole. Ends at `<|endoftext|>`, `<|im_end|>` or a text
    of `stop`, not shown. Breaking off (Ctrl-C, `break`) leaves nothing behind.
    """
    tokens = generate_ids(
        model,
        prompt_ids(tokenizer, prompt),
        max_tokens,
        seed=seed,
        stop_ids=ends(tokenizer),
        cached=cached,
        **sampling,
    )
    writer = Writer(stop)
    for token in tokens:
        if piece := writer.add(tokenizer.token_bytes(token)):
            yield piece
        if writer.stopped:
            return
    if piece := writer.end():
        yield piece


def prompt_ids(tokenizer: Any, prompt: str | Sequence[int]) -> list[int]:
    """Ids of a prompt; an empty one begins after the end of another text."""
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
    return ids or [tokenizer.eos_id]


def ends(tokenizer: Any) -> tuple[int, ...]:
    """Tokens that end a text or a turn."""
    return tokenizer.eos_id, tokenizer.im_start_id, tokenizer.im_end_id


def generate(
    model: Transformer,
    tokenizer: Any,
    prompt: str | Sequence[int],
    max_tokens: int = 128,
    *,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    cached: bool = True,
    **sampling: Any,
) -> str:
    """The continuation of a prompt, without the prompt (see `stream`)."""
    pieces = stream(
        model,
        tokenizer,
        prompt,
        max_tokens,
        seed=seed,
        stop=stop,
        cached=cached,
        **sampling,
    )
    return "".join(pieces)
