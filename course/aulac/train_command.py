"""`aulac train`: a base model at a scale, from texts to a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aulac.scale import Scale

app = typer.Typer(help="Huấn luyện mô hình nền / train a base model.")


@app.callback(invoke_without_command=True)
def train(
    scale: Annotated[
        str | None,
        typer.Option(help="tiny, laptop, t4, gpu / mặc định theo máy"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="thư mục kết quả / folder for the model"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="số bước, thay cho bảng quy mô / steps")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(help="tiếp tục từ checkpoint / go on from a checkpoint"),
    ] = True,
) -> None:
    """Kho ngữ liệu, bộ tách token, rồi mô hình nền / corpus, tokenizer, base model."""
    from dataclasses import replace

    from aulac import artefacts
    from aulac.scale import choose

    try:
        chosen, reason = choose(scale)
    except ValueError as error:
        fail(f"không có quy mô này: {error}", str(error))
    print(f"Quy mô {chosen.name} ({reason['vi']}) / scale {chosen.name}.")
    if steps:
        chosen = replace(chosen, steps=steps)
    folder = out or artefacts.workspace() / chosen.name / "trained"
    run_training(chosen, folder, resume)
    print(f"Xong: mô hình ở {folder} / done: the model is in {folder}")


def run_training(scale: Scale, folder: Path, resume: bool) -> None:
    """Make what is missing and train, turning known failures into a sentence."""
    import shutil

    from aulac import artefacts
    from aulac.checkpoint import TrainingError
    from aulac.export import to_hf
    from aulac.recipes import corpus_texts, pretrain
    from aulac.tokenizer import Tokenizer

    try:
        tokenizer = Tokenizer.load(artefacts.need("tokenizer", scale.name))
        texts = corpus_texts(artefacts.need("corpus", scale.name))
        if not resume:
            shutil.rmtree(folder / "work", ignore_errors=True)
        model = pretrain(list(texts), tokenizer, scale, folder / "work")
        to_hf(model, tokenizer, folder / "model")
    except TrainingError as error:
        fail(error.vi, str(error))
    except OSError as error:
        fail(
            f"không ghi hoặc đọc được tệp: {error}", f"a file failed: {error}"
        )


def fail(vi: str, en: str) -> None:
    """Say what is wrong in both languages and end with status 1."""
    typer.echo(f"Lỗi: {vi}", err=True)
    typer.echo(f"Error: {en}", err=True)
    raise typer.Exit(1)
