"""What a student is told about what came in and what was mended, in both languages.

One table, `TEXTS`, for the intake's notes and the rebuilding's repairs. A note is a
code and plain parameters, so that it can stand in a verdict; its text is made when
somebody reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# code → (level, Vietnamese, English). Levels: "info" nothing lost, nothing to do;
# "mended" put right for the student; "problem" something of theirs was not used.
TEXTS: dict[str, tuple[str, str, str]] = {
    # -- what came in ------------------------------------------------------------
    "no_notebook": (
        "problem",
        "Bài nộp không có notebook (.ipynb) nào chấm được.",
        "There is no notebook (.ipynb) that can be marked in what you handed in.",
    ),
    "several": (
        "info",
        "Bài nộp có nhiều notebook; {name} được chấm.",
        "You handed in several notebooks; {name} is marked.",
    ),
    "renamed": (
        "info",
        "Notebook tên là {name}; vẫn được chấm như thường.",
        "The notebook is called {name}; it is marked all the same.",
    ),
    "same_name": (
        "info",
        "Có hai tệp cùng tên {file}; tệp sau được lấy.",
        "Two files are called {file}; the last one is taken.",
    ),
    "link": (
        "problem",
        "{file} là liên kết, không phải tệp, nên bị bỏ qua: hãy nộp chính tệp đó.",
        "{file} is a link, not a file, and was left out: hand in the file itself.",
    ),
    "empty": (
        "problem",
        "Thư mục {file} trống: có thể bạn đã nộp trước khi lưu.",
        "The folder {file} is empty: you may have handed in before saving.",
    ),
    "hard_link": (
        "problem",
        "{file} dùng chung nội dung với một tệp ngoài bài nộp (liên kết cứng) nên bị "
        "bỏ qua: hãy nộp một bản sao.",
        "{file} shares its contents with a file outside your submission (a hard "
        "link) and was left out: hand in a copy.",
    ),
    "not_a_file": (
        "problem",
        "{file} không phải tệp thường (thiết bị, ống dẫn hay ổ cắm) nên bị bỏ qua.",
        "{file} is no regular file (a device, pipe or socket) and was left out.",
    ),
    "changed": (
        "problem",
        "{file} thay đổi trong lúc đang đọc nên bị bỏ qua: hãy nộp lại.",
        "{file} changed while it was being read and was left out: hand it in again.",
    ),
    "unreadable": (
        "problem",
        "Không mở được {file}.",
        "{file} could not be opened.",
    ),
    "too_large": (
        "problem",
        "{file} quá lớn (tối đa {limit} MB) nên bị bỏ qua. Nếu là notebook, hãy xóa "
        "bớt kết quả in ra rồi nộp lại.",
        "{file} is too large (at most {limit} MB) and was left out. If it is a "
        "notebook, clear its outputs and hand it in again.",
    ),
    "too_many": (
        "problem",
        "Bài nộp có quá nhiều tệp; từ {file} trở đi không được xem.",
        "You handed in too many files; from {file} on they were not looked at.",
    ),
    "too_many_files": (
        "problem",
        "{file} bị bỏ qua vì bài nộp đã có {limit} tệp.",
        "{file} was left out: {limit} files were kept already.",
    ),
    "no_room": (
        "problem",
        "{file} bị bỏ qua vì cả bài nộp chỉ được {limit} MB.",
        "{file} was left out: all files together may have {limit} MB.",
    ),
    "more_files": (
        "info",
        "Còn {count} ghi chú nữa về các tệp khác.",
        "There are {count} more notes about other files.",
    ),
    "too_deep": (
        "problem",
        "{file} nằm quá sâu (tối đa {limit} cấp thư mục) nên bị bỏ qua.",
        "{file} lies too deep (at most {limit} folders) and was left out.",
    ),
    "bad_path": (
        "problem",
        "Đường dẫn {file} trỏ ra ngoài bài nộp nên bị bỏ qua.",
        "The path {file} leads out of your submission and was left out.",
    ),
    "bad_name": (
        "problem",
        "Tên {file} có ký tự không nhìn thấy được nên tệp bị bỏ qua: hãy đổi tên.",
        "The name {file} holds invisible characters, so the file was left out: "
        "rename it.",
    ),
    "long_name": (
        "problem",
        "Tên {file} quá dài (tối đa {limit} byte) nên tệp bị bỏ qua: hãy đổi tên.",
        "The name {file} is too long (at most {limit} bytes), so the file was left "
        "out: rename it.",
    ),
    "case": (
        "problem",
        "{file} trùng tên với một tệp khác, chỉ khác chữ hoa chữ thường, nên bị bỏ "
        "qua.",
        "{file} differs from another file's name only in capitals and was left out.",
    ),
    "encrypted": (
        "problem",
        "{file} được đặt mật khẩu nên không đọc được: hãy nộp bản không có mật khẩu.",
        "{file} is encrypted and cannot be read: hand it in without a password.",
    ),
    "method": (
        "problem",
        "{file} được nén theo cách mà ở đây không mở: hãy nộp chính tệp đó.",
        "{file} is packed in a way that is not opened here: hand in the file itself.",
    ),
    "damaged": (
        "problem",
        "{file} bị hỏng trong tệp zip nên bị bỏ qua: hãy nộp lại.",
        "{file} is damaged in the zip and was left out: hand it in again.",
    ),
    "bomb": (
        "problem",
        "{file} nở ra quá lớn khi giải nén nên bị bỏ qua.",
        "{file} would unpack to far too much and was left out.",
    ),
    "archive": (
        "problem",
        "{file} là tệp nén; ở đây không mở tệp nén trong bài nộp: hãy nộp thẳng "
        "các tệp bên trong.",
        "{file} is an archive; archives inside a submission are not opened: hand in "
        "the files themselves.",
    ),
    # -- the notebook's bytes ----------------------------------------------------
    "empty_file": (
        "problem",
        "Notebook là một tệp rỗng.",
        "The notebook is an empty file.",
    ),
    "too_large_notebook": (
        "problem",
        "Notebook quá lớn (tối đa {limit} MB): hãy xóa bớt kết quả in ra rồi nộp "
        "lại.",
        "The notebook is too large (at most {limit} MB): clear its outputs and hand "
        "it in again.",
    ),
    "too_complex": (
        "problem",
        "Notebook chứa quá nhiều dữ liệu lồng nhau nên không đọc được: hãy xóa kết "
        "quả rồi nộp lại.",
        "The notebook holds too many nested values to be read: clear its outputs and "
        "hand it in again.",
    ),
    "too_deep_notebook": (
        "problem",
        "Notebook lồng dữ liệu quá sâu nên không đọc được.",
        "The notebook nests its data too deeply to be read.",
    ),
    "encoding": (
        "mended",
        "Notebook được lưu theo bảng mã {encoding}; đã đổi sang UTF-8.",
        "The notebook was saved as {encoding}; it was read as UTF-8.",
    ),
    "broken_text": (
        "problem",
        "Notebook có byte không phải UTF-8; mỗi chỗ hỏng được thay bằng ký tự �.",
        "The notebook has bytes that are not UTF-8; each was replaced with �.",
    ),
    "broken_json": (
        "problem",
        "Notebook không phải JSON hợp lệ (có thể bị cắt cụt hay còn dấu trộn của "
        "git); cứu được {cells} ô.",
        "The notebook is not valid JSON (cut short, perhaps, or with git's merge "
        "marks in it); {cells} cells could be saved.",
    ),
    "trailing_text": (
        "info",
        "Sau phần cuối notebook còn chữ thừa; phần đó bị bỏ.",
        "There was text after the notebook's end; it was left out.",
    ),
    "old_format": (
        "mended",
        "Notebook ở định dạng cũ (phiên bản 3); đã được chuyển sang định dạng mới.",
        "The notebook is in the old format 3; it was converted.",
    ),
    "no_cells": (
        "problem",
        "Notebook không có ô nào.",
        "The notebook has no cells.",
    ),
    "not_cells": (
        "problem",
        "{count} chỗ trong notebook không đọc được như một ô.",
        "{count} things in the notebook could not be read as cells.",
    ),
    "too_many_cells": (
        "problem",
        "Notebook có quá nhiều ô; chỉ {limit} ô đầu được đọc.",
        "The notebook has too many cells; only the first {limit} were read.",
    ),
    # -- its cells ---------------------------------------------------------------
    "other_assignment": (
        "problem",
        "Notebook này ghi là bài {name}: có thể bạn đã nộp nhầm bài.",
        "This notebook says that it is {name}: you may have handed in the wrong one.",
    ),
    "nothing_found": (
        "problem",
        "Không nhận ra ô nào của bài trong notebook này: có thể bạn đã nộp nhầm tệp.",
        "No cell of the assignment was recognised in this notebook: you may have "
        "handed in the wrong file.",
    ),
    "missing": (
        "problem",
        "Không tìm thấy ô trả lời {cells}; phần đó được coi như chưa làm.",
        "The answer cells {cells} were not found; they count as not done.",
    ),
    "found": (
        "mended",
        "Ô {cells} bị mất hoặc còn để trống; câu trả lời được tìm thấy ở ô khác và "
        "được chấm.",
        "The cells {cells} were gone or left empty; their answers were found in other "
        "cells and are marked.",
    ),
    "merged": (
        "mended",
        "Ô {cell} đã bị gộp vào ô {into}; câu trả lời ở đó vẫn được chấm.",
        "The cell {cell} was merged into {into}; the answer there is marked.",
    ),
    "joined": (
        "mended",
        "Câu trả lời của ô {cell} nằm trong {count} ô; chúng được ghép lại để chấm.",
        "The answer to {cell} stood in {count} cells; they were put together.",
    ),
    "copied": (
        "mended",
        "Ô {cell} bị chép thành {count}; bản thứ {kept} được chấm.",
        "The cell {cell} was there {count} times; copy number {kept} is marked.",
    ),
    "retyped_code": (
        "mended",
        "Ô {cell} đã bị đổi thành ô văn bản; nó được đổi lại thành ô mã.",
        "The cell {cell} had become a text cell; it is a code cell again.",
    ),
    "retyped_text": (
        "mended",
        "Ô {cell} đã bị đổi thành ô mã; nó được đổi lại thành ô văn bản.",
        "The cell {cell} had become a code cell; it is a text cell again.",
    ),
    "test_cut": (
        "mended",
        "Trong ô {cell} có chép lại ô kiểm tra {test}; phần chép đó được bỏ ra.",
        "The cell {cell} held a copy of the test {test}; the copy was taken out.",
    ),
    "restored": (
        "mended",
        "Ô {cell} khác với đề bài; máy chấm dùng ô của đề bài.",
        "The cell {cell} differs from the assignment; the assignment's own is used.",
    ),
    "overwritten": (
        "mended",
        "Ô {cell} đã bị thay bằng mã khác; ô của đề bài được trả lại, mã của bạn vẫn "
        "được chạy trong một ô riêng.",
        "The cell {cell} had been replaced by other code; it is as released again, "
        "and your code runs in a cell of its own.",
    ),
    "put_back": (
        "mended",
        "Các ô của đề bài bị thiếu đã được đặt lại: {cells}.",
        "Cells of the assignment that were missing were put back: {cells}.",
    ),
    "ids_lost": (
        "mended",
        "{count} ô mất mã số của chúng (thường do lưu ở Colab hay Kaggle); chúng "
        "được nhận lại theo nội dung.",
        "{count} cells had lost their ids (Colab and Kaggle do that); they were "
        "recognised by their contents.",
    ),
    "reordered": (
        "mended",
        "Các ô bị đổi chỗ; chúng được chạy theo thứ tự của đề bài.",
        "Cells had changed places; they run in the order of the assignment.",
    ),
    "extras_left": (
        "problem",
        "Bạn thêm rất nhiều ô; chỉ {limit} ô thêm đầu tiên được giữ.",
        "You added very many cells; only the first {limit} of them were kept.",
    ),
    "cleaned": (
        "mended",
        "Ô {cell} có ký tự mà Python không đọc được ({what}); chúng đã được bỏ hoặc "
        "thay.",
        "The cell {cell} had characters that Python cannot read ({what}); they were "
        "removed or replaced.",
    ),
    "composed": (
        "mended",
        "Chữ trong cả bài đã bị một chương trình đổi sang dạng tổ hợp (NFD); chúng "
        "được đưa về dạng dựng sẵn (NFC).",
        "A program had turned all letters of the notebook into decomposed form "
        "(NFD); they were composed again (NFC).",
    ),
    "nfd": (
        "info",
        "Ô {cell} có chữ ở dạng tổ hợp (NFD); chúng được giữ nguyên. So với chữ dựng "
        "sẵn (NFC) thì Python coi là khác nhau.",
        "The cell {cell} has letters in decomposed form (NFD), kept as they are; to "
        "Python they differ from composed ones (NFC).",
    ),
}


@dataclass(frozen=True)
class Note:
    """A code of `TEXTS` and what to fill into it (strings and numbers only)."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """ "info", "mended" or "problem"."""
        return TEXTS[self.code][0]

    def text(self, lang: str) -> str:
        """A sentence or two, in `lang` ("vi" or "en")."""
        return TEXTS[self.code][2 if lang == "en" else 1].format(**self.params)

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["code"], dict(data["params"]))


class Repair(Note):
    """A note on what `rebuild` put right in the notebook."""
