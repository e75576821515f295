"""The model a command is to use: named by the user, or the newest there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from aulac.cli import fail

# Names that `--model` knows without a folder: the model that comes with the course,
# of the kind that the command is for, or of the kind named.
NAMES = ("shipped", "base", "chat")
CONFIG = "config.json"
TEMPLATE_FILES = ("tokenizer_config.json", "chat_template.jinja")


def find(
    model: Path | None, scale: str | None = None, kind: str = "base"
) -> Path:
    """The folder to load, or a sentence that says how to make one.

    model: a folder, what `aulac train --out` filled, or one of NAMES.
    kind: which of the course's own models the command wants, `base` or `chat`. It
        is also what a user gets who has no model of his own, and is told so.
    """
    from aulac.lesson import artefacts, shipped
    from aulac.scale import ScaleError, get

    if model and str(model) in NAMES and not model.exists():
        wanted = kind if str(model) == "shipped" else str(model)
        try:
            return shipped.folder(wanted)
        except shipped.NotShippedError as error:
            fail(error.vi, str(error))
    if model and not (model / CONFIG).exists():
        inside = model / "model"
        model = inside if (inside / CONFIG).exists() else model
    try:
        folder = model or artefacts.newest(scale and get(scale).name)
    except ScaleError as error:
        fail(error.vi, str(error))
    if folder:
        return folder
    if shipped.there(kind) and scale in (None, "shipped"):
        say(
            "Bạn chưa có mô hình nào của mình: dùng mô hình đi kèm khóa học.",
            "You have no model of your own yet: using the one that comes with the "
            "course.",
        )
        return shipped.folder(kind)
    fail(
        "chưa có mô hình nào. Hãy chạy bài 00 (make lab), hoặc lệnh "
        "`make course`, rồi thử lại.",
        "there is no model yet: run lesson 00 (make lab) or "
        "`make course`, then try again.",
    )


def load(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a folder, also a packed one, or a sentence."""
    from aulac.export import from_hf, packed
    from aulac.lesson import shipped

    if folder.is_file():
        fail(
            f"{folder} là một tệp, còn ở đây cần thư mục của một mô hình (tệp GGUF "
            "thì mở bằng llama.cpp hoặc Ollama).",
            f"{folder} is a file and a model's folder is needed (a GGUF file is for "
            "llama.cpp or Ollama).",
        )
    try:
        if folder == shipped.PLACE / "chat":
            return shipped.load("chat")
        if (folder / packed.WEIGHTS).exists():
            return packed.load(folder)
        return from_hf(folder)
    except (OSError, ValueError, KeyError) as error:
        why = (
            "thư mục này không phải là một mô hình, hoặc bị thiếu, bị hỏng tệp (xem "
            "dòng dưới). Hãy chép lại, hoặc huấn luyện lại bằng `make course`."
        )
        vi = getattr(error, "vi", why)
        fail(f"không nạp được mô hình ở {folder}: {vi}", str(error))


def answers(folder: Path) -> bool:
    """Whether the model was taught to answer: its folder has a chat template.

    A base model continues a text; the Hugging Face sign of one is a tokenizer
    without a chat template.
    """
    from aulac.lesson import shipped

    if folder == shipped.PLACE / "chat":
        return True
    config, template = (folder / name for name in TEMPLATE_FILES)
    if template.exists():
        return True
    try:
        return "chat_template" in json.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return True  # loading says what is wrong with the folder


def say(vi: str, en: str) -> None:
    """A remark in both languages, beside the output."""
    typer.echo(f"{vi} / {en}", err=True)
