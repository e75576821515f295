"""How each artefact is made: the same few calls that the lessons show.

Each recipe fills a folder and can be killed and called again: what is finished in the
folder is kept, and training goes on from its checkpoint. `need` gives an artefact, and
makes it first where it is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac import scale as scales
from aulac.lesson import artefacts, shipped
from aulac.scale import Scale, welcome

if TYPE_CHECKING:
    from aulac.model import Transformer
    from aulac.tokenizer import Tokenizer
    from aulac.train import OnStep

Conversations = list[list[dict[str, str]]]
SEED = 2025
# What the course brings with it at scale `shipped`: copied, never trained.
GIVEN = {"tokenizer": "tokenizer", "base": "base", "sft": "chat"}


def stories(scale: Scale, seed: int = SEED) -> list[str]:
    """Generated texts of the stories' world, as many as the scale asks for."""
    from aulac.corpus.stories import generate

    return [document.text for document in generate(scale.documents, seed=seed)]


def laws(scale: Scale) -> list[str]:
    """Texts of the law codes: all, or the first `scale.laws`; none when it is -1."""
    from aulac.corpus.sources import load

    if scale.laws < 0:
        return []
    return [
        document.text for document in load("laws", limit=scale.laws or None)
    ]


def talks(scale: Scale, seed: int = SEED) -> Conversations:
    """Generated conversations for instruction tuning."""
    from aulac.corpus.stories import conversations

    return list(conversations(scale.conversations, seed=seed))


def new_model(tokenizer: Tokenizer, scale: Scale) -> Transformer:
    """An untrained model of the scale's size: the same weights every time."""
    import torch

    from aulac.model import Config, Transformer

    torch.manual_seed(SEED)
    return Transformer(Config.of(scale, tokenizer.vocab_size)).to(device())


def pretrain(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    scale: Scale,
    out: Path,
    on_step: OnStep | None = None,
    model: Transformer | None = None,
    changes: dict[str, Any] | None = None,
    **options: Any,
) -> Transformer:
    """A base model from texts: shards, batches, the plan of the scale, the loop.

    `model` is trained in place; None begins with `new_model`. `changes`: settings of
    the plan that are not the scale's. `options`: as `aulac.train.train` takes them.
    Under torchrun the processes share the scale's global batch.
    """
    from dataclasses import replace

    from aulac.train import Plan, distributed, train
    from aulac.train.shards import Batches, Shards, write_texts

    with distributed.lead_first():
        if not (out / "shards").exists():
            write_texts(texts, tokenizer, out / "shards")
    shards = Shards.open(out / "shards")
    model = model or new_model(tokenizer, scale)
    plan = Plan.pretraining(scale, **changes or {})
    batch, accumulation = distributed.split(scale.batch, plan.accumulation)
    data = Batches(shards, batch, scale.context, seed=SEED)
    plan = replace(plan, accumulation=accumulation)
    train(model, data, plan, out / "run", on_step, **options)
    return model


def tune(
    model: Transformer,
    tokenizer: Tokenizer,
    conversations: Conversations,
    scale: Scale,
    out: Path,
    on_step: OnStep | None = None,
    changes: dict[str, Any] | None = None,
    **text: Any,
) -> Transformer:
    """A chat model from a base model, by the scale's plan of instruction tuning.

    `changes`: settings of the plan that are not the scale's. `text`: plain text
    among the conversations, as `aulac.align.sft.sft` takes it (mix, text).
    """
    from aulac.align.sft import sft
    from aulac.train import Plan

    plan = Plan.tuning(scale, seed=SEED, **changes or {})
    options: dict[str, Any] = {"batch": scale.sft_batch, "on_step": on_step}
    options |= text
    sft(model, tokenizer, conversations, plan, out / "tuning", **options)
    return model


def device() -> str:
    """Where to train: the GPU when there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def make_corpus(scale: Scale, out: Path) -> None:
    """Stories and laws, cleaned, without personal data and duplicates, split."""
    from aulac.corpus import build

    limits = {"stories": scale.documents, "laws": scale.laws or None}
    build(["stories", "laws"], out / "built", limits=limits, seed=SEED)
    for file in (out / "built").iterdir():
        file.replace(out / file.name)
    (out / "built").rmdir()


def corpus_texts(folder: Path, split: str = "train") -> Iterator[str]:
    """Texts of one split of a corpus folder."""
    from aulac.corpus import read

    return (document.text for document in read(folder / f"{split}.jsonl"))


def make_tokenizer(scale: Scale, out: Path) -> None:
    """A superword tokenizer over the corpus."""
    from aulac.tokenizer import train

    texts = corpus_texts(artefacts.path("corpus", scale.name))
    train(texts, scale.vocab_size, progress=False).save(out)


def make_base(scale: Scale, out: Path) -> None:
    """The base model over the corpus, as a Hugging Face folder with its log."""
    from aulac.export import to_hf
    from aulac.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(artefacts.path("tokenizer", scale.name))
    texts = list(corpus_texts(artefacts.path("corpus", scale.name)))
    work = out / "work"
    model = pretrain(texts, tokenizer, scale, work)
    to_hf(model, tokenizer, out / "model", chat=False)
    finish(out)


def make_sft(scale: Scale, out: Path) -> None:
    """The chat model on top of the base model."""
    from aulac.export import from_hf, to_hf

    model, tokenizer = from_hf(artefacts.path("base", scale.name))
    model = tune(
        model.to(device()), tokenizer, talks(scale), scale, out / "work"
    )
    to_hf(model, tokenizer, out / "model")
    finish(out)


def make_welcome(scale: Scale, out: Path) -> None:
    """Lesson 00 in one go: texts, tokenizer, base model, chat model."""
    from aulac.export import to_hf
    from aulac.tokenizer import Tokenizer

    small = welcome(scale)
    work = out / "work"
    work.mkdir(exist_ok=True)
    texts = welcome_texts(small)
    if not (work / "tokenizer" / "tokenizer_config.json").exists():
        welcome_tokenizer(texts, small).save(work / "tokenizer")
    tokenizer = Tokenizer.load(work / "tokenizer")
    model = pretrain(texts, tokenizer, small, work)
    model = tune(model, tokenizer, talks(small), small, work)
    to_hf(model, tokenizer, out / "model")
    finish(out)


def welcome_texts(small: Scale) -> list[str]:
    """What lesson 00 trains on."""
    return list(chain(stories(small), laws(small)))


def welcome_tokenizer(texts: list[str], scale: Scale) -> Tokenizer:
    """Lesson 00's tokenizer, learned from every third text.

    A third of the texts holds all the words: the merges come out the same, in
    a third of the time.
    """
    from aulac.tokenizer import train

    return train(texts[::3], scale.vocab_size, progress=False)


def finish(out: Path) -> None:
    """Move the model and the logs up, and drop shards and checkpoints."""
    for log in sorted((out / "work").rglob("log.jsonl")):
        log.replace(out / f"{log.parent.name}.jsonl")
    shutil.rmtree(out / "work")
    for file in (out / "model").iterdir():
        file.replace(out / file.name)
    (out / "model").rmdir()


RECIPES: dict[str, Callable[[Scale, Path], None]] = {
    "corpus": make_corpus,
    "tokenizer": make_tokenizer,
    "base": make_base,
    "sft": make_sft,
    "welcome": make_welcome,
}


def need(name: str, scale: str) -> Path:
    """The artefact's folder; what is missing, it and what it needs, is made first.

    At scale `shipped` the models and their tokenizer are the course's own. Raises
    NotShippedError (`aulac.lesson.shipped`) there when this installation has no
    weights.
    """
    folder = artefacts.path(name, scale)
    if artefacts.exists(name, scale):
        return folder
    artefact = artefacts.ARTEFACTS[name]
    if scale == scales.SHIPPED.name and name in GIVEN:
        with artefacts.making(name, scale) as part:
            shipped.write(GIVEN[name], part)
        return folder
    for other in artefact.needs:
        need(other, scale)
    print(
        f"Chưa có {artefact.vi} (bài {artefact.lesson}) ở quy mô {scale}: đang tạo, bạn "
        f"đợi một chút. / {artefact.en.capitalize()} (lesson {artefact.lesson}) is not "
        f"there at scale {scale}: making it now.",
        flush=True,
    )
    with artefacts.making(name, scale, resume=True) as part:
        if artefacts.exists(
            name, scale
        ):  # another process finished it while we waited
            shutil.copytree(folder, part, dirs_exist_ok=True)
        else:
            RECIPES[name](scales.get(scale), part)
    return folder
