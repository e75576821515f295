"""`aulac train`: a base model at a scale, from texts to a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aulac.cli import fail

if TYPE_CHECKING:
    from aulac.cli.pretrain import Wishes
    from aulac.scale import Scale

app = typer.Typer(
    add_completion=False,
    help="Huấn luyện mô hình nền / train a base model.",
    rich_markup_mode="rich",
)

TERMINATED = 143  # status after SIGTERM, as a scheduler sends it: 128 + 15

EXAMPLES = """Ví dụ / examples:

aulac train --dry-run --scale t4

aulac train --scale gpu --depth 12 --corpus C --tokenizer T --price 60000

aulac train --scale shipped --precision bf16 --keep 3 --best --out D

torchrun --nproc-per-node 2 -m aulac.cli train --scale t4

aulac train --plot D E --out curves.png"""


@app.command(epilog=EXAMPLES)
def train(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="với --plot: tệp log.jsonl hoặc thư mục của lần chạy / with "
            "--plot: logs, or folders of runs"
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="tiny, laptop, t4, gpu, shipped; mặc định theo máy / by the machine"
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            help="độ sâu ở quy mô gpu, số chẵn / depth at scale gpu, an even number"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="thư mục kết quả; với --plot: tệp PNG / folder for the model; with "
            "--plot: a PNG file"
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10**9,
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
    accumulation: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="chia mỗi bước thành bấy nhiêu lượt, đỡ tốn bộ nhớ; kết quả không "
            "đổi / divide a step into so many passes: less memory, same result",
        ),
    ] = None,
    packed: Annotated[
        bool,
        typer.Option(
            "--packed",
            help="văn bản trong cùng một dãy không nhìn thấy nhau / documents in a "
            "row do not see each other",
        ),
    ] = False,
    compile_: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="torch.compile; mặc định khi có lợi / by default where it pays",
        ),
    ] = None,
    keep: Annotated[
        int,
        typer.Option(
            min=1,
            help="giữ bấy nhiêu điểm lưu cuối / keep so many checkpoints",
        ),
    ] = 1,
    best: Annotated[
        bool,
        typer.Option(
            "--best", help="giữ thêm điểm lưu tốt nhất / keep the best one too"
        ),
    ] = False,
    validate: Annotated[
        int,
        typer.Option(
            min=0,
            help="đo bit mỗi byte trên bấy nhiêu văn bản giữ riêng, 0 là không đo / "
            "held-out texts to measure bits per byte on, 0 for none",
        ),
    ] = 64,
    price: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=10**9,
            help="giá thuê một thiết bị, đồng mỗi giờ; mặc định chỉ tính tiền điện / "
            "rent of one device in đồng an hour; by default electricity alone",
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="ghi cho TensorBoard / write for TensorBoard"
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(help="tiếp tục từ điểm lưu / go on from a checkpoint"),
    ] = True,
    dry: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="chỉ dự báo, không huấn luyện / predict only, train nothing",
        ),
    ] = False,
    plot: Annotated[
        bool,
        typer.Option(
            "--plot",
            help="vẽ đường cong của các nhật ký / draw curves of logs",
        ),
    ] = False,
) -> None:
    """Kho ngữ liệu, bộ tách token, rồi mô hình nền / corpus, tokenizer, base model."""
    if plot or logs:
        draw(logs or [], out, plot)
        return
    chosen, reason = choose(scale, depth, steps)
    from aulac.cli.pretrain import Wishes
    from aulac.lesson import artefacts

    changes: dict[str, Any] = {
        "precision": precision,
        "packed": packed,
        "compile": compile_,
        "keep": keep,
        "best": best,
    }
    wishes = Wishes(
        out=out or artefacts.workspace() / chosen.name / "trained",
        corpus=corpus,
        tokenizer=tokenizer,
        changes=changes,
        accumulation=accumulation,
        validate=validate,
        price=price,
        tensorboard=tensorboard,
        resume=resume,
    )
    said = f"Quy mô {chosen.name} ({reason['vi']}) / scale {chosen.name}."
    run_all(chosen, wishes, said, dry)


def choose(
    name: str | None, depth: int | None, steps: int | None
) -> tuple[Scale, dict[str, str]]:
    """The scale asked for and the reason; ends the command if there is none such."""
    from dataclasses import replace

    from aulac import scale as scales

    if depth is not None and name not in (None, "gpu"):
        fail(
            f"--depth chỉ dành cho quy mô gpu, không phải {name}.",
            f"--depth is for scale gpu alone, not for {name}.",
        )
    try:
        wanted = name if depth is None else f"gpu:{depth}"
        chosen, reason = scales.choose(wanted)
    except scales.ScaleError as error:
        fail(error.vi, str(error))
    return replace(chosen, steps=steps or chosen.steps), reason


def run_all(scale: Scale, wishes: Wishes, said: str, dry: bool) -> None:
    """Run alone or with torchrun's other processes; errors become a sentence."""
    from aulac.cli.pretrain import dry_run, run
    from aulac.corpus.errors import CorpusError
    from aulac.tokenizer import VocabularyError
    from aulac.train import distributed
    from aulac.train.failure import TrainingError
    from aulac.train.progress import say
    from aulac.train.shards import ShardError

    try:
        with distributed.started() as world:
            if world.lead:
                print(said)
            if dry:
                dry_run(scale, wishes)
                return
            made = run(scale, wishes)
            if world.lead:
                print(f"Xong: mô hình ở {made} / done: the model is in {made}")
    except TrainingError as error:
        if distributed.speaks(error):
            fail(error.vi, str(error))
        raise typer.Exit(1) from None
    except SystemExit as stop:
        if stop.code == TERMINATED and distributed.world().lead:
            say(
                "Đã nhận lệnh dừng; phần đã xong được giữ lại, chạy lại lệnh để tiếp tục.",
                "Asked to stop; finished work is kept, run the same command to go on.",
            )
        raise
    except (CorpusError, ShardError, VocabularyError, OSError) as error:
        fail(*explained(error, scale, wishes))


def explained(
    error: Exception, scale: Scale, wishes: Wishes
) -> tuple[str, str]:
    """What is wrong with texts or files, and where: Vietnamese, English."""
    from aulac.lesson import artefacts
    from aulac.tokenizer import VocabularyError
    from aulac.train.failure import disk_error
    from aulac.train.shards import ShardError

    place = artefacts.workspace() / scale.name
    if isinstance(error, VocabularyError):
        return (
            f"kho ngữ liệu ở {place} rỗng, quá nhỏ hoặc đã hỏng: hãy xóa thư mục đó "
            "rồi chạy lại, lệnh này sẽ dựng lại từ đầu.",
            f"{error}. The corpus in {place} is empty, too small or damaged: delete "
            "that folder and run this again, it makes all anew.",
        )
    if isinstance(error, ShardError):
        corpus, work = wishes.corpus or place / "corpus", wishes.out / "work"
        return (
            f"{error.vi} Kho ngữ liệu ở {corpus}, các shard ở {work}.",
            f"{error} The corpus is in {corpus}, its shards are in {work}.",
        )
    if vi := getattr(
        error, "vi", ""
    ):  # of a corpus, or of what is not shipped
        return vi, str(error)
    if isinstance(error, OSError):
        refused = disk_error(Path(error.filename or wishes.out), error)
        return refused.vi, str(refused)
    return str(error), str(error)


def draw(logs: list[Path], out: Path | None, plot: bool) -> None:
    """Draw the loss curves of logs in the terminal, and as a PNG in `out`."""
    from rich.console import Console

    from aulac.scale.curve import LogError
    from aulac.scale.curve import plot as curves

    if not plot:
        fail(
            f"không hiểu {logs[0]}: muốn vẽ nhật ký thì thêm --plot.",
            f"{logs[0]} is not expected: to draw logs, give --plot.",
        )
    if not logs:
        fail(
            "--plot cần ít nhất một nhật ký: aulac train --plot THƯ_MỤC.",
            "--plot needs at least one log: aulac train --plot FOLDER.",
        )
    try:
        Console().print(curves(logs, out), soft_wrap=True)
    except LogError as error:
        fail(error.vi, str(error))
    except (
        OSError,
        ValueError,
    ) as error:  # a folder not writable, a strange suffix
        fail(
            f"không ghi được hình {out} ({error}).",
            f"cannot write the picture {out} ({error}).",
        )
    if out is not None:
        print(f"Hình ở {out} / the picture is in {out}")
