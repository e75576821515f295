"""nbgrader's commands, one after another, in one process.

python nbgrader_commands.py COURSE "generate_assignment ps99_sample" "export"

The course's own grading stays outside: this is plain nbgrader.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path


def nbgrader_in(course: Path, *commands: str) -> str:
    """Run the commands in `course`; returns what they said.

    A process of its own, because nbgrader's applications are singletons with logging
    of their own.
    """
    bin_folder = Path(sys.executable).parent  # nbgrader calls alembic by name
    home = course.parent / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, __file__, str(course), *commands],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "JUPYTER_DATA_DIR": str(home / "jupyter"),
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def main() -> None:
    from nbgrader_class import nbgrader  # beside this file

    for command in sys.argv[2:]:
        nbgrader(Path(sys.argv[1]), *shlex.split(command))


if __name__ == "__main__":
    main()
