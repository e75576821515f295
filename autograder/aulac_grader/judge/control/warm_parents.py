"""Where submissions are marked: the two warm parents, the limits, and the judge process.

A pair marks one submission at a time; for more at once, have more pairs. What it starts
it ends, when it is closed and when its process dies.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import count
from typing import Any, NamedTuple

from aulac_grader.judge.assignment import TrustedAssignment
from aulac_grader.judge.submitted import InfrastructureError
from aulac_grader.judge.warm import preload
from aulac_grader.judge.wire.protocol import Channel, Ended
from aulac_grader.judge.wire.wire import Refused
from aulac_grader.sandbox.fork import SLOTS
from aulac_grader.sandbox.limits import Limits
from aulac_grader.sandbox.walls import SandboxUnavailable
from aulac_grader.sandbox.watchdog import Watchdog

from .judge_process import JudgeProcess
from .zygote import Child, Role, Zygote

log = logging.getLogger(__name__)

ENTER_SECONDS = 120.0  # for what takes 40 ms on an idle machine


class Preload(NamedTuple):
    """Modules that the two zygotes load ahead."""

    student: tuple[str, ...] = ()
    judge: tuple[str, ...] = ()


class WarmParents:
    """The student zygote and the judge zygote, started when first needed.

    Args:
        limits: of one student process; `cpu_seconds` for each cell and question.
        sandboxed: False marks without walls, which the tier of all marks then says.
        preload: what `WarmParents.preload` found for the assignments to come; without
            it, it is found for each, and the zygotes start anew where it differs.
        verbose: let the zygotes write to this process's standard error.

    Raises:
        SandboxUnavailable: from `open` and `new_student_process`, where this machine cannot
            isolate; nothing was run.
        InfrastructureError: from every method, where a process of ours has died.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        sandboxed: bool = True,
        preload: Preload | None = None,
        *,
        verbose: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.sandboxed, self.verbose = sandboxed, verbose
        self._fixed, self._loaded = preload, preload or Preload()
        self._found: dict[str, Preload] = {}  # by an assignment's sha256
        self._zygotes: dict[Role, Zygote] = {}
        self._judge_process: JudgeProcess | None = None
        self._tier: dict[str, Any] | None = None
        self._slots = count(os.getpid() * 7)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @staticmethod
    def preload(assignment: TrustedAssignment) -> Preload:
        """What to load ahead for an assignment.

        The student zygote goes by what students see, for what it has loaded shows in
        every student process, and not by tests, which never run there.
        """
        code = [cell for cell in assignment.cells if cell.cell_type == "code"]
        return Preload(
            preload(cell.visible for cell in code if cell.kind != "test"),
            preload(cell.source for cell in code),
        )

    # -- for marking -------------------------------------------------------------------

    def prepare(self, assignment: TrustedAssignment) -> None:
        """Have both zygotes run, warm for `assignment`; start those anew that have died."""
        wanted = self._fixed or self._found.get(assignment.sha256)
        if wanted is None:
            wanted = self._found[assignment.sha256] = self.preload(assignment)
        if wanted != self._loaded:
            self.close()
            self._loaded = wanted
        self._start()

    @property
    def student(self) -> Zygote:
        return self._zygotes["student"]

    def judge_process(self, assignment: TrustedAssignment) -> JudgeProcess:
        """A judge process that has read `assignment`."""
        judge_process = self._judge_process
        if judge_process and not (
            judge_process.alive and judge_process.sha256 == assignment.sha256
        ):
            judge_process.close()
            self._judge_process = judge_process = None
        if judge_process is None:
            zygote = self._zygotes["judge"]
            limits = replace(
                self.limits,
                memory_mb=2 * self.limits.memory_mb,
                file_mb=4 * self.limits.file_mb,
            )
            child, channel = self._walled(zygote, limits)
            self._judge_process = judge_process = JudgeProcess(
                zygote, child, channel, assignment
            )
        return judge_process

    def new_student_process(self) -> tuple[Child, Channel]:
        """A child of the student zygote inside its walls, and the line to it."""
        return self._walled(self.student, self.limits)

    @property
    def tier(self) -> dict[str, Any]:
        """How walls and limits are held here. Starts the zygotes if need be."""
        if self._tier is None:
            self._start()
            child, channel = self.new_student_process()
            watchdog = Watchdog(child.pid, self.limits)
            self._tier = self.describe(watchdog)
            watchdog.stop()
            channel.close()
            child.close()
        return dict(self._tier)

    def describe(self, watchdog: Watchdog) -> dict[str, Any]:
        """The tier, as the watchdog of one student process knows it."""
        walls = (
            "namespaces, private root, seccomp, no privileges"
            if self.sandboxed
            else "none"
        )
        self._tier = {
            "sandboxed": self.sandboxed,
            "walls": walls,
            "limits": dict(watchdog.tier),
        }
        return dict(self._tier)

    # -- starting and ending -----------------------------------------------------------

    def open(self) -> WarmParents:
        """Start the zygotes and try one student process, so that a refusal comes early."""
        _ = self.tier
        return self

    def _start(self) -> None:
        roles: Mapping[Role, tuple[str, ...]] = {
            "student": self._loaded.student,
            "judge": self._loaded.judge,
        }
        for role, modules in roles.items():
            zygote = self._zygotes.get(role)
            if zygote is not None and not zygote.alive:
                log.warning("the %s zygote has died; starting another", role)
                zygote.close()
                zygote = None
            if zygote is None:
                self._zygotes[role] = Zygote(
                    role, modules, verbose=self.verbose
                )

    def _walled(self, zygote: Zygote, limits: Limits) -> tuple[Child, Channel]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = zygote.fork(
                    [theirs.fileno()],
                    limits=asdict(limits),
                    slot=next(self._slots) % SLOTS,
                    folder=self._new_folder(),
                )
            except BaseException:
                ours.close()
                raise
        channel = Channel(ours, arrays=False)
        try:
            word, *rest = channel.receive(ENTER_SECONDS)
        except (Ended, Refused, TimeoutError) as error:
            channel.close()
            child.close()
            raise InfrastructureError(
                f"A {zygote.role} process died on its way into the walls: {error}."
            ) from error
        if word != "ready":
            channel.close()
            child.close()
            raise SandboxUnavailable(str(rest[0]))
        return child, channel

    def _new_folder(self) -> str | None:
        """Where there are no walls: a folder to work in, gone with the warm parents."""
        if self.sandboxed:
            return None
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="aulac-open-")
        return tempfile.mkdtemp(dir=self._folder.name)

    def close(self) -> None:
        """End both zygotes with all their children. The warm parents can be used again."""
        if self._judge_process is not None:
            self._judge_process.close()
            self._judge_process = None
        for zygote in self._zygotes.values():
            zygote.close()
        self._zygotes.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> WarmParents:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()
