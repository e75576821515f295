"""Whatever is killed, and whenever: nothing is lost and nobody is marked twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tests.grader.batch_class import (
    NAME,
    SECONDS,
    STUDENTS,
    all_gone,
    assert_same,
    below,
    command,
    copy_of,
    environment,
    events,
    grade,
    grading,
    make_course,
    named,
    rest,
    until,
    verdicts,
)

from aulac_grader.grade.events import EventLog
from aulac_grader.sandbox.selfcheck import unavailable

REASON = unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def undisturbed(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The class marked by one worker that nobody disturbs."""
    course = copy_of(template, tmp_path_factory.mktemp("undisturbed"))
    done = grade(course, "run", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert sorted(verdicts(course)) == sorted(STUDENTS)
    return course


def test_two_workers_give_the_same_bytes_as_one(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    with grading(course, "run", "--workers", "2") as process:
        until(process, 3)
        started = below(process)
        rest(process)
    assert process.returncode == 0
    assert all_gone(started)
    assert_same(course, undisturbed)


def test_kill_9_of_the_command(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Twice: between a verdict and the gradebook, and later with Dask's workers."""
    course = copy_of(template, tmp_path)
    for workers, count in (("1", 2), ("2", 4)):
        with grading(course, "run", "--workers", workers) as process:
            until(process, count)
            started = below(process)
            process.kill()
        assert started and all_gone(started)
    left = len(STUDENTS) - len(verdicts(course))
    assert 0 < left <= len(STUDENTS) - 6
    done = grade(course, "resume", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert f"{left}/{left} " in done.stderr
    assert_same(course, undisturbed)


def test_kill_9_of_the_lane_and_of_each_zygote(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    victims = {2: "grade.lane", 5: "zygote student", 8: "zygote judge"}
    with grading(course, "run", "--workers", "1") as process:
        for count, words in victims.items():
            until(process, count)
            found = named(below(process), *words.split())
            assert found, f"nothing was called {words}"
            for one in found:
                one.kill()
        said = rest(process)
    assert process.returncode == 0, said
    assert_same(course, undisturbed)


def test_kill_9_of_a_worker_of_dask(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Its nanny starts another; what it had is given out again."""
    course = copy_of(template, tmp_path)
    killed = 0
    with grading(course, "run", "--workers", "2") as process:
        for count in range(1, len(STUDENTS)):
            until(process, count)
            found = named(below(process), "spawn_main")
            if found and not killed:
                found[0].kill()
                killed += 1
        said = rest(process)
    assert killed, said
    assert process.returncode == 0, said
    assert_same(course, undisturbed)


def test_ctrl_c_writes_what_came_and_says_how_to_go_on(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    with grading(course, "run", "--workers", "2") as process:
        until(process, 3)
        started = below(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = rest(process)
    assert process.returncode == 130, said
    assert f"aulac grade resume {NAME}" in said
    assert "Traceback" not in said
    assert all_gone(started)
    assert events(course)[-1]["event"] == "stopped"
    assert 3 <= len(verdicts(course)) < len(STUDENTS)
    assert grade(course, "resume").returncode == 0
    assert_same(course, undisturbed)


def test_locked_gradebook_is_waited_for_and_then_costs_no_verdict(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    lock = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    done = grade(course, "run", "--workers", "1", "--wait", "0.3")
    assert done.returncode == 1
    assert "locked by another program; waiting" in done.stderr
    assert f"aulac grade resume {NAME}" in done.stderr
    kept = verdicts(course)
    assert kept
    lock.execute("ROLLBACK")
    lock.close()
    done = grade(course, "resume")
    assert done.returncode == 0, done.stderr
    assert kept.items() <= verdicts(course).items()
    assert_same(course, undisturbed)


def test_second_run_says_so_and_ends(template: Path, tmp_path: Path) -> None:
    course = copy_of(template, tmp_path)
    with EventLog(course / "grading" / NAME):
        done = grade(course, "run")
        status = grade(course, "status")
    assert done.returncode == 1
    assert f"process {os.getpid()}) is grading {NAME}" in done.stderr
    assert "A command is grading it now." in status.stdout
    assert not verdicts(course)


def test_full_disk(template: Path, undisturbed: Path, tmp_path: Path) -> None:
    """The grading folder is a file system that fills up in the middle."""
    course = copy_of(template, tmp_path)
    folder = course / "grading" / NAME
    said = tmp_path / "said"
    script = f"""
set -e
cp -r {folder} {tmp_path}/kept
mount -t tmpfs -o size=10m none {folder}
cp -r {tmp_path}/kept/. {folder}
used=$(du -s --apparent-size -B 4096 {folder} | cut -f 1)
mount -o remount,size=$((4096 * (used + 20))) {folder}
set +e
"$@" > {said} 2>&1
echo "exit $?" >> {said}
mount -o remount,size=10m {folder}
cp -r {folder}/. {tmp_path}/after
umount {folder}
cp -r {tmp_path}/after/. {folder}
"""
    words = ["unshare", "--mount", "--map-root-user", "--user"]
    if os.getuid() == 0:
        words = ["unshare", "--mount"]
    if subprocess.run([*words, "true"]).returncode != 0:
        pytest.skip(
            "this machine lets nobody mount a file system of their own"
        )
    run = command(course, "run", "--workers", "1")
    subprocess.run(
        [*words, "sh", "-c", script, "sh", *run],
        env=environment(),
        timeout=SECONDS,
        check=True,
    )
    told = said.read_text()
    assert told.endswith("exit 1\n"), told
    assert "is full. Every verdict written so far stands" in told
    assert "Traceback" not in told
    assert 0 < len(verdicts(course)) < len(STUDENTS)
    done = grade(course, "resume")
    assert done.returncode == 0, done.stderr
    assert_same(course, undisturbed)
