"""What becomes of cells that were copied, moved, split, retyped, lost or changed."""

from __future__ import annotations

import copy
import unicodedata

import nbformat
import pytest
from tests.grader.rebuild_sample import (
    ANSWERS,
    ASSIGNMENT,
    answered,
    answers_in,
    code,
    codes,
    copied,
    extras_in,
    find,
    handed_in,
    place,
    rebuilt,
    released,
    text,
)

from aulac_grader.grade.intake import Note
from aulac_grader.grade.rebuild import rebuild


def kinds(result):
    return [(cell.id, cell.kind) for cell in result.code.cells]


def test_a_finished_notebook_needs_no_repair():
    result = rebuilt(answered())
    assert answers_in(result) == ANSWERS
    assert result.repairs == () and result.untouched == ()
    assert kinds(result) == [
        ("given", "given"),
        ("p1-upper", "answer"),
        ("p1-small", "test"),
        ("ps98-try", "extra"),
        ("p2-pair", "answer"),
        ("p2-ways", "test"),
        ("p2-first", "test"),
        ("p4-plot", "answer"),
    ]


def test_no_test_and_no_solution_reaches_the_sheet():
    for book in (answered(), released(), {"cells": []}):
        submitted = str(rebuilt(book).code)
        assert "BÍ MẬT" not in submitted and "assert" not in submitted
        assert "word.upper() for word" not in submitted


def test_an_untouched_notebook_says_so():
    result = rebuilt(released())
    assert result.untouched == ("p1-upper", "p2-pair", "p3-why", "p4-plot")
    assert codes(result) == []


def test_the_notebook_holds_the_papers_cells_and_the_answers():
    book = answered()
    find(book, "p1-small")["metadata"]["nbgrader"]["points"] = 99
    find(book, "p1-small")["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": "10/10"}
    ]
    notebook = rebuilt(book).notebook
    nbformat.validate(notebook)
    cells = {cell.id: cell for cell in notebook.cells}
    assert cells["p1-small"].source == ASSIGNMENT.by_id["p1-small"].source
    assert cells["p1-small"].metadata.nbgrader.points == 2
    assert cells["p1-small"].outputs == []
    assert cells["p3-why"].source == ANSWERS["p3-why"]
    assert notebook.metadata.kernelspec.name == "python3"


# -- copies -------------------------------------------------------------------------


def test_of_two_copies_the_edited_one_counts():
    for edited_first in (True, False):
        book = answered()
        at = place(book, "p1-upper")
        stub = copied(find(released(), "p1-upper"))
        book["cells"].insert(at + edited_first, stub)
        result = rebuilt(book)
        assert answers_in(result) == ANSWERS
        assert extras_in(result) == [], "the stub must not undo the answer"
        assert codes(result) == ["copied"]
        kept = 1 if edited_first else 2
        assert result.repairs[0].params["kept"] == kept
        assert result.repairs[0].text("vi") == (
            f"Ô p1-upper bị chép thành 2; bản thứ {kept} được chấm."
        )


def test_of_two_edited_copies_the_last_counts():
    book = answered()
    at = place(book, "p1-upper")
    old = copied(
        find(book, "p1-upper"), source="def upper(words):\n    return 1"
    )
    book["cells"].insert(at, old)
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert extras_in(result) == []


def test_a_copy_used_to_try_the_answer_is_no_answer():
    book = answered()
    at = place(book, "p1-upper")
    test_run = copied(find(book, "p1-upper"), source="print(upper(['a']))")
    book["cells"].insert(at + 1, test_run)
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert kinds(result)[2] == ("extra-1", "extra")


def test_a_copy_that_holds_a_helper_runs_before_the_answer():
    book = answered()
    at = place(book, "p1-upper")
    helper = copied(find(book, "p1-upper"), source="def up(w):\n    return w")
    book["cells"].insert(at, helper)
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert kinds(result)[1:3] == [("extra-1", "extra"), ("p1-upper", "answer")]


def test_an_answer_split_into_two_cells_is_put_together():
    book = answered()
    cell = find(book, "p2-pair")
    first, second = cell["source"].split("\n\n\n")
    cell["source"] = first
    book["cells"].insert(
        place(book, "p2-pair") + 1, copied(cell, source=second)
    )
    result = rebuilt(book)
    assert answers_in(result)["p2-pair"] == f"{first}\n\n{second}"
    assert codes(result) == ["joined"]


def test_a_function_split_in_its_middle_is_put_together():
    book = answered()
    cell = find(book, "p1-upper")
    lines = cell["source"].split("\n")
    cell["source"] = "\n".join(lines[:3])
    book["cells"].insert(
        place(book, "p1-upper") + 1, code("\n".join(lines[3:]))
    )
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["joined"] and extras_in(result) == []


def test_an_essay_in_two_copies_is_read_whole():
    book = answered()
    cell = find(book, "p3-why")
    book["cells"].insert(
        place(book, "p3-why") + 1, copied(cell, source="Thêm một ý nữa.")
    )
    result = rebuilt(book)
    assert result.manual["p3-why"] == f"{ANSWERS['p3-why']}\n\nThêm một ý nữa."


def test_a_copied_test_runs_nowhere():
    book = answered()
    at = place(book, "p1-small")
    book["cells"].insert(at, copied(find(book, "p1-small")))
    result = rebuilt(book)
    assert [cell.id for cell in result.code.cells].count("p1-small") == 1
    assert extras_in(result) == [] and answers_in(result) == ANSWERS


# -- lost and moved -----------------------------------------------------------------


def test_all_ids_lost_as_on_colab():
    book = answered()
    for cell in book["cells"]:
        cell["metadata"] = {"id": "x7Yw"}
        del cell["id"]
    book["nbformat_minor"] = 0
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert extras_in(result) == []
    assert set(codes(result)) == {"found", "ids_lost"}


def test_ids_lost_and_the_function_renamed_leaves_the_place():
    book = answered({"p1-upper": "def UPPER(words):\n    return words"})
    for cell in book["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    result = rebuilt(book)
    assert answers_in(result)["p1-upper"].startswith("def UPPER")


@pytest.mark.parametrize("cell_id", sorted(ANSWERS))
def test_one_renamed_id(cell_id):
    book = answered()
    cell = find(book, cell_id)
    cell["metadata"]["nbgrader"]["grade_id"] = "cell-f00"
    cell["id"] = "f00"
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["found"] and extras_in(result) == []


def test_the_notebooks_own_cell_id_serves_where_metadata_are_gone():
    book = answered()
    for cell in book["cells"]:
        cell["metadata"] = {}
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS and codes(result) == []


def test_deleted_cells():
    book = answered()
    for cell_id in ("p1-upper", "p1-small", "given", "ps98-title", "p3-why"):
        book["cells"].remove(find(book, cell_id))
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS | {"p1-upper": "", "p3-why": ""}
    assert kinds(result)[:3] == [
        ("given", "given"),
        ("p1-upper", "answer"),
        ("p1-small", "test"),
    ]
    said = {repair.code: repair.params for repair in result.repairs}
    assert said == {
        "missing": {"cells": "p1-upper, p3-why"},
        "put_back": {"cells": "given, p1-small"},
    }


def test_cells_in_another_order():
    book = answered()
    book["cells"].reverse()
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["reordered"]
    assert [cell.id for cell in result.code.cells] == [
        cell.id for cell in rebuilt(answered()).code.cells
    ]


def test_merged_cells():
    book = answered()
    first, second = find(book, "p1-upper"), find(book, "p2-pair")
    first["source"] += "\n\n" + second["source"]
    book["cells"].remove(second)
    result = rebuilt(book)
    assert ANSWERS["p2-pair"] in answers_in(result)["p1-upper"]
    assert answers_in(result)["p2-pair"] == ""
    assert codes(result) == ["merged"]


def test_a_test_merged_into_the_answer_is_taken_out_again():
    book = answered()
    cell, test = find(book, "p1-upper"), find(book, "p1-small")
    cell["source"] += "\n" + test["source"]
    book["cells"].remove(test)
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["test_cut", "put_back"]


# -- answers in other cells ---------------------------------------------------------


def test_an_answer_written_into_the_test_cell():
    book = released()
    test = find(book, "p1-small")
    test["source"] = ANSWERS["p1-upper"] + "\n\n" + test["source"]
    result = rebuilt(book)
    assert answers_in(result)["p1-upper"] == ANSWERS["p1-upper"]
    assert "found" in codes(result)
    assert "p1-upper" not in result.untouched


def test_an_answer_in_a_new_cell_below_runs_where_it_stands():
    book = released()
    book["cells"].insert(
        place(book, "p1-upper") + 1, code(ANSWERS["p1-upper"])
    )
    result = rebuilt(book)
    assert extras_in(result) == [ANSWERS["p1-upper"]]
    assert kinds(result)[2:4] == [("extra-1", "extra"), ("p1-small", "test")]


@pytest.mark.parametrize("where", ["given", "p2-first", "end"])
def test_an_answer_too_early_or_too_late_is_moved(where):
    book = released()
    book["cells"].insert(place(book, where) + 1, code(ANSWERS["p1-upper"]))
    result = rebuilt(book)
    assert answers_in(result)["p1-upper"] == ANSWERS["p1-upper"]
    assert extras_in(result) == [] and codes(result) == ["found"]


def test_an_essay_below_its_untouched_cell():
    book = released()
    at = place(book, "p3-why") + 1
    book["cells"][at:at] = [text("Một đoạn."), text("Hai đoạn.")]
    result = rebuilt(book)
    assert result.manual["p3-why"] == "Một đoạn.\n\nHai đoạn."
    assert "p3-why" not in result.untouched


def test_what_follows_a_task_is_its_answer():
    book = answered()
    at = place(book, "p5-task") + 1
    book["cells"][at:at] = [text("Hình vẽ:"), code("print('hình')")]
    result = rebuilt(book)
    assert result.manual["p5-task"] == "Hình vẽ:\n\nprint('hình')"
    assert extras_in(result) == ["print('hình')"]


# -- changed ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_code_in_another_type_of_cell(kind):
    book = answered()
    cell = find(book, "p1-upper")
    cell["cell_type"] = kind
    cell["source"] = f"```python\n{cell['source']}\n```"
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["retyped_code"]
    cells = {c.id: c.cell_type for c in result.notebook.cells}
    assert cells["p1-upper"] == "code"


def test_an_essay_in_a_code_cell():
    book = answered()
    find(book, "p3-why")["cell_type"] = "code"
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert codes(result) == ["retyped_text"]


def test_changed_tests_and_metadata_are_as_released_again():
    book = answered()
    find(book, "p1-small")["source"] += "\nassert True"
    mark = find(book, "p2-pair")["metadata"]["nbgrader"]
    mark |= {"solution": False, "locked": True, "schema_version": 99}
    find(book, "p3-why")["metadata"]["nbgrader"] |= {"solution": False}
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS
    assert [r.to_dict() for r in result.repairs] == [
        {"code": "restored", "params": {"cell": "p1-small"}}
    ]
    cells = {cell.id: cell for cell in result.notebook.cells}
    assert cells["p2-pair"].metadata.nbgrader.solution is True
    assert cells["p2-pair"].metadata.nbgrader.schema_version == 3


def test_an_import_added_to_a_given_cell_still_runs():
    book = answered()
    given = find(book, "given")
    given["source"] = "import re\n" + given["source"]
    result = rebuilt(book)
    assert result.code.cells[0].source == "import math\n\nZERO = 0"
    assert extras_in(result) == ["import re"]
    assert codes(result) == ["restored"]


def test_notes_added_to_the_instructions_are_kept_below_them():
    book = answered()
    find(book, "ps98-p2")["source"] += "\n\nGhi chú của em."
    cells = rebuilt(book).notebook.cells
    at = [cell.id for cell in cells].index("ps98-p2")
    assert cells[at].source == ASSIGNMENT.by_id["ps98-p2"].source
    assert cells[at + 1].source.strip() == "Ghi chú của em."


def test_extra_cells_stay_where_they_stood():
    book = answered()
    at = place(book, "p1-upper")
    book["cells"].insert(at, code("from functools import lru_cache"))
    book["cells"].insert(0, code("exit()"))
    book["cells"].append(text("Hết rồi."))
    result = rebuilt(book)
    assert kinds(result)[:4] == [
        ("extra-1", "extra"),
        ("given", "given"),
        ("extra-2", "extra"),
        ("p1-upper", "answer"),
    ]
    assert result.notebook.cells[-1].source == "Hết rồi."
    assert codes(result) == []


def test_a_copy_of_a_test_without_its_id_does_not_run():
    book = answered()
    book["cells"].append(code(find(book, "p2-ways")["source"] + "\n"))
    assert extras_in(rebuilt(book)) == []


def test_scratch_cells_are_the_students_to_change():
    book = answered()
    find(book, "ps98-try")["source"] = "tried = upper(['x'])"
    result = rebuilt(book)
    assert "tried = upper(['x'])" in [c.source for c in result.code.cells]


# -- characters ---------------------------------------------------------------------


def test_windows_line_ends():
    book = answered({k: v.replace("\n", "\r\n") for k, v in ANSWERS.items()})
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS and result.repairs == ()


@pytest.mark.parametrize("odd", ["\u00a0", "\u200b", "\u3000"])
def test_code_copied_from_a_page(odd):
    source = ANSWERS["p1-upper"].replace("= []", f"={odd}[]")
    result = rebuilt(answered(ANSWERS | {"p1-upper": source}))
    assert "result =" in answers_in(result)["p1-upper"]
    assert odd not in answers_in(result)["p1-upper"]
    assert codes(result) == ["cleaned"]


def test_the_same_characters_in_a_string_are_the_students():
    source = ANSWERS["p1-upper"] + "\nSPACES = '\u00a0\u200b\u2028'\n\tif_tab"
    source = source.replace("\n\tif_tab", "")
    result = rebuilt(answered(ANSWERS | {"p1-upper": source}))
    assert answers_in(result)["p1-upper"] == source and codes(result) == []


def test_nul_and_a_mark_at_the_beginning():
    source = "\ufeff" + ANSWERS["p1-upper"] + "\0"
    result = rebuilt(answered(ANSWERS | {"p1-upper": source}))
    assert answers_in(result)["p1-upper"] == ANSWERS["p1-upper"]


def test_decomposed_letters_are_kept_and_told():
    essay = unicodedata.normalize("NFD", ANSWERS["p3-why"])
    result = rebuilt(answered(ANSWERS | {"p3-why": essay}))
    assert result.manual["p3-why"] == essay and codes(result) == ["nfd"]


def test_a_notebook_that_a_program_decomposed_is_composed_again():
    book = answered()
    for cell in book["cells"]:
        cell["source"] = unicodedata.normalize("NFD", cell["source"])
    result = rebuilt(book)
    assert answers_in(result) == ANSWERS and codes(result) == ["composed"]


def test_letters_that_a_student_decomposed_in_all_answers_are_kept():
    answers = {
        name: unicodedata.normalize("NFD", source)
        for name, source in ANSWERS.items()
    }
    result = rebuilt(answered(answers))
    assert answers_in(result) == answers and "composed" not in codes(result)


def test_pictures_pasted_into_an_essay_stay_and_scripts_do_not():
    book = answered()
    find(book, "p3-why")["attachments"] = {
        "anh.png": {"image/png": "iVBORw0KGgo="},
        "anh.svg": {"image/svg+xml": "<svg onload='x()'/>"},
        "bad": {"image/png": "<script>"},
        "worse": 7,
    }
    notebook = rebuilt(book).notebook
    nbformat.validate(notebook)
    cell = next(c for c in notebook.cells if c.id == "p3-why")
    assert cell.attachments == {"anh.png": {"image/png": "iVBORw0KGgo="}}


def test_a_student_hears_of_what_the_intake_noted_and_files_come_along():
    note = Note("link", {"file": "x.csv"})
    files = (("my_helpers.py", b"x = 1"),)
    result = rebuild(ASSIGNMENT, handed_in(answered(), files, (note,)))
    assert [r.to_dict() for r in result.repairs] == [note.to_dict()]
    assert result.code.files == files
    assert result.sha256 != rebuilt(answered()).sha256


def test_a_notebook_of_another_assignment():
    book = copy.deepcopy(released())
    book["metadata"]["aulac"]["assignment"] = "ps77_other"
    book["cells"] = [code("x = 1")]
    result = rebuilt(book)
    assert codes(result)[:2] == ["other_assignment", "nothing_found"]
    assert extras_in(result) == ["x = 1"]


def test_every_repair_speaks_both_languages():
    from aulac_grader.grade.intake.notes import TEXTS

    for code_, (level, vi, en) in TEXTS.items():
        assert level in {"info", "mended", "problem"}, code_
        assert unicodedata.is_normalized("NFC", vi) and vi != en
        assert not vi.isascii() and en.replace("�", "").isascii()
