"""A notebook's own commands, made harmless.

`IPython` turns `%name`, `%%name`, `!command` and `name?` into calls of
`get_ipython()`. When an answer is marked there is no kernel: a cell magic runs its
body, a line magic that holds code runs it, everything else is a sentence.
"""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any, Protocol

# Those whose line is code, and those whose body is.
_LINES = {"time", "timeit", "prun", "memit"}
_BODIES = {"time", "timeit", "capture", "prun", "memit", "python", "python3"}
# Settings of a kernel that mean nothing here: not a word is lost about them.
_SILENT = {
    *("matplotlib", "load_ext", "reload_ext", "autoreload", "config"),
    *("precision", "pylab", "pinfo", "pinfo2", "pip", "conda", "history"),
    *("who", "whos", "pwd", "cd", "ls", "env", "reset", "xmode", "pdb"),
}


class Notebook(Protocol):
    """What a command may ask of the notebook it stands in."""

    namespace: dict[str, Any]

    def evaluate(self, name: str, source: str) -> Any: ...

    def execute(self, name: str, source: str) -> Any: ...


class Shell:
    """What `get_ipython()` returns."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self.user_ns = notebook.namespace

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> Any:
        if name in _LINES:
            return self._notebook.evaluate(f"%{name}", _code(line))
        if name not in _SILENT:
            _say(f"%{name}")
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        if name in _BODIES:
            return self._notebook.evaluate(f"%%{name}", cell)
        if name == "writefile":
            Path(line.split()[-1]).write_text(cell, encoding="utf-8")
        else:
            _say(f"%%{name}")
        return None

    def system(self, command: str) -> None:
        _say(f"!{command}")

    system_piped = system_raw = system

    def getoutput(self, command: str, *_: Any, **__: Any) -> list[str]:
        _say(f"!{command}")
        return []

    def run_cell(self, source: str, *_: Any, **__: Any) -> None:
        self._notebook.execute("run_cell", source)

    def magic(self, line: str) -> Any:
        name, _, rest = line.partition(" ")
        return self.run_line_magic(name, rest)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a kernel's shell can do: here it does nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


def install(notebook: Notebook) -> None:
    """Give cells the names that a kernel adds to Python's builtins."""
    shell = Shell(notebook)
    vars(builtins)["get_ipython"] = lambda: shell
    vars(builtins)["display"] = display


def display(*values: Any, **_: Any) -> None:
    """Show values as text; figures are collected when the cell ends."""
    for value in values:
        builtins.print(repr(value))


def _code(line: str) -> str:
    """A line magic's code without the options before it (`-n 3 -r 2 f(x)`)."""
    return re.sub(r"^(\s*-\w+(\s+\d+)?(?=\s))*\s*", "", line)


def _say(command: str) -> None:
    builtins.print(
        f"({command}: không chạy khi chấm / not run during grading)"
    )
