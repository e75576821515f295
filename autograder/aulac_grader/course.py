"""`aulac course`: from sources to lessons that ran, a model that talks, and a book."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated

import typer

from aulac_grader.house import ROOT

app = typer.Typer(
    add_completion=False,
    help="Dựng và chạy cả khóa học, rồi làm sách. / Build and run the whole course, "
    "then make the book.",
)

# Asked in Vietnamese: that is what the model speaks.
PROMPTS = (
    "Chào bạn, bạn là ai?",
    "Thủ đô của Việt Nam là thành phố nào?",
    "Kể cho mình nghe một câu chuyện về con mèo.",
)


def step(title: str, *arguments: str) -> int:
    """Run one `aulac` verb in a process of its own and return its exit code.

    A process each, because one step's memory (a model, a thousand notebooks' worth of
    JSON) must not weigh on the next, and a crash in one must leave the others alone.
    """
    print(f"\n— {title}", flush=True)
    return subprocess.run(
        [sys.executable, "-m", "aulac.cli", *arguments], cwd=ROOT
    ).returncode


@app.command()
def course(
    scale: Annotated[str, typer.Option(help="tiny, laptop, t4 or gpu")] = "tiny",
    skip_book: Annotated[
        bool, typer.Option("--skip-book", help="lessons only")
    ] = False,
) -> None:
    """Build the lessons, run every one, let the model answer, build the book.

    What has not changed since the last run is not done again; a run that was stopped,
    even with kill -9, goes on where it was.
    """
    began = time.monotonic()
    if step("Dựng bài học / Building the lessons", "lessons", "build"):
        raise typer.Exit(1)
    failed = step(
        "Chạy bài học / Running the lessons", "lessons", "verify", "--scale", scale
    )
    asked = [word for prompt in PROMPTS for word in ("--prompt", prompt)]
    talked = step(
        "Mô hình trả lời / The model answers", "chat", "--scale", scale, *asked
    )
    booked = 0 if skip_book else step("Làm sách / Making the book", "book", "build")
    seconds = time.monotonic() - began
    if failed or talked or booked:
        print(
            f"\nChưa xong sau {seconds:.0f} giây: xem lỗi ở trên, sửa, rồi chạy lại; phần "
            "đã xong không phải làm lại.\n"
            f"Not finished after {seconds:.0f} s: see the error above, mend it, run again; "
            "what is done stays done."
        )
        raise typer.Exit(1)
    page = ROOT / "book/_build/html/index.html"
    print(
        f"\nXong sau {seconds:.0f} giây. / Done in {seconds:.0f} s.\n"
        f"  Sách / the book:      {page}   (aulac book serve)\n"
        "  JupyterLab:           make lab\n"
        "  Trò chuyện / chat:    .venv/bin/aulac chat"
    )
