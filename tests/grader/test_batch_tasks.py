"""Workers do what is registered under a name, whatever it is, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.grader.batch_class import scheduler, worker

from aulac_grader.grade.batch import registry
from aulac_grader.grade.batch.cluster import Cluster, ClusterError
from aulac_grader.grade.batch.crew import Crew
from aulac_grader.grade.batch.grade_task import NAME, grade_one
from aulac_grader.grade.batch.rounds import Rounds
from aulac_grader.grade.batch.stopping import Interrupt, Stopped

STUDENTS = ("an", "bình", "chi")
COUNT = '''
import json, os, signal
from pathlib import Path

def count(payload):
    """Letters; the first worker that is asked for a deadly word dies of it."""
    order = json.loads(payload)
    if order["deadly"]:
        try:
            Path(order["deadly"]).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    if order["word"] == "broken":
        raise ValueError("no such word")
    return {"letters": len(order["word"])}
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that registers a task, for every Python started in this test."""
    folder = tmp_path / "installed"
    about = folder / "counting-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "counting.py").write_text(COUNT)
    (about / "METADATA").write_text("Name: counting\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\ncount = counting:count\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


class Counting:
    """A job for the rounds that has nothing to do with marking."""

    def __init__(self, task: str = "count", deadly: str = "") -> None:
        self.task, self.deadly = task, deadly
        self.letters: dict[str, int] = {}
        self.reasons: list[str] = []

    def prepare(self, student: str) -> bytes:
        deadly = self.deadly if student == STUDENTS[1] else ""
        return json.dumps({"word": student, "deadly": deadly}).encode()

    def accept(self, student: str, answer: dict[str, Any]) -> None:
        self.letters[student] = answer["letters"]

    def retried(self, student: str, reason: str, counts: bool) -> None:
        self.reasons.append(f"{student}: {reason}")

    def failed(self, student: str, reason: str) -> None:
        raise AssertionError(f"{student}: {reason}")


@pytest.fixture(params=["here", pytest.param("dask", marks=pytest.mark.slow)])
def crew(
    request: pytest.FixtureRequest, installed: None
) -> Iterator[tuple[Crew, bool]]:
    """A worker on this machine, or two of Dask's at an address."""
    with ExitStack() as stack:
        address = ""
        if request.param == "dask":
            _, address = stack.enter_context(scheduler())
            for _ in range(2):
                stack.enter_context(worker(address))
        yield stack.enter_context(Crew(1, address, print)), bool(address)


def test_another_task_survives_a_killed_worker(
    crew: tuple[Crew, bool], tmp_path: Path
) -> None:
    workers, on_dask = crew
    deadly = tmp_path / "deadly"
    job = Counting(deadly=str(deadly))
    Rounds(job, workers, Interrupt()).run(STUDENTS)
    assert deadly.exists()
    assert job.letters == {name: len(name) for name in STUDENTS}
    if not on_dask:  # Dask gives it to another worker by itself
        assert job.reasons == ["bình: the marking process died over it"]


def test_what_nobody_registered_is_not_done(installed: None) -> None:
    job = Counting("counting:count")
    with Crew(1, "", print) as crew, pytest.raises(Stopped) as stopped:
        Rounds(job, crew, Interrupt()).run(STUDENTS)
    assert "knows no task called 'counting:count'" in str(stopped.value)
    assert job.letters == {}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "os:system",
        "aulac_grader.grade.batch.grade_task:grade_one",
        "grade_one",
    ],
)
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(registry.UnknownTask):
        registry.find(name)


def test_marking_is_registered() -> None:
    assert registry.find(NAME) is grade_one


def test_a_task_that_raises_is_our_failure() -> None:
    answer = registry.unpack_answer(registry.run(NAME, b"\xc1"))
    assert answer["ok"] is False and answer["final"] is False
    assert "task.py" in answer["reason"]


class Future:
    """What Dask gives for a task that was sent."""

    def __init__(self, status: str, answer: bytes = b"") -> None:
        self.status, self.answer = status, answer

    def result(self, timeout: float) -> bytes:
        return self.answer


def test_answers_that_came_before_the_scheduler_went_are_not_lost() -> None:
    cluster = Cluster(workers=1)
    futures = {"an": Future("finished", b"1"), "chi": Future("pending")}
    client = SimpleNamespace(
        status="running",
        nthreads=lambda: {"a worker": 1},
        submit=lambda _run, task, payload, pure: futures[payload.decode()],
    )
    cluster._client = cast(Any, client)
    for student in ("an", "chi"):
        cluster.submit(student, "count", student.encode())
    futures["chi"].status = "cancelled"
    assert cluster.poll() == [("an", b"1", "")]
    with pytest.raises(ClusterError):
        cluster.poll()
    assert cluster.reclaim() == ["chi"]
