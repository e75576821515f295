"""Byte-level BPE's alphabet: 256 bytes, each written as one printable character.

A `tokenizer.json` is text, so a token made of arbitrary bytes has to be spelled
somehow. GPT-2 (Radford et al., 2019) wrote each byte as a character: printable
Latin-1 bytes stand for themselves, the other 68 take the characters from U+0100 on.
A space becomes "Ġ", a newline "Ċ". The order of these characters is also the order
of the ids of the single bytes, which decides ties between equally frequent pairs.
"""

from __future__ import annotations

PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
OTHERS = [byte for byte in range(256) if byte not in set(PRINTABLE)]

# Every byte once, in the order of the characters that spell them.
BYTES: list[bytes] = [bytes([byte]) for byte in [*PRINTABLE, *OTHERS]]
TO_CHAR: dict[int, str] = {byte: chr(byte) for byte in PRINTABLE}
TO_CHAR |= {byte: chr(0x100 + place) for place, byte in enumerate(OTHERS)}
TO_BYTE: dict[str, int] = {char: byte for byte, char in TO_CHAR.items()}


def spell(data: bytes) -> str:
    """Bytes to the printable characters of a vocabulary file."""
    return "".join(map(TO_CHAR.__getitem__, data))


def unspell(token: str) -> bytes:
    """The inverse of `spell`; KeyError for a character outside the alphabet."""
    return bytes(map(TO_BYTE.__getitem__, token))
