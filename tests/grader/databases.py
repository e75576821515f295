"""Both databases that nbgrader's gradebook may live in, for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("initdb", "pg_ctl")


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's server programs, None where there are none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / name).exists() for name in PROGRAMS):
            return place
    return None


@contextmanager
def postgres() -> Iterator[str]:
    """A server of our own on a Unix socket; yields SQLAlchemy's address of it.

    PostgreSQL refuses to run as root: then it runs as `nobody`, who owns its folder.
    """
    programs = postgres_programs()
    if programs is None:
        pytest.skip(
            "no PostgreSQL server on this machine (Debian and Ubuntu: "
            "apt install postgresql)"
        )
    folder = Path(tempfile.mkdtemp(prefix="aulac-pg-", dir="/tmp"))
    who: dict[str, object] = {}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        who = {
            "user": nobody.pw_uid,
            "group": nobody.pw_gid,
            "extra_groups": [],
        }
    folder.chmod(0o755)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        # A file and not a pipe: the server keeps what it inherits open.
        with (folder / "said").open("a+") as said:
            done = subprocess.run(
                [programs / program, "-D", data, *arguments],
                cwd=folder,
                stdout=said,
                stderr=said,
                timeout=120,
                check=False,
                **who,  # type: ignore[call-overload]
            )
            said.seek(0)
            assert done.returncode == 0, said.read()[-3000:]

    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    try:
        run("initdb", "-U", "aulac", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "-w", "-l", str(log), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://aulac@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str, name: str) -> str:
    """An empty database on the server; returns its address."""
    from sqlalchemy import create_engine

    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")
