"""A worker of one process on this machine, ready in a tenth of a second.

    python -m aulac_grader.grade.batch.local_worker

Reads a task's name and a payload from standard input and writes an answer to standard
output, again and again, each as eight bytes of length (big-endian) and then the bytes.
It ends when its input ends, when it is
told to (SIGTERM), and when the process that started it is gone, whatever killed it
(prctl(2), PR_SET_PDEATHSIG). It forks nothing itself: that is for the zygotes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import IO, Any

START_SECONDS = 5.0  # of the zygotes, on a machine that is not too busy
LENGTH = struct.Struct(">Q")
_PR_SET_PDEATHSIG = 1


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    data = stream.read(size)
    return data if len(data) == size else None


def write_frame(stream: IO[bytes], data: bytes) -> None:
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


class LocalWorker:
    """The worker's process, as the command that started it sees it.

    Answers arrive in `inbox` as (key, answer), or as (key, None) when the process has
    died over this key. One payload at a time.
    """

    def __init__(self, inbox: queue.Queue[tuple[str, bytes | None]]):
        self.inbox = inbox
        self.key: str | None = None
        self._begun = 0.0
        self._seconds: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._silent = False  # it closed its end: dead, or about to be

    @property
    def _ended(self) -> bool:
        assert self._process is not None
        return self._silent or self._process.poll() is not None

    @property
    def free(self) -> bool:
        return self.key is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def pace(self) -> float:
        """Seconds for a submission, as far as one can tell by now.

        The first answer waits for the zygotes to start, so it says nothing.
        """
        under_way = 0.0 if self.free else time.monotonic() - self._begun
        known = self._seconds[1:]
        if not known:
            return under_way if under_way > START_SECONDS else 0.0
        return max(sum(known) / len(known), under_way)

    def submit(self, key: str, task: str, payload: bytes) -> None:
        """Give it a registered task. Call from the main thread: see `_start`."""
        assert self.key is None, "a local worker takes one payload at a time"
        if self._process is None or self._ended:
            self._start()
        assert self._process is not None
        self.key, self._begun = key, time.monotonic()
        threading.Thread(
            target=self._exchange,
            args=(self._process, key, task, payload),
            daemon=True,
        ).start()

    def _start(self) -> None:
        # The signal of PR_SET_PDEATHSIG comes when the *thread* that forked ends.
        self.close()
        self._silent = False
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "aulac_grader.grade.batch.local_worker",
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the command, which ends us
        )

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        key: str,
        task: str,
        payload: bytes,
    ) -> None:
        assert process.stdin is not None and process.stdout is not None
        try:
            write_frame(process.stdin, task.encode())
            write_frame(process.stdin, payload)
            answer = read_frame(process.stdout)
        except (OSError, ValueError):
            answer = None
        # Its pipe closes a moment before it can be waited for; what comes next must
        # not be sent to it, and lost with it.
        self._silent = answer is None
        self._seconds.append(time.monotonic() - self._begun)
        self.inbox.put((key, answer))

    def done(self) -> None:
        """Its answer was taken from the inbox."""
        self.key = None

    def close(self) -> None:
        """End the process and what it has forked."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()


# -- the program ---------------------------------------------------------------


def _die_with(parent: int) -> None:
    """Get SIGTERM when the parent is gone, also if it went before we asked."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def _stop(_signal: int, _frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    sys.exit(0)  # unwinds what is being marked; atexit closes the warm parents


def main(parent: int) -> None:
    signal.signal(signal.SIGTERM, _stop)
    _die_with(parent)
    # Whatever prints must not reach the stream of answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from aulac_grader.grade.batch.registry import run

    while (task := read_frame(sys.stdin.buffer)) is not None:
        payload = read_frame(sys.stdin.buffer)
        if payload is None:
            return
        try:
            write_frame(answers, run(task.decode(), payload))
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
