"""The student's process: cells run as in a kernel, whatever they do."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location(
    "judge_pair", Path(__file__).with_name("judge_pair.py")
)
assert _spec and _spec.loader
judge_pair = importlib.util.module_from_spec(_spec)
import sys  # noqa: E402

sys.modules["judge_pair"] = judge_pair
_spec.loader.exec_module(judge_pair)


@pytest.fixture(scope="module")
def pair() -> Iterator[Any]:
    pair = judge_pair.Pair()
    yield pair
    pair.close()


@pytest.fixture
def stem(pair: Any) -> Iterator[Any]:
    with pair.stem() as stem:
        yield stem


# Source, and what it prints: none of these may cost an honest student anything.
HARMLESS = {
    "last expression": ("x = 2\nx + 1", "3\n"),
    "silenced": ("1 + 1;", ""),
    "none": ("print('a')", "a\n"),
    "matplotlib magic": ("%matplotlib inline\nprint(1)", "1\n"),
    "time": ("%%time\nprint(1)", "1\n"),
    "time of a line": ("%time 1 + 1", "2\n"),
    "timeit": ("%timeit -n 3 -r 2 print('x')", "x\n"),
    "assigned magic": ("y = %time 1 + 1\ny", "2\n"),
    "help": ("len?\nprint(1)", "1\n"),
    "autoreload": ("%load_ext autoreload\n%autoreload 2\nprint(1)", "1\n"),
    "await": ("import asyncio\nawait asyncio.sleep(0)\nprint(1)", "1\n"),
    "awaited value": ("async def f(): return 4\nawait f()", "4\n"),
    "async for": (
        "async def g():\n    yield 1\nasync for i in g():\n    print(i)",
        "1\n",
    ),
    "asyncio.run": (
        "import asyncio\nasync def f(): return 5\nasyncio.run(f())",
        "5\n",
    ),
    "display": ("display('a', 1)", "'a'\n1\n"),
    "stderr": ("import sys\nprint('w', file=sys.stderr)", "w\n"),
    "progress bar": (
        "import sys\nfor i in range(3): sys.stderr.write(f'\\r{i}')\n"
        "sys.stderr.write('\\n')\nNone",
        "2\n",
    ),
    "child process": (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'print(6)'])\nNone",
        "6\n",
    ),
    "descriptor": ("import os\nos.write(1, b'raw\\n');", "raw\n"),
    "windows": ("if True:\r\n    print(1)\r\n", "1\n"),
    "tabs": ("if True:\n\tprint(1)", "1\n"),
    "byte order mark": ("\ufeffprint(1)", "1\n"),
    "no-break space": ("if\u00a01:\n\u00a0\u00a0print(1)", "1\n"),
    "line separator": ("x = 1\u2028print(x)", "1\n"),
    "zero width": ("print(1)\u200b", "1\n"),
    "marks kept apart": ("tiê\u0301ng = 'tiê\u0301ng'\nlen(tiếng)", "6\n"),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(1)",
        "A(x=1)\n",
    ),
    "pickle": (
        "import pickle\nclass B: pass\ntype(pickle.loads(pickle.dumps(B()))) is B",
        "True\n",
    ),
    "main": ("if __name__ == '__main__':\n    print(1)", "1\n"),
    "source": (
        "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
        "def f():\n    return 1\n\n",
    ),
    "pool": (
        "import multiprocessing\ndef f(x): return x + 1\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(pool.map(f, [1, 2]))",
        "[2, 3]\n",
    ),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    print(list(pool.map(abs, [-1, 2])))",
        "[1, 2]\n",
    ),
    "broken repr": (
        "class C:\n    def __repr__(self): raise ValueError('no')\nC()",
        "<C: no>\n",
    ),
    "surrogate": ("print('\\ud800')", "\\ud800\n"),
    "closed output": ("import sys\nsys.stdout.close()", ""),
    "replaced output": (
        "import io, sys\nsys.stdout = io.StringIO()\nprint(1)",
        "",
    ),
    "writefile": ("%%writefile a.txt\nabc", ""),
    "empty": ("", ""),
    "comment": ("# nothing", ""),
    "warning": (
        "import warnings\nwarnings.simplefilter('error')\nprint(1)",
        "1\n",
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_a_kernel_takes_is_taken(stem: Any, name: str) -> None:
    source, printed = HARMLESS[name]
    report = stem.run("c", source)
    assert (report["status"], report["error"]) == ("ok", "")
    assert report["printed"] == printed
    assert stem.run("next", "print('still here')")["printed"] == "still here\n"


def test_what_cannot_be_done_is_said(stem: Any) -> None:
    printed = stem.run("c", "!pip install torch\n%%foo\n")["printed"]
    assert "!pip install torch: không chạy khi chấm" in printed
    assert stem.run("c", "files = !ls\nfiles")["printed"].endswith("[]\n")


# Source, the error's first line, and the student's line it names.
RAISING = {
    "error": ("x = 1\n1 / 0", "ZeroDivisionError: division by zero", "1 / 0"),
    "syntax": ("def f(:", "SyntaxError", "def f(:"),
    "exit": ("exit(3)", "SystemExit: 3", "exit(3)"),
    "sys.exit": ("import sys\nsys.exit()", "SystemExit", "sys.exit()"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt", "raise"),
    "base": ("raise BaseException('b')", "BaseException: b", "raise"),
    "input": (
        "input('? ')",
        "RuntimeError: input() không có bàn phím",
        "input",
    ),
    "recursion": ("def f(): f()\nf()", "RecursionError", "f()"),
    "no message": (
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
        "E",
        "raise E",
    ),
    "not a str": (
        "class S(str): pass\nclass E(Exception):\n"
        "    def __str__(self): return S('x')\nraise E",
        "E: x",
        "raise E",
    ),
    "null": ("x = '\0'", "SyntaxError", ""),
    "stub": ("raise NotImplementedError()", "NotImplementedError", "raise"),
}


@pytest.mark.parametrize("name", RAISING)
def test_an_exception_is_a_report(stem: Any, name: str) -> None:
    source, said, line = RAISING[name]
    stem.run("before", "kept = 5")
    report = stem.run("p1-cell", source)
    assert report["status"] == "raised"
    first, *places = report["error"].split("\n")
    assert first.startswith(said)
    assert all(
        place.startswith(("  p1-cell, dòng / line ", "…")) for place in places
    )
    assert line in "".join(places)
    assert stem.run("after", "kept")["printed"] == "5\n"


def test_names_defined_before_the_error_stay(stem: Any) -> None:
    stem.run("c", "def f(): return 1\nraise ValueError\ndef g(): return 2")
    assert stem.run("d", "f()")["printed"] == "1\n"
    assert "NameError" in stem.run("d", "g()")["error"]


def test_a_cell_that_runs_too_long_is_stopped(stem: Any) -> None:
    report = stem.run("c", "x = 1\nwhile True: pass", seconds=0.2)
    assert report["status"] == "time"
    report = stem.run(
        "c", "try:\n    while True: pass\nexcept Exception: pass", seconds=0.2
    )
    assert report["status"] == "time"
    assert stem.run("d", "x")["printed"] == "1\n"


@pytest.mark.parametrize(
    "source",
    [
        "for i in range(99999): print('x' * 9)",
        "import os\nos.system('yes | head -c 999999')",
    ],
)
def test_a_flood_is_cut_at_the_cap(stem: Any, source: str) -> None:
    report = stem.run("c", source, output_kb=8)
    assert report["status"] == "output"
    assert len(report["printed"]) <= 8 << 10
    assert stem.run("d", "print('dry')")["printed"] == "dry\n"


def test_figures_are_pictures(stem: Any) -> None:
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    report = stem.run("c", plot, seconds=60)
    assert report["status"] == "ok"
    (picture,) = report["pictures"]
    assert picture.startswith(b"\x89PNG")
    assert stem.run("d", "1")["pictures"] == []
    many = "for i in range(30):\n    plt.figure()\n"
    assert len(stem.run("e", many, seconds=60)["pictures"]) == 8
    large = "plt.figure(figsize=(300, 300), dpi=300);"
    (picture,) = stem.run("f", large, seconds=60)["pictures"]
    assert len(picture) < 2 << 20


def test_random_numbers_are_the_same_in_every_box(pair: Any) -> None:
    draw = (
        "import random, numpy, torch\n"
        "print(random.random(), numpy.random.rand(), torch.rand(1), hash('a'))"
    )
    rows = []
    for _ in range(2):
        with pair.stem() as stem:
            rows.append(stem.run("c", draw)["printed"])
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("", "stopped"),
        ("import os\nos._exit(3)", "exited"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_question_ends_without_the_stem(
    stem: Any, source: str, how: str
) -> None:
    stem.run("c", f"def f():\n    {source.replace(chr(10), '; ') or 'pass'}")
    channel = stem.question()
    channel.send([1, "begin", 1, 5.0])
    assert channel.receive(20) == [1, "ok", None]
    channel.make_handle = lambda number, label: (number, label)
    channel.send([2, "name", "f"])
    assert channel.receive(20)[2][1] == "function"
    if source:
        channel.send_bytes(_call(3, 0))
        with pytest.raises(Exception, match="ended"):
            channel.receive(20)
    assert stem.stop() == how
    assert stem.run("d", "print(1)")["printed"] == "1\n"


def test_a_pool_of_threads_made_in_a_cell_serves_calls(pair: Any) -> None:
    pool = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(2)\npool.submit(abs, 1).result()\n"
        "def f(x): return pool.submit(lambda: x + 1).result()"
    )
    assignment = judge_pair.paper_of(
        judge_pair.cell("answer", "a", pool, provides=["f"]),
        judge_pair.cell("test", "t", "assert f(1) == 2"),
    )
    assert pair.judge(assignment, {}, "t").points == 1


def _call(number: int, handle: int) -> bytes:
    from aulac_grader.judge.wire.encode import encode

    class Stays:
        pass

    return encode(
        [number, "call", Stays(), (), {}], lambda _: (handle, ""), Stays
    )


def test_the_stem_ends_with_its_controller(pair: Any) -> None:
    with pair.stem() as stem:
        stem.run("c", "x = 1")
        stem.channel.send(["bye"])
        with pytest.raises(Exception, match="ended"):
            stem.channel.receive(20)
