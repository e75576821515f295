"""Vietnamese text from before Unicode, both ways, and how to recognise it.

- TCVN3 (also called ABC, fonts .VnTime): one byte a letter, and no code at all
  for a capital with a tone: such text switched to a font with capital shapes.
- VNI (fonts VNI-Times): a base letter, then a second byte that holds its marks.
- VISCII (RFC 1456): one byte a letter; six capitals sit on control characters.
- CP1258 (Windows): a letter with its circumflex or horn, then a combining tone.

The tables agree with RFC 1456, with TCVN 5712:1993 and with Python's cp1258.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from aulac.text.marks import Tone, normalise, take_tone
from aulac.text.syllable import is_syllable, words

ENCODINGS = ("tcvn3", "vni", "viscii", "cp1258")

# Bytes from 0xA1 (TCVN3) and from 0x80 (VISCII) in order; "·" has no letter.
_TCVN3 = (
    "ĂÂÊÔƠƯĐăâêôơưđ······àảãáạ·ằẳẵắ·······ặầẩẫấậè·ẻẽéẹềểễếệìỉ···ĩíịò·ỏõóọồổỗốộờởỡớợù·ủ"
    "ũúụừửữứựỳỷỹýỵ·"
)
_VISCII = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳ"
    "ĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VISCII_CONTROLS = {
    0x02: "Ẳ",
    0x05: "Ẵ",
    0x06: "Ẫ",
    0x14: "Ỷ",
    0x19: "Ỹ",
    0x1E: "Ỵ",
}

# VNI: tones in the order huyền, sắc, hỏi, ngã, nặng.
_VNI_TONES = {"": "øùûõï", "â": "àáåãä", "ê": "èéúüë"}
_VNI_ORDER = (Tone.HUYEN, Tone.SAC, Tone.HOI, Tone.NGA, Tone.NANG)
_VNI_BASES = {"ơ": "ô", "ư": "ö", "đ": "ñ"}
_VNI_WHOLE = {"ì": "ì", "í": "í", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î"}


def _vni_letters() -> dict[str, str]:
    """Lower-case Vietnamese letter -> its VNI characters (as Latin-1)."""
    table = _VNI_BASES | _VNI_WHOLE
    shapes = {"a": ("a", ""), "e": ("e", ""), "o": ("o", ""), "u": ("u", "")}
    shapes |= {"y": ("y", ""), "ơ": ("ô", ""), "ư": ("ö", "")}
    shapes |= {
        "â": ("a", "â"),
        "ê": ("e", "â"),
        "ô": ("o", "â"),
        "ă": ("a", "ê"),
    }
    for letter, (base, hat) in shapes.items():
        table[letter] = base + hat
        for tone, code in zip(_VNI_ORDER, _VNI_TONES[hat], strict=True):
            table.setdefault(normalise(letter + tone.mark), base + code)
    return table


def _cp1258_bytes() -> dict[int, str]:
    table = {}
    for byte in range(0x80, 0x100):
        char = bytes([byte]).decode("cp1258", errors="ignore")
        if char and char != as_windows(byte):
            table[byte] = char
    return table


@cache
def _table(encoding: str) -> dict[int, str]:
    """Byte -> character, for the bytes the encoding gives a meaning of its own."""
    if encoding == "tcvn3":
        table = {0xA1 + i: c for i, c in enumerate(_TCVN3) if c != "·"}
    elif encoding == "viscii":
        table = {0x80 + i: c for i, c in enumerate(_VISCII)} | _VISCII_CONTROLS
    elif encoding == "cp1258":
        table = _cp1258_bytes()
    else:
        names = ", ".join(ENCODINGS)
        raise ValueError(
            f"the encoding {encoding!r} is unknown: use one of {names}"
        )
    return table


@cache
def _vni() -> tuple[dict[str, str], dict[str, str], set[str]]:
    """VNI both ways with capitals, and the characters it claims for itself."""
    forward = _vni_letters()
    forward |= {k.upper(): v.upper() for k, v in forward.items()}
    back = {v: k for k, v in forward.items()}
    for code in list(back):  # Áo is written AÙo, but some typed Aùo
        if len(code) == 2 and code[0].isupper():
            back.setdefault(code[0] + code[1].lower(), back[code])
    claimed = {c for code in forward.values() for c in code if not c.isascii()}
    return forward, back, claimed


@cache
def as_windows(byte: int) -> str:
    """What cp1252 shows for a byte; its five holes fall back to Latin-1."""
    return bytes([byte]).decode("cp1252", errors="ignore") or chr(byte)


def _byte_of(char: str) -> int | None:
    """The byte a character stands for in text read as cp1252 or Latin-1."""
    if ord(char) < 0x100:
        return ord(char)
    encoded = char.encode("cp1252", errors="ignore")
    return encoded[0] if encoded else None


def _as_windows(data: str | bytes) -> str:
    if isinstance(data, bytes):
        return "".join(map(as_windows, data))
    return data


def decode_legacy(data: str | bytes, encoding: str) -> str:
    """Read legacy text; returns NFC.

    `data` is the file's bytes, or a string that was wrongly read as cp1252 or
    Latin-1 ("TiÕng ViÖt"). Bytes without a meaning in the encoding, such as
    Word's curly quotes, are read as cp1252; other characters stay.

    Raises ValueError for an encoding not in `ENCODINGS`.
    """
    text = "".join(map(as_windows, data)) if isinstance(data, bytes) else data
    if encoding == "vni":
        return _decode_vni(text)
    table = _table(encoding)
    out = []
    for char in text:
        byte = _byte_of(char)
        out.append(char if byte is None else table.get(byte, as_windows(byte)))
    return normalise("".join(out))


def _decode_vni(text: str) -> str:
    back = _vni()[1]
    out, i = [], 0
    while i < len(text):
        code = text[
            i : i + 2
        ]  # a base letter with its marks, where there is one
        if code not in back:
            code = code[:1]
        plain = (
            as_windows(ord(code))
            if ord(code[0]) < 0x100 and len(code) == 1
            else code
        )
        out.append(back.get(code, plain))
        i += len(code)
    return normalise("".join(out))


def encode_legacy(text: str, encoding: str, errors: str = "strict") -> bytes:
    """Write text in a legacy encoding.

    `errors` says what to do with a character the encoding has no code for:
    "strict" raises UnicodeEncodeError; "lower" tries the small letter, which is
    how TCVN3 text stores capitals; "replace" writes a question mark (after
    trying the small letter).
    """
    text = normalise(text)
    encode = _vni_encoder() if encoding == "vni" else _byte_encoder(encoding)
    out = []
    for i, char in enumerate(text):
        code = encode(char)
        if code is None and errors in ("lower", "replace"):
            code = encode(char.lower())
        if code is None and errors == "replace":
            code = b"?"
        if code is None:
            reason = f"{char!r} has no code in {encoding}"
            raise UnicodeEncodeError(encoding, text, i, i + 1, reason)
        out.append(code)
    return b"".join(out)


def _plain_code(char: str, claimed: set[int]) -> bytes | None:
    """ASCII and cp1252's punctuation, where the encoding has not taken the byte."""
    byte = _byte_of(char)
    if byte is None or byte in claimed or as_windows(byte) != char:
        return None
    return bytes([byte])


def _vni_encoder() -> Callable[[str], bytes | None]:
    forward, _, claimed_chars = _vni()
    claimed = {ord(c) for c in claimed_chars}

    def encode(char: str) -> bytes | None:
        if char in forward:
            return forward[char].encode("latin-1")
        return _plain_code(char, claimed)

    return encode


def _byte_encoder(encoding: str) -> Callable[[str], bytes | None]:
    table = _table(encoding)
    back = {char: bytes([byte]) for byte, char in table.items()}
    claimed = set(table)

    def encode(char: str) -> bytes | None:
        if char in back:
            return back[char]
        code = _plain_code(char, claimed)
        taken = take_tone(char)
        if code is not None or encoding != "cp1258" or taken is None:
            return code
        letter, tone = taken  # CP1258 writes the letter, then the tone
        if letter == char:
            return None
        first = back.get(letter) or _plain_code(letter, claimed)
        return first + back[tone.mark] if first else None

    return encode


def syllable_share(pieces: list[str]) -> float:
    """The share of pieces that are Vietnamese syllables in a natural case."""
    good = 0
    for piece in pieces:
        found = words(piece)
        good += bool(found) and all(
            is_syllable(w) and (w[1:].islower() or w.isupper() or len(w) == 1)
            for w in found
        )
    return good / len(pieces)


def detect_legacy(text: str | bytes) -> str | None:
    """Which of `ENCODINGS` the text is written in, or None if it is in none.

    It reads the words that are not plain ASCII in each encoding and counts how
    many become Vietnamese syllables. An encoding is named only when it explains
    60 % of them and 30 points more than reading the text as it stands. Correct
    UTF-8 gives None; so does text with no such word.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            text = "".join(map(as_windows, text))
    pieces = [
        p for p in text.split() if not p.isascii() or not p.isprintable()
    ]
    pieces = pieces[:2000]
    if not pieces:
        return None
    as_is = syllable_share(pieces)
    shares = {
        e: syllable_share([decode_legacy(p, e) for p in pieces])
        for e in ENCODINGS
    }
    best = max(ENCODINGS, key=lambda e: shares[e])
    return best if shares[best] >= max(0.6, as_is + 0.3) else None
