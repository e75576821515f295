"""A small class to grade, and `aulac grade` as a program, for tests of the batch.

    python batch_class.py grade run …     the command, with its waits cut short

Every class comes from one template whose submissions were collected once: the same
key, the same receipts, so the same verdicts down to the last byte.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

NAME = "ps99_sample"
STUDENTS = tuple(f"s{number:02}" for number in range(12))
RIGHT = "def add(a, b):\n    return sum(a) + b\n# {0}\n"
WRONG = "def add(a, b):\n    return sum(a)\n# {0}\n"
DIES = "import os\n\n\ndef add(a, b):\n    os._exit({0})"
LOUD = "print('x' * 100)\ndef add(a, b):\n    return {0} and sum(a) + b"
SECONDS = 120.0  # until a test that hangs is given up


def make_course(root: Path) -> Path:
    """A course with STUDENTS' work collected, and nothing marked."""
    from tests.grader.assignment_sample import write_sample

    from aulac_grader.author.assignment import find, parse
    from aulac_grader.author.assignment.build import build
    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.intake import collect
    from aulac_grader.grade.verdict.keys import course_key

    write_sample(root / "house")
    source = root / "house" / "assignments" / "source"
    build([parse(find(["ps99"], source)[0])], "vi", root / "course")
    course = Course.open(root / "course")
    for number, student in enumerate(STUDENTS, 1):
        answer = (RIGHT, WRONG, RIGHT, LOUD, RIGHT, DIES)[number % 6]
        hand_in(course.root, student, answer.format(number), f"Vì {number}.")
    collect(course, NAME)
    course_key(course.grading)
    return course.root


def hand_in(course: Path, student: str, code: str, why: str) -> None:
    """Put a notebook where `nbgrader collect` would."""
    notebook = json.loads(
        (course / "source" / NAME / f"{NAME}.ipynb").read_bytes()
    )
    answers = {"p1-add": code, "p2-why": why}
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(name, cell["source"])
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))


def copy_of(template: Path, root: Path) -> Path:
    """A class of one's own."""
    shutil.copytree(template, root / "course")
    return root / "course"


def command(course: Path, *words: str | Path) -> list[str]:
    """The words that start `aulac grade VERB ASSIGNMENT …` for a course."""
    verb, *rest = map(str, words)
    script = str(Path(__file__).resolve())
    where = ["--course", str(course)]
    return [sys.executable, script, "grade", verb, NAME, *rest, *where]


def grade(
    course: Path, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    """`aulac grade VERB ASSIGNMENT …`, until it ends."""
    return subprocess.run(
        command(course, *words),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment(),
    )


def environment(**changes: str) -> dict[str, str]:
    return os.environ | {"COLUMNS": "200", "OMP_NUM_THREADS": "1"} | changes


@contextmanager
def grading(
    course: Path, *words: str | Path
) -> Iterator[subprocess.Popen[str]]:
    """`aulac grade …` while it runs; ended afterwards if it still does."""
    process = subprocess.Popen(
        command(course, *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        assert process.stderr is not None
        process.stderr.close()


def until(process: subprocess.Popen[str], count: int) -> list[str]:
    """Read what the command says until `count` submissions are marked."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith(f"{count}/"):
            return said
    raise AssertionError(f"it ended before that: {''.join(said)}")


def rest(process: subprocess.Popen[str]) -> str:
    """What it still says until it ends."""
    assert process.stderr is not None
    said = process.stderr.read()
    process.wait(SECONDS)
    return said


# -- processes -----------------------------------------------------------------


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Every process that it started, and those that they did."""
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: Sequence[psutil.Process]) -> bool:
    """Do they all end within some seconds?"""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def named(
    processes: Sequence[psutil.Process], *words: str
) -> list[psutil.Process]:
    """Those whose command line holds all these words."""
    found = []
    for process in processes:
        try:
            line = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if all(word in line for word in words):
            found.append(process)
    return found


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill -9 each; one may have ended by itself since it was looked up."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


# -- what came of it -----------------------------------------------------------


def verdicts(course: Path) -> dict[str, bytes]:
    """Student → the bytes of the verdict."""
    folder = course / "grading" / NAME / "verdicts"
    return {path.stem: path.read_bytes() for path in folder.glob("*.json")}


def gradebook(course: Path) -> dict[str, Any]:
    """Everything in the gradebook that marks are made of."""
    from aulac_grader.grade.course.course import Course
    from aulac_grader.grade.gradebook.gradebook import Gradebook

    with Gradebook(Course.open(course)) as book:
        return book.marks(NAME)


def events(course: Path) -> list[dict[str, Any]]:
    log = course / "grading" / NAME / "events.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()]


def times_marked(course: Path) -> Counter[str]:
    """How often each student was marked."""
    return Counter(
        event["student"]
        for event in events(course)
        if event["event"] == "marked"
    )


def assert_same(course: Path, wanted: Path) -> None:
    """The same verdicts to the byte, the same gradebook, nobody marked twice."""
    one, other = verdicts(course), verdicts(wanted)
    if edited_since(other):
        one, other = without_environment(one), without_environment(other)
    assert one == other
    assert gradebook(course) == gradebook(wanted)
    assert set(times_marked(course).values()) == {1}


def edited_since(found: dict[str, bytes]) -> bool:
    """Has somebody edited the grader's source since these verdicts were made?"""
    from aulac_grader.grade.batch.environment import environment as computed

    now = computed.__wrapped__()["digest"]
    return any(
        json.loads(data)["environment"]["digest"] != now
        for data in found.values()
    )


def without_environment(found: dict[str, bytes]) -> dict[str, bytes]:
    """What must be the same under another environment too."""
    from aulac_grader.grade.verdict.verdict import canonical_bytes

    left_out = {"environment", "signature"}
    return {
        student: canonical_bytes(
            {k: v for k, v in json.loads(data).items() if k not in left_out}
        )
        for student, data in found.items()
    }


# -- a cluster somewhere -------------------------------------------------------


@contextmanager
def scheduler() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A Dask scheduler of its own, and its address."""
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with program("scheduler", *words) as process:
        yield process, said_address(process, "Scheduler at:")


@contextmanager
def worker(address: str, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """A Dask worker whose marking fails as `batch_broken` says."""
    broken = Path(__file__).with_name("batch_broken.py")
    words = [address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    with program(
        "worker", *words, "--preload", str(broken), **changes
    ) as process:
        said_address(process, "Registered to:")
        yield process


@contextmanager
def program(name: str, *words: str, **changes: str) -> Iterator[Any]:
    """`dask NAME …` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", name, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**changes),
    )
    assert process.stderr is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait(SECONDS)
        process.stderr.close()


def said_address(process: subprocess.Popen[str], after: str) -> str:
    """The address that a Dask program logs behind these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if after in line:
            # Nobody reads on, so a full pipe must not stop the program.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return line.split(after)[1].strip()
    raise AssertionError(f"it ended without saying {after!r}")


def main() -> None:
    """`aulac`, with Dask's workers from the start and little patience."""
    from aulac.cli import main as aulac
    from aulac_grader.grade.batch import cluster, crew

    class Hired(crew.Crew):
        def __enter__(self) -> crew.Crew:
            super().__enter__()
            if self._workers > 1 and not self._address:
                self.start_cluster(wait=True)
            return self

    crew.RECONNECT_SECONDS = 1.0
    cluster.CONNECT_SECONDS = 3.0
    for module in ("batch", "audit"):
        name = f"aulac_grader.grade.batch.{module}"
        vars(importlib.import_module(name))["Crew"] = Hired
    aulac()


if __name__ == "__main__":
    main()
