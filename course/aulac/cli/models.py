"""The model a command is to use; what is wrong with it ends the command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aulac.cli import fail
from aulac.errors import BilingualError
from aulac.lesson import models, shipped

if TYPE_CHECKING:
    from aulac.model import LanguageModel, Transformer
    from aulac.tokenizer import Tokenizer


def find(
    model: Path | None, scale: str | None = None, kind: str = "base"
) -> Path:
    """As `aulac.lesson.models.find`, or a sentence that says how to make one.

    Who has no model of his own gets the course's, and is told so.
    """
    try:
        folder = models.find(model, scale, kind)
    except BilingualError as error:
        fail(error.vi, str(error))
    if model is None and folder.parent == shipped.PLACE:
        remark(
            "Bạn chưa có mô hình nào của mình: dùng mô hình đi kèm khóa học.",
            "You have no model of your own yet: using the one that comes with the "
            "course.",
        )
    return folder


def load(folder: Path) -> tuple[LanguageModel, Tokenizer]:
    """As `aulac.lesson.models.load`, or a sentence."""
    try:
        return models.load(folder)
    except BilingualError as error:
        fail(error.vi, str(error))


def load_transformer(folder: Path) -> tuple[Transformer, Tokenizer]:
    """As `aulac.lesson.models.load_transformer`, or a sentence."""
    try:
        return models.load_transformer(folder)
    except BilingualError as error:
        fail(error.vi, str(error))


def remark(vi: str, en: str) -> None:
    """A remark in both languages, beside the output."""
    typer.echo(f"{vi} / {en}", err=True)
