"""Bytes to text: UTF-8, UTF-16, or one of Vietnam's encodings from before Unicode."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

from aulac.corpus.errors import Notice, warn
from aulac.text import decode_legacy, detect_legacy

#: Bytes read at a time.
BLOCK = 1 << 16
#: How many bytes decide what a file's encoding is.
SAMPLE = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class BinaryError(ValueError):
    """The bytes are not text in any encoding we know."""


def sniff(sample: bytes) -> str:
    """Name of the encoding: utf-8, utf-8-sig, utf-16, tcvn3, vni, viscii, cp1258.

    UTF-8 is tried first because text in an older encoding is practically never valid
    UTF-8. What is neither goes to `aulac.text.detect_legacy`.

    Raises:
        BinaryError: NUL bytes, many control characters, or no encoding that fits.
    """
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if b"\0" in sample:
        raise BinaryError("it holds NUL bytes")
    control = sum(
        byte < 32 and byte not in b"\t\n\r\f\x0b\x1a\x1b" for byte in sample
    )
    if control > len(sample) * 0.3:
        raise BinaryError(
            f"{control} of {len(sample)} bytes are control characters"
        )
    try:
        sample.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if (
            error.start >= len(sample) - 3
        ):  # the sample ends inside a character
            return "utf-8"
    found = detect_legacy(sample)
    if found:
        return found
    valid = sample.decode("utf-8", "ignore")
    if len(valid.encode()) > 0.98 * len(
        sample
    ):  # UTF-8 with a few broken bytes
        return "utf-8"
    raise BinaryError("no known encoding fits it")


def decode(data: bytes, notice: Notice = warn, name: str = "text") -> str:
    """The text of `data`, whatever encoding it is in.

    Raises:
        BinaryError: see `sniff`.
    """
    import io

    return "".join(decoded_blocks(io.BytesIO(data), notice, name))


def decoded_blocks(
    file: IO[bytes], notice: Notice = warn, name: str = "text"
) -> Iterator[str]:
    """Text of an open binary file, block by block; memory does not grow with the file.

    Raises:
        BinaryError: see `sniff`.
    """
    sample = file.read(SAMPLE)
    encoding = sniff(sample)
    if encoding.startswith("utf"):
        yield from _unicode_blocks(file, sample, encoding, notice, name)
        return
    notice(
        f"{name} is in the old encoding {encoding}; it was converted to Unicode."
    )
    rest = b""
    while sample:
        # Cut after a space: VNI and cp1258 spell one letter with several bytes.
        block = rest + sample
        at = max(block.rfind(b" "), block.rfind(b"\n")) + 1 or len(block)
        yield decode_legacy(block[:at], encoding)
        rest, sample = block[at:], file.read(BLOCK)
    if rest:
        yield decode_legacy(rest, encoding)


def _unicode_blocks(
    file: IO[bytes], block: bytes, encoding: str, notice: Notice, name: str
) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    broken = 0
    while True:
        text = decoder.decode(block, final=not block)
        broken += text.count("\ufffd")
        if text:
            yield text
        if not block:
            break
        block = file.read(BLOCK)
    if broken:
        notice(
            f"{name}: {broken} broken bytes were replaced by U+FFFD; "
            "fetch the file again if that is many."
        )
