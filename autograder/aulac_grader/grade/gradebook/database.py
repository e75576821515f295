"""nbgrader's database, opened so that a student's marks are one transaction.

nbgrader commits after every step. Here its `Gradebook` works on a connection whose
transaction is ours: its commits only flush, and everything is written, or nothing is.

SQLite: write-ahead logging, so that formgrader reads while we write, and
`BEGIN IMMEDIATE`, so that waiting for the lock happens at the start, under
`busy_timeout` (https://www.sqlite.org/lang_transaction.html, wal.html). Do not put the
file on a network disk: use PostgreSQL there. PostgreSQL: an advisory lock does for two
of us what SQLite's write lock does, with `lock_timeout` for waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbgrader.api import Gradebook as NbGraderBook
    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 30.0
# Any fixed 64-bit number: the name of our lock in PostgreSQL.
ADVISORY_LOCK = 0x61756C6163
READ_ONLY = {"aulac_read_only": True}


class GradebookError(RuntimeError):
    """The gradebook cannot be written; the message says why and what to do."""


class GradebookBusy(GradebookError):  # noqa: N818  a state, not a fault
    """Another program kept the gradebook locked for longer than we wait."""


def open_engine(db_url: str, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine for nbgrader's `db_url` with our ways of locking.

    Raises:
        GradebookError: the address is not one that SQLAlchemy and nbgrader can open.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import ArgumentError

    try:
        engine = create_engine(db_url)
    except (ArgumentError, ImportError) as error:
        raise GradebookError(
            f"The gradebook's address {_masked(db_url)} cannot be opened "
            f"({error}): set c.CourseDirectory.db_url in nbgrader_config.py, for "
            "PostgreSQL as postgresql+psycopg://user@host/database."
        ) from error
    if engine.dialect.name == "sqlite":
        _sqlite_ways(engine, busy_seconds)
    elif engine.dialect.name == "postgresql":
        event.listen(
            engine,
            "begin",
            lambda connection: _postgres_begin(connection, busy_seconds),
        )
    return engine


def _masked(db_url: str) -> str:
    """The address without its password."""
    head, at, tail = db_url.rpartition("@")
    scheme, _, user = head.partition("://")
    return f"{scheme}://{user.partition(':')[0]}@{tail}" if at else db_url


def _sqlite_ways(engine: Engine, busy_seconds: float) -> None:
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("aulac_read_only")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgres_begin(connection: Connection, busy_seconds: float) -> None:
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = {int(busy_seconds * 1000)}"
    )
    if not connection.get_execution_options().get("aulac_read_only"):
        connection.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"
        )


@contextmanager
def transaction(
    engine: Engine, course_id: str, *, write: bool = True
) -> Iterator[NbGraderBook]:
    """nbgrader's gradebook inside one transaction: all of it is written, or nothing.

    Raises:
        GradebookBusy: somebody else held the lock for too long.
        GradebookError: the database is damaged, full, read-only, or of another
            version of nbgrader.
    """
    try:
        with engine.connect() as plain:
            options = {} if write else READ_ONLY
            connection = plain.execution_options(**options)
            with connection.begin():
                if write:
                    _create_tables(connection)
                book = _book(connection, course_id)
                try:
                    yield book
                    book.db.flush()
                finally:
                    book.db.remove()
    except GradebookError:
        raise
    except Exception as error:
        told = _explained(error, engine)
        if told is None:
            raise
        raise told from error


def _book(connection: Connection, course_id: str) -> NbGraderBook:
    """nbgrader's own `Gradebook` over `connection`.

    Its constructor makes an engine of its own and commits, so it is not called;
    these five attributes are all that it sets.
    """
    from nbgrader.api import Gradebook
    from sqlalchemy.orm import scoped_session, sessionmaker

    book = Gradebook.__new__(Gradebook)
    book.engine = connection.engine
    book.db = scoped_session(
        sessionmaker(
            bind=connection,
            autoflush=True,
            join_transaction_mode="rollback_only",
        )
    )
    book.course_id = course_id
    book.authenticator = None
    return book


def _create_tables(connection: Connection) -> None:
    """nbgrader's tables in an empty database; our own beside them."""
    from nbgrader.api import Base
    from sqlalchemy import inspect, text

    from .aulac_record import metadata

    tables = inspect(connection).get_table_names()
    if not tables:
        Base.metadata.create_all(connection)
        connection.execute(
            text("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        )
        connection.execute(
            text("INSERT INTO alembic_version VALUES (:head)"),
            {"head": _alembic_head()},
        )
    elif "alembic_version" in tables:
        found = connection.scalar(text("SELECT * FROM alembic_version"))
        if found != _alembic_head():
            raise GradebookError(
                f"The gradebook was made by another version of nbgrader ({found}, "
                f"not {_alembic_head()}): make a copy of it, then run "
                "`nbgrader db upgrade` in the course directory."
            )
    metadata().create_all(connection)


@cache
def _alembic_head() -> str:
    """The version that this nbgrader gives a new database."""
    import nbgrader
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(nbgrader.__file__).parent / "alembic"
    config.set_main_option("script_location", str(folder))
    return str(ScriptDirectory.from_config(config).get_current_head())


def _explained(error: Exception, engine: Engine) -> GradebookError | None:
    """What a database's error means for the instructor; None for other errors."""
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    where = _masked(str(engine.url.render_as_string()))
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    locked = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    if locked or state in ("55P03", "40P01"):
        return GradebookBusy(
            f"The gradebook {where} is locked by another program and stayed so. "
            "Nothing was written. Close what is using it (nbgrader, a database "
            "browser, a backup), then run the command again."
        )
    if isinstance(cause, sqlite3.Error) or isinstance(error, DBAPIError):
        return GradebookError(
            f"The gradebook {where} could not be used ({cause}). Nothing was "
            "written. Check that the disk has room and that the file or server "
            "may be written to, then run the command again."
        )
    return None
