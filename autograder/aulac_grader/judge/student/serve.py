"""The student's process: runs the cells, then answers calls about what they made.

It holds one submission. `serve` runs the cells one after another in one namespace, as a
kernel would. At a test it forks a *question*: a child with the
same names that answers the judge over a socket of its own, so that a call which
crashes, exits or loops costs that test and nothing else. The tests themselves never
come here.

    the controller sends                        the student process answers
    ["run", cell id, source, {"seconds": cpu,   ["ran", cell id, {"status": "ok",
        "output_kb": size}]                         "raised", "time" or "output",
                                                    "error", "printed", "pictures"}]
    ["question", test id] and a descriptor      ["asked", test id]
    ["stop"]                                    ["stopped", how the question ended]
    ["fetch", file name, size at most]          ["fetched", file name, bytes or None]
    ["bye"]                                     nothing: `serve` returns

Cells can change everything in this process, so each of these answers is only the
student's word.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import stat
import sys
import threading
import time

from aulac_grader.judge.cells.notebook import Notebook
from aulac_grader.judge.wire.protocol import Channel, Ended

from .answering import answer


def serve(channel: Channel) -> None:
    """Run cells and fork questions until told to stop or left alone."""
    channel.take_fds = True
    notebook = Notebook()
    stem = os.getpid()
    child: int | None = None
    while True:
        try:
            message = channel.receive()
        except Ended:
            _stop(child)
            return
        word, *rest = message
        if word == "run":
            cell_id, source, limits = rest
            report = notebook.run(cell_id, source, **limits)
            if (
                os.getpid() != stem
            ):  # a cell has forked, and its child came back
                os._exit(0)
            channel.send(["ran", cell_id, report])
        elif word == "question":
            _stop(child)
            child = _question(notebook, channel, channel.take_fd())
            channel.send(["asked", rest[0]])
        elif word == "stop":
            channel.send(["stopped", _stop(child)])
            child = None
        elif word == "fetch":
            channel.send(["fetched", rest[0], _contents(*rest)])
        elif word == "bye":
            _stop(child)
            return


def _question(notebook: Notebook, channel: Channel, fd: int) -> int:
    """Fork a child that answers on `fd`; its process number."""
    child = os.fork()
    if child:
        os.close(fd)
        return child
    status = 1
    _restart_pools()
    gc.freeze()  # a collector would copy every page it looks at
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)  # so that `_stop` reaches what it starts
        channel.close()
        answer(notebook, Channel.from_fd(fd))
        status = 0
    finally:
        os._exit(status)


def _contents(name: str, max_bytes: int) -> bytes | None:
    """What an ordinary file of the working folder holds, if it is small enough."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(name, flags)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            return None
        return file.read(max_bytes)


def _restart_pools() -> None:
    """Let pools of threads that a cell has left behind start new ones.

    A fork leaves the threads of its parent behind, and a pool would wait for them.
    """
    module = sys.modules.get("concurrent.futures.thread")
    if module is None:
        return
    for thing in gc.get_objects():
        if type(thing) is module.ThreadPoolExecutor:
            thing._threads = set()
            thing._idle_semaphore = threading.Semaphore(0)


def _stop(child: int | None) -> str:
    """End the question and what it started; how it had ended, in a word."""
    if child is None:
        return "none"
    ended, status = _wait(child, 0.02)
    for target in (-child, child):
        with contextlib.suppress(OSError):
            os.kill(target, signal.SIGKILL)
    if not ended:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        return "stopped"
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return "ended" if os.WEXITSTATUS(status) == 0 else "exited"


def _wait(child: int, seconds: float) -> tuple[bool, int]:
    """Has the child ended within `seconds`, and with which status?"""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ended, status = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:  # a cell has waited for all children
            return True, 0
        if ended or time.monotonic() > deadline:
            return bool(ended), status
        time.sleep(0.002)
