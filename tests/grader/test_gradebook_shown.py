"""What formgrader is given to show: the student's words, and nothing that acts."""

from __future__ import annotations

import base64
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grader.graded_work import (
    ADD,
    NAME,
    Handed,
    make_course,
    rebuilt,
    verdict,
)

from aulac_grader.grade.course.course import Course
from aulac_grader.grade.gradebook.gradebook import Gradebook
from aulac_grader.grade.markup import (
    clean_text,
    harmless_math,
    markdown_html,
    markdown_source,
    picture,
    terminal_text,
)
from aulac_grader.grade.verdict.grading_folder import write_outputs
from aulac_grader.judge.submitted import CellResult


def png(width: int = 2, height: int = 2, side: int = 0) -> bytes:
    """A real picture; `side` is what its header claims instead."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return (
            struct.pack(">I", len(data))
            + body
            + struct.pack(">I", zlib.crc32(body))
        )

    size = struct.pack(">II", side or width, side or height)
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + b"\x08\0\0\0\0")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def in_formgrader(source: str) -> str:
    """A Markdown cell as formgrader's page has it: the filter its template uses."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return str(markdown2html_mistune(source))


HARMLESS = frozenset(
    [
        "div",
        "p",
        "br",
        "hr",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "blockquote",
        "h4",
        "h5",
        "h6",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)


def assert_harmless(page: str) -> None:
    for tag, attributes in Tags(page).found:
        if tag == "img":
            assert set(attributes) == {"alt", "src"}
            assert str(attributes["src"]).startswith("data:image/")
        else:
            assert tag in HARMLESS, (tag, attributes)
            assert attributes == {}, (tag, attributes)


HOSTILE = [
    "<script>window.__hacked=1</script>",
    "<img src=x onerror=window.__hacked=1>",
    "<svg/onload=window.__hacked=1>",
    "[click](javascript:window.__hacked=1)",
    "[click](JaVa\tScript:alert(1))",
    "![x](javascript:alert(1))",
    "![x](https://example.com/track.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](attachment:x.svg)",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe srcdoc='<script>parent.__hacked=1</script>'></iframe>",
    "<style>body{display:none}</style>",
    "<details open ontoggle=alert(1)>x</details>",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{background:url(javascript:alert(1))}{x}$",
    "$\\def\\x{\\href}\\x{javascript:alert(1)}{y}$",
    "$\\csname href\\endcsname{javascript:alert(1)}{y}$",
    "$$\\require{html}\\class{x}{y}$$",
    "\\begin{equation}\\cssId{notebook}{x}\\end{equation}",
    "\\begin{verbatimish}x\\end{verbatimish}",
    "a\n\n</div></div><script>alert(1)</script>",
    "```html\n</pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "<!-- --><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "<math><mtext></table><img src=x onerror=alert(1)></mtext></math>",
    "<form action=https://example.com><input name=a><button>ok</button></form>",
    "<base href=https://example.com>",
    "<meta http-equiv=refresh content='0;url=https://example.com'>",
    "{{ 7*7 }} {% raw %}",
    "\u202egnp.tpircs\u202c",
    "\x1b]0;title\x07\x1b[31mred",
    "\ud800 lone surrogate",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_of_a_students_markdown_acts(text: str) -> None:
    assert_harmless(markdown_html(text))
    assert_harmless(in_formgrader(markdown_source(text)))
    around = f"Trước **đậm** $x_1$.\n\n{text}\n\n- sau\n"
    assert_harmless(in_formgrader(markdown_source(around)))


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "/",
        "\\",
        "&",
        ";",
        "#",
        "!",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "$",
        "$$",
        "`",
        "```",
        "~~~",
        "*",
        "**",
        "_",
        "-",
        "+",
        "|",
        ":",
        "=",
        "'",
        '"',
        "\n",
        "\n\n",
        "script",
        "img",
        "svg",
        "src=x",
        "onerror=alert(1)",
        "javascript:",
        "data:text/html",
        "<!--",
        "-->",
        "<div>",
        "</div>",
        "<pre>",
        "</pre>",
        "</code>",
        "<script>",
        "</script>",
        "<a",
        "href=",
        "\\href",
        "\\begin{",
        "equation",
        "}",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "&lt;",
        "&#60;",
        "http://x.vn",
        "a",
        "ệ",
        "\t",
    ]
)


@settings(max_examples=150)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_markdown_at_all_acts(text: str) -> None:
    assert_harmless(markdown_html(text))
    assert_harmless(in_formgrader(markdown_source(text)))


@settings(max_examples=60)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_words_of_letters_and_signs_are_kept(text: str) -> None:
    shown = Tags(markdown_html(f"`x`{text}")).text
    letters = [ch for ch in text if ch.isalpha()]
    assert [ch for ch in shown[1:] if ch.isalpha()] == letters


def test_what_honest_students_write_is_rendered() -> None:
    text = (
        "## Ý kiến\n\nChọn **A** vì $\\frac{V \\cdot d}{10^6}$ nhỏ, *nhưng*:\n\n"
        "1. nhanh\n2. rẻ\n\n| bộ | giá |\n|---|---|\n| A | 3 |\n\n"
        "```python\nif a < b:\n\n    print(1)\n```\n[nguồn](https://vi.wikipedia.org)"
    )
    page = in_formgrader(markdown_source(text))
    tags = [tag for tag, _ in Tags(page).found]
    assert {"h5", "strong", "em", "ol", "li", "table", "td", "pre"} <= set(
        tags
    )
    words = Tags(page).text
    assert "$\\frac{V \\cdot d}{10^6}$" in words, "MathJax reads it"
    assert "if a < b:\n\n    print(1)" in words
    assert "nguồn (https://vi.wikipedia.org)" in words


SLOW = ["[", "*_", "> ", "`", "![", "<", "|a", "- ", "$", "a<!--", "1. "]


@pytest.mark.parametrize("piece", SLOW)
def test_text_made_to_be_slow_is_not(piece: str) -> None:
    import time

    text = piece * (19_000 // len(piece))
    start = time.process_time()
    assert_harmless(markdown_html(text))
    assert time.process_time() - start < 5


def test_tex_is_left_to_mathjax_only_where_it_is_mathematics() -> None:
    assert harmless_math("giá \\alpha không có công thức nào: \\href{x}")
    assert harmless_math("$\\sum_{i=1}^n x_i$ và \\begin{cases}a\\end{cases}")
    assert not harmless_math("$\\href{javascript:alert(1)}{x}$")
    assert not harmless_math("\\begin{html}x\\end{html}")


def test_pictures_are_looked_at_before_they_are_shown() -> None:
    assert picture(png()) == "image/png"
    assert picture(png(side=60_000)) is None, "a bomb of 60,000 × 60,000"
    assert picture(b"<svg xmlns='http://www.w3.org/2000/svg'></svg>") is None
    assert picture(b"\x89PNG\r\n\x1a\n" + b"<script>" * 5) is None
    assert picture(b"GIF89a\x02\0\x02\0" + b"\0" * 30) == "image/gif"
    jpeg = (
        b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\0\x02\0\x03" + b"\0" * 9
    )
    assert picture(jpeg) == "image/jpeg"
    for data in (b"", b"\xff\xd8\xff" * 40, png()[:20], b"GIF89a"):
        assert picture(data) is None


def test_a_pasted_picture_stands_where_it_was_pasted() -> None:
    attachments = {
        "anh.png": {"image/png": base64.b64encode(png()).decode()},
        "x.svg": {"image/svg+xml": base64.b64encode(b"<svg/>" * 9).decode()},
    }
    text = "Trước ![hình](attachment:anh.png) sau ![x](attachment:x.svg)"
    page = in_formgrader(markdown_source(text, attachments))
    assert_harmless(page)
    assert [tag for tag, _ in Tags(page).found] == ["div", "p", "img"]
    assert Tags(page).text.split() == ["Trước", "sau", "[x]"]


def test_a_terminals_tricks_become_plain_lines() -> None:
    bar = "\r".join(f"{n} %" for n in range(100)) + "\r100 %\nxong\n"
    assert terminal_text(bar) == "100 %\nxong\n"
    assert terminal_text("\x1b[31mđỏ\x1b[0m\x1b]0;t\x07.") == "đỏ."
    assert terminal_text("a\r\nb\r\n") == "a\nb\n"
    assert clean_text("x" * 50, cap=10) == "x" * 10 + "\n…"
    assert clean_text("a\u202eb\0c") == "ab\ufffdc"


# -- the notebook ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return make_course(tmp_path_factory.mktemp("shown"))


def shown(course: Course, work: Handed, outputs: Any = ()) -> Any:
    assignment = course.assignment(NAME)
    write_outputs(course.folder(NAME), work.student, outputs)
    with Gradebook(course) as book:
        book.record(NAME, verdict(assignment, work), rebuilt(assignment, work))
    path = course.root / f"autograded/{work.student}/{NAME}/{NAME}.ipynb"
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    return notebook


def of(notebook: Any, name: str) -> Any:
    return next(
        c
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == name
    )


HIDDEN = "70001"
MIMES = {"text/plain", "image/png"}


def test_trusted_cells_are_the_papers_and_outputs_are_plain(
    course: Course,
) -> None:
    script = "<script>window.__hacked = 1</script>"
    work = Handed(
        "hostile",
        {"p1-add": f"# {script}\n{ADD}", "p2-why": script},
        {"p1-small": (0, "fail", script, True), "p1-large": 1},
        extra=("from IPython.display import HTML\nHTML('<b>x</b>')",),
        cells={"extra-1": ("raised", script)},
    )
    outputs = [
        CellResult("p1-add", "answer", "ok", "", script, (png(), b"<svg/>")),
        CellResult("extra-1", "extra", "ok", "", "\x1b[1m" + script),
    ]
    notebook = shown(course, work, outputs)
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader"}
        assert "attachments" not in cell
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            assert set(data) <= MIMES
            assert output.output_type != "display_data" or data["image/png"]
        if cell.cell_type == "markdown":
            assert "<script" not in cell.source
    add = of(notebook, "p1-add")
    assert add.source.startswith(f"# {script}"), (
        "code is shown as it was written"
    )
    kinds = [output.output_type for output in add.outputs]
    assert kinds == ["stream", "display_data"], "the SVG is gone"
    assert HIDDEN in of(notebook, "p1-small").source, (
        "the grader sees all tests"
    )
    assert "window" not in of(notebook, "p2-why").source.replace(
        "&lt;script&gt;window", ""
    )


def test_a_whole_page_of_formgrader_is_harmless(course: Course) -> None:
    """Formgrader's own exporter and template, over everything hostile at once."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    text = "\n\n".join(
        piece.encode("utf-8", "replace").decode() for piece in HOSTILE
    )
    work = Handed(
        "worst",
        {"p1-add": text, "p2-why": text},
        {"p1-small": (0, "fail", text, True), "p1-large": 0},
        extra=(text,),
    )
    shown(course, work, [CellResult("p1-add", "answer", "ok", "", text)])
    exporter = HTMLExporter(
        template_name="formgrade",
        extra_template_basedirs=[handlers.template_path],
    )
    resources = {
        "base_url": "",
        "index": 0,
        "total": 1,
        "submission_id": "x",
        "assignment_id": NAME,
        "notebook_id": NAME,
    }
    path = course.root / f"autograded/worst/{NAME}/{NAME}.ipynb"
    worst = Tags(exporter.from_filename(str(path), resources=resources)[0])
    shown(course, Handed("mild"))
    path = course.root / f"autograded/mild/{NAME}/{NAME}.ipynb"
    mild = Tags(exporter.from_filename(str(path), resources=resources)[0])

    def acting(page: Tags) -> list[Any]:
        return [
            (tag, sorted(attributes.items()))
            for tag, attributes in page.found
            if tag in {"script", "iframe", "object", "embed", "svg", "style"}
            or tag in {"link", "meta", "form", "base", "details", "math"}
            or any(name.startswith("on") for name in attributes)
            or str(attributes.get("href", "#"))[:1] not in "/#"
        ]

    assert acting(worst) == acting(mild)
    assert "window.__hacked" in worst.text, "it is there, as text"


POINTS = st.sampled_from(
    [
        (1, "pass", "", False),
        (0, "fail", "assert 2 == 3", True),
        (0, "fail", f"assert {HIDDEN}", False),
        (0, "error", "TypeError", True),
        (0, "time", "", False),
        (0.5, "partial", "", False),
        (0.25, "partial", "một nửa", True),
        (0, "partial", "", False),
    ]
)


@settings(max_examples=15)
@given(POINTS, POINTS)
def test_nbgrader_reads_the_same_points_off_the_cells(
    course: Course, small: Any, large: Any
) -> None:
    from nbgrader.utils import determine_grade

    large = (2 * large[0], *large[1:])
    points = {"p1-small": small, "p1-large": large}
    notebook = shown(course, Handed("reader", points=points))
    for name, given_points in points.items():
        score, _ = determine_grade(of(notebook, name))
        assert score == given_points[0]
    assert determine_grade(of(notebook, "p2-why"))[0] is None


def test_what_a_hidden_test_said_is_only_in_the_traceback(
    course: Course,
) -> None:
    """Where the course's `HiddenStaysHidden` takes it out of nbgrader's feedback."""
    said = f"AssertionError: add([], {HIDDEN})"
    work = Handed(
        "one", points={"p1-small": (0, "fail", said, False), "p1-large": 2}
    )
    (output,) = of(shown(course, work), "p1-small").outputs
    assert output.output_type == "error"
    assert HIDDEN not in output.ename + output.evalue
    assert HIDDEN in "\n".join(output.traceback)


def test_the_same_record_writes_the_same_bytes(course: Course) -> None:
    path = course.root / f"autograded/twice/{NAME}/{NAME}.ipynb"
    shown(course, Handed("twice"))
    first = path.read_bytes()
    written = path.stat().st_mtime_ns
    shown(course, Handed("twice"))
    assert path.read_bytes() == first
    assert path.stat().st_mtime_ns == written, "and not again"


def test_the_submissions_time_is_the_receipts(course: Course) -> None:
    submitted = course.root / f"submitted/late/{NAME}"
    submitted.mkdir(parents=True)
    (submitted / "timestamp.txt").write_text("2020-01-01 00:00:00 UTC")
    (submitted / "submission_secret.txt").write_text("abc")
    shown(course, Handed("late"))
    folder = course.root / f"autograded/late/{NAME}"
    assert (folder / "timestamp.txt").read_text() == (
        "2026-11-23T08:00:00+00:00\n"
    )
    assert (folder / "submission_secret.txt").read_text() == "abc"


def test_a_secret_that_is_a_link_is_not_followed(
    course: Course, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.write_text("not for students")
    submitted = course.root / f"submitted/linker/{NAME}"
    submitted.mkdir(parents=True)
    (submitted / "submission_secret.txt").symlink_to(private)
    shown(course, Handed("linker"))
    secret = course.root / f"autograded/linker/{NAME}/submission_secret.txt"
    assert "not for" not in secret.read_text()
