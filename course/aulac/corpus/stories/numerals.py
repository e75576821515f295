"""Vietnamese numbers in words, dates and weekdays."""

from __future__ import annotations

from functools import cache

DIGITS = (
    "không",
    "một",
    "hai",
    "ba",
    "bốn",
    "năm",
    "sáu",
    "bảy",
    "tám",
    "chín",
)
_GROUPS = ("", "nghìn", "triệu", "tỉ")
WEEKDAYS = (
    "thứ hai",
    "thứ ba",
    "thứ tư",
    "thứ năm",
    "thứ sáu",
    "thứ bảy",
    "chủ nhật",
)


def _below_hundred(n: int) -> str:
    tens, ones = divmod(n, 10)
    if tens == 0:
        return DIGITS[ones]
    if tens == 1:
        return "mười" + (
            "" if not ones else " lăm" if ones == 5 else " " + DIGITS[ones]
        )
    # After mươi: một becomes mốt, bốn becomes tư, năm becomes lăm.
    last = {0: "", 1: " mốt", 4: " tư", 5: " lăm"}.get(ones)
    return (
        DIGITS[tens] + " mươi" + (" " + DIGITS[ones] if last is None else last)
    )


def _below_thousand(n: int, full: bool) -> str:
    hundreds, rest = divmod(n, 100)
    if not hundreds and not full:
        return _below_hundred(rest)
    head = DIGITS[hundreds] + " trăm"
    if not rest:
        return head
    return f"{head} {'linh ' if rest < 10 else ''}{_below_hundred(rest)}"


@cache
def words(n: int) -> str:
    """`n` in words, Northern standard: 21 hai mươi mốt, 105 một trăm linh năm.

    Raises ValueError outside 0 … 999,999,999,999.
    """
    if not 0 <= n < 10**12:
        raise ValueError(
            f"cannot say {n}: give a whole number from 0 to 10^12 - 1"
        )
    if n < 1000:
        return _below_thousand(n, full=False)
    said = []
    power = 3
    started = False
    for power in range(3, -1, -1):
        part = n // 1000**power % 1000
        if not part:
            continue
        said.append(_below_thousand(part, full=started))
        if _GROUPS[power]:
            said.append(_GROUPS[power])
        started = True
    return " ".join(said)


def date_words(day: int, month: int) -> str:
    """A date as it is said: ngày mùng ba tháng tư, ngày mười lăm tháng giêng is lunar."""
    head = "mùng " if day <= 10 else ""
    return (
        f"ngày {head}{words(day)} tháng {'tư' if month == 4 else words(month)}"
    )
