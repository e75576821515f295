"""A key-value cache: what attention has computed for earlier tokens, kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aulac.model import Config, Pair


class KVCache:
    """Keys and values of every layer, in buffers that are allocated once.

    `length` counts the tokens stored so far. Memory is 2 x depth x batch x
    kv_heads x size x head_dim numbers; grouped queries make it heads / kv_heads
    times smaller.
    """

    def __init__(
        self,
        config: Config,
        size: int,
        batch: int = 1,
        like: Tensor | None = None,
    ):
        shape = (config.depth, batch, config.kv_heads, size, config.head_dim)
        options: dict[str, Any] = (
            {}
            if like is None
            else {"dtype": like.dtype, "device": like.device}
        )
        self.keys = torch.zeros(shape, **options)
        self.values = torch.zeros(shape, **options)
        self.size = size
        self.length = 0

    def update(self, layer: int, k: Tensor, v: Tensor) -> Pair:
        """Store k, v (B, K, T, D) after what is there; all come back.

        Raises ValueError when the buffers are too small.
        """
        end = self.length + k.shape[2]
        if end > self.size:
            raise ValueError(
                f"the cache holds {self.size} tokens and {end} are needed: "
                "make it with a larger size."
            )
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, tokens: int) -> None:
        """Count `tokens` as stored, once all layers have been updated."""
        self.length += tokens

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        self.length = min(self.length, length)
