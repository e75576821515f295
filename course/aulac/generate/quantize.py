"""Weight-only quantisation: matrices as 8- or 4-bit integers with scales.

Each row of a matrix is cut into groups of `group` weights (8 bits: the whole row);
a group keeps one scale, its largest magnitude over the largest integer, and every
weight is rounded to the nearest multiple of it (round-to-nearest, absmax; as in
Dettmers et al., 2022, for 8 bits). Activations and norms stay as they are. What that
costs is measured in bits per byte, not guessed (see `benchmarks/quantisation.py`).

    bits   bytes a weight      error of a weight, at most
    8      1 + 4 / row         scale / 2, scale = max |row| / 127
    4      0.5 + 2 / group     scale / 2, scale = max |group| / 7

A product goes through a matrix a slice at a time, each made dense while it is in the
processor's cache: a packed model never needs a dense one's memory.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aulac.errors import InputError
from aulac.model import Embedding, Transformer

# Weights that share a scale. int4 cost so many more bits per byte (tiny, fp32 1.290):
# 0.003 with 16, 0.004 with 32, 0.009 with 64; half of 32 costs half a bit a weight.
GROUP = 32
LARGEST = {8: 127, 4: 7}
SLICE = 65_536  # weights made dense at a time: 256 KB, what a core keeps close


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
            raise InputError(
                f"{bits} bits are not supported: use 8 or 4.",
                f"không lượng tử hóa được ở {bits} bit: hãy dùng 8 hoặc 4.",
            )
        rows, columns = weight.shape
        group = columns if bits == 8 else group
        if columns % group or (bits == 4 and columns % 2):
            raise InputError(
                f"{columns} columns cannot be cut into groups of {group}: "
                "choose a group that divides them.",
                f"{columns} cột không chia đều thành nhóm {group} được: hãy chọn một ước "
                f"của {columns}.",
            )
        self.bits, self.group, self.dtype = bits, group, weight.dtype
        self.slice = max(1, SLICE // columns)  # rows
        cut = weight.detach().float().view(rows, -1, group)  # (R, G, group)
        scales = cut.abs().amax(-1, keepdim=True) / LARGEST[bits]  # (R, G, 1)
        steps = (cut / scales.clamp(min=1e-12)).round().view(rows, columns)
        precise = torch.float32 if bits == 8 else torch.float16
        self.register_buffer("scales", scales[..., 0].to(precise))  # (R, G)
        self.register_buffer("values", _pack(steps, bits))

    def dense(self) -> Tensor:
        """(rows, columns) in the dtype of the matrix that was packed."""
        return self._dense(self.values, self.scales)

    def rows(self, places: Tensor) -> Tensor:
        """Some rows, dense: (...) -> (..., columns)."""
        flat = places.flatten()
        rows = self._dense(self.values[flat], self.scales[flat])
        return rows.view(*places.shape, -1)

    def product(self, x: Tensor) -> Tensor:
        """x (..., columns) times the matrix, transposed: (..., rows)."""
        if x.is_cuda:  # which keeps nothing so close: all in one go
            return F.linear(x, self.dense())
        parts = [F.linear(x, weight) for weight in self._slices()]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def _slices(self) -> Iterator[Tensor]:
        cut = zip(
            self.values.split(self.slice),
            self.scales.split(self.slice),
            strict=True,
        )
        return (self._dense(values, scales) for values, scales in cut)

    def _dense(self, values: Tensor, scales: Tensor) -> Tensor:
        whole = _unpack(values, self.bits).float()  # (R, C)
        cut = whole.view(len(whole), -1, self.group)  # (R, G, group)
        cut *= scales.float()[..., None]
        return whole.to(self.dtype)


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
        return self.packed.product(x)


class PackedEmbedding(nn.Module):
    """An embedding that is packed, and the output layer too if they are tied."""

    def __init__(self, embedding: nn.Embedding, bits: int, group: int):
        super().__init__()
        self.packed = Packed(embedding.weight, bits, group)

    @property
    def weight(self) -> Tensor:
        return self.packed.dense()  # (V, W)

    def forward(self, ids: Tensor) -> Tensor:  # (B, T) -> (B, T, W)
        return self.packed.rows(ids)

    def logits(self, x: Tensor) -> Tensor:  # (..., W) -> (..., V)
        return self.packed.product(x)


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
            elif isinstance(child, Embedding):
                setattr(module, name, PackedEmbedding(child, 8, group))
    return packed


def dequantize(model: Transformer) -> Transformer:
    """An ordinary model, to train or to export, with the weights as rounded."""
    dense = Transformer(model.config)
    weights = dict(model.state_dict())
    for name, module in model.named_modules():
        if isinstance(module, Packed):
            weights[name.removesuffix("packed") + "weight"] = module.dense()
    dense.load_state_dict({name: weights[name] for name in dense.state_dict()})
    return dense.to(model.norm.weight.dtype).eval()


def size(model: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    held = [*model.parameters(), *model.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)
