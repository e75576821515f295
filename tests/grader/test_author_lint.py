"""The lint: each rule catches its slip, and a lesson in order passes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from aulac_grader.author.build import LessonFolder
from aulac_grader.author.links import Shelf
from aulac_grader.author.lint import lint
from aulac_grader.verify import command as lessons_command

HEADER = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
aulac:
  lesson: "01"
  title: {vi: "Byte", en: "Bytes"}
  summary: {vi: "Bạn có một bộ chuẩn hóa.", en: "You have a normaliser."}
  objectives: {vi: ["Giải thích NFC."], en: ["Explain NFC."]}
  prerequisites: []
  minutes: {tiny: 0.5, laptop: 1, t4: 1, gpu: 120}
---
"""
BODY = """
```{code-cell} ipython3
:tags: [parameters]
scale = None
```

```{code-cell} ipython3
import unicodedata
from aulac.lesson import check, predict, setup
here = setup("01", scale)
```

+++ {"lang": "vi"}

## Một chữ, hai cách viết

Hai chuỗi dưới đây giống hệt nhau trên màn hình, nhưng máy tính thấy chúng khác nhau.

+++ {"lang": "en"}

## One letter, two spellings

The two strings below look alike on the screen, but the computer sees two of them.

```{code-cell} ipython3
:tags: [predict]
predict("length", 3)
```

```{code-cell} ipython3
:library: aulac.text.normalise
```

+++ {"lang": "vi"}

### Khi nó hỏng

Kho ngữ liệu trộn hai kiểu.

### Bài tập

**1 (dễ).** Một. **Gợi ý**: không.

**2 (vừa).** Hai.

**3 (khó).** Ba.

+++ {"lang": "en"}

### When it breaks

The corpus mixes two kinds.

### Exercises

**1 (easy).** One.

**2 (medium).** Two.

**3 (hard).** Three.

```{code-cell} ipython3
:tags: [exercise]
def same(a, b):
    ...
```

```{code-cell} ipython3
:tags: [check]
check(same, [(("a", "a"), True)])
```
"""


@pytest.fixture
def lesson_folder(tmp_path):
    book = tmp_path / "book"
    book.mkdir()
    (book / "glossary.yml").write_text(
        "terms:\n"
        "- {id: corpus, vi: kho ngữ liệu, en: corpus, means: {vi: a, en: b}}\n"
        "- {id: word, vi: từ, en: word, means: {vi: a, en: b}}\n"
    )
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    return LessonFolder(tmp_path / "notebooks", Shelf(book))


def findings(lesson_folder: LessonFolder, text: str):
    path = lesson_folder.notebooks / "source" / "01_text.md"
    path.write_text(text, encoding="utf-8")
    lessons, problems = lesson_folder.load()
    assert not problems, [str(problem) for problem in problems]
    return lint(lesson_folder, lessons)[0]


def problems(lesson_folder: LessonFolder, text: str) -> list[str]:
    return [str(problem) for problem in findings(lesson_folder, text).problems]


def test_a_lesson_in_order_has_no_problems(lesson_folder):
    found = findings(lesson_folder, HEADER + BODY)
    assert [str(problem) for problem in found.problems] == []
    assert any("words in Vietnamese" in str(note) for note in found.notes)
    assert found.cell_lines[2] <= 20


LONG = "\n".join(f"x{i} = {i}" for i in range(41))
SIX = "\n".join(f"y{i} = {i}" for i in range(21))


def cell(code: str, tags: str = "") -> str:
    return f"\n```{{code-cell}} ipython3\n{tags}{code}\n```\n"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (cell(LONG), "41 lines, 40 is the cap"),
        (cell(SIX) * 3, "tenth of the code cells"),
        (cell(SIX) * 8, "half of the code cells"),
        (cell("x = '" + "a" * 80 + "'"), "up to 86 columns, 79"),
        (cell(""), "cell is empty"),
        (
            cell("import warnings\nwarnings.filterwarnings('ignore')"),
            "hides warnings",
        ),
        (cell("import sys\nsys.path.append('.')"), "import path"),
        (cell("!pip install torch"), "installs packages"),
        (cell("%pip install torch"), "installs packages"),
        (
            cell("import matplotlib.pyplot as plt\nplt.show()"),
            "without alt text",
        ),
        (cell("try:\n    x = 1\nexcept:\n    x = 2"), "swallows every error"),
        (cell("print(undefined_name)"), "undefined_name"),
        (cell("def broken(:"), "line 1 of this cell"),
        (cell("x = 'thư\u0323'"), "not in Unicode form NFC"),
        (cell("x = '\U0001f600'"), "emoji U+1F600"),
        (
            cell("def f():\n    ...", ":tags: [exercise]\n"),
            "not followed by a `check`",
        ),
        (cell("here = setup('02', scale)"), 'write "01"'),
    ],
)
def test_code_rules(lesson_folder, more, says):
    found = problems(lesson_folder, HEADER + BODY + more)
    assert any(says in sentence for sentence in found), found
    assert all("01_text.md:" in sentence for sentence in found)


def twins(vi: str, en: str) -> str:
    return f'\n+++ {{"lang": "vi"}}\n\n{vi}\n\n+++ {{"lang": "en"}}\n\n{en}\n'


BARE = "May tinh thay chung khac nhau va mot mo hinh ngon ngu cung vay ban oi."
SLIPPED = (
    "Máy tính lại thấy chúng khác nhau, và một mô hình ngôn ngữ cũng vậy đấy."
)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (twins(BARE, "Text."), "of the words carry a mark"),
        (twins(SLIPPED, SLIPPED), "Vietnamese in the English twin"),
        (twins("Chữ hòa.", "A.") + twins("Chữ hoà.", "B."), "use one style"),
        (twins("Chữ tóan.", "A."), "wrong letter"),
        (twins("# Đầu", "# Head"), "the title's level"),
        (twins("##### Sâu", "##### Deep"), "skips a level"),
        (twins("![](x.png)", "![](x.png)"), "has no alt text"),
        (twins("![một hình vẽ](x.png)", "![a figure](x.png)"), "is not there"),
        (twins('<img src="x">', '<img src="x">'), "<img> has no alt text"),
        (twins("[kho ngữ liệu](term:corpus)", "corpus"), "in Vietnamese only"),
        (twins("**4 (khó).** Bốn.", "Four."), "exercises are numbered"),
    ],
)
def test_prose_rules(lesson_folder, more, says):
    found = problems(lesson_folder, HEADER + BODY + more)
    assert any(says in sentence for sentence in found), found


def test_examples_in_quotes_and_code_are_not_prose(lesson_folder):
    vi = "So sánh `hoà` với “hoà” và *hoà*, trong khi ta viết hòa."
    en = f"Compare “{SLIPPED}” with `{SLIPPED}`."
    assert problems(lesson_folder, HEADER + BODY + twins(vi, en)) == []


def test_a_term_is_linked_where_it_is_first_used(lesson_folder):
    link = twins("[kho ngữ liệu](term:corpus)", "the [corpus](term:corpus)")
    late = problems(lesson_folder, HEADER + BODY + link)
    assert len(late) == 2 and all("before its link in cell" in s for s in late)
    first = BODY.replace(
        "Kho ngữ liệu trộn", "[Kho ngữ liệu](term:corpus) trộn"
    )
    first = first.replace(
        "The corpus mixes", "The [corpus](term:corpus) mixes"
    )
    assert problems(lesson_folder, HEADER + first) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":tags: [predict]\n", "", "tagged `predict`"),
        (":tags: [parameters]\n", "", "tagged `parameters`"),
        ("scale = None", "size = None\nscale_ = 1", "does not set `scale`"),
        (":library: aulac.text.normalise", "x = 1", "library's own code"),
        (
            "### Khi nó hỏng",
            "### Một mục",
            "no Vietnamese heading says what breaks",
        ),
        (
            "### When it breaks",
            "### A part",
            "no English heading says what breaks",
        ),
        ('here = setup("01", scale)', "here = None", "no cell calls setup()"),
    ],
)
def test_required_parts(lesson_folder, old, new, says):
    text = BODY.replace(old, new, 1).replace(
        "setup\nhere", "setup  # noqa\nhere"
    )
    found = problems(lesson_folder, HEADER + text)
    assert any(says in sentence for sentence in found), found


# ---- the command -----------------------------------------------------------------


@pytest.fixture
def aulac(lesson_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(lessons_command, "_house", lambda: lesson_folder)
    monkeypatch.setattr(lessons_command, "BUILD", tmp_path / "build")
    return lambda *words: CliRunner().invoke(lessons_command.app, list(words))


def test_build_check_and_lint_from_the_command_line(lesson_folder, aulac):
    path = lesson_folder.notebooks / "source" / "01_text.md"
    path.write_text(HEADER + BODY)
    assert aulac("build", "--check").exit_code == 1
    assert aulac("build").exit_code == 0
    assert aulac("build", "--check").exit_code == 0
    assert aulac("lint").exit_code == 0
    assert "Byte" in aulac("list").output
    path.write_text(HEADER + BODY.replace('+++ {"lang": "en"}', "", 1))
    result = aulac("build")
    assert result.exit_code == 1
    path.write_text(HEADER + BODY + cell("!pip install x"))
    assert aulac("lint").exit_code == 1


def test_a_lesson_that_is_not_there_is_named(lesson_folder, aulac):
    assert aulac("build", "44").exit_code == 2


def test_a_new_lesson_builds_and_lints_but_for_its_exercises(
    lesson_folder, aulac
):
    assert aulac("new", "07_pretraining").exit_code == 0
    assert aulac("new", "07_pretraining").exit_code == 2
    assert aulac("new", "pretraining").exit_code == 2
    lessons, found = lesson_folder.load()
    assert [lesson.number for lesson in lessons] == ["07"] and not found
    left = [
        str(problem) for problem in lint(lesson_folder, lessons)[0].problems
    ]
    assert len(left) == 1 and "three levels" in left[0]


def test_clean_deletes_what_verify_made_and_nothing_else(aulac, tmp_path):
    assert aulac("clean").exit_code == 0
    (tmp_path / "build" / "verify").mkdir(parents=True)
    (tmp_path / "build" / "other").mkdir()
    assert aulac("clean").exit_code == 0
    assert [p.name for p in (tmp_path / "build").iterdir()] == ["other"]


def test_a_disk_that_refuses_is_one_sentence(
    lesson_folder, aulac, monkeypatch
):
    (lesson_folder.notebooks / "source" / "01_text.md").write_text(
        HEADER + BODY
    )

    def refuses(*_):
        raise OSError(
            28, "No space left on device", str(lesson_folder.notebooks / "vi")
        )

    monkeypatch.setattr("aulac_grader.author.build.replace", refuses)
    result = aulac("build")
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "No space left on device" in result.output
    assert "free some space" in result.output


def test_a_scale_that_does_not_exist(aulac):
    assert aulac("verify", "--scale", "enormous").exit_code == 2
    assert aulac("verify", "--lang", "fr").exit_code == 2
