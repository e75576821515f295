"""What a student is told when a limit ended a cell or a test: one table, two languages.

The statuses of `CellResult` and `TestResult` are the codes, and `unrun`, whose status
is `time`. A feedback page picks its language with `cell_notice` and `test_notice`; marks
carry both, divided by a slash.
"""

from __future__ import annotations

from typing import Literal

Lang = Literal["vi", "en"]

_CELL: dict[str, dict[Lang, str]] = {
    "time": {
        "vi": "Ô này dùng quá thời gian cho phép nên bị dừng; "
        "các ô khác được chạy lại mà không có nó.",
        "en": "This cell used more time than allowed and was stopped; "
        "the other cells were run without it.",
    },
    "memory": {
        "vi": "Ô này dùng quá bộ nhớ cho phép nên bị dừng; "
        "các ô khác được chạy lại mà không có nó.",
        "en": "This cell used more memory than allowed and was stopped; "
        "the other cells were run without it.",
    },
    "output": {
        "vi": "Ô này in ra quá nhiều; phần vượt mức bị cắt bỏ.",
        "en": "This cell printed too much; what was over the cap is left out.",
    },
    "died": {
        "vi": "Ô này làm cả tiến trình Python kết thúc; "
        "các ô khác được chạy lại mà không có nó.",
        "en": "This cell ended the whole Python process; "
        "the other cells were run without it.",
    },
    "unrun": {
        "vi": "Ô này chưa được chạy: các ô trước đã dùng hết phần thời gian "
        "và số lần chạy lại của cả bài.",
        "en": "This cell was not run: cells before it had used up the time "
        "and the number of new starts that one submission has.",
    },
}

_TEST: dict[str, dict[Lang, str]] = {
    "time": {
        "vi": "Bài làm chạy quá thời gian cho phép của phép thử này.",
        "en": "The answer ran past the time this test allows.",
    },
    "memory": {
        "vi": "Bài làm dùng quá bộ nhớ cho phép trong phép thử này.",
        "en": "The answer used more memory than allowed in this test.",
    },
    "output": {
        "vi": "Bài làm trả về hoặc in ra quá nhiều trong phép thử này.",
        "en": "The answer returned or printed too much in this test.",
    },
    "ended": {
        "vi": "Bài làm làm tiến trình Python kết thúc giữa phép thử này.",
        "en": "The answer ended the Python process in the middle of this test.",
    },
    "refused": {
        "vi": "Bài làm trả về một thứ mà phép thử không nhận: chỉ nhận số, chuỗi, "
        "danh sách, từ điển, mảng và tensor thông thường.",
        "en": "The answer returned something that the test does not take: only "
        "ordinary numbers, strings, lists, dicts, arrays and tensors.",
    },
    "unrun": {
        "vi": "Phép thử này không chạy được: các ô trước đã dùng hết phần thời "
        "gian và số lần chạy lại của cả bài.",
        "en": "This test could not be run: cells before it had used up the time "
        "and the number of new starts that one submission has.",
    },
}


def cell_notice(status: str, lang: Lang) -> str:
    """The sentence for a cell's status; empty where the status says enough."""
    return _CELL.get(status, {}).get(lang, "")


def test_notice(status: str, lang: Lang) -> str:
    """The sentence for a test's status; empty where the status says enough."""
    return _TEST.get(status, {}).get(lang, "")


def cell_error(status: str) -> str:
    """Both languages, as a `CellResult` carries them."""
    return _both(_CELL, status)


def test_message(status: str) -> str:
    """Both languages, as a `TestResult` carries them."""
    return _both(_TEST, status)


def _both(table: dict[str, dict[Lang, str]], status: str) -> str:
    texts = table.get(status)
    return f"{texts['vi']} / {texts['en']}" if texts else ""
