"""Grading a class: `aulac grade run` beside plain nbgrader, on the same submissions.

The class is generated from a seed: an assignment that imports torch, made for this
benchmark, and students who are right, wrong, slow, or crash the process. Everything is
timed as it is typed, start of the command included:

- `nbgrader autograde` on one submission and then on the rest of a sample with the same
  shares of each kind: the difference gives seconds each, from which the whole class's
  minutes are extrapolated
- `aulac grade run` with 1, 2 and 4 workers on the whole class, gradebook included; the
  verdicts must be the same bytes, and the points nbgrader's
- a second assignment without torch, one line long: one submission and some more give
  the time of a start and of one more trivial submission

Memory is the proportional set size (PSS) of the command and all below it, looked at
twice a second: a page that several processes share counts once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

TORCH, TRIVIAL = "bench-torch", "bench-trivial"
SEED = 20260901
SHARES = {"right": 0.6, "wrong": 0.25, "slow": 0.1, "crashing": 0.05}

GIVEN = "import math\n\nimport torch\n"
ANSWERS = {
    "p1-softmax": (
        "softmax",
        "def softmax(x):\n"
        '    """Softmax over the last dimension: [..., n] -> [..., n]."""\n',
        "    x = x - x.max(dim=-1, keepdim=True).values\n"
        "    e = x.exp()\n"
        "    return e / e.sum(dim=-1, keepdim=True)\n",
    ),
    "p2-attention": (
        "attention",
        "def attention(q, k, v):\n"
        '    """Causal attention: three [t, d] -> [t, d]."""\n',
        "    scores = q @ k.T / math.sqrt(q.shape[-1])\n"
        "    mask = torch.ones_like(scores).tril().bool()\n"
        "    scores = scores.masked_fill(~mask, -math.inf)\n"
        "    return softmax(scores) @ v\n",
    ),
    "p3-perplexity": (
        "perplexity",
        "def perplexity(losses):\n"
        '    """exp of the mean of a list of losses in nats."""\n',
        "    return math.exp(sum(losses) / len(losses))\n",
    ),
}
TESTS = {
    "p1-test": (
        2,
        "x = torch.tensor([[1.0, 2.0, 3.0]])\n"
        "assert torch.allclose(softmax(x), x.softmax(-1), atol=1e-5)\n",
        "x = torch.tensor([[1000.0, 0.0], [-5.0, 5.0]])\n"
        "assert torch.allclose(softmax(x), x.softmax(-1), atol=1e-5)\n",
    ),
    "p2-test": (
        3,
        "q = torch.eye(3)\n"
        "assert torch.allclose(attention(q, q, q)[0], q[0], atol=1e-5)\n",
        "q, k, v = torch.randn(3, 12, 8, generator=torch.Generator()"
        ".manual_seed(1))\n"
        "want = torch.nn.functional.scaled_dot_product_attention(\n"
        "    q[None], k[None], v[None], is_causal=True)[0]\n"
        "assert torch.allclose(attention(q, k, v), want, atol=1e-4)\n",
    ),
    "p3-test": (
        1,
        "assert abs(perplexity([0.0, 0.0]) - 1) < 1e-9\n",
        "assert abs(perplexity([1.0, 3.0]) - math.exp(2.0)) < 1e-6\n",
    ),
}
WRONG = {
    "p1-softmax": "    return x.exp() / x.exp().sum()\n",
    "p2-attention": "    return softmax(q @ k.T / math.sqrt(q.shape[-1])) @ v\n",
    "p3-perplexity": "    return sum(math.exp(l) for l in losses) / len(losses)\n",
}
SLOW = "    total = 0\n    for n in range({loops}):\n        total += n % 7\n"
CRASH = "    import os\n    os._exit(3)\n"

TITLE = {"vi": "Chấm một lớp", "en": "Grading a class"}
MINUTES = 4.0
LABELS = {
    "runs": {"vi": "các lần chấm", "en": "runs"},
    "nbgrader autograde": {
        "vi": "nbgrader autograde",
        "en": "nbgrader autograde",
    },
    "ours, 1 worker": {
        "vi": "của khóa học, 1 tiến trình chấm",
        "en": "ours, 1 worker",
    },
    "ours, 2 workers": {
        "vi": "của khóa học, 2 tiến trình chấm",
        "en": "ours, 2 workers",
    },
    "ours, 4 workers": {
        "vi": "của khóa học, 4 tiến trình chấm",
        "en": "ours, 4 workers",
    },
    "submissions": {"vi": "số bài nộp", "en": "submissions"},
    "seconds": {"vi": "giây", "en": "seconds"},
    "seconds_each": {"vi": "giây mỗi bài", "en": "seconds each"},
    "minutes_for_class": {
        "vi": "phút cho cả lớp",
        "en": "minutes for the class",
    },
    "times_nbgrader": {
        "vi": "nhanh gấp nbgrader (lần)",
        "en": "times nbgrader",
    },
    "peak_mb": {"vi": "bộ nhớ cao nhất (MB)", "en": "peak memory (MB)"},
    "start_seconds": {"vi": "khởi động (giây)", "en": "start-up (s)"},
    "trivial_seconds": {
        "vi": "thêm một bài rất nhẹ (giây)",
        "en": "one more trivial submission (s)",
    },
    "worker_mb": {
        "vi": "bộ nhớ mỗi tiến trình chấm, trang dùng chung chia đều (PSS, MB)",
        "en": "memory of a worker, shared pages by share (PSS, MB)",
    },
    "class_size": {"vi": "số bài của lớp", "en": "submissions in the class"},
    "kinds": {"vi": "lớp gồm", "en": "the class"},
    "right": {"vi": "bài đúng", "en": "right"},
    "wrong": {"vi": "bài sai", "en": "wrong"},
    "slow": {"vi": "bài chạy chậm", "en": "slow"},
    "crashing": {"vi": "bài làm chết tiến trình", "en": "crashing"},
    "same_bytes": {
        "vi": "1, 2, 4 tiến trình chấm cho kết quả giống nhau từng byte",
        "en": "any number of workers gives the same bytes",
    },
    "same_points": {
        "vi": "điểm bằng điểm của nbgrader",
        "en": "points equal nbgrader's",
    },
}


# -- the class -----------------------------------------------------------------


def cell(
    grade_id: str, source: str, provides: str = "", **kind: Any
) -> nbformat.NotebookNode:
    """A code cell with nbgrader's metadata, schema version 3."""
    flags = {"grade": False, "solution": False, "locked": False} | kind
    metadata: dict[str, Any] = {
        "nbgrader": {"grade_id": grade_id, "schema_version": 3, **flags}
    }
    if provides:
        metadata["aulac"] = {"provides": [provides]}
    return v4.new_code_cell(source, id=grade_id, metadata=metadata)


def notebook(cells: Sequence[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    kernel = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return v4.new_notebook(
        cells=list(cells),
        metadata={"kernelspec": kernel, "language_info": {"name": "python"}},
    )


def torch_source() -> nbformat.NotebookNode:
    """The instructor's notebook of the assignment that imports torch."""
    cells = [cell("given", GIVEN, locked=True)]
    for (answer, (name, head, body)), (test, (points, seen, hidden)) in zip(
        ANSWERS.items(), TESTS.items(), strict=True
    ):
        solved = f"{head}    ### BEGIN SOLUTION\n{body}    ### END SOLUTION\n"
        cells.append(cell(answer, solved, name, solution=True))
        checked = (
            f"{seen}### BEGIN HIDDEN TESTS\n{hidden}### END HIDDEN TESTS\n"
        )
        cells.append(
            cell(test, checked, grade=True, locked=True, points=points)
        )
    return notebook(cells)


def trivial_source() -> nbformat.NotebookNode:
    """One function of one line, one assertion."""
    solved = (
        "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n"
        "    ### END SOLUTION\n"
    )
    test = "assert add(1, 2) == 3\n"
    return notebook(
        [
            cell("add", solved, "add", solution=True),
            cell("add-test", test, grade=True, locked=True, points=1),
        ]
    )


def handed_in(
    released: nbformat.NotebookNode, answers: dict[str, str]
) -> nbformat.NotebookNode:
    """The released notebook with a student's answers in it."""
    made = nbformat.from_dict(json.loads(nbformat.writes(released)))
    for found in made.cells:
        if found.id in answers:
            found.source = answers[found.id]
    return made


def student_answers(kind: str, draw: random.Random) -> dict[str, str]:
    """What one student of this kind wrote."""
    answers = {
        name: head + body + f"# {draw.randrange(10**9)}\n"
        for name, (_, head, body) in ANSWERS.items()
    }
    name = draw.choice(list(ANSWERS))
    head, body = ANSWERS[name][1:]
    if kind == "wrong":
        answers[name] = head + WRONG[name]
    elif kind == "crashing":
        answers[name] = head + CRASH
    elif kind == "slow":
        loops = draw.randrange(4, 9) * 1_000_000
        answers[name] = head + SLOW.format(loops=loops) + body
    return answers


def kinds(size: int) -> list[str]:
    """The kind of each student of a class: fixed shares, mixed by the seed."""
    drawn = [
        kind
        for kind, share in SHARES.items()
        for _ in range(round(share * size))
    ]
    drawn = (drawn + ["right"] * size)[:size]
    random.Random(SEED).shuffle(drawn)
    return drawn


# -- courses -------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """A course directory with one assignment and what its students handed in."""

    root: Path
    assignment: str

    def students(self) -> list[str]:
        return sorted(p.name for p in (self.root / "submitted").iterdir())

    def points(self) -> dict[str, float]:
        """Points by machine of each student who has any, from nbgrader's database."""
        with contextlib.closing(
            sqlite3.connect(self.root / "gradebook.db")
        ) as book:
            rows = book.execute(
                "select s.student_id, sum(g.auto_score) from grade g "
                "join submitted_notebook n on g.notebook_id = n.id "
                "join submitted_assignment s on n.assignment_id = s.id "
                "group by s.student_id"
            ).fetchall()
        return {name: score for name, score in rows if score is not None}


def new_course(
    root: Path,
    assignment: str,
    source: nbformat.NotebookNode,
    submissions: dict[str, nbformat.NotebookNode],
) -> Course:
    """An nbgrader course directory in which everything was handed in."""
    folder = root / "source" / assignment
    folder.mkdir(parents=True)
    nbformat.write(source, folder / f"{assignment}.ipynb")
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n"
    )
    for student, made in submissions.items():
        place = root / "submitted" / student / assignment
        place.mkdir(parents=True)
        nbformat.write(made, place / f"{assignment}.ipynb")
    return Course(root, assignment)


def part_of(course: Course, root: Path, students: Sequence[str]) -> Course:
    """A copy of the course, ungraded, with only these students in it."""
    shutil.copytree(course.root / "source", root / "source")
    shutil.copy(course.root / "nbgrader_config.py", root)
    for student in students:
        shutil.copytree(
            course.root / "submitted" / student, root / "submitted" / student
        )
    return Course(root, course.assignment)


def torch_class(root: Path, size: int) -> Course:
    """The class that is timed."""
    source = torch_source()
    draw = random.Random(SEED)
    submissions = {
        f"s{n:03}": handed_in(source, student_answers(kind, draw))
        for n, kind in enumerate(kinds(size))
    }
    return new_course(root, TORCH, source, submissions)


def trivial_class(root: Path, size: int) -> Course:
    source = trivial_source()
    answer = {"add": "def add(a, b):\n    return a + b\n"}
    submissions = {f"s{n:03}": handed_in(source, answer) for n in range(size)}
    return new_course(root, TRIVIAL, source, submissions)


# -- running -------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One command: seconds from its start to its end, and most memory of its tree."""

    seconds: float
    peak_mb: float


def timed(
    command: Sequence[str], folder: Path, accepted: Sequence[int] = (0,)
) -> Run:
    """Run a command and watch its memory.

    Raises:
        RuntimeError: it ended otherwise than `accepted`; the end of what it said is
            in it.
    """
    tools = str(Path(sys.executable).parent)  # nbgrader calls alembic
    variables = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([tools, os.environ.get("PATH", "")]),
    }
    peak = [0.0]
    over = threading.Event()
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(tools) / command[0]), *command[1:]],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        watcher = threading.Thread(
            target=_watch, args=(process.pid, over, peak)
        )
        watcher.start()
        status = process.wait()
        seconds = time.perf_counter() - began
        over.set()
        watcher.join()
        if status not in accepted:
            said.seek(0)
            text = said.read().decode(errors="replace")[-2000:]
            raise RuntimeError(
                f"{' '.join(command)} ended with {status}:\n{text}"
            )
    return Run(seconds, peak[0])


def _watch(pid: int, over: threading.Event, peak: list[float]) -> None:
    while not over.wait(0.5):
        peak[0] = max(peak[0], tree_mb(pid))


def tree_mb(pid: int) -> float:
    """Proportional set size of a process and all below it, in MiB."""
    import psutil

    total = 0.0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, OSError):
                total += process.memory_full_info().pss
    return total / 2**20


def aulac(course: Course, workers: int) -> Run:
    """`aulac grade run` on everything that was handed in."""
    return timed(
        ["aulac", "grade", "run", course.assignment, f"--workers={workers}"],
        course.root,
    )


def nbgrader(course: Course, *more: str) -> Run:
    """`nbgrader autograde` on what is not graded yet.

    It ends with 1 where a submission killed its kernel, and goes on with the others.
    """
    words = ["nbgrader", "autograde", course.assignment, *more]
    return timed(words, course.root, (0, 1))


# -- what is measured ----------------------------------------------------------


def sample(course: Course, size: int) -> list[str]:
    """Students of the class, with its shares of each kind."""
    wanted = sorted(kinds(size))
    students = dict(
        zip(course.students(), kinds(len(course.students())), strict=True)
    )
    chosen = []
    for kind in wanted:
        name = next(s for s in students if students[s] == kind)
        del students[name]
        chosen.append(name)
    return chosen


def theirs(course: Course, root: Path, size: int) -> tuple[dict, dict]:
    """nbgrader on a sample: what it took, and its points."""
    some = part_of(course, root, sample(course, size))
    name = some.assignment
    timed(["nbgrader", "generate_assignment", name], some.root)
    one = nbgrader(some, "--student", some.students()[0])
    rest = nbgrader(some)
    each = (rest.seconds - one.seconds) / (size - 2)
    whole = one.seconds + each * (len(course.students()) - 1)
    found = row(size, one.seconds + rest.seconds, each, whole)
    return found | {"peak_mb": round(rest.peak_mb)}, some.points()


def ours(course: Course, root: Path, workers: Sequence[int]) -> list[dict]:
    """`aulac grade run` on the class with each number of workers.

    The first run collects; the others mark the same submissions from the same
    receipts, with the same key.
    """
    rows = []
    for place, count in enumerate(workers):
        here = course
        if place:
            here = Course(root / f"{count}", course.assignment)
            shutil.copytree(course.root, here.root, ignore=_made_by_marking)
        found = aulac(here, count)
        students = len(course.students())
        whole = found.seconds
        rows.append(
            row(students, whole, whole / students, whole)
            | {"peak_mb": round(found.peak_mb), "verdicts": verdicts(here)}
        )
    return rows


def _made_by_marking(_: str, names: list[str]) -> set[str]:
    made = {"verdicts", "outputs", "measures", "results", "autograded"}
    return {
        n for n in names if n in made or n.startswith(("events", "gradebook"))
    }


def verdicts(course: Course) -> dict[str, bytes]:
    """The bytes of every verdict."""
    folder = course.root / "grading" / course.assignment / "verdicts"
    return {path.stem: path.read_bytes() for path in folder.glob("*.json")}


def row(
    size: int, seconds: float, each: float, whole: float
) -> dict[str, Any]:
    return {
        "submissions": size,
        "seconds": round(seconds, 1),
        "seconds_each": round(each, 3),
        "minutes_for_class": round(whole / 60, 2),
    }


def trivial(root: Path, more: int) -> dict[str, float]:
    """Seconds of a start, and of one more submission that does nothing."""
    one = aulac(trivial_class(root / "one", 1), 1)
    many = aulac(trivial_class(root / "many", 1 + more), 1)
    each = (many.seconds - one.seconds) / more
    return {
        "start_seconds": round(one.seconds - each, 2),
        "trivial_seconds": round(each, 3),
    }


def main(quick: bool) -> dict[str, Any]:
    """The whole comparison; `quick` with a small class and two worker counts."""
    students, some, more = (12, 4, 8) if quick else (300, 20, 60)
    # more workers than cores only take turns
    workers = (1, 2, 4) if not quick and (os.cpu_count() or 1) >= 4 else (1, 2)
    with tempfile.TemporaryDirectory(prefix="aulac-bench-") as folder:
        root = Path(folder)
        course = torch_class(root / "class", students)
        base, points = theirs(course, root / "nbgrader", some)
        found = ours(course, root / "ours", workers)
        light = trivial(root / "trivial", more)
        earned = course.points()
    first = found[0].pop("verdicts")
    same = all(run.pop("verdicts") == first for run in found[1:])
    runs = {"nbgrader autograde": base} | {
        f"ours, {n} worker{'s' * (n > 1)}": run
        for n, run in zip(workers, found, strict=True)
    }
    for run in runs.values():
        faster = base["minutes_for_class"] / run["minutes_for_class"]
        run["times_nbgrader"] = round(faster, 2)
    between = found[-1]["peak_mb"] - found[0]["peak_mb"]
    return {
        "class_size": students,
        "kinds": {kind: kinds(students).count(kind) for kind in SHARES},
        "runs": runs,
        **light,
        "worker_mb": round(between / (workers[-1] - workers[0])),
        "same_bytes": same,
        "same_points": all(earned.get(s) == points[s] for s in points),
        "notes": NOTES,
    }


NOTES = {
    "vi": "Lớp được sinh ra bằng hạt giống, bài tập có nạp torch. Giờ tính từ lúc gõ "
    "lệnh đến khi điểm nằm trong sổ điểm. nbgrader chỉ chấm một mẫu có cùng tỉ lệ các "
    "loại bài; số phút cho cả lớp là ngoại suy từ mẫu ấy. nbgrader không có hộp cát "
    "và không cho điểm bài làm chết tiến trình.",
    "en": "The class is generated from a seed, its assignment imports torch. Time runs "
    "from typing the command until the points are in the gradebook. nbgrader marked a "
    "sample with the same shares of each kind; its minutes for the class are "
    "extrapolated from that. nbgrader has no sandbox and gives no points to work that "
    "kills its process.",
}


if __name__ == "__main__":
    print(
        json.dumps(main("--quick" in sys.argv), indent=1, ensure_ascii=False)
    )
