"""An nbgrader course directory, and where in it grading keeps its own things.

COURSE/nbgrader_config.py           settings, the instructor's
COURSE/source/NAME/NAME.ipynb       the trusted assignment, the assignment
COURSE/submitted/STUDENT/NAME/      what nbgrader collected
COURSE/gradebook.db                 nbgrader's marks (or db_url)
COURSE/grading/NAME/                ours, readable by the owner alone:
    receipts.jsonl  objects/  events.jsonl  verdicts/  measures/  …
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .settings import CONFIG, ConfigError, Settings, read_settings

if TYPE_CHECKING:
    from aulac_grader.judge.assignment import TrustedAssignment

RECORD = ".aulac-course.json"


class CourseError(ValueError):
    """A sentence for the instructor: what is wrong, where, what to do."""


@dataclass(frozen=True)
class Course:
    """An ordinary nbgrader course directory; use `Course.open`."""

    root: Path

    @classmethod
    def open(cls, path: Path | str) -> Course:
        """The course at `path`.

        Raises:
            CourseError: no such folder, or not a course directory.
        """
        root = Path(path).expanduser().resolve()
        if not root.is_dir():
            raise CourseError(
                f"{root} is not a folder: name the course directory."
            )
        course = cls(root)
        if not (root / CONFIG).is_file() and not course.source.is_dir():
            raise CourseError(
                f"{root} is not a course directory: it has neither {CONFIG} nor "
                f"source/. Make one with: aulac assignment build --lang vi {root}"
            )
        return course

    # -- settings --------------------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        """What nbgrader_config.py sets, by class and name.

        Raises:
            CourseError: the file cannot be read.
        """
        try:
            return read_settings(self.root)
        except ConfigError as error:
            raise CourseError(str(error)) from error

    def setting(self, owner: str, name: str, default: Any) -> Any:
        return self.settings.get(owner, {}).get(name, default)

    def _folder(self, step: str) -> Path:
        """An nbgrader step's folder: absolute, or below the course's root."""
        return self.root / str(
            self.setting("CourseDirectory", f"{step}_directory", step)
        )

    @property
    def source(self) -> Path:
        return self._folder("source")

    @property
    def submitted(self) -> Path:
        return self._folder("submitted")

    @property
    def id(self) -> str:
        return str(self.setting("CourseDirectory", "course_id", ""))

    @property
    def db_url(self) -> str:
        """SQLAlchemy's address of nbgrader's database."""
        default = f"sqlite:///{self.root / 'gradebook.db'}"
        return str(self.setting("CourseDirectory", "db_url", default))

    @property
    def late_penalty(self) -> str:
        """nbgrader's `LateSubmissionPlugin.penalty_method`: "none" or "zero"."""
        owner = "LateSubmissionPlugin"
        return str(self.setting(owner, "penalty_method", "none"))

    @property
    def late_plugin(self) -> str:
        """The class that sets late penalties, where the course names its own."""
        return str(self.setting("AssignLatePenalties", "plugin_class", ""))

    @cached_property
    def lang(self) -> str:
        """ "vi" or "en": what the course was built in; Vietnamese where unsaid."""
        try:
            record = json.loads((self.root / RECORD).read_bytes())
            return "en" if record["lang"] == "en" else "vi"
        except (OSError, ValueError, KeyError, TypeError):
            return "vi"

    # -- assignments -----------------------------------------------------------

    def assignments(self) -> list[str]:
        """Names of the assignments that have a source notebook, sorted."""
        if not self.source.is_dir():
            return []
        return sorted(
            folder.name
            for folder in self.source.iterdir()
            if folder.is_dir() and any(folder.glob("*.ipynb"))
        )

    def notebook(self, name: str) -> Path:
        """The path of an assignment's source notebook.

        Raises:
            CourseError: no such assignment, or none or several notebooks in it.
        """
        known = self.assignments()
        if name not in known:
            names = ", ".join(known) or "none yet (aulac assignment build)"
            raise CourseError(
                f"There is no assignment {name!r} in {self.source}. "
                f"There are: {names}."
            )
        found = sorted((self.source / name).glob("*.ipynb"))
        own = self.source / name / f"{name}.ipynb"
        if own in found:
            return own
        if len(found) > 1:
            raise CourseError(
                f"{self.source / name} holds {len(found)} notebooks "
                f"({', '.join(p.name for p in found)}) and none is called "
                f"{name}.ipynb: give the one to mark that name."
            )
        return found[0]

    def assignment(self, name: str) -> TrustedAssignment:
        """The trusted assignment, ready to mark with.

        Raises:
            CourseError: no such assignment, or its source cannot be marked with.
        """
        from aulac_grader.judge.assignment import TrustedAssignment

        path = self.notebook(name)
        try:
            assignment = TrustedAssignment.read(path)
        except (OSError, ValueError) as error:
            raise CourseError(
                f"{path} cannot be used as an assignment: {error}"
            ) from error
        return replace(assignment, name=name)

    def due(self, name: str) -> datetime | None:
        """The deadline in nbgrader's database (UTC), None where there is none.

        Raises:
            CourseError: the database is there and cannot be read.
        """
        prefix = "sqlite:///"
        url = self.db_url
        if url.startswith(prefix) and not Path(url[len(prefix) :]).is_file():
            return None
        import sqlalchemy as sa

        table = sa.table(
            "assignment", sa.column("name"), sa.column("duedate", sa.DateTime)
        )
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                if not sa.inspect(connection).has_table("assignment"):
                    return None
                query = sa.select(table.c.duedate).where(table.c.name == name)
                due = connection.execute(query).scalar_one_or_none()
        except sa.exc.SQLAlchemyError as error:
            raise CourseError(
                f"the deadline of {name} cannot be read from {engine.url!r} "
                f"({error.__class__.__name__}): see that the database can be "
                "reached, or name the deadline with --due."
            ) from error
        finally:
            engine.dispose()
        return due.replace(tzinfo=UTC) if due else None

    # -- grading's own places --------------------------------------------------

    @property
    def grading(self) -> Path:
        """COURSE/grading, made on first use and closed to everybody else."""
        return _private(self.root / "grading")

    def folder(self, name: str) -> Path:
        """COURSE/grading/NAME, made on first use.

        Raises:
            CourseError: no such assignment.
        """
        if name not in self.assignments():
            self.notebook(name)  # says which there are
        return _private(self.grading / name)


def _private(folder: Path) -> Path:
    """`folder`, there and with rights for its owner only (0700).

    Raises:
        CourseError: it is a link or a file, or belongs to somebody else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise CourseError(
            f"{folder} is not a plain folder: move it away; grading makes its own."
        )
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be made private ({error.strerror}): it holds "
            "students' work and the course's key, so see that it is yours."
        ) from error
    return folder
