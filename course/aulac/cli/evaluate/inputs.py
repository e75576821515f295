"""What `aulac evaluate` reads: questions and texts, or a sentence why it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from aulac.cli import fail

if TYPE_CHECKING:
    from aulac.corpus.document import Document
    from aulac.evaluate.choice import Question

SENTENCE = re.compile(r"[^.!?…\n]+[.!?…]")
UNSEEN_SEED = 90_210  # of stories that no lesson trains on
FEW_TEXTS, SYLLABLES = 40, 12  # of a source by default; in a sentence

Named = tuple[str, Path | None]  # a task, and the file it is about


def named(
    words: list[str], own: tuple[str, ...], files: tuple[str, ...]
) -> list[Named]:
    """Tasks as typed, once each: names of `own`, and NAME=FILE for those of `files`."""
    found: list[Named] = []
    for word in dict.fromkeys(words):
        name, given, file = word.partition("=")
        if name not in own + files:
            known = ", ".join(own + files)
            fail(
                f"không có phép đo {name}; có: {known}.",
                f"there is no task {name}; known: {known}.",
            )
        if (name in files) != bool(given and file):
            say = f"--task {name}=FILE" if name in files else f"--task {name}"
            fail(f"hãy viết {say}.", f"write {say}.")
        found.append((name, Path(file) if file else None))
    return found


def questions(name: str, file: Path) -> list[Question]:
    """The questions of a file of the kind `name`: choice, vmlu or xcopa."""
    from aulac.evaluate.choice import QuestionError
    from aulac.evaluate.files import LOADERS

    try:
        found = LOADERS[name](file)
    except QuestionError as error:
        fail(error.vi, str(error))
    if not found:
        fail(f"{file} không có câu hỏi nào.", f"{file} holds no question.")
    return found


def spread(items: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """At most `limit` items, taken evenly from beginning to end."""
    if limit is None or limit >= len(items):
        return items
    return [items[place * len(items) // limit] for place in range(limit)]


def called(text: str | None) -> str:
    """What is read, without the path of somebody's machine."""
    if text is None:
        return "stories"
    return Path(text).name or Path(text).resolve().name


def documents(text: str | None, limit: int | None) -> list[Document]:
    """Documents to measure on, `limit` of each source.

    text: a file, a folder of `aulac corpus build` (its validation split), another
    folder of files, a source's name, or None for stories that no lesson trains on.
    """
    from aulac.corpus.sources import SOURCES, load

    if text is None or text in SOURCES:
        count = limit or FEW_TEXTS
        stream = load(text or "stories", limit=count, seed=UNSEEN_SEED)
    else:
        stream = _of_path(text, "validation")
    counts: dict[str, int] = {}
    kept = []
    for document in _readable(text, stream):
        seen = counts.get(document.source, 0)
        if limit is None or seen < limit:
            counts[document.source] = seen + 1
            kept.append(document)
    if not any(document.text.strip() for document in kept):
        no_text(text)
    return kept


def corpus(text: str) -> tuple[Iterator[Document], int | None]:
    """Documents that a model may have been trained on, and their bytes where known.

    text: as for `documents`, but of a corpus folder the training split is read, and
    of a source everything, as the lessons do.
    """
    from aulac.corpus.sources import SOURCES, load

    if text in SOURCES:
        return _readable(text, load(text)), None
    path = Path(text)
    split = path / "train.jsonl"
    file = split if split.is_file() else path
    plain = file.suffix in (".jsonl", ".txt") and file.is_file()
    size = file.stat().st_size if plain else None
    return _readable(text, _of_path(text, "train")), size


def _of_path(text: str, split: str) -> Iterator[Document]:
    """Records with a `source` keep it; anything else is one source by its name."""
    from aulac.corpus import document
    from aulac.corpus.sources import load

    path = Path(text)
    built = path / f"{split}.jsonl"
    if built.is_file():
        yield from document.read(built)
    elif path.suffix == ".jsonl" and _has_sources(path):
        yield from document.read(path)
    else:
        yield from load(text, notice=_notice)


def _has_sources(path: Path) -> bool:
    """Whether a JSON lines file was written as a corpus is."""
    try:
        with path.open("rb") as file:
            first = file.readline()
    except OSError:
        return False
    return b'"source"' in first and b'"text"' in first


def _notice(sentence: str) -> None:
    typer.echo(f"chú ý / note: {sentence}", err=True)


def _readable(
    text: str | None, stream: Iterator[Document]
) -> Iterator[Document]:
    """The same documents; what cannot be read ends the command with a sentence."""
    from aulac.corpus.errors import CorpusError

    try:
        yield from stream
    except CorpusError as error:
        fail(
            error.vi or f"không đọc được văn bản {text} (xem dòng dưới).",
            str(error),
        )
    except OSError as error:
        fail(
            f"không đọc được văn bản {text} ({error.strerror}).",
            f"{text} cannot be read ({error.strerror}).",
        )


def no_text(text: str | None) -> NoReturn:
    """Ends the command: what was to be read has nothing in it."""
    fail(f"{text} không có văn bản nào.", f"{text} holds no text.")


def sentences(documents: list[Document], limit: int) -> list[str]:
    """At most `limit` sentences of 3 to SYLLABLES words, one a document.

    Some of a sentence's words are Vietnamese syllables.
    """
    found = []
    for document in documents:
        for sentence in SENTENCE.findall(document.text):
            if _fit_for_marks(sentence):
                found.append(" ".join(sentence.split()))
                break
    if not found:
        fail(
            f"không có câu nào từ 3 đến {SYLLABLES} âm tiết để thử thêm dấu.",
            f"there is no sentence of 3 to {SYLLABLES} syllables to restore.",
        )
    return found[:limit]


def _fit_for_marks(sentence: str) -> bool:
    from aulac.text import is_syllable
    from aulac.text.syllable import WORD

    if not 3 <= len(sentence.split()) <= SYLLABLES:
        return False
    return any(is_syllable(w.lower()) for w in WORD.findall(sentence))
