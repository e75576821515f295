"""Bilingual sources: what is read, and what an author is told about a slip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aulac_grader.author.build import LessonFolder, dump, pristine, seal_of
from aulac_grader.author.header import Band, header_of
from aulac_grader.author.library import LibraryError, piece
from aulac_grader.author.links import Shelf, links
from aulac_grader.author.source import SourceError, read

HEADER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
aulac:
  lesson: "01"
  title: {vi: "Byte", en: "Bytes"}
  summary: {vi: "Bạn có một bộ chuẩn hóa.", en: "You have a normaliser."}
  objectives: {vi: ["Giải thích NFC."], en: ["Explain NFC."]}
  prerequisites: []
  needs: []
  makes: []
  cores: 1
  minutes: {tiny: 0.5, laptop: 1, t4: 1, gpu: 120}
  bands:
    tokens: {min: 4, max: 9, means: {vi: "số token", en: "tokens"}}
---
"""
BODY = """
```{code-cell} ipython3
:tags: [parameters]
scale = None
```

+++ {"lang": "vi"}

## Một chữ

Xem [token](term:token) và [Liu](cite:liu2025), không phải `[x](term:none)`.

+++ {"lang": "en"}

## One letter

See [token](term:token) and [Liu](cite:liu2025), not `[x](term:none)`.

```{code-cell} ipython3
:library: aulac.text.normalise
```

```{code-cell} ipython3
:tags: [hide-input]
x = 1
```

```{code-cell} ipython3
x = 1
```
"""


@pytest.fixture
def shelf(tmp_path):
    book = tmp_path / "book"
    book.mkdir()
    (book / "glossary.yml").write_text(
        "terms:\n- {id: token, vi: token, en: token, "
        'means: {vi: "Mảnh \\"nhỏ\\".", en: "A piece."}}\n'
    )
    (book / "references.bib").write_text(
        "@article{liu2025, title={SuperBPE}, doi={10.1/x}, year={2025}}\n"
    )
    return Shelf(book)


@pytest.fixture
def lesson_folder(tmp_path, shelf):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    return LessonFolder(tmp_path / "notebooks", shelf)


def write(
    lesson_folder: LessonFolder,
    text: str = HEADER + BODY,
    name: str = "01_text",
) -> Path:
    path = lesson_folder.notebooks / "source" / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return path


def sentences(lesson_folder: LessonFolder) -> list[str]:
    return [str(problem) for problem in lesson_folder.load()[1]]


def one(lesson_folder: LessonFolder) -> str:
    found = sentences(lesson_folder)
    assert len(found) == 1, found
    return found[0]


# ---- cells and twins -------------------------------------------------------------


def test_cells_know_their_line_language_and_options(lesson_folder):
    source = read(write(lesson_folder))
    kinds = [(cell.lang or "code", cell.tags) for cell in source.cells]
    assert kinds == [
        ("code", ["parameters"]),
        ("vi", []),
        ("en", []),
        ("code", []),
        ("code", ["hide-input"]),
        ("code", []),
    ]
    lines = source.path.read_text().splitlines()
    assert lines[source.cells[1].line - 1] == '+++ {"lang": "vi"}'
    assert lines[source.cells[3].line - 1].startswith("```{code-cell}")
    assert source.cells[3].library == ["aulac.text.normalise"]
    assert source.problems == []


def test_reads_the_same_cells_as_jupytext(lesson_folder):
    jupytext = pytest.importorskip("jupytext")
    text = (
        HEADER
        + BODY
        + '\n+++ {"lang": "vi"}\n\n```text\n+++ not a cell\n```\n'
    )
    path = write(lesson_folder, text)
    theirs = [
        (cell.cell_type, cell.source)
        for cell in jupytext.reads(text, "md:myst").cells
    ]
    ours = [
        ("code" if c.is_code else "markdown", c.text) for c in read(path).cells
    ]
    assert ours == theirs


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('+++ {"lang": "en"}', "", "no English twin"),
        ('+++ {"lang": "vi"}', '+++ {"lang": "en"}', "no Vietnamese twin"),
        ("See [token](term:token)", "### More\n\nSee", "headings differ"),
        ("## One letter", "### One letter", "headings differ"),
        ("## One letter", "", "headings differ"),
        ('{"lang": "vi"}', "{lang: vi}", "is not JSON"),
        ('{"lang": "vi"}', '{"lang": "fr"}', "names the language 'fr'"),
        ('+++ {"lang": "vi"}', "+++", "does not say its language"),
    ],
)
def test_a_slip_in_the_twins_is_named_with_file_line_and_cell(
    lesson_folder, old, new, says
):
    write(lesson_folder, HEADER + BODY.replace(old, new, 1))
    found = sentences(lesson_folder)
    assert any(says in sentence for sentence in found), found
    assert all("01_text.md:" in sentence for sentence in found)
    assert all("(cell " in sentence for sentence in found)


@pytest.mark.parametrize(
    ("vi", "en", "empty"),
    [("", "one", "Vietnamese"), ("một", "  \n", "English")],
)
def test_an_empty_twin_is_found(lesson_folder, vi, en, empty):
    twins = f'\n+++ {{"lang": "vi"}}\n\n{vi}\n\n+++ {{"lang": "en"}}\n\n{en}\n'
    write(lesson_folder, HEADER + BODY + twins)
    assert f"the {empty} prose is empty" in one(lesson_folder)


def test_reordered_twins_are_found(lesson_folder):
    pair = '\n+++ {"lang": "%s"}\n\n%s\n'
    text = "".join(
        pair % x
        for x in [("vi", "một"), ("vi", "hai"), ("en", "one"), ("en", "two")]
    )
    write(lesson_folder, HEADER + text)
    found = sentences(lesson_folder)
    assert len(found) == 2
    assert "cell 1" in found[0] and "no English twin" in found[0]
    assert "cell 4" in found[1] and "no Vietnamese twin" in found[1]


def test_prose_after_code_without_a_mark_is_found(lesson_folder):
    write(lesson_folder, HEADER + BODY + "\nQuên mất dấu.\n")
    assert "does not say its language" in one(lesson_folder)


def test_a_code_cell_that_does_not_end_is_found(lesson_folder):
    write(lesson_folder, HEADER + BODY + "\n```{code-cell} ipython3\nx = 2\n")
    assert "does not end" in one(lesson_folder)


def test_what_is_not_text_is_refused(lesson_folder):
    path = lesson_folder.notebooks / "source" / "01_text.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="not UTF-8"):
        read(path)
    assert "not UTF-8" in one(lesson_folder)


@pytest.mark.parametrize(
    "text", ["", "no header", "---\nnever closed\n", "---\n- a\n---\n"]
)
def test_a_broken_header_block_is_one_sentence(lesson_folder, text):
    write(lesson_folder, text)
    assert any("header" in sentence for sentence in sentences(lesson_folder))


# ---- the header --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('lesson: "01"', "lesson: 01", "in quotes"),
        ('lesson: "01"', 'lesson: "02"', 'write "01"'),
        (', en: "Bytes"', "", "`title` has no text for `en`"),
        ('en: ["Explain NFC."]', "en: []", "`objectives` must be"),
        ('en: ["Explain NFC."]', 'en: ["a", "b"]', "give both the same"),
        (
            "prerequisites: []",
            "prerequisites: [0]",
            "`prerequisites` must be a list",
        ),
        ("needs: []", "needs: corpus", "`needs` must be a list"),
        ("cores: 1", "cores: 0", "`cores` must be"),
        ("cores: 1", "coers: 1", "did you mean `cores`"),
        (", gpu: 120", "", "`minutes` must give"),
        ("min: 4, max: 9, ", "", "needs `min`, `max` or both"),
        ("min: 4, max: 9", "min: 9, max: 4", "swap them"),
        ("min: 4", "min: four", "not a number"),
        (', en: "tokens"}', "}", "has no text for `en`"),
        ("aulac:", "other:", "`aulac` is missing"),
        ("title: {vi", "title: {vi: x}\n  {vi", "not YAML"),
    ],
)
def test_a_slip_in_the_header_names_the_key_and_the_remedy(
    lesson_folder, old, new, says
):
    assert old in HEADER
    write(lesson_folder, HEADER.replace(old, new, 1) + BODY)
    assert any(says in sentence for sentence in sentences(lesson_folder)), (
        sentences(lesson_folder)
    )


def test_the_header_error_points_at_the_line(lesson_folder):
    path = write(lesson_folder, HEADER.replace("cores: 1", "cores: 0") + BODY)
    problem = header_of(read(path))[1][0]
    assert (
        path.read_text().splitlines()[problem.line - 1].strip() == "cores: 0"
    )


def test_the_file_name_carries_the_number(lesson_folder):
    write(lesson_folder, name="text")
    assert any(
        "NN_name.md" in sentence for sentence in sentences(lesson_folder)
    )


def test_lessons_are_checked_together(lesson_folder):
    makes = HEADER.replace("makes: []", "makes: [corpus]")
    write(lesson_folder, makes + BODY, "01_text")
    write(lesson_folder, makes.replace('"01"', '"02"') + BODY, "02_more")
    assert "made by lesson 01 too" in one(lesson_folder)
    later = HEADER.replace("prerequisites: []", 'prerequisites: ["02"]')
    write(lesson_folder, later + BODY, "01_text")
    assert "does not come before" in one(lesson_folder)
    early = HEADER.replace("needs: []", "needs: [corpus]")
    write(lesson_folder, early + BODY, "01_text")
    assert "makes later" in one(lesson_folder)
    write(
        lesson_folder,
        HEADER.replace("needs: []", "needs: [corpsu]") + BODY,
        "01_text",
    )
    assert any(
        "no artefact of the course" in s for s in sentences(lesson_folder)
    )


@pytest.mark.parametrize(
    ("band", "value", "holds"),
    [
        (Band(4, 9), 4, True),
        (Band(4, 9), 9.0001, False),
        (Band(None, 9), -1e9, True),
        (Band(1, 1), True, True),
        (Band(1, None), float("nan"), False),
        (Band(1, None), "nan", False),
        (Band(1, None), None, False),
    ],
)
def test_bands(band, value, holds):
    assert band.holds(value) is holds


# ---- library cells and links ---------------------------------------------------------


def names() -> list[str]:
    return [
        "aulac.text.normalise",
        "aulac.text.Tone",
        "aulac.model.RMSNorm",
        "aulac.model.RMSNorm.forward",
        "aulac.scale.Scale",
        "aulac.lesson.check",
        "aulac.lesson.artefacts.making",
    ]


@pytest.mark.parametrize("name", names())
def test_a_piece_is_what_inspect_gives(name):
    import importlib
    import inspect
    import textwrap

    module, attributes = name, []
    while True:
        try:
            value = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            attributes.insert(0, last)
    for attribute in attributes:
        value = getattr(value, attribute)
    value = inspect.unwrap(value) if inspect.isroutine(value) else value
    expected = textwrap.dedent(inspect.getsource(value)).rstrip("\n")
    assert piece(name).text == expected


def test_a_piece_without_its_docstring():
    text = piece("aulac.text.normalise", docstring=False).text
    assert '"""' not in text and text.startswith("def normalise(")
    compile(text, "piece", "exec")


@pytest.mark.parametrize(
    "name", ["aulac.text.nothing", "nowhere.at.all", "aulac"]
)
def test_a_name_that_leads_nowhere(name):
    with pytest.raises(LibraryError):
        piece(name)


def test_a_drifted_library_name_is_an_authors_problem(lesson_folder):
    write(
        lesson_folder,
        HEADER + BODY.replace("aulac.text.normalise", "aulac.text.gone"),
    )
    assert "defines no gone" in one(lesson_folder) and "cell 4" in one(
        lesson_folder
    )
    write(
        lesson_folder,
        HEADER + BODY.replace("normalise\n", "normalise\nx = 2\n"),
    )
    assert "empty its body" in one(lesson_folder)


def test_unknown_terms_and_works_are_found(lesson_folder):
    write(lesson_folder, HEADER + BODY.replace("term:token)", "term:tokn)"))
    assert all(
        "names nothing in book/glossary.yml" in s
        for s in sentences(lesson_folder)
    )
    assert len(sentences(lesson_folder)) == 2
    write(lesson_folder, HEADER + BODY.replace("cite:liu2025", "cite:liu"))
    assert all(
        "names nothing in book/references.bib" in s
        for s in sentences(lesson_folder)
    )


def test_links_inside_code_are_left_alone():
    text = "[a](term:x) `[b](term:y)`\n\n```text\n[c](term:z)\n```\n\n[[d] e](cite:w)"
    assert [(link.kind, link.id) for link in links(text)] == [
        ("term", "x"),
        ("cite", "w"),
    ]


# ---- notebooks -------------------------------------------------------------------------


def built(lesson_folder: LessonFolder) -> dict[str, dict]:
    lessons, problems = lesson_folder.load()
    assert not problems
    lesson_folder.write(lessons)
    return {
        lang: json.loads(
            (lesson_folder.notebooks / lang / "01_text.ipynb").read_text()
        )
        for lang in ("vi", "en")
    }


def test_both_notebooks_are_valid_and_share_their_code(lesson_folder):
    nbformat = pytest.importorskip("nbformat")
    write(lesson_folder)
    notebooks = built(lesson_folder)
    for lang, notebook in notebooks.items():
        nbformat.validate(nbformat.from_dict(notebook))
        assert notebook["metadata"]["aulac"]["lang"] == lang
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [
        [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for notebook in notebooks.values()
    ]
    assert code[0] == code[1]
    assert [cell["id"] for cell in notebooks["vi"]["cells"]] == [
        cell["id"] for cell in notebooks["en"]["cells"]
    ]
    ids = [cell["id"] for cell in notebooks["vi"]["cells"]]
    assert len(set(ids)) == len(ids)


def test_what_a_notebook_holds(lesson_folder):
    write(lesson_folder)
    notebooks = built(lesson_folder)
    vi = ["".join(cell["source"]) for cell in notebooks["vi"]["cells"]]
    assert vi[0].startswith("# 01 · Byte\n") and "`gpu` 2 giờ" in vi[0]
    assert "`tiny` 30 giây" in vi[0]
    assert (
        '<abbr class="aulac-term term-token" title="Mảnh &quot;nhỏ&quot;.">'
        in vi[2]
    )
    assert "[Liu](https://doi.org/10.1/x)" in vi[2]
    assert "`[x](term:none)`" in vi[2]
    library = notebooks["vi"]["cells"][3]
    assert "".join(library["source"]).startswith(
        "# aulac.text.normalise, from course/"
    )
    assert piece("aulac.text.normalise").text in "".join(library["source"])
    assert notebooks["vi"]["cells"][1]["metadata"]["tags"] == ["parameters"]
    assert notebooks["vi"]["cells"][4]["metadata"]["jupyter"] == {
        "source_hidden": True
    }


def test_code_keeps_its_id_when_cells_are_added_around_it(lesson_folder):
    write(lesson_folder)
    before = [
        c["id"]
        for c in built(lesson_folder)["vi"]["cells"]
        if c["cell_type"] == "code"
    ]
    more = '\n+++ {"lang": "vi"}\n\nThêm.\n\n+++ {"lang": "en"}\n\nMore.\n'
    write(
        lesson_folder,
        HEADER + more + "\n```{code-cell} ipython3\ny = 2\n```\n" + BODY,
    )
    after = [
        c["id"]
        for c in built(lesson_folder)["vi"]["cells"]
        if c["cell_type"] == "code"
    ]
    assert after[1:] == before


def test_building_again_changes_no_byte(lesson_folder):
    write(lesson_folder)
    built(lesson_folder)
    first = {
        p: p.read_bytes() for p in lesson_folder.notebooks.rglob("*.ipynb")
    }
    lessons, _ = lesson_folder.load()
    assert lesson_folder.write(lessons) == []
    assert lesson_folder.stale(lessons) == []
    assert {
        p: p.read_bytes() for p in lesson_folder.notebooks.rglob("*.ipynb")
    } == first
    assert all(pristine(data) for data in first.values())


def test_stale_missing_and_orphaned_notebooks_are_named(lesson_folder):
    path = write(lesson_folder)
    built(lesson_folder)
    write(lesson_folder, HEADER + BODY.replace("One letter", "A letter"))
    lessons, _ = lesson_folder.load()
    assert [
        s
        for s in lesson_folder.stale(lessons)
        if "en/01_text.ipynb is not what" in s
    ]
    assert not [s for s in lesson_folder.stale(lessons) if "vi/01_text" in s]
    (lesson_folder.notebooks / "en" / "01_text.ipynb").unlink()
    assert any(
        "en/01_text.ipynb is missing" in s
        for s in lesson_folder.stale(lessons)
    )
    path.unlink()
    assert any("has no source" in s for s in lesson_folder.stale([]))
    lesson_folder.write([])
    assert list(lesson_folder.notebooks.glob("vi/*.ipynb")) == []


def run_it(path: Path) -> dict:
    """What JupyterLab saves after a reader ran and changed the notebook."""
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["execution_count"] = 1
    notebook["cells"][1]["source"] = ["scale = 'laptop'"]
    path.write_text(json.dumps(notebook))
    return notebook


def test_a_readers_copy_is_never_lost(lesson_folder):
    write(lesson_folder)
    built(lesson_folder)
    path = lesson_folder.notebooks / "vi" / "01_text.ipynb"
    mine = run_it(path)
    lessons, _ = lesson_folder.load()
    assert any("kept" in line for line in lesson_folder.write(lessons))
    assert json.loads(path.read_text()) == mine, (
        "the source is unchanged: left in place"
    )
    write(
        lesson_folder,
        HEADER + BODY + "\n```{code-cell} ipython3\ny = 3\n```\n",
    )
    lessons, _ = lesson_folder.load()
    lesson_folder.write(lessons)
    assert (
        json.loads((path.with_name("01_text.mine.ipynb")).read_text()) == mine
    )
    assert pristine(path.read_bytes())
    run_it(path)
    lesson_folder.write(lessons, force=True)
    assert path.with_name("01_text.mine-2.ipynb").exists()
    assert lesson_folder.stale(lessons) == []


def test_a_notebook_from_elsewhere_has_no_seal():
    assert seal_of(b"{}") == "" and seal_of(b"not json") == ""
    assert not pristine(dump({"cells": [], "metadata": {}}))
