"""`aulac chat`: talk to the newest chat model, or to the one you name.

A base model has no manners of conversation: it continues the text it is given.
"""

from __future__ import annotations

import math
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from aulac.cli import fail
from aulac.cli.models import find, load_transformer, remark
from aulac.lesson.models import answers

app = typer.Typer(
    add_completion=False, help="Trò chuyện với mô hình / chat with a model."
)

BYE = ("/thoát", "/thoat", "/exit", "/quit")
NEW = ("/mới", "/moi", "/new")
HELP = ("/giúp", "/giup", "/help", "/?")
COMMANDS = """\
/mới    bắt đầu cuộc khác, quên những gì đã nói    /new: begin anew
/thoát  dừng (cũng được: Ctrl-D)                   /quit: leave
/giúp   bảng này                                   /help: this table
Ctrl-C  ngắt câu trả lời đang viết                 breaks off an answer"""
# Answers are best where the model is surest; a story that always takes the likeliest
# token soon goes round in a circle.
ANSWERS_AT, CONTINUES_AT = 0.0, 0.7
# Left alone, a small base model soon says the same phrase again and again.
PENALTY = 1.15
LONGEST = 100_000  # tokens of an answer: the cache for them is made at once

Talk = Callable[[str], Any]  # pieces of what comes after a text


@app.command()
def chat(
    model: Annotated[
        Path | None,
        typer.Option(
            help="thư mục mô hình, hoặc tên: shipped, base, chat (mô hình đi kèm) "
            "/ a model's folder, or shipped, base, chat: the course's own"
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="câu hỏi, dùng nhiều lần được / a question, repeatable"
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="mô hình của quy mô này / of this scale: tiny, laptop, t4, gpu"
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="nhiệt độ; 0: luôn chọn token chắc nhất (mặc định khi trả lời) / "
            "0: the likeliest token (the default of answers)",
        ),
    ] = None,
    max_tokens: Annotated[
        int,
        typer.Option(
            min=1,
            max=LONGEST,
            help="số token tối đa của câu trả lời / longest answer",
        ),
    ] = 160,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**63 - 1, help="hạt giống ngẫu nhiên / seed"),
    ] = 0,
) -> None:
    """Trò chuyện; mỗi --prompt là một cuộc riêng / each --prompt is asked afresh."""
    for channel in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(channel, "reconfigure"):  # a terminal in another encoding
            channel.reconfigure(encoding="utf-8", errors="replace")
    if temperature is not None and not math.isfinite(temperature):
        fail(
            "nhiệt độ phải là một số hữu hạn, chẳng hạn 0.7.",
            "the temperature must be a finite number, such as 0.7.",
        )
    folder = find(model, scale, kind="chat")
    talks = answers(folder)
    heat = ANSWERS_AT if talks else CONTINUES_AT
    settings = {
        "temperature": heat if temperature is None else temperature,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    talker = load_transformer(folder)
    if not talks:
        remark(
            f"{folder} là mô hình nền: nó viết tiếp văn bản chứ chưa biết trò chuyện.",
            f"{folder} is a base model: it continues a text, it cannot converse.",
        )

    def begin() -> Talk:
        return (conversation if talks else continuation)(*talker, settings)

    for text in map(cleaned, prompt or ()):
        print(f"Bạn: {text}")
        show(begin(), text)
    if not prompt:
        print(
            f"Mô hình / model: {folder}. Đây là AI cỡ nhỏ, hay nói sai / a small AI, "
            "often wrong.\nGõ /giúp để xem các lệnh / type /help for commands."
        )
        converse(begin)


def conversation(model: Any, tokenizer: Any, settings: dict[str, Any]) -> Talk:
    """A fresh conversation."""
    from aulac.chat import Conversation

    talk = Conversation(model, tokenizer, **settings)

    def answer(text: str) -> Any:
        warn(talk.unread(text))
        return talk.stream(text)

    return answer


def continuation(model: Any, tokenizer: Any, settings: dict[str, Any]) -> Talk:
    """Each text is continued by itself, and shown with what comes after it."""
    from itertools import chain

    from aulac.chat import room
    from aulac.generate import stream

    def go_on(text: str) -> Any:
        ids = tokenizer.encode(text)
        most = room(model.config.context, settings["max_tokens"])
        warn(len(ids) - most)
        more = stream(
            model,
            tokenizer,
            ids[-most:],
            repetition_penalty=PENALTY,
            **settings,
        )
        return chain([text], more)

    return go_on


def warn(unread: int) -> None:
    """Say so when the beginning of a text was not read."""
    if unread > 0:
        remark(
            f"Văn bản dài quá: mô hình không đọc {unread} token đầu.",
            f"The text is too long: the model does not read its first {unread} tokens.",
        )


def cleaned(text: str) -> str:
    """What a user meant: in NFC, without control characters and broken bytes."""
    return unicodedata.normalize("NFC", printable(text)).strip()


def printable(text: str) -> str:
    """Without what would move the cursor or colour the screen."""
    kinds = ("Cc", "Cs")
    return "".join(
        c for c in text if c in "\n\t" or unicodedata.category(c) not in kinds
    )


def show(talk: Talk, text: str) -> None:
    """Print what comes after a text, piece by piece."""
    pieces = talk(text)
    print("Âu Lạc: ", end="", flush=True)
    for piece in pieces:
        print(printable(piece), end="", flush=True)
    print(flush=True)


def converse(begin: Callable[[], Talk]) -> None:
    """Texts from the keyboard until the end of input or one of BYE.

    Ctrl-C ends the answer that is being written, and elsewhere the program.
    """
    talk = begin()
    while (text := ask()) is not None and text.lower() not in BYE:
        if text.lower() in NEW:
            talk = begin()
            remark("Bắt đầu cuộc mới.", "A new conversation.")
        elif text.lower() in HELP:
            print(COMMANDS)
        elif text.startswith("/") and text[1:].isalpha():
            remark(
                f"Không có lệnh {text}: gõ /giúp để xem các lệnh.",
                f"There is no command {text}: type /help to see them.",
            )
        elif text:
            try:
                show(talk, text)
            except KeyboardInterrupt:
                print()


def ask() -> str | None:
    """A line from the keyboard; None at the end of input."""
    if sys.stdin.isatty():
        with suppress(ImportError):  # arrow keys, and lines of any length
            import readline  # noqa: F401
    try:
        return cleaned(input("Bạn: "))
    except (EOFError, KeyboardInterrupt):
        print()
        return None
