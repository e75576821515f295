"""One verify run: start what is ready, watch it, judge it, write it down."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from aulac.lesson import artefacts
from aulac_grader.author.build import LessonFolder, dump, replace
from aulac_grader.author.source import shorter
from aulac_grader.checkout import BUILD
from aulac_grader.verify import kernel, outcome, report
from aulac_grader.verify.display import Display
from aulac_grader.verify.places import Places
from aulac_grader.verify.plan import (
    Plan,
    Task,
    code_digest,
    digest,
    environment,
    folder_digest,
    plan,
    reached,
    unchanged,
)
from aulac_grader.verify.pool import Pool, Run, Worker
from aulac_grader.verify.store import Store


def verify(
    lesson_folder: LessonFolder,
    numbers: list[str],
    *,
    scale: str = "tiny",
    jobs: int = 0,
    force: bool = False,
    lang: str = "vi",
    console: Console | None = None,
    build: Path = BUILD,
) -> bool:
    """Verify lessons; True when every one asked for passed.

    numbers: lesson numbers; what they build on is run too, unless it is unchanged.
    jobs: cores to use, 0 for all.
    Raises KeyboardInterrupt on Ctrl-C, after ending every kernel; finished lessons
    are kept.
    """
    verifier = Verifier(
        lesson_folder, scale, jobs, lang, console or Console(), build
    )
    return verifier.run(numbers, force)


def folder(build: Path, scale: str, lang: str) -> Path:
    """Where results lie; the book reads those of `tiny`, Vietnamese edition."""
    base = build / "verify"
    return (
        base if (scale, lang) == ("tiny", "vi") else base / f"{scale}-{lang}"
    )


class Verifier:
    """The state of one verify run."""

    def __init__(
        self,
        lesson_folder: LessonFolder,
        scale: str,
        jobs: int,
        lang: str,
        console: Console,
        build: Path = BUILD,
    ):
        self.lesson_folder, self.scale, self.lang, self.console = (
            lesson_folder,
            scale,
            lang,
            console,
        )
        self.capacity = jobs or report.cores()
        self.out = folder(build, scale, lang)
        self.lessons, _ = lesson_folder.load()
        self.plan: Plan = plan(self.lessons)
        self.report_path = self.out / "report.json"
        self.environment = environment()
        self.rows: dict[str, report.Row] = {}
        self.fresh: set[str] = set()
        self.places = Places(lesson_folder, lang)
        self.store = Store(self.out, scale)
        self.display = Display(self.console)
        self._stale: set[str] = set()

    # ---- the run ---------------------------------------------------------------

    def run(self, numbers: list[str], force: bool = False) -> bool:
        """Run what is needed and print the table."""
        self.out.mkdir(parents=True, exist_ok=True)
        asked = [number for number in numbers if number in self.plan.tasks]
        # A lesson whose source is broken today keeps what it earned yesterday.
        known = {path.stem[:2] for path in self.lesson_folder.sources}
        with self._alone():
            old = report.load(self.report_path).get("lessons", {})
            self.rows = {n: row for n, row in old.items() if n in known}
            todo = self.plan.upstream(asked)
            self._loop(todo, set(asked) if force else set())
            self.store.publish(self.rows)
            shutil.rmtree(self.out / "runs", ignore_errors=True)
        shown = {n: row for n, row in self.rows.items() if n in todo}
        self.console.print()
        self.console.print(report.table(shown, self.fresh))
        good = [n for n in asked if self.rows[n]["status"] == "passed"]
        self.console.print(
            f"\n{len(good)}/{len(asked)} bài đạt / lessons passed, "
            f"{len(self.fresh)} chạy lại / run now. {shorter(self.report_path)}"
        )
        return len(good) == len(asked)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time in a folder; the system frees the lock with the process."""
        lock = self.out / ".lock"
        try:
            import fcntl
        except ImportError:
            yield
            return
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.console.print(
                    "Đang chờ một lần chạy khác kết thúc. / Waiting for another verify "
                    "run in this folder to end."
                )
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _loop(self, todo: set[str], forced: set[str]) -> None:
        pool = Pool(self.out / "worker.log")
        waiting = set(todo)
        seconds = {
            n: row.get("seconds") or 60.0 for n, row in self.rows.items()
        }
        seconds = {n: seconds.get(n, self._guess(n)) for n in self.plan.tasks}
        try:
            with self.display.shown(len(todo)):
                while waiting or pool.running:
                    self._settle(waiting, forced)
                    self._fill(pool, waiting, seconds)
                    if not pool.running:
                        continue
                    self._watch(pool)
        finally:
            pool.close()

    def _guess(self, number: str) -> float:
        return (
            60
            * self.plan.tasks[number].lesson.header.minutes[
                self.scale.split(":")[0]
            ]
        )

    def _settle(self, waiting: set[str], forced: set[str]) -> None:
        """Take out of `waiting` what is unchanged and what cannot run."""
        changed = True
        while changed:
            changed = False
            for number in sorted(waiting):
                task = self.plan.tasks[number]
                if any(
                    n in waiting or self._is_running(n) for n in task.waits
                ):
                    continue
                bad = [
                    n for n in task.waits if self.rows[n]["status"] != "passed"
                ]
                if bad:
                    self._skip(task, bad[0])
                elif self._runs(task, forced):
                    continue
                waiting.discard(number)
                changed = True
                self.display.advance()

    def _runs(self, task: Task, forced: set[str]) -> bool:
        """Must it run? Asked at every tick while it waits for a core, answered once."""
        number = task.number
        if number not in self._stale and (
            number in forced or not self._unchanged(task)
        ):
            self._stale.add(number)
        return number in self._stale

    def _is_running(self, number: str) -> bool:
        return self.rows.get(number, {}).get("status") == "running"

    def _fill(
        self, pool: Pool, waiting: set[str], seconds: dict[str, float]
    ) -> None:
        """Start what is ready and fits, the longest row of work first."""
        free = self.capacity - sum(w.run.cores for w in pool.running if w.run)
        order = sorted(
            waiting, key=lambda n: (-self.plan.weight(n, seconds), n)
        )
        for number in order:
            task = self.plan.tasks[number]
            cores = min(task.lesson.header.cores, self.capacity)
            ready = not any(
                n in waiting or self._is_running(n) for n in task.waits
            )
            if ready and cores <= free:
                waiting.discard(number)
                free -= cores
                self._start(pool, task, cores)

    def _watch(self, pool: Pool) -> None:
        event = pool.next()
        pool.sample()
        if event is not None:
            self._handle(pool, *event)
        for worker in pool.late():
            run = worker.run
            assert run is not None
            pool.drop(worker)
            error = f"ran longer than its {run.limit:.0f} s; make it shorter or set `timeout`."
            self._failed(
                run, {"cell": run.cell_id, "error": error, "traceback": ""}
            )

    def _handle(
        self, pool: Pool, worker: Worker, event: dict[str, Any]
    ) -> None:
        run = worker.run
        if run is None:
            return
        if (
            event["event"] == "begin"
        ):  # importing papermill is not the lesson's time
            run.began = time.monotonic()
        elif event["event"] == "cell":
            run.cell, run.cells, run.cell_id = (
                event["index"],
                event["total"],
                event["id"],
            )
            self.display.move(run, self.plan.tasks[run.number].lesson.name)
        elif event["event"] == "done":
            worker.run = None
            if event["ok"]:
                self._finished(run)
            else:
                self._failed(run, event)
        elif event["event"] == "gone":
            pool.drop(worker)
            error = "its runner ended; see worker.log beside report.json."
            self._failed(
                run, {"cell": run.cell_id, "error": error, "traceback": ""}
            )

    # ---- one lesson ------------------------------------------------------------

    def _place(self, task: Task) -> Path:
        return self.out / "runs" / task.number

    def _start(self, pool: Pool, task: Task, cores: int) -> None:
        place = self._place(task)
        shutil.rmtree(place, ignore_errors=True)
        workspace = place / "workspace" / self.scale
        workspace.mkdir(parents=True)
        for name in task.given:
            self.store.lend(name, workspace)
        notebook = self.lesson_folder.notebook(task.lesson, self.lang)
        notebook["cells"].append(kernel.trace_cell())
        replace(place / "input.ipynb", dump(notebook))
        header = task.lesson.header
        limit = header.timeout
        if self.scale != "tiny":
            limit = max(
                limit, 5 * 60 * header.minutes[self.scale.split(":")[0]]
            )
        cwd = self.lesson_folder.notebooks / self.lang
        request = kernel.request(
            place, cwd if cwd.is_dir() else place, self.scale, self.lang, cores
        )
        self.rows[task.number] = {
            "status": "running",
            "name": task.lesson.name,
            "before": self.rows.get(task.number),
        }
        run = Run(task.number, cores, limit)
        pool.start(run, request)
        self.display.move(run, self.plan.tasks[run.number].lesson.name)

    def _finished(self, run: Run) -> None:
        """The notebook ran through: take its outcomes, its artefacts and its key."""
        task = self.plan.tasks[run.number]
        place = self._place(task)
        clean = self.lesson_folder.notebook(task.lesson, self.lang)
        notebook = outcome.graft(clean, outcome.load(place / "output.ipynb"))
        trace = json.loads((place / "trace.json").read_text())
        run.peak = max(run.peak, trace["peak_kb"] * 1024)
        tiny = self.scale == "tiny"
        records, wrong = outcome.judge(
            outcome.records(notebook), task.lesson.header.bands, tiny
        )
        wrong += [
            f"{self.places.at(task.lesson, i)} {what}"
            for i, what in outcome.faults(notebook)
        ]
        wrong += self.store.faults(place, task.owes, task.given)
        row = self._row(task, run) | {
            "records": records,
            "notes": [
                f"{self.places.at(task.lesson, i)} {w}"
                for i, w in outcome.remarks(notebook)
            ],
        }
        if wrong:
            row |= {"status": "failed", "error": " ".join(wrong)}
            self._keep(task, notebook, failed=True)
        else:
            held = {name: self.store.take(place, name) for name in task.owes}
            inputs = self._inputs(task) | {
                "library": reached(
                    "\n".join(
                        self.lesson_folder.code(c)
                        for c in task.lesson.source.code
                    ),
                    trace["files"],
                    self.lesson_folder.course,
                )
            }
            row |= {
                "status": "passed",
                "error": None,
                "artefacts": held,
                "inputs": inputs,
                "key": digest(inputs),
            }
            self._keep(task, notebook, failed=False)
        self._close(task, row)
        if wrong:
            report.print_failure(self.console, row, "", "")

    def _failed(self, run: Run, event: dict[str, Any]) -> None:
        """A cell failed, the kernel died, or time ran out."""
        task = self.plan.tasks[run.number]
        output = self._place(task) / "output.ipynb"
        cell = event.get("cell") or ""
        place = self.places.at(task.lesson, cell)
        records: dict[str, Any] = {}
        if output.is_file():
            clean = self.lesson_folder.notebook(task.lesson, self.lang)
            notebook = outcome.graft(clean, outcome.load(output))
            records, _ = outcome.judge(outcome.records(notebook), {}, False)
            self._keep(task, notebook, failed=True)
        trace = event.get("traceback") or ""
        row = self._row(task, run) | {
            "status": "failed",
            "error": event["error"],
            "cell": place,
            "traceback": outcome.without_colours(trace),
            "records": records,
            "notes": [],
        }
        self._close(task, row)
        shown = row | {"traceback": trace}
        report.print_failure(
            self.console, shown, place, self.places.code(task.lesson, cell)
        )

    def _row(self, task: Task, run: Run) -> report.Row:
        return {
            "name": task.lesson.name,
            "title": task.lesson.header.title,
            "scale": self.scale,
            "seconds": round(run.seconds, 2),
            "peak_mb": round(run.peak / 2**20, 1),
            "verified_at": report.now(),
            "key": "",
        }

    def _close(self, task: Task, row: report.Row) -> None:
        """Write the lesson down at once: a kill now costs nothing that is done."""
        self.rows[task.number] = row
        self.fresh.add(task.number)
        self._save()
        shutil.rmtree(self._place(task), ignore_errors=True)
        self.display.drop(task.number)
        self.display.advance()
        mark = report.MARKS[row["status"]]
        self.console.print(
            f"{mark} {row['name']}  {row['seconds']:.1f} s  {row['peak_mb']:.0f} MB"
        )

    def _skip(self, task: Task, because: str) -> None:
        name = self.rows[because].get("name", because)
        self.rows[task.number] = {
            "name": task.lesson.name,
            "title": task.lesson.header.title,
            "scale": self.scale,
            "status": "skipped",
            "seconds": None,
            "peak_mb": None,
            "records": {},
            "notes": [],
            "key": "",
            "verified_at": report.now(),
            "error": f"skipped because {name} did not pass",
        }
        self._save()

    def _save(self) -> None:
        # A lesson that is running keeps its last row in the file until it is done.
        lessons = {
            number: row.get("before") if row["status"] == "running" else row
            for number, row in self.rows.items()
        }
        report.save(
            self.report_path,
            {
                "lessons": {
                    n: lessons[n] for n in sorted(lessons) if lessons[n]
                },
                "machine": report.machine(self.environment),
                "scale": self.scale,
                "lang": self.lang,
            },
        )

    # ---- what did not change ---------------------------------------------------

    def _inputs(self, task: Task) -> dict[str, Any]:
        """Everything an outcome comes from, but for the library."""
        return {
            "code": code_digest(self.lesson_folder, task),
            "environment": self.environment,
            "scale": self.scale,
            "table": artefacts.key(self.scale),
            "given": {
                name: folder_digest(self.store.path(name))
                for name in task.given
            },
        }

    def _unchanged(self, task: Task) -> bool:
        row = self.rows.get(task.number)
        if not row or row.get("status") != "passed" or "inputs" not in row:
            return False
        inputs = row["inputs"]
        same = {
            k: v for k, v in inputs.items() if k != "library"
        } == self._inputs(task)
        if not same or not unchanged(
            inputs["library"], self.lesson_folder.course
        ):
            return False
        if any(
            folder_digest(self.store.path(name)) != row["artefacts"].get(name)
            for name in task.owes
        ):
            return False
        return self._refresh(task, row)

    def _refresh(self, task: Task, row: report.Row) -> bool:
        """Bands and prose may have changed without the code: bring both up to date."""
        path = self.out / f"{task.lesson.name}.ipynb"
        try:
            executed = outcome.load(path)
        except (OSError, ValueError):
            return False
        clean = self.lesson_folder.notebook(task.lesson, self.lang)
        notebook = outcome.graft(clean, executed)
        ran = {c["id"] for c in executed["cells"] if c.get("execution_count")}
        code = {c["id"] for c in clean["cells"] if c["cell_type"] == "code"}
        if not code <= ran:
            return False
        tiny = self.scale == "tiny"
        records, wrong = outcome.judge(
            outcome.records(notebook), task.lesson.header.bands, tiny
        )
        if wrong:
            return False
        new = {"records": records, "title": task.lesson.header.title}
        if new != {key: row.get(key) for key in new}:
            row.update(new)
            self._save()
        data = dump(notebook)
        if path.read_bytes() != data:
            replace(path, data)
        return True

    # ---- words -----------------------------------------------------------------

    def _keep(
        self, task: Task, notebook: dict[str, Any], failed: bool
    ) -> None:
        """An executed notebook; only that of a lesson that passed is the book's."""
        name = f"{task.lesson.name}.ipynb"
        good, bad = self.out / name, self.out / "failed" / name
        replace(bad if failed else good, dump(notebook))
        (good if failed else bad).unlink(missing_ok=True)
