"""Parameters, FLOPs and memory of a model, counted from its sizes.

Works on anything that has depth, width, heads, kv_heads, head_dim, ff, vocab_size and
context: a `Scale` of the dial or a model's `Config`. No torch is needed, so a run can
be priced before it starts. A test holds `parameters` against the real model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
    return sizes.depth * sum(rows * cols for rows, cols in shapes(sizes))


def shapes(sizes: Sizes) -> list[tuple[int, int]]:
    """Shapes (outputs, inputs) of the seven matrices of one block."""
    width, ff = sizes.width, sizes.ff
    queries = sizes.heads * sizes.head_dim
    keys = sizes.kv_heads * sizes.head_dim
    attention = [(queries, width), (keys, width), (keys, width)]
    return [
        *attention,
        (width, queries),
        (ff, width),
        (ff, width),
        (width, ff),
    ]


def parameters(sizes: Sizes) -> int:
    """All parameters; a tied embedding and output layer are one, counted once.

    Sizes that say nothing of `tied` and `qk_norm` (a Scale) have both.
    """
    tables = 1 if getattr(sizes, "tied", True) else 2
    embedding = tables * sizes.vocab_size * sizes.width
    per_head = 2 * sizes.head_dim if getattr(sizes, "qk_norm", True) else 0
    gains = sizes.depth * (2 * sizes.width + per_head) + sizes.width
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

    For a matrix of s x l, s the shorter side, X X' and the polynomial times X cost
    2 s s l each, the square of X X' costs 2 s s s.
    """
    products = sum(
        2 * min(shape) ** 2 * (2 * max(shape) + min(shape))
        for shape in shapes(sizes)
    )
    return sizes.depth * steps * products


@dataclass(frozen=True)
class Memory:
    """Bytes that a training step needs on one device."""

    weights: int
    gradients: int
    optimiser: int
    activations: int  # what autograd keeps; grows with the batch
    workspace: int = 0  # the output layer's gradient, weights in 16 bits

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    @property
    def kept(self) -> int:
        """What stays from step to step, however small the batch."""
        return self.weights + self.gradients + self.optimiser


def memory(
    sizes: Sizes,
    batch: int,
    bytes_per_value: int = 4,
    *,
    cuda: bool = False,
    muon: bool = True,
) -> Memory:
    """Bytes for weights, gradients, optimiser state, activations of one step.

    bytes_per_value: 4 in fp32, 2 under autocast, where weights and gradients stay
    in fp32. Muon keeps one number per matrix entry (momentum), AdamW two for the
    rest. The model is `aulac.model`'s, not compiled; torch.compile keeps less.
    """
    count, inner = parameters(sizes), matrices(sizes)
    both = count if not muon else count - inner
    output = sizes.vocab_size * sizes.width
    cast = 2 * inner if bytes_per_value == 2 else 0
    tokens = batch * sizes.context
    per_token = sizes.depth * kept_per_block(sizes, bytes_per_value)
    per_token += 3 * 4 * sizes.width  # the last norm, and the loss's gradient
    if cuda:  # logits, their log-softmax and gradient, all at once
        per_token += (8 + bytes_per_value) * sizes.vocab_size
    return Memory(
        weights=4 * count,
        gradients=4 * count,
        optimiser=4 * (count + both),
        activations=tokens * per_token,
        workspace=cast + (2 if cuda else 4) * output,
    )


def kept_per_block(sizes: Sizes, bytes_per_value: int = 4) -> int:
    """Bytes that autograd keeps per token and block.

    In fp32, of the width: each norm's input, its input over its root mean square,
    its output (six). Of the queries: projected, normalised; turned, with keys and
    values repeated for each head and what attention gave (six). Of the keys:
    projected and normalised (two). Of the feed-forward: gate, its SiLU, the other
    half, their product (four). And the norms' scales and attention's log-sums.

    Under autocast a norm's output is cast once for each product that reads it,
    five times in all, and what enters the QK-norm is kept in both formats.
    Without QK-norm queries and keys are kept as they meet, and no more.
    """
    queries = sizes.heads * sizes.head_dim
    keys = sizes.kv_heads * sizes.head_dim
    scales = 4 * (2 + 2 * sizes.heads + sizes.kv_heads)
    qk_norm = getattr(sizes, "qk_norm", True)
    normed = 2 * (queries + keys) if qk_norm else 0  # before it and inside
    if bytes_per_value == 4:
        large = 6 * sizes.width + 4 * queries + 4 * sizes.ff
        return 4 * (large + normed) + scales
    widths = 4 * 4 * sizes.width + 5 * 2 * sizes.width
    heads = 4 * 2 * queries + 4 * normed
    return widths + heads + 4 * 2 * sizes.ff + scales


def utilisation(sizes: Sizes, tokens_per_second: float, peak: float) -> float:
    """Model FLOPs utilisation (MFU, Chowdhery et al. 2022), 0 to 1."""
    return training_flops(sizes) * tokens_per_second / peak
