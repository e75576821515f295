"""Parameters, FLOPs and memory of a model, counted from its sizes.

Works on anything that has depth, width, heads, kv_heads, head_dim, ff, vocab_size and
context: a `Scale` of the dial or a model's `Config`. No torch is needed, so a run can
be priced before it starts. A test holds `parameters` against the real model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Sizes(Protocol):
    """The numbers that fix a model's shape."""

    @property
    def depth(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def ff(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def context(self) -> int: ...


def matrices(sizes: Sizes) -> int:
    """Parameters in the matrices of all blocks, the ones that Muon updates."""
    queries = sizes.width * sizes.heads * sizes.head_dim
    keys_values = 2 * sizes.width * sizes.kv_heads * sizes.head_dim
    output = sizes.heads * sizes.head_dim * sizes.width
    swiglu = 3 * sizes.width * sizes.ff
    return sizes.depth * (queries + keys_values + output + swiglu)


def parameters(sizes: Sizes) -> int:
    """All parameters; embedding and output layer are one, counted once."""
    embedding = sizes.vocab_size * sizes.width
    gains = sizes.depth * (2 * sizes.width + 2 * sizes.head_dim) + sizes.width
    return embedding + matrices(sizes) + gains


def forward_flops(sizes: Sizes) -> int:
    """FLOPs per token of one forward pass over a full context.

    A multiply and an add are two. Causal attention looks back over half the
    context on average; norms, rotary and softmax are left out, as in Kaplan et
    al. (2020).
    """
    weights = matrices(sizes) + sizes.vocab_size * sizes.width
    mean_span = (sizes.context + 1) / 2
    attention = 2 * sizes.depth * sizes.heads * sizes.head_dim * mean_span
    return round(2 * (weights + attention))


def training_flops(sizes: Sizes) -> int:
    """FLOPs per token, forward and backward: backward costs two forwards."""
    return 3 * forward_flops(sizes)


def muon_flops(sizes: Sizes, steps: int = 5) -> int:
    """FLOPs of one update by Muon: three products in each Newton-Schulz step.

    X X' and the polynomial times X cost 2 s s l each for a matrix of s x l with s
    the shorter side, the square of X X' costs 2 s s s.
    """
    queries = sizes.heads * sizes.head_dim
    keys = sizes.kv_heads * sizes.head_dim
    shapes = [(sizes.width, queries)] * 2 + [(sizes.width, keys)] * 2
    shapes += [(sizes.width, sizes.ff)] * 3
    products = sum(
        2 * min(shape) ** 2 * (2 * max(shape) + min(shape)) for shape in shapes
    )
    return sizes.depth * steps * products


@dataclass(frozen=True)
class Memory:
    """Bytes that a training step needs."""

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        parts = (
            self.weights,
            self.gradients,
            self.optimiser,
            self.activations,
        )
        return sum(parts)


def memory(sizes: Sizes, batch: int, bytes_per_value: int = 4) -> Memory:
    """Bytes for weights, gradients, optimiser state, activations of one step.

    Muon keeps one number per matrix entry (momentum), AdamW two for the rest;
    both in fp32. Activations are what autograd keeps per token and block: about
    nine vectors of the residual width, four of the feed-forward width, the heads'
    projections, and the logits three times (themselves, log-softmax, gradient).
    """
    count = parameters(sizes)
    inner = matrices(sizes)
    heads = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim
    per_token = sizes.depth * (9 * sizes.width + 4 * sizes.ff + 4 * heads)
    per_token += 3 * sizes.vocab_size
    return Memory(
        weights=count * bytes_per_value,
        gradients=count * bytes_per_value,
        optimiser=4 * (inner + 2 * (count - inner)),
        activations=batch * sizes.context * per_token * bytes_per_value,
    )


def utilisation(sizes: Sizes, tokens_per_second: float, peak: float) -> float:
    """Model FLOPs utilisation (MFU, Chowdhery et al. 2022), 0 to 1."""
    return training_flops(sizes) * tokens_per_second / peak
