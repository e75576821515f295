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
    gradebook,
    grading,
    kill,
    make_course,
    named,
    rest,
    scheduler,
    until,
    verdicts,
    worker,
)

from aulac_grader.grade.verdict.events import EventLog
from aulac_grader.sandbox.selfcheck import unavailable

REASON = unavailable()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]


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
        assert named(started, "spawn_main") and named(
            started, "grade.batch.local_worker"
        )
        rest(process)
    assert process.returncode == 0
    assert all_gone(started)
    assert_same(course, undisturbed)


def test_kill_9_of_the_command_and_then_of_a_worker_of_dask(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """A nanny starts another worker; what the dead one had is given out again."""
    course = copy_of(template, tmp_path)
    with grading(course, "run", "--workers", "1") as process:
        until(process, 2)  # its verdict is written, the gradebook lacks it
        started = below(process)
        process.kill()
    assert started and all_gone(started)
    left = len(STUDENTS) - len(verdicts(course))
    killed = 0
    with grading(course, "resume", "--workers", "2") as process:
        for count in range(1, left):
            until(process, count)
            found = named(below(process), "spawn_main")
            if found and not killed:
                found[0].kill()
                killed += 1
        said = rest(process)
    assert killed, said
    assert process.returncode == 0, said
    assert f"{left}/{left} " in said
    assert_same(course, undisturbed)


def test_kill_9_of_the_lane_and_of_each_zygote(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    victims = {
        2: "grade.batch.local_worker",
        5: "zygote student",
        8: "zygote judge",
    }
    with grading(course, "run", "--workers", "1") as process:
        for count, words in victims.items():
            until(process, count)
            found = named(below(process), *words.split())
            assert found, f"nothing was called {words}"
            kill(found)
        said = rest(process)
    assert process.returncode == 0, said
    assert_same(course, undisturbed)


def test_ctrl_c_and_later_kill_9_with_workers_of_dask(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Ctrl-C: what came is written, and a sentence says how to go on."""
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
    with grading(course, "resume") as process:
        until(process, 3)
        started = below(process)
        process.kill()
    assert all_gone(started)
    assert grade(course, "resume", "--workers", "1").returncode == 0
    assert_same(course, undisturbed)


def test_locked_gradebook_is_waited_for_and_then_costs_no_verdict(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    lock = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # as formgrader does while it saves
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


def test_cluster_where_marking_fails_now_and_then(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Whoever fails every time gets no mark, and gets one later: never a zero."""
    course = copy_of(template, tmp_path)
    broken = tmp_path / "broken"
    broken.write_text("return 3 and")  # in the answer of s02
    with (
        scheduler() as (_, address),
        worker(address, SHARE="0.25", BROKEN=str(broken)),
    ):
        done = grade(course, "run", "--scheduler", address)
        assert done.returncode == 3, done.stderr
        assert "s02: no mark, our fault: the disk of this" in done.stderr
        assert "a cable was pulled); trying again" in done.stderr
        assert sorted(verdicts(course)) == sorted({*STUDENTS} - {"s02"})
        assert "s02" not in gradebook(course)
        broken.unlink()
        done = grade(course, "resume")
        assert done.returncode == 0, done.stderr
    assert_same(course, undisturbed)


def test_kill_9_of_the_scheduler(
    template: Path, undisturbed: Path, tmp_path: Path
) -> None:
    course = copy_of(template, tmp_path)
    with scheduler() as (program, address), worker(address):
        words = ["run", "--scheduler", address]
        with grading(course, *words) as process:
            until(process, 4)
            program.kill()
            said = rest(process)
    assert process.returncode == 1, said
    assert f"connection to the Dask scheduler {address} is lost" in said
    assert "--scheduler '' on this machine" in said
    assert "Traceback" not in said
    assert 4 <= len(verdicts(course)) < len(STUDENTS)
    done = grade(course, "resume", "--scheduler", "", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert_same(course, undisturbed)
