"""From a training run to the folder that ships: one command.

    python -m aulac.cli.release.make --run RUN --corpus CORPUS --tokenizer TOKENIZER

`RUN` is what `aulac train --out RUN` left. In this order: the weights in fp16; bits per
byte of every domain, minimal pairs, questions, tone marks; which tests stand in the
training text; what the model recites; a chat model by instruction tuning, and what it
can do and forgot; the model card; and then, all at once, `base` and `chat` in `--out`.

Each step leaves a file in `--work` and is not done again for the same weights and
settings, so the command can be stopped and run again, also with another setting.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from aulac.cli import fail
from aulac.cli.release import steps
from aulac.cli.release.steps import Job, Record
from aulac.lesson import shipped
from aulac.lesson.recipes import need
from aulac.scale import get

LIMIT = 32_000_000  # bytes of all that ships: it is cloned with every checkout

app = typer.Typer(
    add_completion=False,
    help="Từ một lần huấn luyện đến mô hình đi kèm. / From a run to what ships.",
)


@app.command()
def make(
    run: Annotated[
        Path, typer.Option(help="--out của `aulac train` / a run's folder")
    ],
    corpus: Annotated[
        Path, typer.Option(help="kho ngữ liệu / the corpus it read")
    ],
    tokenizer: Annotated[
        Path, typer.Option(help="bộ tách token / its tokenizer")
    ],
    work: Annotated[
        Path, typer.Option(help="nơi cất kết quả từng bước / steps' results")
    ] = Path("build/shipped"),
    out: Annotated[
        Path, typer.Option(help="nơi nhận base và chat / where it goes")
    ] = shipped.PLACE,
    scale: Annotated[
        str, typer.Option(help="quy mô / the run's scale")
    ] = "shipped",
    documents: Annotated[
        int,
        typer.Option(
            min=1, help="số văn bản mỗi nguồn để đo / documents a source"
        ),
    ] = 400,
    items: Annotated[
        int,
        typer.Option(
            min=1, help="số câu, số phép thử / sentences, probes, questions"
        ),
    ] = 200,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="tệp của lĩnh vực khác / texts of another domain"),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            help="tên=thư mục mô hình để so, hoặc một quy mô (tiny) / "
            "name=folder of a model to compare, or a scale (tiny)"
        ),
    ] = None,
    compressor: Annotated[
        Path | None,
        typer.Option(help="kết quả của benchmarks/compressor.py"),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="của việc tinh chỉnh / of tuning")
    ] = "auto",
    tuning_steps: Annotated[
        int | None, typer.Option(min=1, help="số bước tinh chỉnh / of tuning")
    ] = None,
    mix: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.9,
            help="phần lô là văn bản huấn luyện / batches of training text",
        ),
    ] = 0.2,
    note: Annotated[
        str, typer.Option(help="ghi chú về việc huấn luyện / on the training")
    ] = "",
) -> None:
    """Xuất, đo, tinh chỉnh, viết phiếu, rồi cất / export, measure, tune, card, ship."""
    row = get(scale)
    if tuning_steps:
        row = replace(row, sft_steps=tuning_steps)
    pairs = [name.partition("=")[::2] for name in beside or ()]
    others = [(n, Path(p) if p else need("base", n)) for n, p in pairs]
    work.mkdir(parents=True, exist_ok=True)
    job = Job(
        run=run.absolute(),
        corpus=corpus.absolute(),
        tokenizer=tokenizer.absolute(),
        work=work.absolute(),
        scale=row,
        documents=documents,
        items=items,
        also=tuple(file.absolute() for file in also or ()),
        others=tuple((name, place.absolute()) for name, place in others),
        compressor=compressor,
        precision=precision,
        mix=mix,
        note=note,
    )
    install(job, facts(job), out)
    print(f"Xong / done: {out}")


def facts(job: Job) -> Record:
    """Everything the card says, but the files that are still to be written."""
    from aulac.cli.release import measure

    model = steps.export(job)
    # Reading all of the training text takes minutes, so it has a core of its own.
    look = partial(measure.contamination, job.corpus)
    seen: tuple[Any, ...] = ("contamination", "", look)
    aside = get_context("spawn").Process(target=job.kept, args=seen)
    aside.start()
    tried = [job.documents, [str(file) for file in job.also]]
    settings = [asdict(job.scale), job.mix, job.precision, job.items, tried]
    training = model | steps.history(job) | measure.machine()
    found = {
        "name": "Âu Lạc base",
        "model": model,
        "data": json.loads((job.corpus / "card.json").read_text("utf-8")),
        "training": training,
        "rows": [
            *job.kept("bits", tried, lambda: steps.domains(job, job.base)),
            *job.kept("abilities", job.items, lambda: steps.abilities(job)),
        ],
        "others": steps.compared(job, tried),
        "memorisation": job.kept(
            "memorisation", job.items, lambda: steps.recites(job)
        ),
        "chat": job.kept("chat", settings, lambda: steps.tune(job)),
        "commands": commands(job, training),
    }
    aside.join()
    return found | {"contamination": job.kept(*seen)}


def commands(job: Job, training: Record) -> list[str]:
    """The lines that make this model again, with the names of files alone."""
    settings = json.loads((job.corpus / "card.json").read_text())["settings"]
    counts = [limit.split("=") for limit in settings["limits"].split(", ")]
    some = [f" -n {name}={count}" for name, count in counts if count != "all"]
    run, corpus, tokenizer = job.run.name, job.corpus.name, job.tokenizer.name
    folders = f"--corpus {corpus} --tokenizer {tokenizer}"
    return [
        f"aulac corpus build {settings['sources']}{''.join(some)} -o {corpus}",
        f"aulac tokenizer train {corpus}/train.jsonl -v "
        f"{job.scale.vocab_size} -o {tokenizer}",
        f"aulac train --scale {job.scale.name} {folders} --precision "
        f"{training['precision']} --steps {training['steps']} --out {run}",
        f"python -m aulac.cli.release.make --run {run} {folders} {chosen(job)}",
    ]


def chosen(job: Job) -> str:
    """The options of this command that decide what ships and what it is measured on."""
    options = {
        "precision": job.precision,
        "tuning-steps": job.scale.sft_steps,
        "mix": job.mix,
        "documents": job.documents,
        "items": job.items,
    }
    return " ".join(f"--{name} {value}" for name, value in options.items())


def install(job: Job, facts: Record, out: Path) -> None:
    """Put `base`, with its card, and `chat` into `out`: both or neither.

    Ends with a sentence when they are larger than LIMIT together.
    """
    from aulac.evaluate.card.model_card import card

    parts = {kind: out / f"{kind}.part" for kind in shipped.WEIGHTS}
    for kind, part in parts.items():
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(job.work / kind, part)
    facts = facts | {"files": _files(parts)}
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    (parts["base"] / "facts.json").write_text(text + "\n", encoding="utf-8")
    (parts["base"] / "README.md").write_text(card(facts), encoding="utf-8")
    held = [f for part in parts.values() for f in part.iterdir()]
    if (size := sum(file.stat().st_size for file in held)) > LIMIT:
        fail(
            f"mô hình đi kèm nặng {size:,} byte, quá {LIMIT:,}.",
            f"what ships is {size:,} bytes, more than {LIMIT:,}.",
        )
    for file in held:
        file.chmod(0o644)
    for kind, part in parts.items():
        shutil.rmtree(out / kind, ignore_errors=True)
        part.rename(out / kind)


def _files(parts: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file that a loader reads."""
    return {
        f"{kind}/{file.name}": {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for kind, part in parts.items()
        for file in sorted(part.iterdir())
    }


if __name__ == "__main__":
    app()
