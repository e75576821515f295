"""How a test or a cell ended, in words, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Status of a test → (Vietnamese, English).
TESTS: dict[str, tuple[str, str]] = {
    "pass": ("Đạt", "Passed"),
    "partial": ("Đạt một phần", "Passed in part"),
    "fail": ("Chưa đạt", "Not passed"),
    "error": ("Mã dừng vì lỗi", "Stopped by an error"),
    "refused": (
        "Hàm trả về thứ không phải dữ liệu thường",
        "What came back was not plain data",
    ),
    "time": ("Quá thời gian cho phép", "Ran out of time"),
    "memory": ("Dùng quá nhiều bộ nhớ", "Used too much memory"),
    "output": ("In ra quá nhiều", "Printed too much"),
    "ended": (
        "Chương trình kết thúc giữa chừng",
        "The program ended half-way",
    ),
}
# Status of a cell that was run → (Vietnamese, English); "ok" needs no word.
CELLS: dict[str, tuple[str, str]] = {
    "raised": ("Ô này dừng vì lỗi", "This cell stopped with an error"),
    "time": ("Ô này chạy quá lâu", "This cell ran for too long"),
    "died": (
        "Chương trình kết thúc trong ô này",
        "The program ended in this cell",
    ),
    "memory": (
        "Ô này dùng quá nhiều bộ nhớ",
        "This cell used too much memory",
    ),
    "output": ("Ô này in ra quá nhiều", "This cell printed too much"),
}
HIDDEN_ONLY = (
    "Các phép thử thấy được đều đạt; phép thử ẩn chưa đạt.",
    "The tests you can see pass; a hidden test does not.",
)


def pick(words: tuple[str, str], lang: str) -> str:
    """One of a pair of (Vietnamese, English)."""
    return words[1 if lang == "en" else 0]


def full_marks(test: Mapping[str, Any]) -> bool:
    return bool(test["points"] >= test["max_points"])


def message_for_student(test: Mapping[str, Any]) -> str:
    """The part of a test's message that its student may read."""
    return str(test["message"]) if test["visible_failed"] else ""


def number(points: float) -> str:
    """3, 1.5, 0.33: no more digits than needed, two at most."""
    return f"{round(points, 2):g}"
