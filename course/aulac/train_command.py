"""`aulac train`: a base model at a scale, from texts to a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aulac.scale import Scale

app = typer.Typer(
    add_completion=False, help="Huấn luyện mô hình nền / train a base model."
)


@app.command()
def train(
    scale: Annotated[
        str | None,
        typer.Option(
            help="tiny, laptop, t4, gpu; mặc định theo máy / by the machine"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="thư mục kết quả / folder for the model"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="số bước, thay cho bảng quy mô / steps instead of the table's",
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="kho ngữ liệu của bạn / a corpus folder of yours, made by "
            "`aulac corpus build`"
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="bộ tách token của bạn / a tokenizer folder of yours, made by "
            "`aulac tokenizer train`"
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="auto, fp32, bf16, fp16; bf16 trên CPU chỉ nhanh khi có "
            "AVX512-BF16 / bf16 on a CPU pays only with AVX512-BF16"
        ),
    ] = "auto",
    resume: Annotated[
        bool,
        typer.Option(help="tiếp tục từ điểm lưu / go on from a checkpoint"),
    ] = True,
) -> None:
    """Kho ngữ liệu, bộ tách token, rồi mô hình nền / corpus, tokenizer, base model."""
    from dataclasses import replace

    from aulac import artefacts
    from aulac.scale import ScaleError, choose

    try:
        chosen, reason = choose(scale)
    except ScaleError as error:
        fail(error.vi, str(error))
    print(f"Quy mô {chosen.name} ({reason['vi']}) / scale {chosen.name}.")
    if steps:
        chosen = replace(chosen, steps=steps)
    folder = out or artefacts.workspace() / chosen.name / "trained"
    given = {"corpus": corpus, "tokenizer": tokenizer}
    run_training(chosen, folder, resume, given, precision)
    made = folder / "model"
    print(f"Xong: mô hình ở {made} / done: the model is in {made}")


def run_training(
    scale: Scale,
    folder: Path,
    resume: bool,
    given: dict[str, Path | None],
    precision: str,
) -> None:
    """Make what is missing and train, turning known failures into a sentence.

    `given`: the user's own corpus and tokenizer, None where there is none.
    """
    import shutil

    from aulac import artefacts
    from aulac.checkpoint import TrainingError, disk_error
    from aulac.corpus.errors import CorpusError
    from aulac.export import to_hf
    from aulac.recipes import corpus_texts, pretrain
    from aulac.shards import ShardError
    from aulac.tokenizer import Tokenizer, VocabularyError

    try:
        place = {
            n: p or artefacts.need(n, scale.name) for n, p in given.items()
        }
        tokenizer = Tokenizer.load(place["tokenizer"])
        texts = corpus_texts(place["corpus"])
        if not resume:
            shutil.rmtree(folder / "work", ignore_errors=True)
        changes = {"precision": precision}
        model = pretrain(
            texts, tokenizer, scale, folder / "work", changes=changes
        )
        to_hf(model, tokenizer, folder / "model")
    except (TrainingError, CorpusError) as error:
        fail(error.vi, str(error))
    except (ShardError, VocabularyError) as error:
        fail(
            f"kho ngữ liệu hoặc bộ tách token ở {artefacts.workspace() / scale.name} "
            "rỗng, quá nhỏ hoặc đã hỏng: hãy xóa thư mục đó rồi chạy lại, lệnh này sẽ "
            "dựng lại từ đầu.",
            f"{error} The corpus or the tokenizer in "
            f"{artefacts.workspace() / scale.name} is empty, too small or damaged: "
            "delete that folder and run this again, it makes both anew.",
        )
    except OSError as error:
        refused = disk_error(Path(error.filename or folder), error)
        fail(refused.vi, str(refused))


def fail(vi: str, en: str) -> None:
    """Say what is wrong in both languages and end with status 1."""
    typer.echo(f"Lỗi: {vi}", err=True)
    typer.echo(f"Error: {en}", err=True)
    raise typer.Exit(1)
