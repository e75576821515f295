"""One run of a test cell, whole or only its visible part, against one question."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import re
import signal
import sys
import types
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import aulac.lesson.checks
from aulac.lesson.checks.local import late
from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell
from aulac_grader.judge.cells.notebook import seed
from aulac_grader.judge.wire.protocol import Channel

from .artefacts import load
from .handles import (
    TOO_SLOW,
    Handle,
    Link,
    NotPlainError,
    Stop,
    StudentError,
    state_of,
)
from .outcome import Outcome, Status

WALL = 6  # times the CPU limit: a backstop, for a busy machine changes no mark
# What a call in `within` takes as seen from outside, transport and all.
OUTSIDE, OUTSIDE_SECONDS = 1.25, 0.1
MAX_TEXT = 2_000
MAX_PRINTED = 64 << 10


class TestRun:
    """A test cell of an assignment, ready to run."""

    def __init__(
        self,
        assignment: TrustedAssignment,
        cell: TrustedCell,
        seed: int,
        folder: Path | None,
        seconds: float,
        wall_seconds: float | None = None,
        spent: Callable[[], float] | None = None,
    ) -> None:
        self.spent = spent
        self.cell, self.seed = cell, seed
        self.folder, self.seconds = folder, seconds
        self.wall_seconds = wall_seconds or WALL * seconds
        self.before = assignment.before(cell.id)
        self.files = {name for c in self.before for name in c.files}
        self.missing: dict[
            str, str
        ] = {}  # name -> id of the cell that lacks it
        self.name = f"<{cell.id}>"

    def run(self, source: str, channel: Channel) -> Outcome:
        """Run `source` in a fresh namespace, with the student's names over `channel`."""
        link = Link(channel, self.wall_seconds)
        printed = _Printed()
        with _as_main() as namespace, _side(self, link):
            try:
                with (
                    contextlib.redirect_stdout(printed),
                    contextlib.redirect_stderr(printed),
                    _cpu_limit(link, self.seconds),
                ):
                    self._prepare(link, namespace)
                    value = self._execute(source, namespace)
                outcome = self._points(value)
            except BaseException as error:
                outcome = self._lost(error, source)
        # A test that swallowed the end of the student's process has no say.
        if link.stopped is not None:
            outcome = self._lost(link.stopped, source)
        return Outcome(
            outcome.points,
            outcome.status,
            clean(outcome.message),
            printed=clean(printed.getvalue(), MAX_PRINTED),
        )

    def _prepare(self, link: Link, namespace: dict[str, Any]) -> None:
        """Go through the cells before the test: run the given, bind the provided."""
        digest = hashlib.sha256(f"student {self.seed}".encode()).digest()
        link.ask("begin", int.from_bytes(digest[:4], "big"), self.seconds)
        seed(self.seed)
        for cell in self.before:
            if cell.kind == "given":
                # One that needs a name the student lacks fails, as in a notebook.
                with contextlib.suppress(Exception):
                    exec(
                        compile(cell.source, f"<{cell.id}>", "exec"), namespace
                    )
            for name in cell.provides:
                self._bind(link, namespace, cell, name)
        seed(self.seed)

    def _bind(
        self,
        link: Link,
        namespace: dict[str, Any],
        cell: TrustedCell,
        name: str,
    ) -> None:
        try:
            value = link.ask("name", name, origin=name)
        except StudentError:
            namespace.pop(name, None)
            self.missing[name] = cell.id
            return
        self.missing.pop(name, None)
        if type(value) is Handle:
            state_of(value).plain_result = name in cell.plain
        namespace[name] = value

    def _execute(self, source: str, namespace: dict[str, Any]) -> Any:
        """Run the test; the value of its last expression, None where it has none."""
        tree = ast.parse(source, self.name)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, self.name, "exec"), namespace)
        if not isinstance(last, ast.Expr):
            return None
        code = compile(ast.Expression(last.value), self.name, "eval")
        return eval(code, namespace)

    def _points(self, value: Any) -> Outcome:
        """Full points, or as many as the last value says (nbgrader's partial credit)."""
        full = self.cell.points
        if value is None or not self.cell.partial:
            return Outcome(full, "pass")
        number = _real(value)
        if number is None:
            kind = type(value).__name__
            said = f"the last line gives a {kind}, not a number of points"
            return Outcome(0.0, "fail", said)
        if not 0 <= number <= full * (1 + 1e-9):
            said = f"the last line gives {number:g}, not between 0 and {full:g} points"
            return Outcome(0.0, "fail", said)
        points = min(number, full)
        if points == full:
            return Outcome(points, "pass")
        said = f"{points:g} / {full:g} điểm / points"
        return Outcome(points, "partial" if points else "fail", said)

    def _lost(self, error: BaseException, source: str) -> Outcome:
        """No points, and why."""
        if isinstance(error, Stop):
            return Outcome(0.0, error.status, error.message)
        said = self._said(error)
        where = self._where(error, source)
        status: Status = (
            "refused" if isinstance(error, NotPlainError) else "fail"
        )
        return Outcome(0.0, status, "\n".join(filter(None, [said, where])))

    def _said(self, error: BaseException) -> str:
        """What the error says; its text may have been made by the student."""
        if isinstance(error, NameError) and error.name in self.missing:
            cell_id = self.missing[error.name]
            return (
                f"ô {cell_id} không định nghĩa {error.name} / "
                f"the cell {cell_id} does not define {error.name}"
            )
        try:
            text = str(error)
        except (
            BaseException
        ):  # an int too long to write, a handle that is gone
            text = ""
        if isinstance(error, StudentError) and error.places:
            text = f"{text}\n{error.places}"
        if isinstance(error, NotPlainError) or (
            type(error) is AssertionError and text
        ):
            return text
        return f"{type(error).__name__}: {text}".rstrip(": ")

    def _where(self, error: BaseException, source: str) -> str:
        """The line of the test at which the error came up."""
        number, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.name:
                number = trace.tb_lineno
            trace = trace.tb_next
        lines = source.split("\n")
        if not 0 < number <= len(lines):
            return ""
        return f"  {self.cell.id}, dòng / line {number}: {lines[number - 1].strip()}"


def _real(value: Any) -> float | None:
    """A number of this process as a float: a student's NumPy scalar makes sums NumPy's.

    True and False are no numbers of points, and a handle is not looked at.
    """
    kind = type(value)
    if kind.__module__.partition(".")[0] in ("numpy", "torch"):
        if getattr(value, "shape", None) != ():
            return None
        value = value.item()
        kind = type(value)
    if kind not in (int, float, Fraction, Decimal):
        return None
    try:
        return float(value)
    except (OverflowError, ValueError):
        return None


# -- the judge's side of `aulac.lesson.checks` ------------------------------------------------


class There:
    """Answers the checks by asking the student's process."""

    def __init__(self, test_run: TestRun, link: Link) -> None:
        self.test_run, self.link = test_run, link

    def do(self, check: str, arguments: tuple, named: dict) -> Any:
        if check == "listed" and type(arguments[0]) is not Handle:
            return aulac.lesson.checks.local.CHECKS[check](*arguments)
        function = arguments[1 if check == "within" else 0]
        if check != "probe" and type(function) is not Handle:
            self.link.stop(
                "error",
                f"{check} is given something of the test's own: give it a function "
                "that an answer cell provides",
            )
        origin = check
        if type(function) is Handle:
            state = state_of(function)
            origin = state.origin
            if state.sealed and check != "listed":
                raise NotPlainError(f"{origin}: {state.label} / {check}")
        if check == "within":
            return self._within(arguments, named, origin)
        return self.link.ask("check", check, arguments, named, origin=origin)

    def _within(self, arguments: tuple, named: dict, origin: str) -> Any:
        """Ask for a call in time, and do not believe the other side's clock."""
        spent = self.test_run.spent
        before = spent() if spent else 0.0
        value = self.link.ask(
            "check", "within", arguments, named, origin=origin
        )
        used = spent() - before if spent else 0.0
        if used > OUTSIDE * arguments[0] + OUTSIDE_SECONDS:
            raise TimeoutError(late(arguments[0]))
        return value

    def artefact(self, name: str, max_mb: float) -> Any:
        if name not in self.test_run.files:
            self.link.stop(
                "error",
                f"no answer cell before this test declares the file {name!r}: write "
                f":aulac: {{files: [{name}]}} there",
            )
        return load(
            (self.test_run.folder or Path("/nonexistent")) / name, max_mb
        )


@contextlib.contextmanager
def _side(test_run: TestRun, link: Link) -> Iterator[None]:
    aulac.lesson.checks.use(There(test_run, link))
    try:
        yield
    finally:
        aulac.lesson.checks.use(aulac.lesson.checks.local.Here())


@contextlib.contextmanager
def _as_main() -> Iterator[dict[str, Any]]:
    """A fresh module `__main__`: what a notebook's namespace is."""
    before = sys.modules["__main__"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        yield module.__dict__
    finally:
        sys.modules["__main__"] = before


@contextlib.contextmanager
def _cpu_limit(link: Link, seconds: float) -> Iterator[None]:
    """End the test after `seconds` of this process's CPU time."""

    def interrupt(*_: Any) -> None:
        link.stop("time", TOO_SLOW)

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class _Printed(io.StringIO):
    """What a test prints, up to a cap."""

    def write(self, text: str, /) -> int:
        room = max(0, MAX_PRINTED - self.tell())
        super().write(text[:room])
        return len(text)


_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """`text` without what changes from run to run, and without what is no text."""
    text = _ADDRESS.sub("0x…", text[: 4 * limit])
    text = text.encode("utf-8", "backslashreplace").decode()
    kept = (c if c.isprintable() or c in "\n\t" else "?" for c in text)
    text = "".join(kept)
    return text if len(text) <= limit else text[: limit - 1] + "…"
