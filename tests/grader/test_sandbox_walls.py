"""What an attacker inside a box would try first: nothing of the host may be reached."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.grader.sandbox_boxes import BOXES, Parents

from aulac_grader.sandbox.bubblewrap import command
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.selfcheck import unavailable
from aulac_grader.sandbox.walls import (
    HOME,
    SandboxUnavailable,
    Walls,
    environment_paths,
    given_files,
)

REASON = unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

# Shared by the probes: what a call brings, or the error it ends with.
TRY = """
import errno, os, sys
def tried(call, *words):
    try:
        return call(*words)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except Exception as error:
        return type(error).__name__
def read(path):
    with open(path, 'rb') as file:
        return file.read(200).decode(errors='replace')
def write(path):
    with open(path, 'r+b', buffering=0) as file:
        file.write(b'x')
        return 'written'
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *words):
    wide = [ctypes.c_long(w) if isinstance(w, int) else w for w in words]
    value = libc.syscall(ctypes.c_long(number), *wide)
    return value if value >= 0 else errno.errorcode[ctypes.get_errno()]
"""


@pytest.fixture(scope="module")
def parents() -> Iterator[Parents]:
    found = Parents()
    yield found
    found.close()


@pytest.fixture(params=BOXES)
def inside(request: Any, parents: Parents) -> Any:
    """A function that runs a probe in a box of one kind, and returns its result."""

    def run(source: str, **options: Any) -> Any:
        got = parents.run(request.param, TRY + source, **options)
        assert got["result"] is not None, got
        return got["result"]

    run.box = request.param  # type: ignore[attr-defined]
    run.parents = parents  # type: ignore[attr-defined]
    return run


def test_nothing_of_the_host_but_the_environment(inside: Any) -> None:
    root, found = inside(
        "result = [sorted(os.listdir('/')), {}]\n"
        "for top, folders, files in os.walk('/'):\n"
        "    if top.startswith(('/proc', '/usr', '/dev')):\n"
        "        folders.clear()\n"
        "    elif files or top == '/etc':\n"
        "        result[1][top] = len(files)\n"
        "        folders.clear()\n"
    )
    allowed = {str(path) for path in environment_paths()}
    parts = {Path(path).parts[1] for path in allowed}
    assert set(root) <= parts | {"proc", "dev", "tmp", "home", "etc"}
    for folder in found:
        assert folder == "/etc" or any(
            folder == path
            or folder.startswith(path + "/")
            or path.startswith(folder + "/")
            for path in allowed
        ), folder


def test_repository_home_and_accounts_are_out_of_reach(inside: Any) -> None:
    here = Path(__file__).parents[2]
    paths = [
        str(here / "assignments"),
        str(here / "autograder"),
        str(here / "notebooks"),
        str(here / ".git"),
        __file__,
        str(Path.home() / ".ssh"),
        str(Path.home() / ".bashrc"),
        "/etc/shadow",
        "/etc/hostname/../shadow",
        "/sys/kernel",
        "/run",
        "/var",
        "/boot",
        "/proc/1/root/etc/shadow",
        "/proc/1/cwd",
        "/proc/self/root/../../etc/shadow",
        "/dev/vda",
        "/dev/sda",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/fuse",
        "/dev/kvm",
        "/dev/net/tun",
        "/dev/nvidia0",
    ]
    found = inside(f"result = [p for p in {paths!r} if os.path.exists(p)]")
    assert found == []


def test_accounts_are_made_up(inside: Any) -> None:
    assert inside(
        "import getpass, pwd, socket\n"
        "result = [os.getuid(), os.getgid(), os.getgroups(), getpass.getuser(),"
        " len(pwd.getpwall()), socket.gethostname(), os.getcwd()]"
    ) == [1000, 1000, [], "student", 1, "box", HOME] or inside(
        "result = os.getgroups()"
    ) == [1000]


def test_the_environment_is_cleared(inside: Any) -> None:
    variables, initial = inside(
        "result = [dict(os.environ), tried(read, '/proc/self/environ')]"
    )
    assert "AULAC_TEST_SECRET" not in variables
    assert "of the parent" not in initial
    assert set(variables) <= {*Walls().variables, "PWD", "LC_CTYPE", "SHLVL"}


def test_no_other_process_is_seen_or_signalled(inside: Any) -> None:
    parent = os.getpid()
    pids, signals, groups = inside(
        "result = [[int(p) for p in os.listdir('/proc') if p.isdigit()],"
        f" [tried(os.kill, pid, 9) for pid in (1, {parent}, os.getppid())],"
        f" [tried(os.killpg, {parent}, 9), tried(os.getpgid, {parent})]]"
    )
    assert max(pids) < 10 and len(pids) <= 3
    # pid 1 of a namespace is told nothing by those inside; the others are not there.
    assert signals[1] == "ESRCH"
    assert groups == ["ESRCH", "ESRCH"]


def test_pid_1_is_closed(inside: Any) -> None:
    names = ("mem", "environ", "fd", "root", "cwd", "exe", "maps", "auxv")
    found = inside(
        f"result = [tried(os.listdir if n == 'fd' else read, '/proc/1/' + n)"
        f" for n in {names!r}]\n"
        "result.append(tried(write, '/proc/1/mem'))\n"
        "result.append(tried(write, '/proc/1/oom_score_adj'))\n"
    )
    assert all(f in ("EACCES", "EPERM", "EISDIR") for f in found), found


def test_no_network_and_no_abstract_socket(inside: Any) -> None:
    name = f"\0aulac-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(name)
        listening.listen()
        found = inside(
            "import socket\n"
            "def dial(family, kind, address):\n"
            "    with socket.socket(family, kind) as s:\n"
            "        s.settimeout(2); s.connect(address)\n"
            "    return 'connected'\n"
            "result = [tried(dial, socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 22)),"
            " tried(dial, socket.AF_INET, socket.SOCK_DGRAM, ('8.8.8.8', 53)),"
            " tried(dial, socket.AF_INET6, socket.SOCK_STREAM, ('::1', 22)),"
            " tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW),"
            " tried(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW),"
            " tried(socket.socket, 40, socket.SOCK_STREAM),"  # AF_VSOCK
            " tried(socket.socket, 38, socket.SOCK_SEQPACKET),"  # AF_ALG
            f" tried(dial, socket.AF_UNIX, socket.SOCK_STREAM, {name!r})]\n"
            "pair = socket.socketpair(); pair[0].send(b'x')\n"
            "result.append(pair[1].recv(1).decode())"
        )
    assert found == ["EAFNOSUPPORT"] * 7 + ["ECONNREFUSED", "x"]


def test_no_descriptor_is_inherited(inside: Any) -> None:
    kinds = inside(
        "result = []\n"
        "for fd in range(300):\n"
        "    try: result.append(os.readlink(f'/proc/self/fd/{fd}'))\n"
        "    except OSError: pass"
    )
    # Ours: three standard ones, and the pipe the result goes through.
    assert len(kinds) <= 4
    assert all(k == "/dev/null" or k.startswith("pipe:") for k in kinds), kinds


def test_no_capability_and_none_to_regain(inside: Any) -> None:
    status = inside(
        "result = dict(line.split(':\\t') for line in"
        " open('/proc/self/status').read().splitlines() if ':\\t' in line)"
    )
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert set(status["Uid"].split()) == {"1000"}


def test_a_setuid_program_gains_nothing(inside: Any) -> None:
    flags, gained = inside(
        "import subprocess\n"
        "result = [[line for line in open('/proc/mounts').read().splitlines()"
        " if 'nosuid' not in line.split()[3]],"
        " subprocess.run(['su', '-c', 'id -u'], capture_output=True, text=True,"
        " stdin=subprocess.DEVNULL).stdout]"
    )
    assert flags == []
    assert "0" not in gained


def test_only_three_folders_can_be_written(inside: Any) -> None:
    writable = inside(
        "result = []\n"
        "for line in open('/proc/mounts').read().splitlines():\n"
        "    place, kind, flags = line.split()[1:4]\n"
        "    if os.path.isdir(place) and kind not in ('proc', 'devpts'):\n"
        "        name = place + '/aulac-probe'\n"
        "        if tried(lambda: open(name, 'w').close()) is None:\n"
        "            result.append(place)\n"
        "for name in (sys.executable, sys.prefix + '/pyvenv.cfg', os.__file__,"
        " '/etc/passwd', '/bin/sh', '/usr/lib', '/proc', '/dev'):\n"
        "    if os.access(name, os.W_OK) or tried(os.chmod, name, 0o777) is None:\n"
        "        result.append(name)"
    )
    assert sorted(writable) in (
        sorted([HOME, "/tmp", "/dev/shm"]),
        # /dev is the user's own, on a read-only mount: chmod is refused all the same
    ), writable


def test_kernel_settings_cannot_be_written(inside: Any) -> None:
    found = inside(
        "result = []\n"
        "for top, _, files in os.walk('/proc/sys'):\n"
        "    for name in files:\n"
        "        path = os.path.join(top, name)\n"
        "        try: os.close(os.open(path, os.O_WRONLY))\n"
        "        except OSError: continue\n"
        "        result.append(path)\n"
        "for name in ('sysrq-trigger', 'sys/kernel/core_pattern', 'kcore', 'kmsg',"
        " 'bus/pci', 'fs', 'timer_list', 'acpi/wakeup'):\n"
        "    if tried(write, '/proc/' + name) == 'written' and os.readlink('/proc/self')"
        " and os.stat('/proc/' + name).st_rdev != os.stat('/dev/null').st_rdev:\n"
        "        result.append(name)"
    )
    assert found == []


def test_proc_tells_nothing_of_the_host(inside: Any) -> None:
    found = inside(
        "result = {n: tried(read, '/proc/' + n) for n in ('cmdline', 'keys',"
        " 'timer_list', 'kallsyms', 'diskstats', 'partitions', 'locks', 'modules',"
        " 'swaps', 'interrupts', 'config.gz', 'key-users')}\n"
        "result['net'] = tried(read, '/proc/net/tcp')\n"
        "result['acpi'] = tried(os.listdir, '/proc/acpi')"
    )
    net = found.pop("net")
    assert net.count("\n") <= 1
    assert set(map(str, found.values())) <= {"", "[]", "EACCES", "ENOENT"}


def test_system_calls_that_are_refused(inside: Any) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers in this test are those of x86-64")
    calls = {
        "ptrace": (101, 0, 0, 0, 0),
        "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
        "mount": (165, 0, 0, 0, 0, 0),
        "umount2": (166, 0, 0),
        "pivot_root": (155, 0, 0),
        "chroot": (161, 0),
        "unshare user": (272, 0x10000000),
        "unshare mount": (272, 0x20000),
        "setns": (308, 0, 0),
        "clone user": (56, 0x10000011, 0, 0, 0, 0),
        "clone pid": (56, 0x20000011, 0, 0, 0, 0),
        "bpf": (321, 0, 0, 0),
        "perf_event_open": (298, 0, 0, 0, 0, 0),
        "keyctl": (250, 0, 0, 0, 0, 0),
        "add_key": (248, 0, 0, 0, 0, 0),
        "userfaultfd": (323, 0),
        "open_by_handle_at": (304, 0, 0, 0),
        "init_module": (175, 0, 0, 0),
        "kexec_load": (246, 0, 0, 0, 0),
        "reboot": (169, 0, 0, 0, 0),
        "swapon": (167, 0, 0),
        "acct": (163, 0),
        "quotactl": (179, 0, 0, 0, 0),
        "fsopen": (430, 0, 0),
        "open_tree": (428, 0, 0, 0),
        "mount_setattr": (442, 0, 0, 0, 0, 0),
        "pidfd_getfd": (438, 0, 0, 0),
        "clock_settime": (227, 0, 0),
        "settimeofday": (164, 0, 0),
        "sethostname": (170, 0, 0),
        "syslog": (103, 3, 0, 0),
        "TIOCSTI": (16, 0, 0x5412, 0),
        "TIOCSTI, high bits set": (16, 0, 0x5412 | 1 << 32, 0),
        "personality": (135, 0x0040000),
        "prlimit core": (302, 0, 4, -1, 0),
        "setrlimit core": (160, 4, 0),
    }
    absent = {
        "io_uring_setup": (425, 1, 0),
        "clone3": (435, 0, 0),
        "memfd_create": (319, 0, 0),
        "memfd_secret": (447, 0),
        "shmget": (29, 0, 4096, 0o1600),
        "msgget": (68, 0, 0o1600),
        "mq_open": (240, 0, 0, 0, 0),
    }
    found = inside(
        f"result = {{n: call(*w) for n, w in {calls | absent!r}.items()}}"
    )
    assert {n: found[n] for n in calls} == dict.fromkeys(calls, "EPERM")
    assert {n: found[n] for n in absent} == dict.fromkeys(absent, "ENOSYS")


def test_another_calling_convention_ends_the_process(inside: Any) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("x32 and int 0x80 belong to x86-64")
    ends = inside(
        "import mmap, signal\n"
        "def child(code):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        code(); os._exit(0)\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "def old():\n"  # mov eax, 20 (getpid); int 0x80; ret
        "    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, 7)\n"
        "    page.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
        "    start = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "    ctypes.CFUNCTYPE(ctypes.c_int)(start)()\n"
        "result = [child(old), child(lambda: call(0x40000000 + 39))]"
    )
    assert ends == [-31, -31]  # SIGSYS


def test_a_child_that_calls_setsid_does_not_outlive_the_box(
    inside: Any, tmp_path: Path
) -> None:
    inside(
        "import time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for fd in range(3, 64):\n"
        "            tried(os.close, fd)\n"
        "        while True: time.sleep(1)\n"
        "    os._exit(0)\n"
        "result = 'left one behind'"
    )
    # The parent waits only for the outer process; all below it has gone by then.
    user = inside.box.split("-")[1]
    below = Path(f"/proc/{inside.parents.pid(user)}/task")
    left = [
        children
        for task in below.iterdir()
        for children in (task / "children").read_text().split()
    ]
    assert left == []


def test_the_outer_world_cannot_be_told_by_signals_or_priority(
    inside: Any,
) -> None:
    found = inside(
        "import resource\n"
        "result = [tried(os.setpriority, 0, 0, -5),"
        " tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),"
        " tried(os.setpriority, 2, 0, -1),"
        " tried(resource.setrlimit, resource.RLIMIT_NPROC, (4096, 4096)),"
        " tried(resource.setrlimit, resource.RLIMIT_DATA, (-1, -1)),"
        " tried(resource.setrlimit, resource.RLIMIT_NOFILE, (9999, 9999)),"
        " tried(os.mknod, '/tmp/disk', 0o060600, os.makedev(254, 0)),"
        " tried(os.chown, '/tmp', 0, 0), tried(os.setuid, 0), tried(os.setgroups, [0])]"
    )
    assert None not in found, found


def test_the_core_dump_limit_cannot_be_set(inside: Any) -> None:
    before, after = inside(
        "import resource\n"
        "result = [resource.getrlimit(resource.RLIMIT_CORE)]\n"
        "tried(resource.setrlimit, resource.RLIMIT_CORE, (0, 0))\n"
        "result.append(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    assert before == after == [1, 1]


def test_a_box_goes_first_where_memory_runs_out(inside: Any) -> None:
    before, after, lower = inside(
        "result = [read('/proc/self/oom_score_adj')]\n"
        "def set(value):\n"
        "    with open('/proc/self/oom_score_adj', 'w') as f: f.write(value)\n"
        "tried(set, '0')\n"
        "result += [read('/proc/self/oom_score_adj'), tried(set, '-1000')]"
    )
    assert before == "1000\n"
    assert lower == "EACCES"
    assert after in ("0\n", "1000\n")  # 1000 where root had CAP_SYS_RESOURCE


def test_a_box_has_what_a_notebook_needs(inside: Any) -> None:
    source = (
        "import multiprocessing, pty, sqlite3, tempfile, threading, zoneinfo, numpy\n"
        "thread = threading.Thread(target=print); thread.start(); thread.join()\n"
        "main, other = pty.openpty()\n"
        "with tempfile.NamedTemporaryFile() as file: file.write(b'x')\n"
        "lock = multiprocessing.get_context('fork').Lock()\n"
        "base = sqlite3.connect('here.db'); base.execute('create table t (x)')\n"
        "result = [str(zoneinfo.ZoneInfo('Asia/Ho_Chi_Minh')), os.urandom(2) != b'',"
        " float(numpy.ones((9, 9)).sum()), sys.prefix]"
    )
    zone, random, total, _ = inside(source)
    assert (zone, random, total) == ("Asia/Ho_Chi_Minh", True, 81.0)


def test_the_working_folder_is_a_copy(inside: Any, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    (folder / "words.txt").write_text("mạng\n")
    (folder / "data" / "numbers.csv").write_text("1,2\n")
    (folder / "ps.ipynb").write_text("hidden tests")
    (folder / ".secret").write_text("hidden")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path != Path("/tmp"):
            path.chmod(0o755)
    names, text, after = inside(
        "result = [sorted(os.path.relpath(os.path.join(t, f), '.')"
        " for t, _, fs in os.walk('.') for f in fs), read('words.txt')]\n"
        "open('words.txt', 'w').write('changed'); open('new.txt', 'w').write('x')\n"
        "result.append(read('words.txt'))",
        folder=folder,
    )
    assert names == ["data/numbers.csv", "words.txt"]
    assert (text, after) == ("mạng\n", "changed")
    assert (folder / "words.txt").read_text() == "mạng\n"
    assert not (folder / "new.txt").exists()


def test_a_folder_that_is_too_big_is_refused(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(SandboxUnavailable, match="512 files"):
        for file in given_files(tmp_path, Limits()):
            os.close(file.fd)


def test_environment_paths_name_no_room_but_the_library() -> None:
    paths = environment_paths()
    here = Path(__file__).parents[2].resolve()
    for room in ("assignments", "autograder", "notebooks", "tests", "book"):
        for path in paths:
            assert not (here / room).is_relative_to(path), (room, path)
            assert not path.is_relative_to(here / room), (room, path)
    assert Path("/etc") not in paths and Path("/usr") not in paths
    assert Path.home() not in paths
    assert any(path.name == "aulac" for path in paths)


def test_an_environment_below_tmp_is_still_seen() -> None:
    # The box's own /tmp must not hide an interpreter that lies there.
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    (place / "lib").mkdir()
    (place / "lib" / "word.txt").write_text("seen")
    walls = Walls(readable=(*environment_paths(), place / "lib"))
    done = subprocess.run(
        command(walls, ["cat", str(place / "lib" / "word.txt")]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "seen", done.stderr
    shutil.rmtree(place)
