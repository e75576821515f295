"""The patterns, one detector a kind; each yields (start, end) of what to hide.

Sources: mobile prefixes after the change of 2018 (the plan of the Ministry of
Information and Communications: 11-digit 01x numbers became 03x, 05x, 07x, 08x);
structure of the citizen number: Decree 137/2015/NĐ-CP, art. 13, and the province
codes of Circular 59/2021/TT-BCA; plate series: Circular 24/2023/TT-BCA.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int]

PLACEHOLDERS = {
    "email": "[THƯ ĐIỆN TỬ]",
    "bank_account": "[SỐ TÀI KHOẢN]",
    "cccd": "[SỐ CĂN CƯỚC]",
    "cmnd": "[SỐ CHỨNG MINH]",
    "passport": "[SỐ HỘ CHIẾU]",
    "phone": "[SỐ ĐIỆN THOẠI]",
    "plate": "[BIỂN SỐ XE]",
    "address": "[ĐỊA CHỈ]",
}

# The 63 province codes on citizen cards (001 Hà Nội … 096 Cà Mau). The merger of
# July 2025 kept a subset of them, and cards issued before keep their number.
PROVINCES = frozenset(
    f"{code:03d}"
    for code in (
        *(1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27),
        *(30, 31, 33, 34, 35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52),
        *(54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82),
        *(83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96),
    )
)
LAST_BIRTH_YEAR = 2035  # a number born later than this is not a citizen's yet

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9](?:[\w.+-]{0,62}[A-Za-z0-9_+-])?"
    r"\s?(?:@|\(at\)|\[at\]|\(a còng\))\s?"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-])"
)

_SEP = r"[ .\u00a0-]?"
_HEAD = (
    r"(?<![\w.,/])(?<![+(]\d)"  # not inside a longer number, word or fraction
)
_TAIL = r"(?![\w/]|[.,-]\d| ?(?:đồng|VND|VNĐ|USD|đ\b|₫|%))"
_PLUS = r"(?:\(?(?:\+|00)84\)?[ .-]?(?:\(0\))?0?|0)"
_MOBILE = re.compile(
    _HEAD
    + _PLUS
    + r"(?:3[2-9]|5[25689]|7[06-9]|8[1-9]|9[0-46-9])"
    + rf"(?:{_SEP}\d){{7}}"
    + _TAIL
)
_OLD_MOBILE = re.compile(
    _HEAD
    + _PLUS
    + r"1(?:2\d|6[2-9]|8[689]|99|88)"
    + rf"(?:{_SEP}\d){{7}}"
    + _TAIL
)
_LANDLINE = re.compile(
    _HEAD
    + r"(?:\(?(?:\+|00)84\)?[ .-]?|\(?0)2(?:[48]\)?"
    + rf"(?:{_SEP}\d){{8}}"
    + r"|(?:0[3-9]|1[0-689]|2[0-25-9]|3[2-9]|5[124-9]|6[0-39]|7[0-7]|9[0-4679])\)?"
    + rf"(?:{_SEP}\d){{7}})"
    + _TAIL
)
_SERVICE = re.compile(
    _HEAD + rf"069(?:{_SEP}\d){{7}}" + _TAIL
)  # army and police
# Before 2017 area codes were 0x or 0xx; only words make such a number a telephone.
_CALL = re.compile(
    r"(?i)(?:điện thoại|đt|sđt|số máy|tel|phone|fax|hotline|gọi|liên hệ|zalo|alo)"
    r"[^\d\n]{0,20}?(?P<it>\(?0\d{1,3}\)?" + rf"(?:{_SEP}\d){{6,8}})" + _TAIL
)

_TWELVE = re.compile(
    _HEAD
    + r"(?P<it>\d{3}[ .]?\d{3}[ .]?\d{3}[ .]?\d{3}|\d{4} \d{4} \d{4})"
    + _TAIL
)
_CCCD = re.compile(
    r"(?i)(?:căn cước|cccd|định danh|mã số cá nhân)[^\d\n]{0,40}?"
    r"(?P<it>\d(?:[ .]?\d){11})(?!\d)"
)
_CMND = re.compile(
    r"(?i)(?:cmnd|cmtnd|cmt\b|chứng minh(?: nhân dân| thư)?)[^\d\n]{0,40}?"
    r"(?P<it>\d(?:[ .]?\d){11}|\d(?:[ .]?\d){8})(?![ .]?\d)"
)
_PASSPORT = re.compile(
    r"(?i:hộ chiếu|passport)[^\d\n]{0,30}?\b(?P<it>[A-Z]\d{7,8})(?!\w)"
)
_BANK = re.compile(
    r"(?i)(?:\bstk\b|số tài khoản|tài khoản(?: ngân hàng)? số|\bsố tk\b|\btk số"
    r"|tài khoản(?: ngân hàng)?\s*:)"
    r"[^\d\n]{0,40}?(?P<it>\d(?:[ .-]?\d){5,18})" + _TAIL
)

_PLATE_PROVINCES = "1[124-9]|2\\d|3\\d|4[1379]|[56]\\d|7\\d|8[1-689]|9[02-57-9]"  # not 13, 42, …
_PLATE = re.compile(
    rf"(?<![\w.,/-])(?:{_PLATE_PROVINCES})[ -]?"
    r"(?:[A-HK-NPSTUVXYZ][1-9]|[A-HK-NPSTUVXYZ]|[A-HK-NPSTUVXYZ]{2}|LD|KT|NN|NG|TĐ|MĐ)"
    r"(?:[ -]\d{3}[.]?\d{2}|[ -]\d{4}|\d{3}\.\d{2})(?![\w/]|[.,]\d)"
)

_PLATE_HINT = re.compile(r"\d[ -]?[A-ZĐ]{1,2}\d?[ -]?\d{3}")

# An address is a list of parts, each a number or a proper name, most of them with the
# word for what it is; it counts only after words that say somebody lives there.
_UNIT = (
    r"(?:[Pp]hường|[Xx]ã|[Tt]hị trấn|[Qq]uận|[Hh]uyện|[Tt]hị xã|[Tt]hành phố|[Tt]ỉnh"
    r"|TP\.?|TX\.?|[PQHX]\.|[Đđ]ường|[Pp]hố|[Nn]gõ|[Nn]gách|[Hh]ẻm|[Kk]iệt|[Tt]hôn"
    r"|[Xx]óm|[Ấấ]p|[Bb]ản|[Kk]hu phố|[Tt]ổ(?: dân phố)?|[Ss]ố(?: nhà)?|[Nn]hà số"
    r"|[Ll]ô|[Cc]ăn hộ|[Pp]hòng|[Tt]òa nhà|[Cc]hung cư|[Kk]hu đô thị)"
)
_CAPITAL = "[{}]".format(
    "".join(
        chr(code)
        for code in (
            *range(0x41, 0x5B),
            *range(0xC0, 0x1B1),
            *range(0x1EA0, 0x1EFA),
        )
        if chr(code).isupper()
    )
)
_NUMBER = r"\d{1,5}[A-Za-z]?(?:[/-]\d{1,4}[A-Za-z]?){0,4}"
_PROPER = rf"{_CAPITAL}\w*(?: (?:{_CAPITAL}\w*|\d{{1,3}}\b)){{0,5}}"
_PART = (
    rf"(?:{_UNIT} ?(?:{_NUMBER}\b|{_PROPER})|{_NUMBER} {_PROPER}|{_PROPER})"
)
_WHERE = re.compile(
    r"(?i:địa chỉ|thường trú|tạm trú|trú (?:tại|ở)|ngụ|cư trú|chỗ ở|nơi ở|hộ khẩu"
    r"|hktt|nhà riêng|sống (?:tại|ở)|quê quán|giao (?:hàng )?(?:đến|tới|về)|ship)"
    r"(?i:[ :]|tại|ở|là|về|hiện nay|của \w+){1,6}"
    rf"(?P<it>(?:{_NUMBER},? )?{_PART}(?:(?:,|-| -)? ?{_PART}){{0,8}})(?![/\d])"
)
_HAS_UNIT = re.compile(rf"(?<!\w){_UNIT} ?(?:{_CAPITAL}|\d)")
_DOOR = re.compile(r"(?i)^\d|(?:số(?: nhà)?|ngõ|ngách|hẻm|kiệt|lô|căn hộ) \d")


def normal_digits(text: str) -> str:
    """Only the digits: what two spellings of one number have in common."""
    return re.sub(r"\D", "", text)


def _emails(text: str) -> Iterator[Span]:
    if "@" in text or "at" in text or "còng" in text:
        for match in _EMAIL.finditer(text):
            yield match.span()


# Most texts hold no long number at all, and one cheap search shows it.
_LONG_NUMBER = re.compile(r"\d(?:[ .()\u00a0-]{0,2}\d){7}")


def _named(
    pattern: re.Pattern[str], gate: str = r"\d{6}|\d(?:[ .-]?\d){5}"
) -> Callable[[str], Iterator[Span]]:
    needed = re.compile(gate)

    def detect(text: str) -> Iterator[Span]:
        if needed.search(text):
            for match in pattern.finditer(text):
                yield match.span("it")

    return detect


def _phones(text: str) -> Iterator[Span]:
    if not _LONG_NUMBER.search(text):
        return
    for pattern in (_MOBILE, _OLD_MOBILE, _LANDLINE, _SERVICE):
        for match in pattern.finditer(text):
            yield match.span()
    for match in _CALL.finditer(text):
        yield match.span("it")


def _citizens(text: str) -> Iterator[Span]:
    if not _LONG_NUMBER.search(text):
        return
    for match in _CCCD.finditer(text):
        yield match.span("it")
    for match in _TWELVE.finditer(text):
        if is_citizen_number(match["it"]):
            yield match.span("it")


def is_citizen_number(text: str) -> bool:
    """Does this have the structure of a citizen number (căn cước công dân)?

    PPP province, G gender and century (0–1: 1900s, 2–3: 2000s, …), YY year of birth,
    six further digits. About 1 in 40 random 12-digit numbers passes.
    """
    digits = normal_digits(text)
    if len(digits) != 12 or digits[:3] not in PROVINCES:
        return False
    year = 1900 + 100 * (int(digits[3]) // 2) + int(digits[4:6])
    return year <= LAST_BIRTH_YEAR


def _plates(text: str) -> Iterator[Span]:
    if _PLATE_HINT.search(text):
        for match in _PLATE.finditer(text):
            yield match.span()


def _addresses(text: str) -> Iterator[Span]:
    for match in _WHERE.finditer(text):
        # "sống ở Hà Nội" is no address: ask for a door, or for two levels of place.
        place = match["it"]
        if _DOOR.search(place) or ("," in place and _HAS_UNIT.search(place)):
            yield match.span("it")


DETECTORS: dict[str, Callable[[str], Iterator[Span]]] = {
    "email": _emails,
    "bank_account": _named(_BANK),
    "cmnd": _named(_CMND),
    "cccd": _citizens,
    "passport": _named(_PASSPORT),
    "phone": _phones,
    "plate": _plates,
    "address": _addresses,
}
