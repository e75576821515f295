"""The event log: what was appended is there, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac_grader.grade.verdict.events import Busy, EventLog, read, replay


def log_file(folder: Path) -> Path:
    return folder / "events.jsonl"


def test_replay_gives_the_state(tmp_path: Path) -> None:
    with EventLog(tmp_path) as log:
        log.append("run", options={"workers": 2})
        log.append("collected", "an", submission="s1")
        log.append("queued", "an")
        log.append("started", "an")
        log.append("retried", "an", reason="zygote died")
        log.append("marked", "an", verdict="v1", points=2.5, submission="s1")
        log.append("recorded", "an", verdict="v1")
        log.append("collected", "binh", submission="s2")
        log.append("failed_infrastructure", "binh", reason="no sandbox")
        assert replay(tmp_path) == log.state
    state = replay(tmp_path)
    an, binh = state.students["an"], state.students["binh"]
    assert (an.stage, an.verdict, an.recorded) == ("recorded", "v1", "v1")
    assert (an.points, an.marked) == (2.5, 1)
    assert (binh.stage, binh.reason) == ("infrastructure", "no sandbox")
    assert (state.options, state.ended) == ({"workers": 2}, "")


def test_new_submission_of_a_recorded_student_is_to_be_marked(
    tmp_path: Path,
) -> None:
    with EventLog(tmp_path) as log:
        log.append("collected", "an", submission="s1")
        log.append("marked", "an", verdict="v1", points=1, submission="s1")
        log.append("recorded", "an", verdict="v1")
        log.append("collected", "an", submission="s2")
    an = replay(tmp_path).students["an"]
    assert (an.stage, an.submission, an.verdict) == ("collected", "s2", "v1")


def test_no_log_is_an_empty_state(tmp_path: Path) -> None:
    assert replay(tmp_path).students == {}
    assert replay(tmp_path / "nowhere").events == 0


STUDENTS = st.lists(st.sampled_from(["an", "bình", "chi"]), max_size=6)


@given(before=STUDENTS, cut=st.integers(1, 60), after=STUDENTS)
def test_torn_last_line_costs_that_line_alone(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[str],
    cut: int,
    after: list[str],
) -> None:
    folder = tmp_path_factory.mktemp("log")
    with EventLog(folder) as log:
        for student in before:
            log.append("queued", student)
        log.append("queued", "torn")
    path = log_file(folder)
    whole = path.read_bytes()
    last = len(whole) - whole[:-1].rfind(b"\n") - 1
    path.write_bytes(whole[: -min(cut, last)])
    assert "torn" not in replay(folder).students
    with EventLog(folder) as log:
        for student in after:
            log.append("started", student)
    events = [event for _, event in read(folder)]
    assert [e["student"] for e in events if e] == before + after
    assert replay(folder).damaged == []


def test_damaged_line_in_the_middle_is_reported_and_survived(
    tmp_path: Path,
) -> None:
    with EventLog(tmp_path) as log:
        log.append("queued", "an")
        log.append("queued", "binh")
        log.append("queued", "chi")
    lines = log_file(tmp_path).read_bytes().splitlines(keepends=True)
    lines[1] = b"\x00\xff garbage\n"
    lines.append(
        b'{"event": "marked", "student": "an"}\n'
    )  # without a verdict
    log_file(tmp_path).write_bytes(b"".join(lines))
    state = replay(tmp_path)
    assert state.damaged == [2, 4]
    assert sorted(state.students) == ["an", "chi"]


def test_one_writer_at_a_time_and_readers_always(tmp_path: Path) -> None:
    with EventLog(tmp_path) as log:
        log.append("queued", "an")
        with pytest.raises(Busy, match=rf"process {os.getpid()}\) is grading"):
            EventLog(tmp_path).__enter__()
        assert list(replay(tmp_path).students) == ["an"]
        log.append("queued", "binh")
    with EventLog(tmp_path) as log:
        assert sorted(log.state.students) == ["an", "binh"]


KILLED = """
import os, signal, sys
from pathlib import Path
from aulac_grader.grade.verdict.events import EventLog
log = EventLog(Path(sys.argv[1])).__enter__()
for number in range(20):
    log.append("queued", f"s{number:02}")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_after_kill_9_everything_appended_is_there_and_the_lock_is_free(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    with EventLog(tmp_path) as log:
        assert len(log.state.students) == 20


FULL = """
import resource, signal, sys
from pathlib import Path
from aulac_grader.grade.verdict.events import EventLog, replay
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with EventLog(folder) as log:
    log.append("queued", "an")
    size = (folder / "events.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, -1))
    try:
        log.append("marked", "an", verdict="v", points=1)
    except OSError as error:
        print(error.errno, log.state.students["an"].stage)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    assert (folder / "events.jsonl").stat().st_size == size
    log.append("started", "an")
print(replay(folder).students["an"].stage, replay(folder).damaged)
"""


def test_event_that_did_not_fit_left_no_half_behind(tmp_path: Path) -> None:
    """RLIMIT_FSIZE lets write(2) take a part and then fail, as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["27 queued", "started []"]


def test_each_event_is_one_line_of_json_with_a_time(tmp_path: Path) -> None:
    with EventLog(tmp_path) as log:
        log.append("failed_infrastructure", "bình", reason="a\nb")
    (line,) = log_file(tmp_path).read_text(encoding="utf-8").splitlines()
    event = json.loads(line)
    assert event.pop("at").endswith("+00:00")
    assert event == {
        "event": "failed_infrastructure",
        "student": "bình",
        "reason": "a\nb",
    }
