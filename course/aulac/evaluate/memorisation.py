"""Does the model recite its training text?

The probe of Carlini et al. (2022, "Quantifying memorization across neural language
models"): give the model the first tokens of a training document, let it continue with
the likeliest token each time, and see whether the next 50 tokens are the document's,
all of them. The same probe on documents it never saw tells how much of that is only
text that anyone could guess.

Greedy text equals the document exactly when, reading the document, each of its tokens
is the likeliest one. So one forward pass answers, and nothing need be generated.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch

from aulac.evaluate.stats import Interval, hit_rate
from aulac.model import Transformer

PREFIX, COPY = 50, 50  # tokens given, tokens that must come back


@torch.inference_mode()
def recited(
    model: Transformer,
    tokenizer: Any,
    texts: Iterable[str],
    *,
    prefix: int = PREFIX,
    copy: int = COPY,
    limit: int | None = None,
    batch: int = 16,
) -> Interval:
    """The share of texts whose `copy` tokens after the first `prefix` come back.

    Texts shorter than `prefix + copy` tokens are passed over; of the others the
    first `limit` are tried.
    Raises ValueError when no text is long enough.
    """
    size = prefix + copy
    encoded = (tokenizer.encode(text)[:size] for text in texts)
    long = (ids for ids in encoded if len(ids) == size)
    rows = list(islice(long, limit))
    if not rows:
        raise ValueError(
            f"no text has {size} tokens: give longer texts, or a shorter prefix."
        )
    device = model.embed.weight.device
    found: list[float] = []
    for start in range(0, len(rows), batch):
        some = torch.tensor(
            rows[start : start + batch], device=device
        )  # (B, T)
        guessed = model(some[:, :-1]).argmax(-1)  # (B, T - 1)
        right = guessed[:, prefix - 1 :] == some[:, prefix:]  # (B, copy)
        found += right.all(-1).float().tolist()
    return hit_rate(found)
