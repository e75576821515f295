"""Weight-only quantisation: matrices as 8- or 4-bit integers with scales.

Each row of a matrix is cut into groups of `group` weights (8 bits: the whole row);
a group keeps one scale, its largest magnitude over the largest integer, and every
weight is rounded to the nearest multiple of it (round-to-nearest, absmax; as in
Dettmers et al., 2022, for 8 bits). Activations and norms stay as they are, and a
matrix is made dense again when it is used: memory and the file shrink, the
arithmetic does not change. What that costs is measured in bits per byte, not
guessed: `aulac.evaluate.bits`.

    bits   bytes a weight      error of a weight, at most
    8      1 + 4 / row         scale / 2, scale = max |row| / 127
    4      0.5 + 2 / group     scale / 2, scale = max |group| / 7
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aulac.model import Transformer

GROUP = 32
LARGEST = {8: 127, 4: 7}


class Packed(nn.Module):
    """A matrix (rows, columns) as integers and scales; `dense()` is near it.

    Two 4-bit integers share a byte, the even column in the low half.
    Raises ValueError for other widths, or columns that groups do not divide.
    """

    values: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, bits: int = 8, group: int = GROUP):
        super().__init__()
        if bits not in LARGEST:
            raise ValueError(f"{bits} bits are not supported: use 8 or 4.")
        rows, columns = weight.shape
        group = columns if bits == 8 else group
        if columns % group or (bits == 4 and columns % 2):
            raise ValueError(
                f"{columns} columns cannot be cut into groups of {group}: "
                "choose a group that divides them."
            )
        self.bits, self.group, self.dtype = bits, group, weight.dtype
        cut = weight.detach().float().view(rows, -1, group)  # (R, G, group)
        scales = cut.abs().amax(-1, keepdim=True) / LARGEST[bits]  # (R, G, 1)
        steps = (cut / scales.clamp(min=1e-12)).round().view(rows, columns)
        precise = torch.float32 if bits == 8 else torch.float16
        self.register_buffer("scales", scales[..., 0].to(precise))  # (R, G)
        self.register_buffer("values", _pack(steps, bits))

    def dense(self) -> Tensor:
        """(rows, columns) in the dtype of the matrix that was packed."""
        whole = _unpack(self.values, self.bits).float()  # (R, C)
        cut = whole.view(len(whole), -1, self.group)  # (R, G, group)
        wide = cut * self.scales.float()[..., None]
        return wide.view_as(whole).to(self.dtype)


def _pack(steps: Tensor, bits: int) -> Tensor:
    whole = steps.to(torch.int8)  # (R, C)
    if bits == 8:
        return whole
    nibbles = (whole + 8).to(torch.uint8)  # -7..7 → 1..15
    return nibbles[:, ::2] | (nibbles[:, 1::2] << 4)  # (R, C / 2)


def _unpack(values: Tensor, bits: int) -> Tensor:
    if bits == 8:
        return values
    halves = torch.stack((values & 15, values >> 4), dim=-1)  # (R, C / 2, 2)
    return halves.flatten(1).to(torch.int8) - 8


class PackedLinear(nn.Module):
    """A linear layer without bias whose matrix is packed."""

    def __init__(self, linear: nn.Linear, bits: int, group: int):
        super().__init__()
        self.packed = Packed(linear.weight, bits, group)

    def forward(self, x: Tensor) -> Tensor:  # (..., in) -> (..., out)
        return F.linear(x, self.packed.dense())


class PackedEmbedding(nn.Module):
    """An embedding that is also the output layer, so it has a `weight`."""

    def __init__(self, embedding: nn.Embedding, bits: int, group: int):
        super().__init__()
        self.packed = Packed(embedding.weight, bits, group)

    @property
    def weight(self) -> Tensor:
        return self.packed.dense()  # (V, W)

    def forward(self, ids: Tensor) -> Tensor:  # (B, T) -> (B, T, W)
        return F.embedding(ids, self.weight)


def quantize(
    model: Transformer, bits: int = 8, group: int = GROUP
) -> Transformer:
    """A copy of `model` whose matrices are packed, the embedding at 8 bits.

    The embedding is read at every step and rounded once for input and output, so
    4 bits there cost more than anywhere else.
    Raises ValueError as `Packed` does. The copy cannot be trained.
    """
    packed = copy.deepcopy(model).eval().requires_grad_(False)
    for module in list(packed.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, PackedLinear(child, bits, group))
            elif isinstance(child, nn.Embedding):
                setattr(module, name, PackedEmbedding(child, 8, group))
    return packed


def size(model: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    held = [*model.parameters(), *model.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)
