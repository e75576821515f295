"""`aulac chat`: talk to the newest chat model, or to the one you name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

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


def find(model: Path | None, scale: str | None = None) -> Path:
    """The folder to load, or a sentence that says how to make one."""
    from aulac import artefacts
    from aulac.scale import ScaleError, get

    try:
        folder = model or artefacts.newest(scale and get(scale).name)
    except ScaleError as error:
        fail(error.vi, str(error))
    if folder is None:
        fail(
            "chưa có mô hình nào để trò chuyện. Hãy chạy bài 00 (make lab), hoặc lệnh "
            "`make course`, rồi thử lại.",
            "there is no model to talk to yet: run lesson 00 (make lab) or "
            "`make course`, then try again.",
        )
    return folder


def load(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a folder, or a sentence."""
    from aulac.export import from_hf

    try:
        return from_hf(folder)
    except (OSError, ValueError, KeyError) as error:
        fail(
            f"không nạp được mô hình ở {folder}: thư mục này không phải là một mô hình, "
            "hoặc bị thiếu, bị hỏng tệp (xem dòng dưới). Hãy chép lại, hoặc huấn luyện "
            "lại bằng `make course`.",
            str(error),
        )


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


def fail(vi: str, en: str) -> NoReturn:
    """Say what is wrong in both languages and end with status 1."""
    typer.echo(f"Lỗi: {vi}", err=True)
    typer.echo(f"Error: {en}", err=True)
    raise typer.Exit(1)
