"""aulac lessons verify, with small lessons in a folder of their own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from aulac_grader.author.build import LessonFolder
from aulac_grader.author.links import Shelf
from aulac_grader.verify import verify
from aulac_grader.verify.plan import plan, reached

pytestmark = pytest.mark.slow

HEADER = """---
kernelspec: {{display_name: Python 3, language: python, name: python3}}
aulac:
  lesson: "{number}"
  title: {{vi: "Bài", en: "Lesson"}}
  summary: {{vi: "Một.", en: "One."}}
  objectives: {{vi: ["a"], en: ["a"]}}
  prerequisites: []
  needs: {needs}
  makes: {makes}
  cores: {cores}
  minutes: {{tiny: 0.1, laptop: 1, t4: 1, gpu: 1}}
  timeout: {timeout}
  bands: {bands}
---

```{{code-cell}} ipython3
:tags: [parameters]
scale = None
```

+++ {{"lang": "vi"}}

Lời.

+++ {{"lang": "en"}}

Words.
"""
SETUP = "from aulac.lesson import *\nhere = setup('00', scale)"
ONE = "{one: {min: 1, max: 1, means: {vi: a, en: a}}}"


class Course:
    """A folder of lessons and its verify runs."""

    def __init__(self, root: Path):
        self.root = root
        self.build = root / "build"
        (root / "notebooks" / "source").mkdir(parents=True)
        (root / "book").mkdir()
        self.lesson_folder = LessonFolder(
            root / "notebooks", Shelf(root / "book")
        )
        self.said = ""

    def lesson(self, number: str, *cells: str, **header) -> Path:
        values = {"needs": "[]", "makes": "[]", "bands": "{}", "timeout": 60}
        values |= {"cores": 1} | header
        text = HEADER.format(number=number, **values)
        for cell in (SETUP, *cells):
            text += f"\n```{{code-cell}} ipython3\n{cell}\n```\n"
        path = self.root / "notebooks" / "source" / f"{number}_lesson.md"
        path.write_text(text)
        return path

    def verify(self, *numbers: str, **options) -> bool:
        numbers = numbers or tuple(
            p.stem[:2] for p in self.lesson_folder.sources
        )
        out = io.StringIO()
        console = Console(file=out, width=200)
        ok = verify(
            self.lesson_folder,
            list(numbers),
            build=self.build,
            console=console,
            **options,
        )
        self.said = out.getvalue()
        return ok

    @property
    def report(self) -> dict:
        return json.loads((self.build / "verify" / "report.json").read_text())

    def row(self, number: str) -> dict:
        return self.report["lessons"][number]

    @property
    def times(self) -> dict[str, str]:
        """When each lesson last ran, to the microsecond of its notebook."""
        return {
            number: str(
                (self.build / "verify" / f"{row['name']}.ipynb")
                .stat()
                .st_mtime
            )
            for number, row in self.report["lessons"].items()
            if row["status"] == "passed"
        }


@pytest.fixture
def course(tmp_path, monkeypatch):
    for name in ("AULAC_SCALE", "AULAC_LANG", "AULAC_STATIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AULAC_WORKSPACE", str(tmp_path / "workspace"))
    return Course(tmp_path)


MAKES = "with here.makes('corpus') as f:\n    (f / 'a.txt').write_text('{}')"
NEEDS = "text = (here.need('corpus') / 'a.txt').read_text()\nprint(text)"


def test_outcomes_artefacts_and_order_then_nothing_to_do(course):
    """One course, several lessons: the whole life of a verify folder in one go."""
    course.lesson(
        "00",
        MAKES.format("one"),
        "record('one', 1)",
        makes="[corpus]",
        bands=ONE,
    )
    course.lesson("01", NEEDS, "record('free', 2.5, 'bit')", needs="[corpus]")
    assert course.verify(jobs=2), course.said

    row = course.row("00")
    assert row["status"] == "passed" and row["error"] is None
    assert row["records"] == {
        "one": {"value": 1, "unit": "", "band": [1, 1], "ok": True}
    }
    assert row["seconds"] > 0 and row["peak_mb"] > 20
    assert course.row("01")["records"]["free"]["ok"] is None
    assert course.report["machine"]["cores"] >= 1

    notebook = json.loads(
        (course.build / "verify/01_lesson.ipynb").read_text()
    )
    outputs = [
        o for cell in notebook["cells"] for o in cell.get("outputs", [])
    ]
    assert any(
        o.get("text") == ["one\n"] or o.get("text") == "one\n" for o in outputs
    )
    ids = {cell["id"] for cell in notebook["cells"]}
    assert "aulac-trace" not in ids and "papermill" not in notebook["metadata"]
    html = "".join(json.dumps(o, ensure_ascii=False) for o in outputs)
    assert (
        "aulac-vi" in html
        and "aulac-en" in html
        and "display:none" not in html
    )

    # the reader's workspace, which was empty, has the artefact now
    assert (course.root / "workspace/tiny/corpus/a.txt").read_text() == "one"

    # nothing changed: nothing runs, in a moment
    before = course.times
    began = time.monotonic()
    assert course.verify()
    assert time.monotonic() - began < 3
    assert course.times == before and "0 chạy lại" in course.said

    # prose alone: outputs stay, the text is renewed
    path = course.root / "notebooks/source/01_lesson.md"
    path.write_text(path.read_text().replace("Lời.", "Lời mới."))
    assert course.verify() and "0 chạy lại" in course.said
    assert "Lời mới." in (course.build / "verify/01_lesson.ipynb").read_text()

    # a maker that changes its code but not what it makes: the lesson behind is spared
    course.lesson(
        "00",
        MAKES.format("one"),
        "record('one', 2 - 1)",
        makes="[corpus]",
        bands=ONE,
    )
    assert course.verify() and "1 chạy lại" in course.said
    assert course.times["00"] != before["00"]

    # ... and one that makes something else is followed, in order
    course.lesson(
        "00",
        MAKES.format("two"),
        "record('one', 1)",
        makes="[corpus]",
        bands=ONE,
    )
    assert course.verify("01") and "2 chạy lại" in course.said
    assert "two" in (course.build / "verify/01_lesson.ipynb").read_text()
    # the reader's copy was verify's own, so it is renewed; a reader's own is left
    mine = course.root / "workspace/tiny/corpus/a.txt"
    assert mine.read_text() == "two"
    mine.write_text("mine")
    assert course.verify(force=True)
    assert mine.read_text() == "mine"


def test_what_breaks_is_shown_and_the_rest_runs(course):
    course.lesson("00", "x = 1\nraise ValueError('kaputt')", makes="[corpus]")
    course.lesson("01", NEEDS, needs="[corpus]")
    course.lesson("02", "record('one', 7)", bands=ONE)
    course.lesson("03", "x = 1", bands=ONE)
    course.lesson("04", "record('one', 1)", bands=ONE)
    assert not course.verify(jobs=2)

    broken = course.row("00")
    assert broken["status"] == "failed" and "kaputt" in broken["error"]
    line = (
        (course.root / "notebooks/source/00_lesson.md")
        .read_text()
        .splitlines()
    )
    number = int(broken["cell"].split(":")[1].split()[0])
    assert "x = 1" in line[number : number + 2]
    assert (
        "ValueError" in broken["traceback"]
        and "\x1b" not in broken["traceback"]
    )
    assert "raise ValueError('kaputt')" in course.said
    assert (course.build / "verify/failed/00_lesson.ipynb").exists()
    assert not (course.build / "verify/00_lesson.ipynb").exists()

    skipped = course.row("01")
    assert skipped["status"] == "skipped"
    assert skipped["error"] == "skipped because 00_lesson did not pass"
    assert "outside its band" in course.row("02")["error"]
    assert course.row("02")["records"]["one"]["ok"] is False
    assert "never recorded" in course.row("03")["error"]
    assert course.row("04")["status"] == "passed"

    # mended: only what failed or was skipped runs again
    course.lesson("00", MAKES.format("one"), makes="[corpus]")
    course.lesson("02", "record('one', 1)", bands=ONE)
    course.lesson("03", "record('one', 1)", bands=ONE)
    assert course.verify(jobs=2), course.said
    assert "4 chạy lại" in course.said
    assert not (course.build / "verify/failed/00_lesson.ipynb").exists()


MEET = """import os, time
from pathlib import Path
Path({mine!r}).touch()
end = time.monotonic() + 30
while not Path({other!r}).exists() and time.monotonic() < end:
    time.sleep(0.05)
record("together", Path({other!r}).exists())
record("one", int(os.environ["OMP_NUM_THREADS"]))"""


def test_side_by_side_where_cores_allow(course):
    a, b = str(course.root / "a"), str(course.root / "b")
    course.lesson("00", MEET.format(mine=a, other=b), bands=ONE)
    course.lesson("01", MEET.format(mine=b, other=a), bands=ONE)
    course.lesson(
        "02",
        "import os\nrecord('threads', int(os.environ['OMP_NUM_THREADS']))",
        cores=8,
        bands="{threads: {min: 2, max: 2, means: {vi: a, en: a}}}",
    )
    assert course.verify(jobs=2), course.said
    assert course.row("00")["records"]["together"]["value"] is True
    assert course.row("01")["records"]["together"]["value"] is True


def test_a_header_that_does_not_say_what_a_lesson_makes(course):
    course.lesson("00", "x = 1", makes="[corpus]")
    course.lesson("01", MAKES.replace("corpus", "base").format("x"))
    course.lesson(
        "02",
        "from matplotlib.figure import Figure\nfrom IPython.display import display, Image\n"
        "import io; b = io.BytesIO(); Figure().savefig(b); display(Image(b.getvalue()))",
    )
    assert not course.verify(jobs=2)
    assert "never made `corpus`" in course.row("00")["error"]
    assert "made or used `base`" in course.row("01")["error"]
    assert "without alt text" in course.row("02")["error"]


def test_a_lesson_that_hangs_or_dies_ends_alone(course):
    course.lesson(
        "00", "import time\nfor _ in range(600):\n    time.sleep(1)", timeout=4
    )
    course.lesson("01", "import os\nos._exit(3)")
    course.lesson("02", "x = 1")
    assert not course.verify(jobs=2)
    assert "longer than its 4 s" in course.row("00")["error"]
    assert "00_lesson.md" in course.row("00")["cell"]
    assert "kernel died" in course.row("01")["error"]
    assert course.row("02")["status"] == "passed"
    assert kernels(course.root) == []


def test_bands_hold_at_tiny_only_and_a_new_band_runs_nothing(course):
    course.lesson("00", "record('one', 7)", bands=ONE)
    assert course.verify(scale="laptop")
    assert (course.build / "verify/laptop-vi/00_lesson.ipynb").exists()
    course.lesson(
        "00", "record('one', 7)", bands=ONE.replace("max: 1", "max: 9")
    )
    assert course.verify()
    course.lesson(
        "00", "record('one', 7)", bands=ONE.replace("max: 1", "max: 8")
    )
    assert course.verify() and "0 chạy lại" in course.said
    assert course.row("00")["records"]["one"]["band"] == [1, 8]


def test_the_english_edition_alone(course):
    course.lesson("00", "print(here.lang)")
    assert course.verify(lang="en")
    notebook = (course.build / "verify/tiny-en/00_lesson.ipynb").read_text()
    assert "Words." in notebook and "Lời." not in notebook
    assert not (course.build / "verify/00_lesson.ipynb").exists()


def kernels(root: Path) -> list[int]:
    """Processes that work in this folder: kernels and workers."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        inside = str(root) in environment.get("AULAC_WORKSPACE", "")
        if inside and process.pid != os.getpid():
            found.append(process.pid)
    return found


def wait(condition, seconds: float = 40) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


SCRIPT = """
import signal, sys
from pathlib import Path
# A job started in the background ignores Ctrl-C, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from aulac_grader.author.build import LessonFolder
from aulac_grader.author.links import Shelf
from aulac_grader.verify import verify
root = Path(sys.argv[1])
folder = LessonFolder(root / "notebooks", Shelf(root / "book"))
verify(folder, ["00", "01"], build=root / "build", jobs=1)
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_nothing_done_is_lost(course, blow):
    gate = course.root / "gate"
    course.lesson("00", "record('one', 1)", bands=ONE)
    course.lesson(
        "01",
        f"from pathlib import Path\nimport time\nPath({str(gate)!r}).touch()\n"
        f"while not Path({str(gate) + '2'!r}).exists(): time.sleep(0.05)",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(course.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait(gate.exists), "the second lesson has begun"
    os.kill(process.pid, blow)
    process.wait(20)
    assert wait(lambda: kernels(course.root) == []), (
        "no kernel outlives its run"
    )
    assert list(course.report["lessons"]) == ["00"]

    Path(f"{gate}2").touch()
    before = course.times["00"]
    assert course.verify()
    assert course.times["00"] == before and "1 chạy lại" in course.said


def test_a_broken_report_is_no_obstacle(course):
    course.lesson("00", "x = 1")
    (course.build / "verify").mkdir(parents=True)
    (course.build / "verify/report.json").write_text('{"lessons": [')
    assert course.verify()


# ---- planning, without kernels --------------------------------------------------------


def test_the_first_to_need_what_no_lesson_makes_makes_it(course):
    course.lesson("04", "x = 1", needs="[base]")
    course.lesson("05", "x = 1", needs="[base]")
    course.lesson("02", "x = 1", makes="[corpus]")
    tasks = plan(course.lesson_folder.load()[0]).tasks
    assert tasks["04"].given == ("corpus",) and tasks["04"].waits == ("02",)
    assert set(tasks["04"].owes) == {"tokenizer", "base"}
    assert tasks["05"].waits == ("04",) and tasks["05"].owes == ()


def test_the_longest_row_of_work_goes_first(course):
    course.lesson("00", "x = 1")
    course.lesson("02", "x = 1", makes="[corpus]")
    course.lesson("03", "x = 1", needs="[corpus]", makes="[tokenizer]")
    schedule = plan(course.lesson_folder.load()[0])
    seconds = {"00": 10.0, "02": 5.0, "03": 20.0}
    assert (
        schedule.weight("02", seconds) == 25
        and schedule.weight("00", seconds) == 10
    )
    assert schedule.upstream(["03"]) == {"02", "03"}


def test_which_library_files_a_lesson_reaches(tmp_path):
    package = tmp_path / "aulac" / "stories"
    package.mkdir(parents=True)
    for name in ("__init__.py", "grammar.py", "words.yml"):
        (package / name).write_text(name)
    modules = [str(package / "__init__.py"), "/usr/lib/python3/os.py", ""]
    found = reached("x = 1", modules, tmp_path)
    assert set(found) == {
        "aulac/stories/__init__.py",
        "aulac/stories/words.yml",
    }
    assert len(reached("!aulac train", [], tmp_path)) == 3
