"""`aulac course`: from sources to lessons that ran, a model that talks, and a book."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated

import typer

from aulac import scale as scales
from aulac_grader.checkout import ROOT

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

test = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Kiểm tra tất cả. / Everything that must hold.",
)
bench = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Đo so sánh. / Measurements side by side.",
)
app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Dựng và chạy cả khóa học, rồi làm sách. / Build and run the whole course, "
    "then make the book.",
)

STOPPED = 130  # the exit code of a command that Ctrl-C ended
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

    Raises typer.Exit(130) on Ctrl-C. The terminal tells the step too, so it is left to
    end its kernels and to put its work away; a second Ctrl-C does not wait for that.
    """
    print(f"\n— {title}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "aulac.cli", *arguments], cwd=ROOT
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.kill()
            code = process.wait()
        if code != STOPPED:  # it did not come to say so itself
            print(
                "\nĐã dừng theo ý bạn; phần đã xong được giữ lại, chạy lại lệnh để tiếp "
                "tục. / Stopped; finished work is kept, run the same command to go on."
            )
        raise typer.Exit(STOPPED) from None
    if code == STOPPED:
        raise typer.Exit(STOPPED)
    return code


@app.command()
def course(
    scale: Annotated[
        str, typer.Option(help="quy mô / scale: tiny, laptop, t4, gpu")
    ] = "tiny",
    skip_book: Annotated[
        bool,
        typer.Option("--skip-book", help="chỉ chạy bài học / lessons only"),
    ] = False,
) -> None:
    """Chạy mọi bài học, cho mô hình trả lời, làm sách; việc đã xong không làm lại.

    Build the lessons, run every one, let the model answer, build the book. What has not
    changed since the last run is not done again; a run that was stopped, even with
    kill -9, goes on where it was.
    """
    try:
        scales.get(scale)
    except scales.ScaleError as error:
        typer.echo(f"Lỗi: {error.vi}\nError: {error}", err=True)
        raise typer.Exit(1) from None
    began = time.monotonic()
    built = step("Dựng bài học / Building the lessons", "lessons", "build")
    failed = step(
        "Chạy bài học / Running the lessons",
        "lessons",
        "verify",
        "--scale",
        scale,
    )
    asked = [word for prompt in PROMPTS for word in ("--prompt", prompt)]
    talked = step(
        "Mô hình trả lời / The model answers", "chat", "--scale", scale, *asked
    )
    booked = (
        0 if skip_book else step("Làm sách / Making the book", "book", "build")
    )
    seconds = time.monotonic() - began
    if built or failed or talked or booked:
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
        f"  Sách / the book:      {page}   (.venv/bin/aulac book serve)\n"
        "  JupyterLab:           make lab\n"
        "  Trò chuyện / chat:    .venv/bin/aulac chat"
    )


def script(name: str, arguments: list[str]) -> None:
    """Run one of the checkout's own scripts and end with its exit code."""
    code = subprocess.run(
        [sys.executable, str(ROOT / name), *arguments], cwd=ROOT
    ).returncode
    raise typer.Exit(code)


@test.command(context_settings=PASS_ON)
def run_tests(context: typer.Context) -> None:
    """Chạy mọi phép kiểm tra của khóa học, như `make test`.

    Run every check of the course, as `make test` does. --fast leaves out the lessons
    and the book.
    """
    script("tests/run.py", context.args)


@bench.command(context_settings=PASS_ON)
def run_benchmarks(context: typer.Context) -> None:
    """Đo tốc độ và chất lượng cạnh những lựa chọn khác, như `make bench`.

    Measure speed and quality beside what one would otherwise use, as `make bench` does.
    """
    script("benchmarks/run.py", context.args)
