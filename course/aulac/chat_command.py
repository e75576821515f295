"""`aulac chat`: talk to the newest chat model, or to the one you name.

A base model has no manners of conversation: it continues the text it is given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from aulac.model_folder import answers, find, load, say

app = typer.Typer(
    add_completion=False, help="Trò chuyện với mô hình / chat with a model."
)

BYE = ("/thoát", "/thoat", "/exit", "/quit")
# Answers are best where the model is surest; a story that always takes the likeliest
# token soon goes round in a circle.
ANSWERS_AT, CONTINUES_AT = 0.0, 0.7
# Left alone, a small base model soon says the same phrase again and again.
PENALTY = 1.15

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
            min=1, help="số token tối đa của câu trả lời / longest answer"
        ),
    ] = 160,
    seed: Annotated[int, typer.Option(help="hạt giống ngẫu nhiên / seed")] = 0,
) -> None:
    """Trò chuyện; mỗi --prompt là một cuộc riêng / each --prompt is asked afresh."""
    for channel in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(channel, "reconfigure"):  # a terminal in another encoding
            channel.reconfigure(encoding="utf-8", errors="replace")
    folder = find(model, scale, kind="chat")
    talks = answers(folder)
    heat = ANSWERS_AT if talks else CONTINUES_AT
    settings = {
        "temperature": heat if temperature is None else temperature,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    begin = conversation if talks else continuation
    if not talks:
        say(
            f"{folder} là mô hình nền: nó viết tiếp văn bản chứ chưa biết trò chuyện.",
            f"{folder} is a base model: it continues a text, it cannot converse.",
        )
    talker = load(folder)
    for text in prompt or ():
        print(f"Bạn: {text}")
        show(begin(*talker, settings), text)
    if not prompt:
        print(
            f"Mô hình / model: {folder}. Gõ /thoát để dừng / type /quit to leave."
        )
        converse(begin(*talker, settings))


def conversation(model: Any, tokenizer: Any, settings: dict[str, Any]) -> Talk:
    """A fresh conversation."""
    from aulac.chat import Conversation

    return Conversation(model, tokenizer, **settings).stream


def continuation(model: Any, tokenizer: Any, settings: dict[str, Any]) -> Talk:
    """Each text is continued by itself, and shown with what comes after it."""
    from itertools import chain

    from aulac.generate import stream

    def go_on(text: str) -> Any:
        more = stream(
            model, tokenizer, text, repetition_penalty=PENALTY, **settings
        )
        return chain([text], more)

    return go_on


def show(talk: Talk, text: str) -> None:
    """Print what comes after a text, piece by piece."""
    print("Âu Lạc: ", end="", flush=True)
    for piece in talk(text):
        print(piece, end="", flush=True)
    print(flush=True)


def converse(talk: Talk) -> None:
    """Texts from the keyboard until the end of input or one of BYE.

    Ctrl-C ends the answer that is being written, and elsewhere the program.
    """
    while True:
        try:
            text = input("Bạn: ").strip()
        except EOFError:
            print()
            return
        if text.lower() in BYE:
            return
        if not text:
            continue
        try:
            show(talk, text)
        except KeyboardInterrupt:
            print()
