"""The `aulac` command.

Its verbs come from the entry-point group `aulac.commands`, so the library and the
grader register theirs without knowing each other. A verb's module is imported only
when that verb is asked for: `aulac --help` must not load torch.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from aulac import __version__

GROUP = "aulac.commands"


class Verbs(TyperGroup):
    """A command group that finds its commands among the installed entry points."""

    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=GROUP)}

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self._entries())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self._entries().get(cmd_name)
        if entry is None:
            return None
        command = typer.main.get_command(entry.load())
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run one verb; Ctrl-C ends it with a sentence instead of a traceback.

        What is wrong with a command line is said in English by the parser; the line
        before it says in Vietnamese where to look.
        """
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            # `aulac corpus` with nothing behind it shows its help and no error.
            if context is None or type(error).__name__ == "NoArgsIsHelpError":
                raise
            asked = context.command_path
            print(
                f"Câu lệnh chưa đúng: xem `{asked} --help` và lời giải thích dưới đây.",
                file=sys.stderr,
            )
            raise
        except KeyboardInterrupt:
            print(
                "\nĐã dừng theo ý bạn; phần đã xong được giữ lại, chạy lại lệnh để tiếp "
                "tục. / Stopped; finished work is kept, run the same command to go on.",
                file=sys.stderr,
            )
            raise typer.Exit(130) from None


def fail(vi: str, en: str) -> NoReturn:
    """Say what is wrong in both languages and end with status 1."""
    typer.echo(f"Lỗi: {vi}", err=True)
    typer.echo(f"Error: {en}", err=True)
    raise typer.Exit(1)


app = typer.Typer(
    add_completion=False,
    cls=Verbs,
    no_args_is_help=True,
    help="Âu Lạc: tự tay dựng một mô hình ngôn ngữ tiếng Việt nhỏ. / "
    "Build a small Vietnamese language model yourself.",
)


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"aulac {__version__}")
        raise typer.Exit


@app.callback()
def aulac(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="print it"
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    app(prog_name="aulac")
