"""Fork servers: warm parents that make a walled child in milliseconds.

    python -m aulac_grader.judge.control.zygote student|judge --control FD [--preload MODULES]

A zygote is a program of its own, started with a cleared environment. It imports what
is slow to import, then waits on an inherited socket for one kind of message: *fork*,
with the descriptors the child is to have. It reads nothing else, so it has never seen
a submission, a test or a key, and what one of its children learns no other can find in
memory: a forked child inherits its parent, never its siblings.

`Zygote` is the client. The two watch each other: a zygote whose client is gone kills
its children and ends; a client whose zygote is gone kills those children itself, by
pidfds that the zygote handed over, so that a number used again is never hit.

The idea is Android's (a warm process forked per application); descriptors travel by
SCM_RIGHTS, unix(7); pidfds are pidfd_open(2).
"""

from __future__ import annotations

import argparse
import array
import contextlib
import ctypes
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from aulac_grader.judge.submitted import InfrastructureError
from aulac_grader.judge.warm import environment, warm

log = logging.getLogger(__name__)

Role = Literal["student", "judge"]

START_SECONDS = 180.0  # importing torch on a busy, cold machine
FORK_SECONDS = 60.0
_MESSAGE = 1 << 16  # bytes; a fork message is a few hundred
_MAX_FDS = 8


# --- the client ---------------------------------------------------------------


@dataclass(frozen=True)
class Child:
    """A child of a zygote: its process number on the host, and a pidfd."""

    pid: int
    pidfd: int

    @property
    def ended(self) -> bool:
        return bool(_readable([self.pidfd], 0))

    def kill(self, timeout: float = 10.0) -> None:
        """End the child and wait until it has gone; its pidfd stays open."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        _readable([self.pidfd], timeout)

    def close(self) -> None:
        """Kill the child if it lives, and let go of it."""
        self.kill()
        os.close(self.pidfd)


class Zygote:
    """A fork server as its client sees it. Not thread-safe.

    The constructor starts the program and does not wait for it.

    Raises:
        InfrastructureError: from `wait`, `fork` and `check`, when the program could
            not start or has died. Make another one then.
    """

    def __init__(
        self, role: Role, preload: Sequence[str] = (), *, verbose: bool = False
    ) -> None:
        self.role, self.preload, self.verbose = role, tuple(preload), verbose
        self.start_seconds = 0.0
        self._began = time.perf_counter()
        self._ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                _command(self.role, theirs.fileno(), self.preload),
                pass_fds=[theirs.fileno()],
                env=environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if self.verbose else subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours

    def wait(self) -> None:
        """Wait until it is ready to fork."""
        if self._ready:
            return
        reply, _ = self._receive(START_SECONDS)
        if "error" in reply:
            self.close()
            raise InfrastructureError(
                f"The {self.role} zygote could not start: {reply['error']}"
            )
        self._ready = True
        self.start_seconds = time.perf_counter() - self._began
        log.info("%s zygote: %.2f s, %s", self.role, self.start_seconds, reply)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise InfrastructureError(
                f"The {self.role} zygote is not running."
            )
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def fork(self, fds: Sequence[int], **options: Any) -> Child:
        """A new child that has `fds` as its descriptors 3, 4, …

        `options` (plain JSON) reach the role's entry point.
        """
        self.wait()
        reply, got = self._ask({"fork": options}, fds)
        if "error" in reply or len(got) != 1:
            raise InfrastructureError(
                f"The {self.role} zygote could not fork: {reply.get('error')}"
            )
        return Child(int(reply["pid"]), got[0])

    def check(self) -> None:
        """Raise unless the program answers: a child that died may have died of it."""
        self._ask({"ping": True})

    def _ask(
        self, message: dict[str, Any], fds: Sequence[int] = ()
    ) -> tuple[dict[str, Any], list[int]]:
        if self._control is None:
            raise InfrastructureError(f"The {self.role} zygote has died.")
        data = json.dumps(message).encode()
        try:
            socket.send_fds(self._control, [data], list(fds))
        except OSError as error:
            raise InfrastructureError(
                f"The {self.role} zygote has died: {error}."
            ) from error
        return self._receive(FORK_SECONDS)

    def _receive(self, timeout: float) -> tuple[dict[str, Any], list[int]]:
        assert self._control is not None
        what = f"The {self.role} zygote"
        if not _readable([self._control.fileno()], timeout):
            self.close()
            raise InfrastructureError(
                f"{what} did not answer within {timeout:g} s."
            )
        try:
            data, fds, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
        except OSError as error:
            raise InfrastructureError(f"{what} died: {error}.") from error
        if not data:
            self.close()
            raise InfrastructureError(f"{what} died.")
        return json.loads(data), fds

    def close(self) -> None:
        """End the program; it takes its children along."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _command(role: Role, control: int, preload: Sequence[str]) -> list[str]:
    words = [sys.executable, "-s", "-P", "-m", __package__ + ".zygote", role]
    return [*words, "--control", str(control), "--preload", ",".join(preload)]


def _readable(fds: Sequence[int], timeout: float | None) -> list[int]:
    """Those of `fds` that can be read, waiting up to `timeout` seconds for one."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    wait = None if timeout is None else max(0.0, timeout) * 1000
    return [fd for fd, _ in poll.poll(wait)]


# --- the program --------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> None:
    """Import, freeze, then fork on request until the client is gone."""
    parser = argparse.ArgumentParser(prog="zygote")
    parser.add_argument("role", choices=["student", "judge"])
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--preload", default="")
    options = parser.parse_args(argv)
    control = socket.socket(fileno=options.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the client's
    try:
        entry = _entry(options.role)
        warm([name for name in options.preload.split(",") if name])
    except Exception as error:
        _send(control, {"error": f"{type(error).__name__}: {error}"})
        return
    _send(control, {"ready": True, "threads": 1, "pid": os.getpid()})
    _Server(control, entry).run()


def _entry(role: Role) -> Any:
    """The function that a child of this role runs."""
    from aulac_grader.judge.student.main import main
    from aulac_grader.judge.warm import readable

    readable()  # found once for all children
    if role == "judge":
        from aulac_grader.judge.judge.main import main
    return main


class _Server:
    """The loop of a zygote: fork when told, reap, end with the client."""

    def __init__(self, control: socket.socket, entry: Any) -> None:
        self.control, self.entry = control, entry
        self.children: dict[int, int] = {}  # pidfd -> pid

    def run(self) -> None:
        while True:
            ready = _readable([self.control.fileno(), *self.children], None)
            for pidfd in ready:
                if pidfd in self.children:
                    self._reap(pidfd)
            if self.control.fileno() in ready and not self._serve():
                break
        for pidfd in list(self.children):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            self._reap(pidfd)

    def _reap(self, pidfd: int) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.children.pop(pidfd), 0)
        os.close(pidfd)

    def _serve(self) -> bool:
        """Answer one message; False when the client has gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self.control, _MESSAGE, _MAX_FDS)
        except ConnectionError:
            return False
        if not data:
            return False
        message = json.loads(data)
        if "fork" in message:
            self._fork(message["fork"], fds)
        else:
            _send(self.control, {"pong": True})
        return True

    def _fork(self, options: dict[str, Any], fds: list[int]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _send(self.control, {"error": str(error)})
            return
        if pid == 0:
            self._child(parent, options, fds)
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        self.children[pidfd] = pid
        _send(self.control, {"pid": pid}, [pidfd])

    def _child(
        self, parent: int, options: dict[str, Any], fds: list[int]
    ) -> NoReturn:
        """In the child: keep only what was handed over, and run the entry point."""
        try:
            self.control.detach()
            _die_with_parent(parent)
            keep_only(fds)
            self.entry(**options)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent: prctl(2)."""
    parent_death_signal = 1
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it went before we could ask
        os._exit(1)


def keep_only(fds: Sequence[int]) -> None:
    """Close every descriptor but 0, 1, 2 and `fds`, which become 3, 4, …"""
    # Out of the way first: one of them may stand where another has to go.
    high = [_above(fd, 64) for fd in fds]
    for target, fd in enumerate(high, start=3):
        os.dup2(fd, target, inheritable=False)
    os.closerange(3 + len(high), os.sysconf("SC_OPEN_MAX"))


def _above(fd: int, floor: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, floor)


def _send(
    control: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()
) -> None:
    """Answer the client; where it has gone, the loop will see so."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    with contextlib.suppress(ConnectionError):
        control.sendmsg([json.dumps(message).encode()], rights if fds else [])


if __name__ == "__main__":
    main()
