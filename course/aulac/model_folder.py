"""The model a command is to use: named by the user, or the newest there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import typer


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
            "chưa có mô hình nào. Hãy chạy bài 00 (make lab), hoặc lệnh "
            "`make course`, rồi thử lại.",
            "there is no model yet: run lesson 00 (make lab) or "
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


def fail(vi: str, en: str) -> NoReturn:
    """Say what is wrong in both languages and end with status 1."""
    typer.echo(f"Lỗi: {vi}", err=True)
    typer.echo(f"Error: {en}", err=True)
    raise typer.Exit(1)
