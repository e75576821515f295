"""Attacks on the machine: time, memory, processes, disk, output, and on our patience.

In a function each costs its own question; in a scratch cell it costs nothing. The
course's limits are small here (`conftest.LIMITS`), so that each ends soon.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from textwrap import indent

from .kit import (
    ASSIGNMENT,
    GUARD,
    Book,
    Case,
    World,
    code_cell,
    find,
    reference,
)
from .slots import spread

# What eats, in a function `eat()`; it may also simply return.
EATERS = {
    "loops": "while True:\n    pass",
    "loops-catching-everything": (
        "while True:\n"
        "    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    ),
    "loops-ignoring-signals": (
        "import signal, threading\n"
        "for number in range(1, 65):\n"
        "    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "while True:\n    pass"
    ),
    "loops-in-c": "sum(range(10**15))",
    "loops-in-a-thread": (
        "import threading\n"
        "def spin():\n    while True:\n        pass\n"
        "thread = threading.Thread(target=spin)\nthread.start()\nthread.join()"
    ),
    "loops-in-children": (
        "import os\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n        while True:\n            pass\n"
        "os.wait()"
    ),
    "backtracks": "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    "sleeps": "import time\ntime.sleep(3600)",
    "waits-for-input": "import sys\nsys.stdin.read()\ninput()",
    "waits-for-a-lock": "import threading\nthreading.Lock().acquire()\n"
    "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "waits-for-a-pipe": "import os\nends = os.pipe()\nos.read(ends[0], 1)",
    "recurses": "import sys\nsys.setrecursionlimit(10**9)\n"
    "def deeper(n):\n    return [deeper(n + 1)]\ndeeper(0)",
    "powers": "len(str(7 ** 7 ** 9))",
    "allocates": "held = []\nwhile True:\n    held.append(bytearray(1 << 26))",
    "allocates-quietly": (
        "import mmap\nheld = []\n"
        "while True:\n"
        "    room = mmap.mmap(-1, 1 << 27)\n"
        "    for at in range(0, 1 << 27, 4096):\n        room[at] = 1\n"
        "    held.append(room)"
    ),
    "allocates-arrays": (
        "import numpy as np\nheld = []\n"
        "while True:\n    held.append(np.ones(1 << 23))"
    ),
    "allocates-tensors": (
        "import torch\nheld = []\n"
        "while True:\n    held.append(torch.ones(1 << 24).share_memory_())"
    ),
    "allocates-in-children": (
        "import os, time\n"
        "for _ in range(12):\n"
        "    if os.fork() == 0:\n"
        "        held = bytearray(b'x') * (200 << 20)\n        time.sleep(99)\n"
        "time.sleep(99)"
    ),
    "fills-shared-memory": (
        "import os\nfor name in ('/dev/shm/x', '/tmp/x', 'x'):\n"
        "    try:\n"
        "        with open(name, 'wb') as out:\n"
        "            while True:\n                out.write(bytes(1 << 22))\n"
        "    except OSError:\n        pass"
    ),
    "fills-memfds": (
        "import os\nheld = []\n"
        "while True:\n"
        "    held.append(os.memfd_create('x'))\n"
        "    os.write(held[-1], bytes(1 << 24))"
    ),
    "makes-many-files": (
        "for n in range(300_000):\n"
        "    try:\n        open(f'f{n}', 'w').close()\n"
        "    except OSError:\n        break"
    ),
    "makes-deep-folders": (
        "import os\n"
        "for _ in range(3000):\n"
        "    os.mkdir('d' * 200)\n    os.chdir('d' * 200)"
    ),
    "makes-a-sparse-file": "open('x', 'wb').truncate(1 << 50)",
    "forks": "import os\nwhile True:\n    try:\n        os.fork()\n"
    "    except OSError:\n        pass",
    "forks-and-leaves": (
        "import os\nwhile True:\n    try:\n        if os.fork():\n"
        "            os._exit(0)\n        os.setsid()\n    except OSError:\n        pass"
    ),
    "spawns": (
        "import subprocess, sys\nheld = []\n"
        "for _ in range(300):\n"
        "    held.append(subprocess.Popen(['/bin/sleep', '60']))"
    ),
    "starts-threads": (
        "import threading, time\n"
        "for _ in range(5000):\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "time.sleep(60)"
    ),
    "opens-files": (
        "import os\nheld = []\n"
        "while True:\n    held.append(os.open('/dev/null', os.O_RDONLY))"
    ),
    "opens-sockets": (
        "import socket\nheld = []\n"
        "while True:\n    held.extend(socket.socketpair())"
    ),
    "floods-prints": "while True:\n    print('x' * 99_999)",
    "floods-descriptors": (
        "import os\nwhile True:\n    os.write(1, b'x' * 65536)\n"
        "    os.write(2, b'\\xff' * 65536)"
    ),
    "floods-lines": "while True:\n    print()",
    "floods-returns": "while True:\n    print('\\r', end='')",
    "floods-displays": (
        "from IPython.display import display\nwhile True:\n    display('x' * 9999)"
    ),
    "floods-pictures": (
        "import matplotlib.pyplot as plt\n"
        "for _ in range(10_000):\n    plt.figure()\n    plt.show()"
    ),
    "draws-a-huge-picture": (
        "import matplotlib.pyplot as plt\n"
        "plt.figure(figsize=(2000, 2000), dpi=500)\nplt.plot([1])\nplt.show()"
    ),
    "floods-warnings": (
        "import warnings\nwarnings.simplefilter('always')\n"
        "while True:\n    warnings.warn('x' * 999)"
    ),
    "asks-for-a-gpu": (
        "import os, torch\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'\n"
        "torch.zeros(1, device='cuda')"
    ),
    "takes-all-cores": (
        "import torch\ntorch.set_num_threads(256)\n"
        "x = torch.ones(3000, 3000)\nwhile True:\n    x = x @ x"
    ),
    "compiles": "exec('x = ' + '(' * 90 + '1' + ')' * 90)\n"
    "compile('-' * 300_000 + '1', 'x', 'eval')",
    "crashes-the-compiler": "compile('[' * 99_999, 'x', 'exec')",
}


# What these take is gone for the cells that come after, too.
LASTING = ("fills-shared-memory", "makes-many-files")
IN_FUNCTIONS = list(
    spread(
        "eats",
        {
            name: (GUARD, body)
            for name, body in EATERS.items()
            if name not in LASTING
        },
        "Functions use up what there is, one thing each, in hidden tests.",
    )
)


def eater(body: str) -> str:
    return f"{GUARD}\ndef eat():\n{indent(body, '    ')}\neat()"


# A box of its own for each such cell: only the kinds that end differently.
IN_CELLS = [
    Case(
        f"cell-{name}",
        f"A scratch cell {name.replace('-', ' ')}; answers are right.",
        cells=(("p2-names", eater(EATERS[name])),),
    )
    for name in (
        "loops-catching-everything",
        "sleeps",
        "allocates",
        "forks",
        "starts-threads",
        "floods-descriptors",
    )
]
IN_CELLS += [
    Case(
        f"last-cell-{name}",
        f"The last cell {name.replace('-', ' ')}.",
        cells=(("p10-task", eater(EATERS[name])),),
    )
    for name in (*LASTING, "opens-files")
]

# -- values too big to send ------------------------------------------------------------

RESULTS = {
    "huge-list": "[0] * 100_000_000",
    "huge-text": "'x' * (1 << 30)",
    "huge-array": "np.zeros(1 << 28)",
    "huge-tensor": "torch.zeros(1).expand(1 << 40)",
    "huge-view": "np.broadcast_to(np.float64(3.5), (1 << 20, 1 << 20))",
    "deep-list": "nest(99_999)",
    "own-member": "loop",
    "shared-members": "doubled(60)",
    "many-handles": "[object() for _ in range(1_000_000)]",
    "colliding-keys": "{i * (2**61 - 1): 0 for i in range(3000)}",
    "huge-set": "set(range(10_000_000))",
    "endless-map": "Endless()",
}
NESTS = """
def nest(n):
    x = []
    for _ in range(n):
        x = [x]
    return x
def doubled(n):
    x = [0]
    for _ in range(n):
        x = [x, x]
    return x
class Endless(dict):
    def items(self):
        while True:
            yield 1, 1
    keys = values = __iter__ = items
loop = []
loop.append(loop)
"""
IN_RESULTS = list(
    spread(
        "returns",
        {name: (NESTS, f"return {what}") for name, what in RESULTS.items()},
        "Functions return what is too big or too deep to send.",
    )
)
# A test that goes through what comes back goes through it in the judge's process.
UNROLLED = {
    "endless-range": "range(10**12)",
    "large-range": "range(40_000_000)",
    "large-array": "np.arange(6_000_000)",
    "many-letters": "''.join(map(chr, range(32, 55_000))) * 900",
}
IN_RESULTS += [
    Case(
        f"unrolls-{name}",
        f"A test takes apart a {name.replace('-', ' ')}.",
        answers={
            "p2-initials": "def initials(name):\n"
            "    if name == 'an bình an':\n"
            f"        return {value}\n"
            "    return ''.join(p[0] for p in name.split()).upper()\n"
        },
        loses=("p2-names",),
    )
    for name, value in UNROLLED.items()
]

# -- submissions too big to open -------------------------------------------------------


def many_cells(book: Book) -> None:
    book["cells"] += [code_cell("x = 1") for _ in range(20_000)]


def many_copies(book: Book) -> None:
    """Each answer cell three hundred times."""
    for cell in [find(book, name) for name in reference()]:
        book["cells"] += [{**cell, "id": f"c{n}"} for n in range(300)]


def huge_cell(book: Book) -> None:
    book["cells"].append(code_cell("x = 1\n" * 3_000_000))


def huge_output(book: Book) -> None:
    text = "x" * 30_000_000
    book["cells"][3]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": text}
    ]


def deep(book: Book) -> bytes:
    text = json.dumps(book)
    return (
        text[:-1] + ', "x": ' + "[" * 200_000 + "]" * 200_000 + "}"
    ).encode()


def huge_number(book: Book) -> bytes:
    return (
        json.dumps(book)
        .replace('"nbformat": 4', f'"nbformat": {"9" * 99_999}')
        .encode()
    )


def bomb(folder: Path, world: World) -> None:
    """42 MB of zeros in 42 KB, in a zip beside the notebook, and inside another."""
    inner = folder / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as room:
        room.writestr("zeros", bytes(42_000_000))
    with zipfile.ZipFile(
        folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED
    ) as room:
        for number in range(50):
            room.write(inner, f"{number}.zip")


def many_files(folder: Path, world: World) -> None:
    for number in range(3000):
        (folder / f"{number}.txt").write_text("x")


def deep_folders(folder: Path, world: World) -> None:
    for _ in range(60):
        folder /= "d"
        folder.mkdir()
    (folder / f"{ASSIGNMENT}.ipynb").write_text("{}")


def big_file(folder: Path, world: World) -> None:
    with (folder / "big.bin").open("wb") as out:
        out.truncate(3 << 30)  # sparse: no disk is used


GIANTS = [
    Case(
        "many-cells",
        "Twenty thousand scratch cells.",
        bend=many_cells,
        ruins=True,
    ),
    Case(
        "many-copies", "Every answer 300 times.", bend=many_copies, ruins=True
    ),
    Case(
        "forges-pictures",
        "The student's process says of every cell that it drew sixteen megabytes.",
        cells=(
            (
                "given",
                "import sys\n"
                "room = sys.modules['aulac_grader.judge.cells.notebook']\n"
                "picture = b'\\x89PNG\\r\\n\\x1a\\n' + bytes(2_000_000)\n"
                "real = room.Notebook.run\n"
                "def run(self, *a, **k):\n"
                "    report = real(self, *a, **k)\n"
                "    report['pictures'] = [picture] * 8\n"
                "    report['printed'] = 'x' * 60_000\n"
                "    return report\n"
                "room.Notebook.run = run\n",
            ),
            *(("p9-near", "pass") for _ in range(12)),
        ),
    ),
    Case(
        "huge-cell",
        "A cell of three million lines.",
        bend=huge_cell,
        ruins=True,
    ),
    Case(
        "huge-output", "An old output of 30 MB.", bend=huge_output, ruins=True
    ),
    Case("deep-json", "JSON nested 200,000 deep.", written=deep, ruins=True),
    Case(
        "huge-number",
        "nbformat is a number of 99,999 digits.",
        written=huge_number,
        ruins=True,
    ),
    Case(
        "zip-bomb",
        "A zip in a zip that holds two gigabytes of zeros.",
        lay=bomb,
    ),
    Case(
        "many-files",
        "Three thousand files beside the notebook.",
        lay=many_files,
        ruins=True,
    ),
    Case("deep-folders", "Folders sixty deep.", lay=deep_folders, ruins=True),
    Case("big-file", "A file of three gigabytes.", lay=big_file, ruins=True),
]

CASES = [*IN_FUNCTIONS, *IN_CELLS, *IN_RESULTS, *GIANTS]
