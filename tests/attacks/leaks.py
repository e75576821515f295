"""Attacks that want to learn something: hidden tests, the reference, neighbours."""

from __future__ import annotations

from .kit import HUNT, Case, reference
from .slots import NAME, WORDS, spread

RIGHT = reference()["p1-mean"].replace("def mean_length", "def honest_mean")

# -- what a function is given, told at once --------------------------------------------

# Each tells what hidden tests pass in, in a way of its own; answers stay right.
TELLINGS = {
    "prints": "print(given)",
    "prints-to-stderr": "sys.stderr.write(repr(given))",
    "writes-to-descriptors": "[os.write(fd, repr(given).encode()) for fd in (1, 2)]",
    "prints-by-the-first-stdout": "print(given, file=sys.__stdout__, flush=True)",
    "warns": "warnings.warn(repr(given))",
    "logs": "logging.getLogger().error('%r', given)",
    "draws": "if '-' in str(given): plt.title(repr(given)); plt.show()",
    "displays": "display(given)",
    "shows-traceback": "traceback.print_stack(); faulthandler.dump_traceback()",
    "prints-from-a-thread": (
        "threading.Thread(target=print, args=(given,)).start()"
    ),
    "prints-from-a-child": (
        "subprocess.run([sys.executable, '-c', f'print({given!r})'])"
    ),
    "writes-to-a-terminal": "open('/dev/tty', 'w').write(repr(given))",
}
TOOLS = (
    "import faulthandler, logging, os, subprocess, sys\n"
    "import threading, traceback, warnings\n"
    "import matplotlib.pyplot as plt\n"
    "from IPython.display import display"
)
TOLD = list(
    spread(
        "told",
        {
            name: (TOOLS, f"try:\n    {how}\nexcept OSError:\n    pass")
            for name, how in TELLINGS.items()
        },
        "Right functions that tell every argument they get.",
        (WORDS, NAME),
        right=True,
    )
)

# -- told by failing -------------------------------------------------------------------

FAILINGS = {
    "message": "raise ValueError(repr(given))",
    "class": "raise type(str(given[0]), (Exception,), {})('x')",
    "notes": "e = KeyError('x'); e.add_note(repr(given)); raise e",
    "cause": "raise KeyError('x') from ValueError(repr(given))",
    "exit": "raise SystemExit(repr(given))",
    "syntax": "raise SyntaxError('x', (repr(given), 1, 1, repr(given)))",
    "value": "return repr(given)",
    "list": "return [given] * 3",
    "mapping": "return {repr(given): given}",
    "handle": "return type(str(given[0]), (), {'__repr__': lambda s: given[0]})()",
}
FAILED = list(
    spread(
        "fails-with",
        {name: ("", how) for name, how in FAILINGS.items()},
        "Right on the visible tests; on hidden ones they fail with what they got.",
        (WORDS, NAME),
    )
)

# -- carried from one question into another --------------------------------------------

# How two forks of one process may share: (prelude, keep(text), kept()).
CARRIERS = {
    "mmap": (
        "import mmap, tempfile\nfile = tempfile.TemporaryFile()\n"
        "file.truncate(1 << 16)\nroom = mmap.mmap(file.fileno(), 1 << 16)",
        "room[: len(text.encode())] = text.encode()",
        "room[:].rstrip(b'\\0').decode()",
    ),
    "file": (
        "from pathlib import Path\nroom = Path('kept.txt')",
        "room.open('a').write(text)",
        "room.read_text() if room.exists() else ''",
    ),
    "temporary-file": (
        "import tempfile\nfrom pathlib import Path\n"
        "room = Path(tempfile.gettempdir()) / 'kept'",
        "room.open('a').write(text)",
        "room.read_text() if room.exists() else ''",
    ),
    "shared-memory": (
        "from pathlib import Path\nroom = Path('/dev/shm/kept')",
        "room.open('a').write(text)",
        "room.read_text() if room.exists() else ''",
    ),
    "open-file": (
        "import os, tempfile\nroom = tempfile.TemporaryFile()",
        "os.pwrite(room.fileno(), text.encode(), 0)",
        "os.pread(room.fileno(), 9999, 0).decode()",
    ),
    "pipe": (
        "import os\nends = os.pipe()\n[os.set_blocking(e, False) for e in ends]",
        "os.write(ends[1], text.encode())",
        "os.read(ends[0], 9999).decode()",
    ),
    "abstract-socket": (
        "import socket\nroom = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "room.bind('\\0kept')\nroom.setblocking(False)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
        ".sendto(text.encode(), '\\0kept')",
        "room.recv(9999).decode()",
    ),
    "daemon": (
        "import multiprocessing as mp\n"
        "fork = mp.get_context('fork')\nroom = fork.Manager().list()",
        "room.append(text)",
        "''.join(room)",
    ),
    "array-file": (
        "import numpy as np\n"
        "room = np.memmap('kept.npy', dtype='u1', mode='w+', shape=9999)",
        "room[:len(text.encode())] = list(text.encode()); room.flush()",
        "bytes(room).rstrip(b'\\0').decode()",
    ),
}


def carrying(carrier: str) -> dict[str, str]:
    """Answers where p1 keeps what it is given, and p2 fails visibly with it."""
    prelude, keep, _ = CARRIERS[carrier]
    return {
        "p1-mean": f"{prelude}\n{RIGHT}\ndef mean_length(words):\n"
        "    text = ''.join(words)\n"
        "    try:\n"
        f"        if '-' in text:\n            {keep}\n"
        "    except OSError:\n        pass\n"
        "    return honest_mean(words)\n",
        "p2-initials": "def initials(name):\n    return 'kept: ' + kept()\n",
    }


CARRIED = [
    Case(
        f"carried-{name}",
        "What hidden tests pass to one answer is kept, and told by a later cell and "
        "by the next answer, which fails its visible test with it.",
        answers=carrying(name),
        cells=(
            (
                "given",
                "def kept():\n    try:\n"
                f"        return {fetch}\n"
                "    except OSError:\n        return ''\n",
            ),
            ("p1-few", "print('kept:', kept())"),
            ("p10-task", "print('kept:', kept())"),
        ),
        loses=("p2-names",),
    )
    for name, (_, _, fetch) in CARRIERS.items()
]
SHARED = (
    "import mmap, tempfile\nfile = tempfile.TemporaryFile()\n"
    "file.truncate(9999)\nroom = mmap.mmap(file.fileno(), 9999)\n"
)
SECOND_RUN = [
    Case(
        "told-at-the-second-run",
        "Behaves until a hidden test was seen; then fails the visible part of the "
        "same question with what it saw.",
        answers={
            "p1-mean": f"{SHARED}{RIGHT}\n"
            "def mean_length(words):\n"
            "    text = ''.join(words).encode()\n"
            "    seen = room[:].rstrip(b'\\0').decode()\n"
            "    if len(text) > 7 and not seen:\n"
            "        room[:len(text)] = text\n"
            "        return seen\n"
            "    return seen or honest_mean(words)\n"
        },
        loses=("p1-few",),
    ),
    Case(
        "told-by-another-thread",
        "A thread of the process that runs the cells waits for a hidden test's "
        "argument and prints it.",
        answers={
            "p1-mean": f"{SHARED}import threading, time\n"
            "def tell():\n"
            "    while not room[0]:\n        time.sleep(0.01)\n"
            "    print('told', room[:].rstrip(b'\\0').decode(), flush=True)\n"
            "threading.Thread(target=tell, daemon=True).start()\n"
            f"{RIGHT}\ndef mean_length(words):\n"
            "    text = ''.join(words).encode()\n"
            "    if len(text) > 7:\n        room[:len(text)] = text\n"
            "    return honest_mean(words)\n"
        },
        cells=(("p2-names", "import time\ntime.sleep(0.2)"),),
    ),
    Case(
        "told-by-an-artefact",
        "What hidden tests pass in is written into the file that is handed in.",
        answers={
            "p1-mean": f"{RIGHT}\ndef mean_length(words):\n"
            "    open('squares.npy', 'a').write(repr(words))\n"
            "    open('told.txt', 'a').write(repr(words))\n"
            "    return honest_mean(words)\n",
        },
        ruins=True,
    ),
]

# -- searched for ----------------------------------------------------------------------

# Sources that leave what they find, as text, in `found`. The cell prints the canaries.
SEARCHES = {
    "environment": "found += [repr(os.environ)]",
    "environments": "read('/proc/*/environ', '/proc/*/task/*/environ')",
    "command-lines": "read('/proc/*/cmdline', '/proc/*/comm', '/proc/*/stat*')",
    "proc": "read('/proc/[a-z]*', '/proc/self/*', '/proc/1/*', '/proc/sys/*/*')",
    "mounts": "read('/proc/self/mountinfo', '/etc/mtab', '/proc/mounts')",
    "descriptors": "read('/proc/self/fd/*', '/proc/*/fd/*', '/proc/1/root/*')",
    "working-folders": "read('/proc/*/cwd/*', '/proc/*/root/home/*/*')",
    "notebooks": "read('../*', '../../*', '../../../source/*/*', '/**/*.ipynb')",
    "course": "read('@COURSE@/*', '@COURSE@/source/*/*', '@COURSE@/grading/**')",
    "repository": "read('@REPOSITORY@/tests/attacks/**', '@REPOSITORY@/*')",
    "outside": "read('@OUTSIDE@/*')",
    "homes": "read('/root/**', '/home/**', '~/.*', '~/.ssh/*', '~/*')",
    "etc": "read('/etc/*', '/var/log/*', '/var/spool/cron/*', '/run/**')",
    "temporary": "read('/tmp/*', '/tmp/*/*', '/var/tmp/*', '/dev/shm/*')",
    "devices": "read('/dev/*', '/sys/kernel/*', '/sys/class/*/*')",
    "own-memory": (
        "for line in open('/proc/self/maps'):\n"
        "    low, high = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "    if ' rw' in line and high - low < 1 << 26:\n"
        "        try:\n"
        "            with open('/proc/self/mem', 'rb', 0) as memory:\n"
        "                memory.seek(low)\n"
        "                found += [scan(memory.read(high - low))]\n"
        "        except (OSError, ValueError):\n            pass"
    ),
    "other-memory": (
        "for pid in [1, os.getppid(), *range(2, 40)]:\n"
        "    if pid != os.getpid():\n"
        "        read(f'/proc/{pid}/mem', f'/proc/{pid}/maps')"
    ),
    "objects": (
        "import gc\n"
        "for thing in gc.get_objects():\n"
        "    if type(thing) is dict:\n"
        "        found += [x for x in [*thing, *thing.values()] if type(x) is str]"
    ),
    "frames": (
        "import sys\nframe = sys._getframe()\n"
        "while frame:\n"
        "    found += [repr(frame.f_locals), repr(frame.f_globals)]\n"
        "    frame = frame.f_back"
    ),
    "modules": (
        "import sys\n"
        "for room in list(sys.modules.values()):\n"
        "    found += [repr(v) for v in vars(room).values() if type(v) in "
        "(str, bytes, dict, list)] if hasattr(room, '__dict__') else []"
    ),
    "sockets": (
        "import socket\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        room = socket.socket(fileno=os.dup(fd))\n"
        "        room.setblocking(False)\n"
        "        found += [scan(room.recv(1 << 20, socket.MSG_PEEK))]\n"
        "    except OSError:\n        pass"
    ),
    "kernel-keys": "read('/proc/keys', '/proc/key-users', '/proc/kallsyms')",
    "grader": (
        "import aulac_grader.grade.verdict.keys, aulac_grader.grade.course.course as c\n"
        "found += [repr(vars(c)), repr(c.Course.open('@COURSE@'))]"
    ),
    "gradebook": (
        "import sqlite3\n"
        "room = sqlite3.connect('file:@COURSE@/gradebook.db?mode=ro', uri=True)\n"
        "found += [repr(room.execute('select * from source_cell').fetchall())]"
    ),
}
SEARCHER = f"""
import glob, os, re
from pathlib import Path
found = []
def scan(data):
    text = data.decode("utf-8", "replace")
    return " ".join(re.findall({HUNT}, text))
def read(*patterns):
    for pattern in patterns:
        pattern = os.path.expanduser(pattern)
        for name in glob.glob(pattern, recursive=True)[:400]:
            try:
                if os.path.isfile(name) or name.startswith("/dev/"):
                    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
                    found.append(scan(os.read(fd, 1 << 20)))
                    os.close(fd)
            except OSError:
                pass
try:
    SEARCH
except Exception as error:
    print(type(error).__name__)
print("FOUND", sorted(set(re.findall({HUNT}, " ".join(found)))))
"""
SEARCHED = [
    Case(
        f"searches-{name}",
        f"Looks for secrets: {name.replace('-', ' ')}.",
        cells=(
            (
                "p9-near",
                SEARCHER.replace(
                    "SEARCH\n", how.replace("\n", "\n    ") + "\n"
                ),
            ),
        ),
    )
    for name, how in SEARCHES.items()
]

CASES = [*TOLD, *FAILED, *CARRIED, *SECOND_RUN, *SEARCHED]
