"""Token shards: a corpus as numbers on disk, read without loading it.

A folder of `NNNNN.bin` files (little-endian uint16, or uint32 for large vocabularies),
`lengths.bin` with the tokens of each document, and an `index.json` with the counts.
Documents stand one after another, each followed by the end-of-text token. The files
are memory-mapped, so a corpus larger than memory costs no more than the pages in use.

`Batches` draws windows that begin where documents begin, in an order that depends only
on the seed, and can be stopped and resumed at any window.
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

from aulac.errors import InputError
from aulac.files import replace_folder

if TYPE_CHECKING:
    from torch import Tensor

INDEX = "index.json"
LENGTHS = "lengths.bin"  # uint32 a document, its end-of-text token counted


class ShardError(InputError):
    """Shards that cannot be written or used."""


@dataclass
class Index:
    """What a folder of shards holds."""

    vocab_size: int
    dtype: str
    tokens: int = 0  # with one end-of-text token per document
    documents: int = 0
    bytes: int = 0  # of NFC text, for bits per byte; 0 when not counted
    eos_id: int = 0  # the token after each document
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

    `text_bytes` is how many bytes of NFC text the ids stand for. Raises ShardError
    for an empty corpus or an id outside the vocabulary.
    """
    out = Path(out)
    dtype = "uint16" if vocab_size <= 2**16 else "uint32"
    index = Index(vocab_size, dtype, bytes=text_bytes, eos_id=eos_id)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    held: list[np.ndarray] = []
    lengths: list[int] = []
    for ids in documents_ids:
        held.append(_array(ids, eos_id, index))
        lengths.append(len(held[-1]))
        index.documents += 1
        if sum(map(len, held)) >= shard_tokens:
            _flush(held, part, index)
    _flush(held, part, index)
    if not index.documents:
        raise ShardError(
            f"no documents for {out}: the corpus is empty.",
            f"không có văn bản nào cho {out}: kho ngữ liệu rỗng.",
        )
    (part / LENGTHS).write_bytes(np.asarray(lengths, dtype="<u4").tobytes())
    (part / INDEX).write_text(json.dumps(asdict(index), indent=1))
    replace_folder(part, out)
    return index


def _array(ids: list[int], eos_id: int, index: Index) -> np.ndarray:
    array = np.asarray([*ids, eos_id], dtype=np.int64)
    if array.min() < 0 or array.max() >= index.vocab_size:
        raise ShardError(
            f"document {index.documents} has token id {array.max()}, but the "
            f"vocabulary ends at {index.vocab_size - 1}: was it made by another "
            "tokenizer?",
            f"văn bản {index.documents} có mã token {array.max()}, mà từ vựng chỉ "
            f"đến {index.vocab_size - 1}: có phải nó do một bộ tách token khác tạo "
            "ra?",
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
    """A folder of shards as one stream of token ids without end: it wraps."""

    def __init__(
        self, index: Index, files: list[np.ndarray], lengths: np.ndarray
    ) -> None:
        self.index, self.files = index, files
        self.begins = np.cumsum([0, *map(len, files)])  # of each file
        self.documents = np.cumsum([0, *lengths[:-1].tolist()])  # their begins

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Shards:
        """Open what `write_shards` wrote; ShardError when it is damaged."""
        folder = Path(folder)
        try:
            index = Index(**json.loads((folder / INDEX).read_text()))
        except FileNotFoundError:
            raise ShardError(
                f"{folder} holds no shards: write them with write_texts first.",
                f"{folder} không có shard nào: hãy ghi bằng write_texts trước.",
            ) from None
        except (ValueError, TypeError) as error:
            raise ShardError(
                f"{folder / INDEX} cannot be read ({error}): delete {folder} and "
                "write the shards anew.",
                f"không đọc được {folder / INDEX} ({error}): hãy xóa {folder} rồi "
                "ghi lại các shard.",
            ) from None
        files = [
            _map(folder / f["name"], f["tokens"], index.dtype)
            for f in index.files
        ]
        lengths = _map(folder / LENGTHS, index.documents, "uint32")
        return cls(index, files, lengths)

    def __len__(self) -> int:
        return int(self.begins[-1])

    def window(self, start: int, length: int) -> np.ndarray:
        """`length` tokens from `start` on, int64; after the last, the first."""
        parts: list[np.ndarray] = []
        while length:
            start %= len(self)
            file = int(np.searchsorted(self.begins, start, side="right")) - 1
            place = start - int(self.begins[file])
            parts.append(self.files[file][place : place + length])
            start, length = start + len(parts[-1]), length - len(parts[-1])
        return np.concatenate(parts).astype(np.int64)

    def starts(self, context: int, first: int) -> np.ndarray:
        """Where windows of `context` begin, once round from document `first`.

        Each begins with a document, the one that the window before had to cut;
        only a document longer than a window is continued in the middle.
        """
        total, shift = len(self), int(self.documents[first])
        begins = np.sort((self.documents - shift) % total)
        places = [0]
        while (end := places[-1] + context + 1) < total:
            begin = int(begins[np.searchsorted(begins, end, side="right") - 1])
            places.append(begin if begin > places[-1] else end - 1)
        return (np.array(places) + shift) % total

    def bytes_per_token(self) -> float:
        """Bytes of NFC text per text token, end-of-text tokens left out."""
        return self.index.bytes / (self.index.tokens - self.index.documents)


def _map(path: Path, count: int, dtype: str) -> np.ndarray:
    kind = np.dtype("<u2" if dtype == "uint16" else "<u4")
    size = path.stat().st_size if path.exists() else 0
    if size != count * kind.itemsize:
        raise ShardError(
            f"{path} has {size} bytes and should have {count * kind.itemsize}: it "
            f"was cut off or changed; delete {path.parent} and write the shards anew.",
            f"{path} có {size} byte, lẽ ra phải có {count * kind.itemsize}: tệp đã bị "
            f"cắt cụt hoặc bị sửa; hãy xóa {path.parent} rồi ghi lại các shard.",
        )
    return np.memmap(path, dtype=kind, mode="r")


class Batches:
    """Endless batches of windows: ids (B, T); targets are the same moved by one.

    Windows begin where documents begin, so a name is read before it is needed.
    Every epoch goes round the stream from another document and visits the
    windows in a new order; both come from (seed, epoch). The order does not
    depend on the batch size, so a run resumed with another batch sees the same
    tokens in turn.
    """

    def __init__(
        self, shards: Shards, batch: int, context: int, seed: int = 0
    ) -> None:
        if len(shards) < context + 1:
            raise ShardError(
                f"the corpus has {len(shards)} tokens and a window needs "
                f"{context + 1}: give more text or a smaller context.",
                f"kho ngữ liệu có {len(shards)} token mà một cửa sổ cần "
                f"{context + 1}: hãy thêm văn bản hoặc dùng ngữ cảnh ngắn hơn.",
            )
        self.shards, self.batch = shards, batch
        self.context, self.seed = context, seed
        self.eos_id = shards.index.eos_id
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
        first = int(rng.integers(len(self.shards.documents)))
        self.order = rng.permutation(self.shards.starts(self.context, first))


def documents(ids: Tensor, eos_id: int) -> Tensor:
    """Which document of its row each token belongs to: (B, T) -> (B, T).

    An end-of-text token belongs to the document behind it: it is what a model reads
    first when it begins a text, and when a text is measured (see `aulac.evaluate`).
    """
    return (ids == eos_id).cumsum(dim=1)
