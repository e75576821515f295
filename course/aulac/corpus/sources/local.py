"""A file or folder of one's own: .txt, .jsonl(.xz/.gz), .json(.gz), .parquet.

Memory stays bounded whatever comes in: a file is read in blocks, a text longer than
`max_chars` becomes several documents (cut at a blank line, a line end or a space), and
a JSON line that could not fit is skipped; each is said once, by name.
"""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from aulac.corpus.decode import BLOCK, BinaryError, decoded_blocks
from aulac.corpus.document import Document
from aulac.corpus.errors import Notice, SourceError, warn

LICENCE = "not stated: the owner of the file decides"
SUFFIXES = (".txt", ".jsonl", ".json", ".parquet")
PACKED: dict[str, Any] = {".xz": lzma.open, ".gz": gzip.open}
#: A text longer than this many characters is cut into several documents.
MAX_CHARS = 1_000_000
#: A whole JSON file (not JSON lines) has to be held in memory: refuse above this.
MAX_JSON = 512 * 2**20
TEXT_FIELDS = ("text", "content", "body", "noi_dung", "raw_text", "article")


def source_name(path: Path) -> str:
    """The name a file or folder gets as a source: its own, without suffixes."""
    return path.resolve().name.split(".")[0] or "local"


def kind_of(path: Path) -> str:
    """The suffix that says how to read `path`, unpacked; "" when it is none of ours."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in SUFFIXES else ""


def load(
    path: str | Path,
    *,
    licence: str = LICENCE,
    text_field: str | None = None,
    max_chars: int = MAX_CHARS,
    notice: Notice = warn,
    **_: Any,
) -> Iterator[Document]:
    """Documents of a file, or of every readable file under a folder (sorted).

    Args:
        path: file or folder.
        licence: the terms, where the records do not say.
        text_field: the field that holds the text; None: the first of `TEXT_FIELDS`.
        max_chars: cap on one document, in characters.
        notice: called with one sentence for everything cut or skipped.

    Raises:
        SourceError: nothing readable there, an empty or binary file, no permission,
            a damaged archive, no text field.
    """
    path = Path(path).expanduser()
    reader = _Reader(source_name(path), licence, text_field, max_chars, notice)
    if not path.is_dir():
        yield from reader.file(path)
        return
    found = sorted(p for p in path.rglob("*") if p.is_file() and kind_of(p))
    good = 0
    for file in found:
        try:
            for document in reader.file(file):
                good += 1
                yield document
        except SourceError as error:
            notice(f"Skipped: {error}")
    if not good:
        raise SourceError(
            f"No text was found under {path}. Readable files end in "
            f"{', '.join(SUFFIXES)} (or .jsonl.xz, .json.gz).",
            f"Không tìm thấy văn bản nào trong {path}. Tệp đọc được có đuôi "
            f"{', '.join(SUFFIXES)} (hoặc .jsonl.xz, .json.gz).",
        )


class _Reader:
    """Reads one file after another with the same options."""

    def __init__(
        self,
        source: str,
        licence: str,
        text_field: str | None,
        max_chars: int,
        notice: Notice,
    ) -> None:
        self.source, self.licence = source, licence
        self.text_field, self.max_chars, self.notice = (
            text_field,
            max_chars,
            notice,
        )

    def file(self, path: Path) -> Iterator[Document]:
        """Every document of one file; all failures come out as SourceError."""
        try:
            if path.stat().st_size == 0:
                raise SourceError(
                    f"{path} is empty (0 bytes). Check that it was copied completely.",
                    f"{path} rỗng (0 byte). Hãy kiểm tra xem tệp đã chép đủ chưa.",
                )
            yield from self._records(path)
        except BinaryError as error:
            raise SourceError(
                f"{path} is not text ({error}). Give a text file: "
                f"{', '.join(SUFFIXES)}, packed as .xz or .gz if you like.",
                f"{path} không phải là văn bản mà là tệp nhị phân. Hãy đưa một tệp "
                f"{', '.join(SUFFIXES)}, có thể nén .xz hoặc .gz.",
            ) from error
        except PermissionError as error:
            raise SourceError(
                f"No permission to read {path}. Change its rights (chmod +r) or copy "
                "it to a folder of yours.",
                f"Không có quyền đọc {path}. Hãy đổi quyền (chmod +r) hoặc chép tệp "
                "về thư mục của bạn.",
            ) from error
        except (
            EOFError,
            lzma.LZMAError,
            gzip.BadGzipFile,
            zlib.error,
        ) as error:
            raise SourceError(
                f"{path} is damaged or was cut short ({error}). Fetch it again.",
                f"{path} bị hỏng hoặc bị cắt cụt. Hãy tải lại tệp.",
            ) from error

    def _records(self, path: Path) -> Iterator[Document]:
        kind = kind_of(path)
        if kind == ".parquet":
            yield from self._parquet(path)
            return
        opener = PACKED.get(path.suffix.lower())
        with opener(path, "rb") if opener else path.open("rb") as file:
            if kind == ".jsonl":
                yield from self._json_lines(file, path)
            elif kind == ".json":
                yield from self._json(file, path)
            else:
                yield from self._text(file, path)

    # --- plain text ---------------------------------------------------------------
    def _text(self, file: IO[bytes], path: Path) -> Iterator[Document]:
        part, rest, told = 0, "", False
        for block in decoded_blocks(file, self.notice, str(path)):
            rest += block
            while len(rest) > self.max_chars:
                piece, rest = cut(rest, self.max_chars)
                if not told:
                    self._tell_cut(path, "")
                    told = True
                part += 1
                yield self._plain(piece, path, part)
        if rest.strip() or not part:
            yield self._plain(rest, path, part + 1 if part else 0)

    def _plain(self, text: str, path: Path, part: int) -> Document:
        name = f"{path.name}#{part}" if part else path.name
        return Document(text, self.source, self.licence, title=name)

    def _tell_cut(self, path: Path, where: str) -> None:
        self.notice(
            f"{path}{where} holds a text longer than {self.max_chars:,} characters; "
            "it was cut into several documents (option max_chars)."
        )

    # --- JSON ---------------------------------------------------------------------
    def _json_lines(self, file: IO[bytes], path: Path) -> Iterator[Document]:
        limit = (
            8 * self.max_chars
        )  # bytes: room for escapes and the other fields
        good = bad = number = 0
        first = ""
        while line := file.readline(limit + 1):
            number += 1
            if len(line) > limit:
                size = len(line) + _skip_line(file)
                self.notice(
                    f"{path}, line {number}: {size:,} bytes in one line, more than the "
                    f"{limit:,} allowed; skipped (raise max_chars to keep it)."
                )
                continue
            if not line.strip():
                continue
            if number == 1 and b"\0" in line:
                raise BinaryError("it holds NUL bytes")
            try:
                record = json.loads(line.decode("utf-8-sig"))
                if not isinstance(record, dict):
                    raise ValueError("not an object {…}")
            except ValueError as error:
                bad += 1
                first = first or f"line {number}: {error}"
                continue
            yield from self._from_record(record, path, f", line {number}")
            good += 1
        if bad and not good:
            raise SourceError(
                f"{path} holds no JSON record ({first}). Each line must be one object "
                'such as {"text": "…"}; plain text belongs in a .txt file.',
                f"{path} không có bản ghi JSON nào ({first}). Mỗi dòng phải là một đối "
                'tượng như {"text": "…"}; văn bản thường thì để trong tệp .txt.',
            )
        if bad:
            self.notice(
                f"{path}: {bad} of {number} lines are not JSON and were skipped "
                f"(first, {first})."
            )

    def _json(self, file: IO[bytes], path: Path) -> Iterator[Document]:
        data = file.read(MAX_JSON + 1)
        if len(data) > MAX_JSON:
            raise SourceError(
                f"{path} is one JSON value of more than {MAX_JSON:,} bytes, which would "
                "have to be held in memory. Turn it into JSON lines (.jsonl).",
                f"{path} là một giá trị JSON lớn hơn {MAX_JSON:,} byte nên không thể "
                "đọc gọn trong bộ nhớ. Hãy đổi sang dạng mỗi dòng một bản ghi (.jsonl).",
            )
        try:
            value = json.loads(data.decode("utf-8-sig"))
        except ValueError as error:
            raise SourceError(
                f"{path} is not valid JSON ({error}). If it has one object a line, "
                "name it .jsonl.",
                f"{path} không phải JSON hợp lệ. Nếu mỗi dòng là một đối tượng, hãy "
                "đặt đuôi .jsonl.",
            ) from error
        records = value if isinstance(value, list) else [value]
        for number, record in enumerate(records, 1):
            if isinstance(record, str):
                record = {"text": record}
            if isinstance(record, dict):
                yield from self._from_record(
                    record, path, f", record {number}"
                )

    def _parquet(self, path: Path) -> Iterator[Document]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(path) as table:
                for batch in table.iter_batches(batch_size=64):
                    for record in batch.to_pylist():
                        yield from self._from_record(record, path, "")
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{path} is not a parquet file, or was cut short ({error}). "
                "Fetch it again.",
                f"{path} không phải tệp parquet hoặc bị cắt cụt. Hãy tải lại tệp.",
            ) from error

    def _from_record(
        self, record: dict[str, Any], path: Path, where: str
    ) -> Iterator[Document]:
        text = record.get(self._field(record, path))
        if not isinstance(text, str):
            self.notice(
                f"{path}{where}: the text field is not a string; skipped."
            )
            return
        title = record.get("title")
        name = str(record.get("id") or "")
        licence = (
            record.get("licence") or record.get("license") or self.licence
        )
        source = self.source
        part = 0
        while len(text) > self.max_chars:
            piece, text = cut(text, self.max_chars)
            if not part:
                self._tell_cut(path, where)
            part += 1
            yield self._document(
                piece, source, str(licence), name, title, part
            )
        yield self._document(
            text, source, str(licence), name, title, part + 1 if part else 0
        )

    def _document(
        self,
        text: str,
        source: str,
        licence: str,
        name: str,
        title: Any,
        part: int,
    ) -> Document:
        if name and part:
            name = f"{name}#{part}"
        return Document(text, source, licence, name, title=str(title or ""))

    def _field(self, record: dict[str, Any], path: Path) -> str:
        wanted = [self.text_field] if self.text_field else TEXT_FIELDS
        for name in wanted:
            if name in record:
                return name
        raise SourceError(
            f"{path} has no field {' or '.join(map(repr, wanted))}; its fields are "
            f"{', '.join(map(repr, record)) or 'none'}. Name the one that holds the "
            "text with text_field (--text-field).",
            f"{path} không có trường {' hay '.join(map(repr, wanted))}; các trường có "
            f"trong tệp: {', '.join(map(repr, record)) or 'không có'}. Hãy chỉ ra "
            "trường chứa văn bản bằng --text-field.",
        )


def cut(text: str, limit: int) -> tuple[str, str]:
    """The first piece of at most `limit` characters, and the rest.

    The cut is at a blank line, else a line end, else a space, else wherever it falls.
    """
    for mark in ("\n\n", "\n", " "):
        at = text.rfind(mark, limit // 2, limit)
        if at > 0:
            return text[:at], text[at + len(mark) :]
    return text[:limit], text[limit:]


def _skip_line(file: IO[bytes]) -> int:
    """Read on to the end of the line without keeping it; returns bytes skipped."""
    size = 0
    while block := file.readline(BLOCK):
        size += len(block)
        if block.endswith(b"\n"):
            break
    return size
