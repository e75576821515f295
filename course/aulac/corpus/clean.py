"""Make a text readable (`clean`) and say whether it is worth keeping (`judge`).

`clean` changes the form and never the content: encoding, Unicode normal form, control
characters, white space, lines that belong to a web page and not to its text. `judge`
changes nothing and names the first thing that is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any

from aulac.corpus.document import Document
from aulac.text import decode_legacy, detect_legacy, normalise

#: Why `judge` turned a document down, for people.
REASONS: dict[str, dict[str, str]] = {
    "empty": {"vi": "rỗng sau khi làm sạch", "en": "empty after cleaning"},
    "too short": {"vi": "quá ngắn", "en": "too short"},
    "mojibake": {
        "vi": "lỗi mã hóa (mojibake)",
        "en": "garbled encoding (mojibake)",
    },
    "symbol share": {
        "vi": "quá nhiều ký hiệu, quá ít chữ",
        "en": "too many symbols, too few letters",
    },
    "repeated lines": {"vi": "lặp dòng", "en": "repeated lines"},
    "not Vietnamese": {"vi": "không phải tiếng Việt", "en": "not Vietnamese"},
}

MIN_CHARS = 40
MIN_SYLLABLES = 8
MAX_SYMBOLS = 0.45  # share of visible characters that are not letters
MAX_REPEATED = 0.3  # share of characters in lines seen before in the document
MAX_GARBLED = 0.02  # share of characters inside telltale sequences

# Letters that, in Latin script, practically only Vietnamese uses: ă đ ơ ư in both
# cases and the whole block U+1EA0–U+1EF9 (vowels with a hook, a dot, two marks).
_VIETNAMESE = re.compile("[ăĂđĐơƠưƯ\u1ea0-\u1ef9]")
# What UTF-8 looks like after being read as Windows-1252: "Tiáº¿ng Viá»‡t".
_GARBLED = re.compile(
    "á[º»][\u0080-\u00ff\u0152-\u2122]|[ÃÂ][\u0080-\u00bf]|Ä[\u0090-\u0192‘’“”]|"
    "Æ[°¡ ]|â€[\u0080-\u2122]|\ufffd"
)
# Format characters that change nothing a reader sees: soft hyphen, zero-width
# spaces and joiners, direction marks, byte order mark.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BREAKS = re.compile("\r\n?|[\u0085\u2028\u2029\x0b\x0c]")

# Whole lines that belong to the page, not to its text. Each pattern must match a
# complete short line, so that a sentence which merely contains the words survives.
_BOILERPLATE = re.compile(
    r"""(?ix)^\W*(?:
      (?:xem|đọc|tìm\ hiểu)\ thêm\b.{0,120}
    | (?:chia\ sẻ|bình\ luận|like|share|tweet|in\ bài|gửi\ email|lưu\ bài|bản\ in
        |trang\ chủ|quay\ lại|về\ đầu\ trang|đăng\ nhập|đăng\ ký|tải\ app)
      (?:\s*[|/•·,]?\s*(?:facebook|zalo|twitter|chia\ sẻ|bình\ luận|email|\d+|trang\ chủ
        |đăng\ nhập|đăng\ ký))*+
    | (?:©|\(c\)|bản\ quyền|copyright)\b.{0,120}
    | .{0,60}\ball\ rights\ reserved\b.{0,40}
    | (?:ảnh|video|nguồn|theo)\s*:\s*\S.{0,60}
    | (?:từ\ khóa|tags?|chủ\ đề|tin\ liên\ quan|bài\ liên\ quan|tin\ cùng\ chuyên\ mục)
      \s*:.{0,120}
    | .{0,80}\bcookies?\b.{0,80}
    )\W*$"""
)
BOILERPLATE_MAX = 160


def clean(text: str) -> str:
    """The same text in one form: Unicode NFC, plain spaces, no page furniture.

    In order: garbled UTF-8 is put back, pre-Unicode Vietnamese (TCVN3, VNI, VISCII) is
    decoded, NFC, control and invisible characters go, white space is evened out,
    boilerplate lines go; again until nothing changes, so that
    `clean(clean(text)) == clean(text)`.
    """
    for _ in range(
        8
    ):  # nearly always one round, plus one when something changed
        before, text = text, _clean_once(text)
        if text == before:
            break
    return text


def _clean_once(text: str) -> str:
    text = tidy(normalise(from_legacy(_BREAKS.sub("\n", unscramble(text)))))
    kept = [line for line in text.split("\n") if not is_boilerplate(line)]
    return tidy("\n".join(kept))


def from_legacy(text: str) -> str:
    """Lines of pre-Unicode Vietnamese, decoded; all other lines unchanged.

    Line by line, because pages pasted together mix encodings. A line that already has
    Vietnamese letters, or only ASCII, is never touched. A line with fewer than three
    accented words says too little by itself and follows the lines decoded before it.
    """
    if text.isascii():
        return text
    lines, encoding = text.split("\n"), None
    for number, line in enumerate(lines):
        if line.isascii() or _VIETNAMESE.search(normalise(line)):
            continue
        if sum(not word.isascii() for word in line.split()) >= 3:
            encoding = detect_legacy(line)
        if encoding:
            lines[number] = decode_legacy(line, encoding)
    return "\n".join(lines)


def tidy(text: str) -> str:
    """White space and invisible characters only; never touches a visible character."""
    text = _BREAKS.sub("\n", text)
    text = _CONTROL.sub("", _INVISIBLE.sub("", text).replace("\t", " "))
    lines = [_SPACES.sub(" ", line).strip() for line in text.split("\n")]
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()


def is_boilerplate(line: str) -> bool:
    """True for a whole line that is page furniture ("Xem thêm: …", "© 2024 …")."""
    return 0 < len(line) <= BOILERPLATE_MAX and bool(_BOILERPLATE.match(line))


def unscramble(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252, where that is certain.

    Certain means: telltale sequences are there, and going back gives valid UTF-8
    without them. Otherwise the text comes back unchanged, for `judge` to see.
    """
    if not _GARBLED.search(text):
        return text
    try:
        data = b"".join(_cp1252(char) for char in text)
        repaired = data.decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text
    return repaired if not _GARBLED.search(repaired) else text


def _cp1252(char: str) -> bytes:
    # Five bytes have no character in Windows-1252; browsers pass them through.
    return (
        bytes([ord(char)])
        if "\x80" <= char <= "\x9f"
        else char.encode("cp1252")
    )


def judge(document: Document | str) -> str | None:
    """Why this (cleaned) document should be left out, or None to keep it.

    Returns:
        A key of `REASONS`, the first that applies: "empty", "too short", "mojibake",
        "symbol share", "repeated lines", "not Vietnamese"; or None.
    """
    text = document if isinstance(document, str) else document.text
    if not text.strip():
        return "empty"
    if len(text) < MIN_CHARS or len(text.split()) < MIN_SYLLABLES:
        return "too short"
    if garbled_share(text) > MAX_GARBLED:
        return "mojibake"
    if symbol_share(text) > MAX_SYMBOLS:
        return "symbol share"
    if repeated_share(text) > MAX_REPEATED:
        return "repeated lines"
    return None if is_vietnamese(text) else "not Vietnamese"


def garbled_share(text: str) -> float:
    """Share of characters inside sequences that only a wrong decoding produces."""
    return sum(len(match) for match in _GARBLED.findall(text)) / max(
        len(text), 1
    )


def symbol_share(text: str) -> float:
    """Share of visible characters that are not letters; expects NFC."""
    visible = sum(map(len, text.split()))
    return 1 - sum(map(str.isalpha, text)) / max(visible, 1)


def repeated_share(text: str) -> float:
    """Share of characters that stand in a line seen before in the same text."""
    lines = [line for line in text.split("\n") if line.strip()]
    counts = Counter(lines)
    again = sum(len(line) * (times - 1) for line, times in counts.items())
    return again / max(sum(map(len, lines)), 1)


def is_vietnamese(text: str, sample: int = 3_000) -> bool:
    """Is this Vietnamese? Letters first; the language model only when they do not say.

    At least 12 % Vietnamese-only letters among the letters settles it (law and news
    never had less, the median is 19 to 23 %); fewer than that, py3langid judges three windows of
    the text. Costs 20 µs when the letters settle it, about 1 ms otherwise, plus one
    second to load the model the first time.
    """
    if len(text) > sample:
        third, middle = sample // 3, len(text) // 2
        text = text[:third] + text[middle : middle + third] + text[-third:]
    text = normalise(text)
    letters = sum(map(str.isalpha, text))
    special = len(_VIETNAMESE.findall(text))
    if special > 0.12 * letters:
        return True
    # A few accented names do not make an English page Vietnamese.
    return bool(special) and _identifier().classify(text)[0] == "vi"


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
