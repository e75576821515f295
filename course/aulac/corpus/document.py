"""One record for every source, and how records lie on disk (JSON lines)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aulac.corpus.errors import CorpusError


def stable_hash(*parts: str, size: int = 8) -> str:
    """Hex digest (2 × `size` characters) that is the same on every machine and run.

    Python's own `hash()` is salted per process, so it can never name a document.
    """
    digest = hashlib.blake2b(digest_size=size)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class Document:
    """A text, where it came from and on what terms it may be used.

    Attributes:
        text: the running text.
        source: name of the source ("laws", "stories", a file's name, …).
        licence: the terms, as they will stand in the data card.
        id: stable name; when left empty, a hash of source and text.
        title: for people; not part of the training text.
        meta: anything else worth keeping (kind of story, address of a page, …).
    """

    text: str
    source: str
    licence: str
    id: str = ""
    title: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", stable_hash(self.source, self.text))

    @property
    def bytes(self) -> int:
        """Length in UTF-8, the unit of bits per byte."""
        return len(self.text.encode("utf-8", "surrogatepass"))

    def to_json(self) -> str:
        """One line of JSON, without escaping Vietnamese letters."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Document:
        """The inverse of `to_json`; unknown keys are kept in `meta`."""
        if not isinstance(record["text"], str):
            raise TypeError("its text is not a string")
        known = {"text", "source", "licence", "id", "title", "meta"}
        extra = {
            key: value for key, value in record.items() if key not in known
        }
        return cls(
            text=record["text"],
            source=record.get("source", "unknown"),
            licence=record.get("licence", "unknown"),
            id=str(record.get("id", "")),
            title=record.get("title") or "",
            meta={**(record.get("meta") or {}), **extra},
        )


def write(documents: Iterable[Document], path: str | Path) -> int:
    """Write JSON lines to `path`; returns how many were written."""
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            file.write(document.to_json() + "\n")
            count += 1
    return count


def read(path: str | Path) -> Iterator[Document]:
    """Documents of a file that `build` or `write` made, one at a time.

    `path` may also be the folder that `build` made: then its `train.jsonl` is read.

    Raises:
        CorpusError: no such file, or a line is not a record (says which).
    """
    path = Path(path)
    if path.is_dir():
        path = path / "train.jsonl"
    if not path.is_file():
        raise CorpusError(
            f"There is no corpus file {path}. Build one with 'aulac corpus build'.",
            f"Không có tệp kho ngữ liệu {path}. Hãy chạy 'aulac corpus build'.",
        )
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield Document.from_dict(json.loads(line.decode()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CorpusError(
                    f"Line {number} of {path} is not a corpus record ({error}). "
                    "The file was cut short or edited by hand: build the corpus again.",
                    f"Dòng {number} của {path} không phải là bản ghi của kho ngữ liệu. "
                    "Tệp bị cắt cụt hoặc bị sửa tay: hãy dựng lại kho ngữ liệu.",
                ) from error
