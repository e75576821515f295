"""What a box may use, and the end of it: limits, the watchdog, and whole-tree kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.grader.sandbox_boxes import BOXES, Parents

from aulac_grader.sandbox import watchdog as watchdog_module
from aulac_grader.sandbox.bubblewrap import command
from aulac_grader.sandbox.cgroup import VARIABLE, Cgroup, place
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.selfcheck import unavailable
from aulac_grader.sandbox.walls import Walls
from aulac_grader.sandbox.watchdog import (
    Watchdog,
    kill_tree,
    only_sockets,
    tree,
)

REASON = unavailable()
needs_boxes = pytest.mark.skipif(REASON is not None, reason=str(REASON))

FORKS = """
import os, time
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        made += 1
except OSError as error:
    result = [made, error.errno]
"""


@pytest.fixture(scope="module")
def parents() -> Iterator[Parents]:
    found = Parents()
    yield found
    found.close()


@pytest.fixture(params=BOXES)
def box(request: Any, parents: Parents) -> Any:
    def run(source: str, **options: Any) -> Any:
        return parents.run(request.param, source, **options)

    return run


@needs_boxes
def test_processes_and_threads_stop_at_the_limit(box: Any) -> None:
    made, error = box(FORKS, limits=Limits(processes=20))["result"]
    assert 15 <= made < 20 and error == 11  # EAGAIN


@needs_boxes
def test_memory_of_one_process_ends_in_a_memory_error(box: Any) -> None:
    got = box(
        "try: bytearray(300 << 20); result = 'had it'\n"
        "except MemoryError: result = 'MemoryError'",
        limits=Limits(memory_mb=200),
    )
    assert got["result"] == "MemoryError"


@needs_boxes
def test_memory_of_many_processes_ends_the_box(box: Any) -> None:
    got = box(
        "import os, time\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        kept = b'x' * (60 << 20); time.sleep(30)\n"
        "time.sleep(30)\n",
        limits=Limits(memory_mb=200),
        watch=True,
    )
    assert (got["why"], got["status"]) in (("memory", -9), ("memory", 137))


@needs_boxes
def test_files_in_memory_are_counted(box: Any) -> None:
    got = box(
        "import time\n"
        "for number, folder in enumerate(('/tmp', '/dev/shm', '.')):\n"
        "    for part in range(8):\n"
        "        open(f'{folder}/{part}', 'wb').write(b'x' * (10 << 20))\n"
        "time.sleep(30)",
        limits=Limits(memory_mb=200, file_mb=90),
        watch=True,
    )
    assert got["why"] == "memory", got


@needs_boxes
def test_memory_that_no_process_owns_cannot_be_had(box: Any) -> None:
    # Shared pages stay when they are unmapped, and so do pages in a pipe.
    got = box(
        "import ctypes, errno, mmap, os, socket\n"
        "def refused(call, *words):\n"
        "    try: call(*words)\n"
        "    except OSError as error: return errno.errorcode[error.errno]\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def zeros():\n"
        "    fd = os.open('/dev/zero', os.O_RDWR)\n"
        "    mmap.mmap(fd, 1 << 20)\n"
        "def full(): mmap.mmap(os.open('/dev/full', os.O_RDWR), 1 << 20)\n"
        "def buffer(option):\n"
        "    with socket.socket(socket.AF_UNIX) as s:\n"
        "        s.setsockopt(socket.SOL_SOCKET, option, 1 << 22)\n"
        "def splice():\n"
        "    libc.vmsplice(1, 0, 0, 0)\n"
        "    raise OSError(ctypes.get_errno(), 'vmsplice')\n"
        "result = [refused(mmap.mmap, -1, 1 << 20), refused(zeros), refused(full),"
        " refused(mmap.mmap, -1, 2 << 20, 0x40022), refused(splice),"
        " *(refused(buffer, option) for option in (7, 8, 32, 33)),"
        " refused(mmap.mmap, -1, 1 << 20, mmap.MAP_PRIVATE)]"
    )["result"]
    shared, zeros, full, huge, splice, *buffers, private = result = got
    assert shared == huge == "EPERM", result
    assert zeros in ("ENOENT", "EACCES", "EPERM") and full == "ENODEV", result
    assert splice == "ENOSYS"
    assert buffers == ["EPERM"] * 4
    assert private is None


@needs_boxes
def test_what_waits_in_sockets_is_counted(box: Any) -> None:
    got = box(
        "import os, socket, time\n"
        "kept = []\n"
        "for _ in range(12):\n"
        "    if os.fork() == 0: break\n"
        "try:\n"
        "    while True:\n"
        "        for s in socket.socketpair():\n"
        "            kept.append(s); s.setblocking(False)\n"
        "            try:\n"
        "                while True: s.send(bytes(4096))\n"
        "            except BlockingIOError: pass\n"
        "except OSError: time.sleep(30)",
        limits=Limits(memory_mb=300),
        watch=True,
    )
    assert got["why"] == "memory", got


@needs_boxes
def test_files_stop_at_the_size_and_at_the_number(box: Any) -> None:
    result = box(
        "import os, errno\n"
        "result = []\n"
        "for folder in ('.', '/tmp', '/dev/shm'):\n"
        "    try:\n"
        "        for n in range(40):\n"
        "            with open(f'{folder}/{n}', 'wb') as f: f.write(b'x' * (1 << 20))\n"
        "    except OSError as error: result.append(errno.errorcode[error.errno])\n"
        "    for n in range(n + 1): os.unlink(f'{folder}/{n}')\n"
        "try:\n"
        "    with open('big', 'wb') as f: f.truncate(1 << 40)\n"
        "except OSError as error: result.append(errno.errorcode[error.errno])\n",
        limits=Limits(file_mb=16),
    )["result"]
    assert result == ["ENOSPC", "ENOSPC", "ENOSPC", "EFBIG"]


@needs_boxes
def test_empty_files_without_end_end_the_box_or_fail(box: Any) -> None:
    got = box(
        "import errno, time\n"
        "result = None\n"
        "try:\n"
        "    for n in range(20000): open(f'/tmp/{n}', 'w').close()\n"
        "    time.sleep(30)\n"
        "except OSError as error: result = errno.errorcode[error.errno]",
        watch=True,
    )
    assert got["result"] == "ENOSPC" or got["why"] == "files", got


@needs_boxes
def test_addresses_that_are_only_mapped_are_bounded(box: Any) -> None:
    # Page tables for what is never touched would be the kernel's own memory.
    got = box(
        "import mmap\n"
        "try: mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)\n"
        "except OSError as error: result = error.errno\n"
        "else: result = 0"
    )
    assert got["result"] == 12  # ENOMEM


@needs_boxes
def test_an_endless_loop_ends_by_processor_time(box: Any) -> None:
    got = box(
        "while True:\n"
        "    try:\n"
        "        while True: pass\n"
        "    except BaseException: pass",
        limits=Limits(cpu_seconds=0.3),
        watch=True,
    )
    assert got["why"] == "cpu"
    assert got["status"] in (-9, 137)


@needs_boxes
def test_processor_time_of_short_children_is_counted(box: Any) -> None:
    got = box(
        "import os, signal, time\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"  # nobody waits for them
        "while True:\n"
        "    if os.fork() == 0:\n"
        "        end = time.process_time() + 0.2\n"
        "        while time.process_time() < end: pass\n"
        "        os._exit(0)\n"
        "    try: os.waitpid(-1, 0)\n"
        "    except ChildProcessError: pass",
        limits=Limits(cpu_seconds=0.7, wall_seconds=20),
        watch=True,
    )
    assert got["why"] == "cpu"


@needs_boxes
def test_sleep_ends_by_the_clock(box: Any) -> None:
    got = box(
        "import signal, time\n"
        "for n in range(1, 32):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except OSError: pass\n"
        "time.sleep(60)",
        limits=Limits(wall_seconds=0.4),
        watch=True,
    )
    assert got["why"] == "wall"


@needs_boxes
def test_a_box_ends_as_its_program_does(box: Any) -> None:
    ends = [
        box(f"import os\nresult = 1\n{line}")["status"]
        for line in ("os._exit(7)", "os.kill(os.getpid(), 11)", "os.abort()")
    ]
    assert ends == [7, 128 + 11, 128 + 6]


# --- the end of everything ------------------------------------------------------


def _start(source: str, **options: Any) -> subprocess.Popen[bytes]:
    """A program under bubblewrap that prints one line when it is ready."""
    process = subprocess.Popen(
        command(Walls(**options), [sys.executable, "-c", source]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


DAEMON = (
    "import os, signal, time\n"
    "for n in (1, 2, 13, 15): signal.signal(n, signal.SIG_IGN)\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
    "os.wait()\n"
    "print('ready', flush=True)\n"
    "time.sleep(600)"
)


def _gone(pids: list[int], seconds: float = 10.0) -> bool:
    """Whether all of these have ended (or are only not yet waited for)."""
    fds = []
    for pid in pids:
        try:
            fds.append(os.pidfd_open(pid))
        except ProcessLookupError:
            continue
    import select

    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    deadline, ended = time.monotonic() + seconds, set()
    while len(ended) < len(fds) and time.monotonic() < deadline:
        for fd, _ in poll.poll(1000):
            ended.add(fd)
            poll.unregister(fd)
    for fd in fds:
        os.close(fd)
    return len(ended) == len(fds)


@needs_boxes
def test_kill_tree_ends_daemons_too() -> None:
    process = _start(DAEMON)
    pids = [p.pid for p in tree(process.pid)]
    assert len(pids) == 4  # bubblewrap, pid 1, the program, its daemon
    kill_tree(process.pid)
    process.wait(10)
    assert _gone(pids)


@needs_boxes
def test_the_outer_process_takes_all_along() -> None:
    process = _start(DAEMON)
    pids = [p.pid for p in tree(process.pid)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    assert _gone(pids)


@needs_boxes
def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    # A parent of its own, that starts a box by each way in, and is then killed.
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys, time\n"
            "from aulac_grader.sandbox.bubblewrap import command\n"
            "from aulac_grader.sandbox.fork import enter\n"
            "from aulac_grader.sandbox.walls import Walls\n"
            f"code = {DAEMON!r}\n"
            "box = subprocess.Popen(command(Walls(), [sys.executable, '-c', code]),"
            " stdout=subprocess.PIPE)\n"
            "box.stdout.readline()\n"
            "r, w = os.pipe()\n"
            "if os.fork() == 0:\n"
            "    enter(Walls(), 1, [w]); os.write(w, b'ready'); time.sleep(600)\n"
            "os.read(r, 5)\n"
            "print('ready', flush=True); time.sleep(600)\n",
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    pids = [p.pid for p in tree(parent.pid)]
    assert len(pids) == 1 + 4 + 3
    parent.kill()
    parent.wait(10)
    assert _gone(pids)


@needs_boxes
def test_pid_1_cannot_be_taken_over_to_live_on() -> None:
    # With the parent's death signal cleared in pid 1, a box would outlive its grader.
    process = _start(
        "import os, time\n"
        "def attempt(name, flags):\n"
        "    try: os.close(os.open('/proc/1/' + name, flags)); return True\n"
        "    except OSError: return False\n"
        "assert not attempt('mem', os.O_RDWR)\n"
        "assert not attempt('maps', os.O_RDONLY)\n"
        "for n in range(1, 65):\n"
        "    try: os.kill(1, n)\n"
        "    except OSError: pass\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    pids = [p.pid for p in tree(process.pid)]
    process.kill()
    process.wait(10)
    assert len(pids) == 3 and _gone(pids)


# --- the watchdog ---------------------------------------------------------------


def test_new_budget_counts_from_here() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"],
    )
    try:
        watchdog = Watchdog(process.pid, Limits(cpu_seconds=1e9))
        while watchdog.poll().cpu_seconds < 0.2:
            pass
        watchdog.new_budget()
        assert watchdog.poll().cpu_seconds < 0.2
        assert watchdog.why is None
    finally:
        process.kill()
        process.wait(10)
    last = watchdog.last
    assert watchdog.poll() == last  # the tree is gone; nobody else is charged


def test_a_number_used_again_is_not_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
    try:
        watchdog = Watchdog(process.pid, Limits())
        assert watchdog._root is not None
        # As if the process had been another one when the watch began.
        watchdog._root = type(watchdog._root)(
            **{**vars(watchdog._root), "started": 1}
        )
        watchdog.kill("wall")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(10)


@needs_boxes
def test_pages_of_the_warm_parent_are_not_charged() -> None:
    source = (
        "import os, sys, time\n"
        "warm = b'x' * (150 << 20)\n"
        "from aulac_grader.sandbox.fork import enter\n"
        "from aulac_grader.sandbox.limits import Limits\n"
        "from aulac_grader.sandbox.walls import Walls\n"
        "from aulac_grader.sandbox.watchdog import Watchdog\n"
        "limits = Limits(memory_mb=100)\n"
        "r, w = os.pipe()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    enter(Walls(limits=limits), 1, [w])\n"
        "    for _ in range(3):\n"
        "        if os.fork() == 0: time.sleep(600)\n"
        "    os.write(w, b'x'); time.sleep(600)\n"
        "os.read(r, 1)\n"
        "watchdog = Watchdog(pid, limits)\n"
        "reading = watchdog.poll()\n"
        "print(watchdog.why, reading.memory_mb < 60, reading.processes)\n"
        "watchdog.kill('wall')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["None", "True", "4"], done.stderr


@needs_boxes
def test_pages_of_the_warm_parent_are_charged_once_they_are_changed() -> None:
    source = (
        "import os\n"
        "warm = bytearray(150 << 20)\n"
        "for at in range(0, len(warm), 4096): warm[at] = 1\n"
        "from aulac_grader.sandbox.fork import enter\n"
        "from aulac_grader.sandbox.limits import Limits\n"
        "from aulac_grader.sandbox.walls import Walls\n"
        "from aulac_grader.sandbox.watchdog import Watchdog\n"
        "limits = Limits(memory_mb=200)\n"
        "r, w = os.pipe()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    enter(Walls(limits=limits), 1, [w])\n"
        "    for _ in range(3):\n"
        "        if os.fork() == 0:\n"
        "            for at in range(0, len(warm), 4096): warm[at] = 2\n"
        "            os.write(w, b'x'); import time; time.sleep(600)\n"
        "    import time; time.sleep(600)\n"
        "for _ in range(3): os.read(r, 1)\n"
        "watchdog = Watchdog(pid, limits)\n"
        "watchdog.poll()\n"
        "print(watchdog.why)\n"
        "watchdog.kill('wall')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "memory\n", done.stderr


@needs_boxes
def test_a_poll_of_a_small_tree_is_cheap() -> None:
    process = _start("import time; print('ready', flush=True); time.sleep(60)")
    try:
        watchdog = Watchdog(process.pid, Limits())
        costs = []
        for _ in range(30):
            began = time.thread_time()
            watchdog.poll()
            costs.append(time.thread_time() - began)
        assert sorted(costs)[15] < 0.001
    finally:
        kill_tree(process.pid)
        process.wait(10)


@needs_boxes
def test_a_tree_is_found_without_lists_of_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = _start(DAEMON)
    listed = {p.pid for p in tree(process.pid)}
    monkeypatch.setattr(watchdog_module, "_listed", lambda: False)
    assert {p.pid for p in tree(process.pid)} == listed
    kill_tree(process.pid)
    process.wait(10)
    assert _gone(list(listed))


def test_only_sockets_may_lie_in_a_shared_folder(tmp_path: Path) -> None:
    import socket

    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "connection.json").write_text("{}")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "k-1"))
        assert only_sockets(folder)
    (folder / "stolen").write_text("x")
    assert not only_sockets(folder)


# --- control groups ---------------------------------------------------------------


def test_a_delegated_group_gets_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder in place of cgroupfs: this machine may have delegated nothing.
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "cgroup.subtree_control").write_text("cpu pids memory\n")
    assert place() == tmp_path
    group = Cgroup.for_box(Limits(memory_mb=100, processes=10))
    assert group is not None
    group.add([1, 2])
    read = {path.name: path.read_text() for path in group.folder.iterdir()}
    assert read["memory.max"] == str(100 << 20)
    assert read["pids.max"] == "12"
    assert read["cgroup.procs"] == "2"
    assert group.why() is None
    (group.folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.why() == "memory"


def test_a_group_without_the_controllers_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "cgroup.subtree_control").write_text("cpu\n")
    assert place() != tmp_path


@needs_boxes
def test_a_command_is_refused_from_another_process() -> None:
    words = command(Walls(), ["true"])
    done = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "started by the process that made it" in done.stderr
