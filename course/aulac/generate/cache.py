"""A key-value cache: what attention has computed for earlier tokens, kept.

Two of them. `KVCache` gives back only what is filled: the default, and on a CPU the
faster one (see benchmarks/LOG.md). `StaticKVCache` always gives back all of its slots
with a mask over the empty ones: nothing changes its shape from token to token, which
is what `torch.compile` and CUDA graphs ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aulac.errors import InputError
from aulac.model import Config, Mask, Pair
from aulac.scale.flops import Sizes


def cache_bytes(
    sizes: Sizes, size: int, batch: int = 1, bytes_per_value: int = 4
) -> int:
    """Bytes of a cache for `batch` rows of `size` tokens.

    A key and a value for each layer and key head; grouped queries make it
    heads / kv_heads times smaller.
    """
    numbers = 2 * sizes.depth * sizes.kv_heads * sizes.head_dim
    return batch * size * numbers * bytes_per_value


class Slots:
    """Keys and values of every layer, in buffers that are allocated once.

    size: tokens that fit. like: a tensor whose type and device the buffers get.
    pads (B,): how many slots at the left of each row hold no text, for rows of
    unequal length; places count from the first that does, and nobody looks at
    the others.
    """

    length: Any  # tokens stored so far

    def __init__(
        self,
        config: Config,
        size: int,
        batch: int = 1,
        like: Tensor | None = None,
        pads: Tensor | None = None,
    ):
        shape = (config.depth, batch, config.kv_heads, size, config.head_dim)
        to: dict[str, Any] = {}
        if like is not None:
            to = {"dtype": like.dtype, "device": like.device}
        self.keys = torch.zeros(shape, **to)  # (layers, B, K, size, D)
        self.values = torch.zeros(shape, **to)
        self.size = size
        self.pads = None if pads is None else pads.to(self.keys.device)

    @property
    def nbytes(self) -> int:
        """Bytes of the buffers (see `cache_bytes`)."""
        return self.keys.nbytes + self.values.nbytes

    def _slots(self, tokens: int) -> Tensor:
        """Where the next `tokens` go: (T,)."""
        return self.length + torch.arange(tokens, device=self.keys.device)

    def positions(self, tokens: int) -> Tensor:
        """Places of the next `tokens` in their texts: (T,), or (B, T) with pads."""
        slots = self._slots(tokens)
        if self.pads is None:
            return slots
        return (slots - self.pads[:, None]).clamp(min=0)

    def _sight(self, tokens: int, slots: int) -> Tensor:
        """What the next `tokens` see of the first `slots`: (T, S), (B, 1, T, S)."""
        here = self._slots(tokens)[:, None]  # (T, 1)
        place = torch.arange(slots, device=self.keys.device)  # (S,)
        mask = place <= here  # (T, S)
        if self.pads is None:
            return mask
        text = place >= self.pads[:, None, None]  # (B, 1, S)
        # A pad sees itself: attention over nothing would not be a number.
        return ((mask & text) | (place == here))[:, None]  # (B, 1, T, S)

    def pick(self, rows: Sequence[int]) -> None:
        """Keep these rows of the batch, in this order; a row may come twice."""
        index = torch.tensor(rows, device=self.keys.device)
        self.keys = self.keys[:, index]  # (layers, rows, K, size, D)
        self.values = self.values[:, index]
        if self.pads is not None:
            self.pads = self.pads[index]


class KVCache(Slots):
    """A cache that gives back what is filled. `length` counts the tokens."""

    length: int = 0

    def mask(self, tokens: int) -> Mask:
        """What the next `tokens` may look at; None, causal, without pads."""
        if self.pads is None:
            return None
        return self._sight(tokens, self.length + tokens)  # (B, 1, T, S)

    def update(self, layer: int, k: Tensor, v: Tensor) -> Pair:
        """Store k, v (B, K, T, D) after what is there; all come back.

        Raises ValueError when the buffers are too small.
        """
        end = self.length + k.shape[2]
        if end > self.size:
            raise InputError(
                f"the cache holds {self.size} tokens and {end} are needed: "
                "make it with a larger size.",
                f"bộ nhớ đệm KV chứa được {self.size} token mà cần tới {end}: hãy tạo "
                "bộ nhớ đệm lớn hơn.",
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


class StaticKVCache(Slots):
    """A cache whose every tensor keeps its shape and its place in memory.

    `length` is a tensor () on the device, so no step waits for the CPU; storing
    more than `size` tokens raises IndexError, which a GPU reports late.
    """

    def __init__(self, *sizes: Any, **options: Any):
        super().__init__(*sizes, **options)
        device = self.keys.device
        self.length = torch.zeros((), dtype=torch.long, device=device)
        if self.keys.is_cuda:  # a CUDA graph may write to them where they are
            for held in (self.keys, self.values, self.length):
                torch._dynamo.mark_static_address(held)

    def mask(self, tokens: int) -> Mask:
        """What the next `tokens` may look at: (T, size), (B, 1, T, size)."""
        return self._sight(tokens, self.size)

    def update(self, layer: int, k: Tensor, v: Tensor) -> Pair:
        """Store k, v (B, K, T, D) after what is there; all slots come back."""
        slots = self._slots(k.shape[2])  # (T,)
        self.keys[layer].index_copy_(2, slots, k)
        self.values[layer].index_copy_(2, slots, v)
        return self.keys[layer], self.values[layer]  # (B, K, size, D)

    def advance(self, tokens: int) -> None:
        """Count `tokens` as stored, once all layers have been updated."""
        self.length += tokens

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        self.length.clamp_(max=length)
