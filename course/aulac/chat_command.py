"""`aulac chat`: talk to the newest chat model, or to the one you name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aulac.model_folder import find, load

app = typer.Typer(
    add_completion=False, help="Trò chuyện với mô hình / chat with a model."
)

BYE = ("/thoát", "/thoat", "/exit", "/quit")


@app.command()
def chat(
    model: Annotated[
        Path | None, typer.Option(help="thư mục mô hình / a model's folder")
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
        float,
        typer.Option(
            min=0,
            help="nhiệt độ; 0: luôn chọn token chắc nhất / 0: the likeliest token",
        ),
    ] = 0.0,
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
    folder = find(model, scale)
    talker, tokenizer = load(folder)
    settings = {
        "temperature": temperature,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    if prompt:
        for text in prompt:
            ask(talker, tokenizer, text, settings)
        return
    print(
        f"Mô hình / model: {folder}. Gõ /thoát để dừng / type /quit to leave."
    )
    converse(talker, tokenizer, settings)


def ask(
    model: Any, tokenizer: Any, text: str, settings: dict[str, Any]
) -> None:
    """One question in a fresh conversation, the answer printed as it comes."""
    from aulac.chat import Conversation

    print(f"Bạn: {text}\nÂu Lạc: ", end="")
    show(Conversation(model, tokenizer, **settings), text)


def show(conversation: Any, text: str) -> None:
    """Print an answer piece by piece."""
    for piece in conversation.stream(text):
        print(piece, end="", flush=True)
    print(flush=True)


def converse(model: Any, tokenizer: Any, settings: dict[str, Any]) -> None:
    """Questions from the keyboard until the end of input or one of BYE."""
    from aulac.chat import Conversation

    conversation = Conversation(model, tokenizer, **settings)
    while True:
        try:
            text = input("Bạn: ").strip()
        except EOFError:
            print()
            return
        if text.lower() in BYE:
            return
        if text:
            print("Âu Lạc: ", end="", flush=True)
            show(conversation, text)
