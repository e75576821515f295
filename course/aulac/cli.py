"""The `aulac` command.

Its verbs come from the entry-point group `aulac.commands`, so the library and the
grader register theirs without knowing each other. A verb's module is imported only
when that verb is asked for: `aulac --help` must not load torch.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

import click
import typer

from aulac import __version__

GROUP = "aulac.commands"


class Verbs(click.Group):
    """A click group that finds its commands among the installed entry points."""

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=GROUP)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._entries())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        entry = self._entries().get(name)
        if entry is None:
            return None
        loaded = entry.load()
        if isinstance(loaded, typer.Typer):
            return typer.main.get_command(loaded)
        return loaded


@click.command(cls=Verbs, help="Âu Lạc: build a small Vietnamese language model.")
@click.version_option(__version__, prog_name="aulac")
def group() -> None:
    pass


def main() -> None:
    """Run one verb; Ctrl-C ends it with a sentence instead of a traceback."""
    try:
        group(prog_name="aulac")
    except KeyboardInterrupt:
        print(
            "\nĐã dừng theo ý bạn; phần đã xong được giữ lại, chạy lại lệnh để tiếp tục. "
            "/ Stopped; finished work is kept, run the same command to go on.",
            file=sys.stderr,
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
