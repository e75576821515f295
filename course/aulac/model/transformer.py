"""A decoder-only transformer with the shape of Qwen3.

- RMSNorm before each half of a block, and once more at the end
- rotary positions, half-rotation convention (dimension i turns with i + D / 2)
- grouped-query attention: fewer key and value heads than query heads
- QK-norm: queries and keys are normalised per head before they meet
- SwiGLU feed-forward, no biases anywhere
- the output layer is the embedding, transposed (tied)

Two of these can be switched off, to measure what they are worth: `tied`, `qk_norm`.

The same weights load in `transformers.Qwen3ForCausalLM` (see `aulac.export`).

Letters in shape comments: B sequences, T tokens, S tokens in the cache and now,
W width, H query heads, K key and value heads, D head dimension, F feed-forward,
V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aulac.errors import InputError
from aulac.model.loss import IGNORE, cross_entropy
from aulac.scale.flops import Sizes

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Config:
    """The sizes of a model. Defaults are those of scale `tiny`."""

    vocab_size: int = 2048
    depth: int = 4  # blocks
    width: int = 128  # residual stream
    heads: int = 4  # query heads
    kv_heads: int = 2  # key and value heads
    head_dim: int = 32
    ff: int = 384  # inner width of SwiGLU
    context: int = 128  # tokens trained on; longer inputs still work
    rope_theta: float = 10_000.0  # slowest rotary wavelength is 2 pi theta
    eps: float = 1e-6
    tied: bool = True  # the output layer is the embedding
    qk_norm: bool = True  # without it the model is no Qwen3

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise InputError(
                f"{self.heads} query heads cannot share {self.kv_heads} key "
                "heads: kv_heads must divide heads.",
                f"{self.heads} đầu truy vấn không chia đều được cho {self.kv_heads} "
                "đầu khóa: kv_heads phải là ước của heads.",
            )
        if self.head_dim % 2:
            raise InputError(
                f"head_dim {self.head_dim} must be even.",
                f"head_dim là {self.head_dim}, phải là số chẵn.",
            )

    @classmethod
    def of(cls, sizes: Sizes, vocab_size: int | None = None) -> Config:
        """A scale's model; `vocab_size` if the tokenizer came out smaller."""
        names = [
            "depth",
            "width",
            "heads",
            "kv_heads",
            "head_dim",
            "ff",
            "vocab_size",
            "context",
        ]
        values = {name: getattr(sizes, name) for name in names}
        if vocab_size is not None:
            values["vocab_size"] = vocab_size
        return cls(**values)


Mask = Tensor | None


class Cache(Protocol):
    """What the model asks of a cache (see `aulac.generate.KVCache`)."""

    def positions(self, tokens: int) -> Tensor: ...

    def mask(self, tokens: int) -> Mask: ...

    def update(self, layer: int, k: Tensor, v: Tensor) -> Pair: ...

    def advance(self, tokens: int) -> None: ...


Cached = Cache | None


class RMSNorm(nn.Module):
    """Divide by the root mean square, then scale (Zhang, Sennrich 2019)."""

    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:  # (..., width)
        mean_square = x.float().square().mean(-1, keepdim=True)  # (..., 1)
        scale = torch.rsqrt(mean_square + self.eps)
        return self.weight * (x * scale.to(x.dtype))


def rotary_tables(positions: Tensor, head_dim: int, theta: float) -> Tensor:
    """Cosines and sines of the angles (Su et al., 2021).

    positions (T,) give (2, T, D); (B, T), a row each, give (2, B, 1, T, D).
    """
    pairs = torch.arange(0, head_dim, 2, device=positions.device)  # (D/2,)
    speed = theta ** (-pairs.float() / head_dim)
    angle = positions.float()[..., None] * speed  # (..., T, D/2)
    angle = torch.cat((angle, angle), dim=-1)  # (..., T, D)
    if positions.ndim == 2:
        angle = angle[:, None]  # (B, 1, T, D): the same for all heads
    return torch.stack((angle.cos(), angle.sin()))


def apply_rotary(x: Tensor, tables: Tensor) -> Tensor:
    """Turn pairs (i, i + D/2) of x (B, H, T, D) by their place's angle."""
    cos, sin = tables.to(x.dtype)  # (T, D) or (B, 1, T, D) each
    left, right = x.chunk(2, dim=-1)  # (B, H, T, D/2) each
    turned = torch.cat((-right, left), dim=-1)
    return x * cos + turned * sin


class Attention(nn.Module):
    """Causal grouped-query attention with QK-norm."""

    def __init__(self, config: Config, layer: int):
        super().__init__()
        c, self.layer, self.head_dim = config, layer, config.head_dim
        self.q_proj = nn.Linear(c.width, c.heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.width, c.kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.heads * c.head_dim, c.width, bias=False)
        self.q_norm: nn.Module = nn.Identity()
        self.k_norm: nn.Module = nn.Identity()
        if c.qk_norm:
            self.q_norm = RMSNorm(c.head_dim, c.eps)
            self.k_norm = RMSNorm(c.head_dim, c.eps)

    def forward(
        self, x: Tensor, tables: Tensor, cache: Cached, mask: Mask = None
    ) -> Tensor:
        B, T, _ = x.shape  # noqa: N806
        q = self.q_proj(x).view(B, T, -1, self.head_dim)  # (B, T, H, D)
        k = self.k_proj(x).view(B, T, -1, self.head_dim)  # (B, T, K, D)
        v = self.v_proj(x).view(B, T, -1, self.head_dim).transpose(1, 2)
        q = self.q_norm(q).transpose(1, 2)  # (B, H, T, D)
        k = self.k_norm(k).transpose(1, 2)  # (B, K, T, D)
        # Rotary after the norm, as in Qwen3: its gains are the same at every place.
        q, k = apply_rotary(q, tables), apply_rotary(k, tables)
        if cache is not None:
            k, v = cache.update(self.layer, k, v)  # (B, K, S, D)
        mixed = attend(q, k, v, mask).transpose(1, 2)  # (B, T, H, D)
        return self.o_proj(mixed.reshape(B, T, -1))  # (B, T, W)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Tensor:
    """Attention of q (B, H, T, D) over k, v (B, K, S, D): (B, H, T, D).

    mask: what each query may look at, true or false, (T, S) or (B, 1, T, S).
    None is causal: the T queries are the last T of the S positions, as they are
    with a cache.
    """
    share = q.shape[1] // k.shape[1]  # query heads per key head
    # On a CPU torch shares a key head itself: the same numbers in half the time.
    # Gradients would have other last digits, and not every GPU kernel can.
    gqa = share > 1 and q.device.type == "cpu" and not torch.is_grad_enabled()
    if share > 1 and not gqa:
        k = k.repeat_interleave(share, dim=1)  # (B, H, S, D)
        v = v.repeat_interleave(share, dim=1)
    T, S = q.shape[2], k.shape[2]  # noqa: N806
    causal = mask is None and T == S
    if mask is None and 1 < T < S:
        mask = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
    return F.scaled_dot_product_attention(
        q, k, v, mask, is_causal=causal, enable_gqa=gqa
    )


def packed(documents: Tensor) -> Pair:
    """Positions (B, T) and sight (B, 1, T, T) of several documents in a row.

    documents (B, T): which document a token belongs to, never falling from left
    to right. Each is read as if it stood alone: places count from its first
    token, and nothing before that is seen.
    """
    T = documents.shape[1]  # noqa: N806
    place = torch.arange(T, device=documents.device)  # (T,)
    new = documents[:, 1:] != documents[:, :-1]  # (B, T - 1)
    first = F.pad(new, (1, 0)) * place  # its place where a document begins
    positions = place - first.cummax(dim=1).values  # (B, T)
    same = documents[:, :, None] == documents[:, None, :]  # (B, T, T)
    return positions, same.tril()[:, None]


class SwiGLU(nn.Module):
    """Feed-forward layer with a gate (Shazeer, 2020)."""

    def __init__(self, config: Config):
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.ff, bias=False)
        self.up_proj = nn.Linear(config.width, config.ff, bias=False)
        self.down_proj = nn.Linear(config.ff, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, W)
        gate = F.silu(self.gate_proj(x))  # (B, T, F)
        return self.down_proj(gate * self.up_proj(x))  # (B, T, W)


class Block(nn.Module):
    """Attention, then feed-forward; each adds to x what it read in it."""

    def __init__(self, config: Config, layer: int):
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.eps)
        self.attention = Attention(config, layer)
        self.ff_norm = RMSNorm(config.width, config.eps)
        self.ff = SwiGLU(config)

    def forward(
        self, x: Tensor, tables: Tensor, cache: Cached, mask: Mask = None
    ) -> Tensor:
        x = x + self.attention(self.attention_norm(x), tables, cache, mask)
        return x + self.ff(self.ff_norm(x))  # (B, T, W)


class Embedding(nn.Embedding):
    """A row for each token; read the other way, a logit for each token."""

    def logits(self, x: Tensor) -> Tensor:  # (..., W) -> (..., V)
        return F.linear(x, self.weight)


class Transformer(nn.Module):
    """Token ids in, logits over the next token out."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embed = Embedding(config.vocab_size, config.width)
        blocks = (Block(config, layer) for layer in range(config.depth))
        self.blocks = nn.ModuleList(blocks)
        self.norm = RMSNorm(config.width, config.eps)
        if not config.tied:
            self.unembed = Embedding(config.vocab_size, config.width)
        initialise(self)

    @property
    def output(self) -> Embedding:
        """The output layer, whose `weight` is (V, W)."""
        return self.embed if self.config.tied else self.unembed

    def hidden(
        self,
        ids: Tensor,
        cache: Cached = None,
        positions: Tensor | None = None,
        mask: Mask = None,
    ) -> Tensor:
        """The last block's output, normalised: (B, T) -> (B, T, W).

        positions (T,) or (B, T): places for the rotary embedding, by default
        those after what is in the cache. mask: see `attend`.
        """
        tokens, c = ids.shape[1], self.config
        if cache is not None:
            positions = (
                cache.positions(tokens) if positions is None else positions
            )
            mask = cache.mask(tokens) if mask is None else mask
        elif positions is None:
            positions = torch.arange(tokens, device=ids.device)  # (T,)
        tables = rotary_tables(positions, c.head_dim, c.rope_theta)
        x = self.embed(ids)  # (B, T, W)
        for block in self.blocks:
            x = block(x, tables, cache, mask)
        if cache is not None:
            cache.advance(tokens)
        return self.norm(x)

    def forward(
        self,
        ids: Tensor,
        cache: Cached = None,
        positions: Tensor | None = None,
        mask: Mask = None,
        last: int = 0,
    ) -> Tensor:
        """(B, T) token ids -> (B, T, V) logits; of the `last` tokens if not 0."""
        hidden = self.hidden(ids, cache, positions, mask)
        return self.output.logits(hidden[:, -last:])

    def loss(
        self,
        ids: Tensor,
        targets: Tensor,
        ignore: int = IGNORE,
        documents: Tensor | None = None,
        z_loss: float = 0.0,
    ) -> Tensor:
        """Mean cross-entropy (nats) over targets (B, T) not `ignore`.

        documents (B, T): keep each to itself (see `packed`). z_loss: see
        `aulac.model.loss.cross_entropy`.
        """
        positions, mask = None, None
        if documents is not None:
            positions, mask = packed(documents)
        hidden = self.hidden(ids, None, positions, mask)  # (B, T, W)
        return cross_entropy(
            hidden, self.output.weight, targets, ignore, z_loss
        )

    @property
    def context(self) -> int:
        """Tokens it was trained on at a time, and reads at most when measured."""
        return self.config.context

    def log_probabilities(self, ids: Tensor) -> Tensor:
        """ln p of each next token: ids (B, T) -> (B, T, V), fp32."""
        return self(ids.to(self.embed.weight.device)).float().log_softmax(-1)

    def count(self) -> int:
        """Parameters, the tied embedding counted once."""
        return sum(p.numel() for p in self.parameters())


@torch.no_grad()
def initialise(model: Transformer) -> None:
    """Normal weights of size 1/sqrt(inputs); what writes to x starts at zero.

    With the output projections at zero every block begins as the identity, so
    depth costs nothing at the start (as in modded-nanogpt). The embedding is
    the output layer too, so it is small: the first loss is close to
    ln(vocabulary). Untied, both begin alike.
    """
    for name, weight in model.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            weight.zero_()
        elif name.endswith("proj.weight"):
            weight.normal_(std=weight.shape[1] ** -0.5)
        elif name.endswith("embed.weight"):  # and unembed
            weight.normal_(std=0.02)
