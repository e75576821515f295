"""Honest twins as other programs save them, and what lies beside them."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from .kit import (
    ASSIGNMENT,
    Book,
    Case,
    World,
    code_cell,
    find,
    grade_id,
    reference,
)

NAME = f"{ASSIGNMENT}.ipynb"

# -- notebooks as other programs and other people save them ----------------------------


def without_ids(book: Book) -> None:
    book["nbformat_minor"] = 2
    for cell in book["cells"]:
        del cell["id"]


def without_instructions(book: Book) -> None:
    book["cells"] = [
        c for c in book["cells"] if c["cell_type"] == "code" or grade_id(c)
    ]


def with_copies(book: Book) -> None:
    """Each answer cell copied and pasted by the menu, metadata and all."""
    for name in reference():
        at = book["cells"].index(find(book, name))
        twin = json.loads(json.dumps(book["cells"][at]))
        twin["id"] = f"copy-{at}"
        book["cells"].insert(at + 1, twin)


def with_outputs(book: Book) -> None:
    for number, cell in enumerate(reversed(book["cells"])):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number * 7 % 31
            cell["outputs"] = [
                {
                    "output_type": "stream",
                    "name": "stderr",
                    "text": ["Warning: x\n"],
                },
                {
                    "output_type": "error",
                    "ename": "NameError",
                    "evalue": "x",
                    "traceback": ["\x1b[31mNameError\x1b[0m"],
                },
            ]


def from_colab(book: Book) -> None:
    book["metadata"] = {
        "colab": {
            "provenance": [],
            "collapsed_sections": [],
            "toc_visible": True,
        },
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "accelerator": "GPU",
    }
    book["nbformat_minor"] = 0
    for number, cell in enumerate(book["cells"]):
        del cell["id"]
        cell["metadata"]["id"] = f"aBcD{number}"
        if cell["cell_type"] == "code":
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
            cell["metadata"]["outputId"] = "0a1b2c"


def without_metadata(book: Book) -> None:
    """An editor that drops all cell metadata and every id, and keeps the order."""
    book["metadata"] = {}
    book["nbformat_minor"] = 4
    for cell in book["cells"]:
        del cell["id"]
        cell["metadata"] = {}


def from_code(book: Book) -> None:
    book["metadata"]["vscode"] = {"interpreter": {"hash": "0" * 64}}
    for cell in book["cells"]:
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["source"] = cell["source"].splitlines(keepends=True)


def from_kaggle(book: Book) -> None:
    book["metadata"]["kaggle"] = {"accelerator": "none", "dataSources": []}
    for cell in book["cells"]:
        cell["metadata"]["trusted"] = True
        cell["metadata"]["execution"] = {
            "iopub.status.busy": "2026-01-01T00:00:00Z"
        }


def another_kernel(book: Book) -> None:
    book["metadata"]["kernelspec"] = {
        "name": "conda-env-hoc_may-py",
        "display_name": "Python [conda env:hoc_may]",
        "language": "python",
    }
    book["metadata"]["language_info"] = {"name": "python", "version": "3.9.7"}


def windows_lines(book: Book) -> None:
    for cell in book["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")


def old_mac_lines(book: Book) -> None:
    for cell in book["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r")


def decomposed(book: Book) -> None:
    for cell in book["cells"]:
        cell["source"] = unicodedata.normalize("NFD", cell["source"])


def split_answer(book: Book) -> None:
    """The answer's helper stands in a cell of its own above it."""
    cell = find(book, "p1-mean")
    cell["source"] = (
        "def mean_length(words):\n    return _mean([len(w) for w in words])"
    )
    helper = code_cell("def _mean(n):\n    return sum(n) / len(n) if n else 0")
    book["cells"].insert(book["cells"].index(cell), helper)


def helper_below(book: Book) -> None:
    split_answer(book)
    at = book["cells"].index(find(book, "p1-mean"))
    book["cells"][at - 1], book["cells"][at] = (
        book["cells"][at],
        book["cells"][at - 1],
    )


def answer_below(book: Book) -> None:
    """Written into a new cell below; the answer cell still says NotImplementedError."""
    cell = find(book, "p1-mean")
    book["cells"].insert(
        book["cells"].index(cell) + 1, code_cell(cell["source"])
    )
    cell["source"] = "raise NotImplementedError()"


def tests_touched(book: Book) -> None:
    """A print added to a test cell, to see what is going on."""
    for cell in book["cells"]:
        if grade_id(cell) in ("p1-few", "p2-names"):
            cell["source"] = "print('thử xem')\n" + cell["source"].replace(
                "_check()", "#"
            )


def title_on_top(book: Book) -> None:
    cell = {
        "cell_type": "markdown",
        "id": "me",
        "metadata": {},
        "source": "# Tên: An",
    }
    book["cells"][:0] = [cell, code_cell("ten = 'An'")]


def raw_cell(book: Book) -> None:
    cell = {"cell_type": "raw", "id": "r", "metadata": {}, "source": "ghi chú"}
    book["cells"].insert(3, cell)


FORMS = [
    Case(
        "form-without-ids",
        "nbformat 4.2: cells have no ids.",
        bend=without_ids,
    ),
    Case(
        "form-without-instructions",
        "All prose is deleted.",
        bend=without_instructions,
    ),
    Case(
        "form-with-copies",
        "Each answer cell is copied, metadata and all.",
        bend=with_copies,
    ),
    Case(
        "form-with-outputs",
        "Old outputs and counts out of order.",
        bend=with_outputs,
    ),
    Case("form-from-colab", "Saved by Colab.", bend=from_colab),
    Case(
        "form-without-metadata",
        "Saved by an editor that keeps no metadata.",
        bend=without_metadata,
    ),
    Case("form-from-vs-code", "Saved by VS Code.", bend=from_code),
    Case("form-from-kaggle", "Saved by Kaggle.", bend=from_kaggle),
    Case("form-another-kernel", "Another kernel's name.", bend=another_kernel),
    Case("form-windows-lines", "Lines end as on Windows.", bend=windows_lines),
    Case(
        "form-old-mac-lines", "Lines end as on an old Mac.", bend=old_mac_lines
    ),
    Case("form-decomposed", "All source in NFD.", bend=decomposed),
    Case(
        "form-split-answer",
        "The answer is split over two cells.",
        bend=split_answer,
    ),
    Case(
        "form-helper-below",
        "The answer's helper stands in the cell below.",
        bend=helper_below,
    ),
    Case(
        "form-answer-below",
        "The answer is in a new cell below.",
        bend=answer_below,
    ),
    Case("form-tests-touched", "Test cells were touched.", bend=tests_touched),
    Case(
        "form-title-on-top",
        "A name and a cell were added on top.",
        bend=title_on_top,
    ),
    Case("form-raw-cell", "A raw cell was added.", bend=raw_cell),
    Case(
        "form-byte-order-mark",
        "The file begins with a byte order mark.",
        written=lambda book: b"\xef\xbb\xbf" + json.dumps(book).encode(),
    ),
    Case(
        "form-windows-file",
        "The file's own lines end as on Windows.",
        written=lambda book: (
            json.dumps(book, indent=1, ensure_ascii=False)
            .replace("\n", "\r\n")
            .encode()
        ),
    ),
]

# -- what lies in the folder -----------------------------------------------------------


def renamed(folder: Path, world: World) -> None:
    (folder / NAME).rename(folder / "Bài làm của An (1).ipynb")


def copied_by_the_browser(folder: Path, world: World) -> None:
    (folder / NAME).rename(folder / f"{ASSIGNMENT} (1).ipynb")


def with_leftovers(folder: Path, world: World) -> None:
    """What a desktop leaves beside a notebook."""
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", f".~{NAME}"):
        (folder / name).write_bytes(b"\0\1")
    checkpoints = folder / ".ipynb_checkpoints"
    checkpoints.mkdir()
    (checkpoints / f"{ASSIGNMENT}-checkpoint.ipynb").write_text(
        '{"cells": []}'
    )
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / "hình.png").write_bytes(b"\x89PNG")


def in_a_subfolder(folder: Path, world: World) -> None:
    (folder / "bai_tap").mkdir()
    (folder / NAME).rename(folder / "bai_tap" / NAME)


def with_helpers(folder: Path, world: World) -> None:
    (folder / "my_helpers.py").write_text("def size(w):\n    return len(w)\n")
    (folder / "data").mkdir()
    (folder / "data" / "tu.txt").write_text("xin\nchào\n", encoding="utf-8")


def with_timestamp(folder: Path, world: World) -> None:
    (folder / "timestamp.txt").write_text("2026-09-01 10:00:00.000000 UTC")


def hands_in_the_file(folder: Path, world: World) -> None:
    import numpy as np

    np.save(folder / "squares.npy", np.arange(10) ** 2)


FOLDERS = [
    Case("folder-renamed", "The notebook is renamed.", lay=renamed),
    Case(
        "folder-copied",
        "The notebook is named by a browser's second download.",
        lay=copied_by_the_browser,
    ),
    Case(
        "folder-leftovers",
        "A desktop's leftovers beside it.",
        lay=with_leftovers,
    ),
    Case(
        "folder-subfolder",
        "The notebook lies in a subfolder.",
        lay=in_a_subfolder,
    ),
    Case(
        "folder-timestamp",
        "nbgrader's timestamp beside it.",
        lay=with_timestamp,
    ),
    Case(
        "folder-helpers",
        "Answers import a module and read a file that were handed in too.",
        answers={
            "p1-mean": "from my_helpers import size\n"
            "words = open('data/tu.txt', encoding='utf-8').read().split()\n"
            "def mean_length(words):\n"
            "    return sum(map(size, words)) / len(words) if words else 0\n"
        },
        lay=with_helpers,
    ),
    Case(
        "folder-artefact",
        "The artefact was made at home and is handed in; the cell only names it.",
        answers={"p8-file": "# làm ở nhà rồi\nsquares_file = 'squares.npy'\n"},
        lay=hands_in_the_file,
    ),
]
