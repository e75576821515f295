"""Token shards: a corpus as numbers on disk, read without loading it.

A folder of `NNNNN.bin` files (little-endian uint16, or uint32 for large vocabularies)
and an `index.json` with the counts. Documents stand one after another, each followed
by the end-of-text token. The files are memory-mapped, so a corpus larger than memory
costs no more than the pages in use.

`Batches` draws windows of the stream in an order that depends only on the seed, and
can be stopped and resumed at any window.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

INDEX = "index.json"


class ShardError(ValueError):
    """A folder of shards that cannot be used; the message says what to do."""


@dataclass
class Index:
    """What a folder of shards holds."""

    vocab_size: int
    dtype: str
    tokens: int = 0  # with one end-of-text token per document
    documents: int = 0
    bytes: int = 0  # of NFC text, for bits per byte; 0 when not counted
    files: list[dict[str, Any]] = field(default_factory=list)  # name, tokens


def write_shards(
    documents_ids: Iterable[list[int]],
    out: str | os.PathLike[str],
    *,
    vocab_size: int,
    eos_id: int = 0,
    text_bytes: int = 0,
    shard_tokens: int = 50_000_000,
) -> Index:
    """Write documents (lists of token ids) to the folder `out`, all or nothing.

    `text_bytes` is how many bytes of NFC text the ids stand for. Raises ShardError for
    an empty corpus or an id outside the vocabulary.
    """
    out = Path(out)
    dtype = "uint16" if vocab_size <= 2**16 else "uint32"
    index = Index(vocab_size, dtype, bytes=text_bytes)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    held: list[np.ndarray] = []
    for ids in documents_ids:
        held.append(_array(ids, eos_id, index))
        index.documents += 1
        if sum(map(len, held)) >= shard_tokens:
            _flush(held, part, index)
    _flush(held, part, index)
    if not index.documents:
        raise ShardError(f"no documents for {out}: the corpus is empty.")
    (part / INDEX).write_text(json.dumps(asdict(index), indent=1))
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return index


def _array(ids: list[int], eos_id: int, index: Index) -> np.ndarray:
    array = np.asarray([*ids, eos_id], dtype=np.int64)
    if array.min() < 0 or array.max() >= index.vocab_size:
        raise ShardError(
            f"document {index.documents} has token id {array.max()}, but the vocabulary "
            f"ends at {index.vocab_size - 1}: was it made by another tokenizer?"
        )
    return array.astype("<u2" if index.dtype == "uint16" else "<u4")


def _flush(held: list[np.ndarray], folder: Path, index: Index) -> None:
    if not held:
        return
    name, tokens = f"{len(index.files):05d}.bin", sum(map(len, held))
    (folder / name).write_bytes(np.concatenate(held).tobytes())
    index.files.append({"name": name, "tokens": tokens})
    index.tokens += tokens
    held.clear()


def write_texts(
    texts: Iterable[str], tokenizer: Any, out: str | os.PathLike[str]
) -> Index:
    """Encode texts and write them as shards; bytes of NFC text are counted."""
    from aulac.text import normalise

    counted = 0

    def encoded() -> Iterator[list[int]]:
        nonlocal counted
        source = iter(texts)
        while some := [normalise(text) for text in islice(source, 1000)]:
            counted += sum(len(text.encode()) for text in some)
            yield from tokenizer.encode_batch(some)

    options = {"vocab_size": tokenizer.vocab_size, "eos_id": tokenizer.eos_id}
    index = write_shards(encoded(), out, **options)
    index.bytes = counted
    path = Path(out) / INDEX
    path.with_suffix(".part").write_text(json.dumps(asdict(index), indent=1))
    path.with_suffix(".part").replace(path)
    return index


class Shards:
    """A folder of shards as one long stream of token ids."""

    def __init__(self, index: Index, arrays: list[np.ndarray]):
        self.index = index
        self.arrays = arrays
        self.starts = np.cumsum([0, *map(len, arrays)])

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Shards:
        """Open what `write_shards` wrote. Raises ShardError when it is damaged."""
        folder = Path(folder)
        try:
            index = Index(**json.loads((folder / INDEX).read_text()))
        except FileNotFoundError:
            raise ShardError(
                f"{folder} holds no shards: write them with write_texts first."
            ) from None
        except (ValueError, TypeError) as error:
            raise ShardError(
                f"{folder / INDEX} cannot be read ({error}): write the shards again."
            ) from None
        return cls(index, [_map(folder, entry, index.dtype) for entry in index.files])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def window(self, start: int, length: int) -> np.ndarray:
        """Tokens `start` to `start + length` of the stream, as int64 (length,)."""
        parts = []
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        for array, begin in zip(
            self.arrays[first:], self.starts[first:-1], strict=True
        ):
            if begin >= start + length:
                break
            parts.append(array[max(0, start - begin) : start + length - begin])
        return np.concatenate(parts).astype(np.int64)

    def bytes_per_token(self) -> float:
        """Bytes of NFC text per text token, end-of-text tokens left out."""
        return self.index.bytes / (self.index.tokens - self.index.documents)


def _map(folder: Path, entry: dict[str, Any], dtype: str) -> np.ndarray:
    path = folder / entry["name"]
    kind = np.dtype("<u2" if dtype == "uint16" else "<u4")
    expected = entry["tokens"] * kind.itemsize
    size = path.stat().st_size if path.exists() else 0
    if size != expected:
        raise ShardError(
            f"{path} has {size} bytes and should have {expected}: it was cut off or "
            "changed; write the shards again."
        )
    return np.memmap(path, dtype=kind, mode="r")


class Batches:
    """Endless batches of windows: ids (B, T) and the same moved by one, targets.

    Every epoch cuts the stream at a new offset and visits the windows in a new order;
    both come from (seed, epoch). The order does not depend on the batch size, so a run
    resumed with another batch or accumulation sees the same tokens in the same order.
    """

    def __init__(self, shards: Shards, batch: int, context: int, seed: int = 0):
        if len(shards) < context + 1:
            raise ShardError(
                f"the corpus has {len(shards)} tokens and a window needs {context + 1}: "
                "give more text or a smaller context."
            )
        self.shards, self.batch, self.context, self.seed = shards, batch, context, seed
        self.restore({"epoch": 0, "position": 0})

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        import torch

        rows = np.stack([self._row() for _ in range(self.batch)])  # (B, T + 1)
        window = torch.from_numpy(rows)
        return window[:, :-1].contiguous(), window[:, 1:].contiguous()

    def _row(self) -> np.ndarray:
        if self.position == len(self.order):
            self.restore({"epoch": self.epoch + 1, "position": 0})
        start = self.order[self.position]
        self.position += 1
        return self.shards.window(int(start), self.context + 1)

    def state(self) -> dict[str, int]:
        """Where the next batch begins; give it to `restore`."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: dict[str, int]) -> None:
        """Go to a place that `state` named."""
        self.epoch, self.position = state["epoch"], state["position"]
        rng = np.random.default_rng([self.seed, self.epoch])
        spare = len(self.shards) - 1 - self.context
        offset = int(rng.integers(min(self.context, spare + 1)))
        windows = (len(self.shards) - 1 - offset) // self.context
        self.order = offset + self.context * rng.permutation(windows)


def batches(shards: Shards, batch: int, context: int, seed: int = 0) -> Batches:
    """Batches of `batch` windows of `context` tokens, resumable (see `Batches`)."""
    return Batches(shards, batch, context, seed)
