"""The battery of measurements behind `aulac evaluate`: tasks, and rows of results.

A task holds items (documents, pairs, questions, sentences), measures a few of them at
a time, and makes rows of what it has measured so far, each a number with its interval.
So a run can show how far it is, and one that is stopped still says what it knows.

Two models that have done the same task are compared item by item (`difference`).
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from aulac.corpus.document import Document
from aulac.evaluate import bits, choice, diacritics, pairs
from aulac.evaluate.stats import Interval, paired
from aulac.model import LanguageModel

FEW = 20  # documents; with fewer, intervals are over sections of them


@dataclass(frozen=True)
class Row:
    """One number: what was measured on what, by which rule, and how sure it is.

    part: "" for the whole task, else a source, a rule, a subject. of: what `n`
    counts. chance: what guessing gives. main: for a short table too. complete:
    False where a run was stopped before its end. seconds: of the whole task.
    """

    task: str
    part: str
    vi: str
    en: str
    data: str
    rule: str
    unit: str
    of: str
    interval: Interval
    chance: float | None = None
    main: bool = True
    complete: bool = True
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    def record(self, model: str) -> dict[str, Any]:
        """The row as one flat object, interval and all."""
        row = asdict(self)
        interval = row.pop("interval")
        return {"model": model} | row | interval


class Task(Protocol):
    """Something that is measured a few items at a time."""

    items: Sequence[Any]
    chunk: int  # how much weight to measure at a time
    of: str  # what an item is

    def weight(self, item: Any) -> int: ...

    def each(self, items: Sequence[Any]) -> list[Any]:
        """What the model makes of each of these items."""

    def rows(self, done: list[Any]) -> Iterator[Row]:
        """Rows of the first `len(done)` items; the first is of all of them."""

    def scores(self, done: list[Any]) -> Scores:
        """What each item adds to that first row."""


# Of each item, a numerator and a denominator: their sums' ratio is the row's value.
Scores = list[tuple[float, float]]
Watch = Callable[[int, int], None]  # work done, work in all


@dataclass(frozen=True)
class Measured:
    """A task with what it made of its first `len(done)` items."""

    task: Task
    done: list[Any]
    complete: bool
    seconds: float

    def rows(self) -> list[Row]:
        """Every number of it; none where nothing was done."""
        rows = self.task.rows(self.done) if self.done else ()
        return [
            replace(row, seconds=self.seconds, complete=self.complete)
            for row in rows
        ]


def measure(task: Task, watch: Watch = lambda done, total: None) -> Measured:
    """Measure a task. Ctrl-C leaves what is done, not `complete`.

    Raises ValueError where an item cannot be measured (see each task).
    """
    began, complete = time.perf_counter(), True
    done: list[Any] = []
    weights = [task.weight(item) for item in task.items]
    try:
        watch(0, sum(weights))
        for start, end in _chunks(weights, task.chunk):
            done += task.each(task.items[start:end])
            watch(sum(weights[:end]), sum(weights))
    except KeyboardInterrupt:
        complete = False
    return Measured(
        task, done, complete, round(time.perf_counter() - began, 3)
    )


def run(task: Task, watch: Watch = lambda done, total: None) -> list[Row]:
    """Measure a task and give its rows (see `measure`)."""
    return measure(task, watch).rows()


def difference(first: Measured, second: Measured, other: str) -> Row:
    """First minus second over the items that both have done, with a paired test.

    other: the second model's name. `details["p"]` is the p-value, see `stats.paired`.
    Raises ValueError where one of them has done nothing.
    """
    n = min(len(first.done), len(second.done))
    one, two = (each.task.scores(each.done[:n]) for each in (first, second))
    found = paired(
        [top for top, _ in one],
        [top for top, _ in two],
        weights=[bottom for _, bottom in one],
    )
    return replace(
        next(iter(first.task.rows(first.done))),
        interval=found.difference,
        chance=None,
        complete=first.complete and second.complete,
        seconds=round(first.seconds + second.seconds, 3),
        of=first.task.of,
        details={"minus": other, "p": found.p},
    )


def _chunks(weights: list[int], chunk: int) -> Iterator[tuple[int, int]]:
    """Ranges of items that weigh `chunk` together, or of one that weighs more."""
    start = size = 0
    for place, weight in enumerate(weights):
        if size and size + weight > chunk:
            yield start, place
            start, size = place, 0
        size += weight
    if size:
        yield start, len(weights)


def write(rows: Sequence[Row], model: str, path: Path) -> None:
    """A JSON list with one object for each number."""
    write_records([row.record(model) for row in rows], path)


def write_records(records: list[dict[str, Any]], path: Path) -> None:
    """A JSON list of objects, a line for each field."""
    text = json.dumps(records, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


@dataclass
class BitsTask:
    """Bits per byte of documents: of each source, and of all together."""

    model: LanguageModel
    tokenizer: Any
    items: Sequence[Document]
    data: str
    stride: int | None = None
    chunk: int = 65_536  # bytes
    of: str = "documents"

    def __post_init__(self) -> None:
        self.items = _taking_turns([d for d in self.items if d.text])

    def weight(self, item: Document) -> int:
        return item.bytes

    def each(self, items: Sequence[Document]) -> list[list[bits.Bits]]:
        texts = [document.text for document in items]
        return bits.measure_windows(
            self.model, self.tokenizer, texts, stride=self.stride
        )

    def rows(self, done: list[list[bits.Bits]]) -> Iterator[Row]:
        sources = defaultdict(list)
        for document, cut in zip(self.items, done, strict=False):
            sources[document.source].append(cut)
        yield self._row("", done)
        if len(sources) > 1:
            for source, cuts in sources.items():
                yield self._row(source, cuts)

    def scores(self, done: list[list[bits.Bits]]) -> Scores:
        each = map(bits.total, done)
        return [(found.bits, found.bytes) for found in each]

    def _row(self, source: str, cuts: list[list[bits.Bits]]) -> Row:
        context = self.model.context
        stride = self.stride or context // 2
        each, of = list(map(bits.total, cuts)), self.of
        if len(each) < FEW and len(bits.sections(cuts)) > len(each):
            each, of = bits.sections(cuts), "sections"
        return Row(
            task="bits",
            part=source,
            vi=f"  {source}" if source else "bit mỗi byte",
            en=f"  {source}" if source else "bits per byte",
            data=self.data,
            rule=f"NFC bytes, context {context}, stride {stride}",
            unit="bits/byte",
            of=of,
            interval=bits.interval(each),
            details={
                "documents": len(cuts),
                "bytes": sum(text.bytes for text in each),
                "tokens": sum(text.tokens for text in each),
            },
        )


def _taking_turns(documents: list[Document]) -> list[Document]:
    """Sources mixed evenly, so a run that is stopped has seen some of each."""
    sources = defaultdict(list)
    for document in documents:
        sources[document.source].append(document)
    places = [
        (place / len(row), document)
        for row in sources.values()
        for place, document in enumerate(row)
    ]
    places.sort(key=lambda pair: pair[0])
    return [document for _, document in places]


@dataclass
class PairsTask:
    """Minimal pairs: all, and by rule."""

    model: LanguageModel
    tokenizer: Any
    items: Sequence[pairs.Pair]
    chunk: int = 64
    of: str = "pairs"

    def weight(self, item: Any) -> int:
        return 1

    def each(self, items: Sequence[pairs.Pair]) -> list[int]:
        return list(pairs.prefer(self.model, self.tokenizer, items).right)

    def scores(self, done: list[int]) -> Scores:
        return [(right, 1) for right in done]

    def rows(self, done: list[int]) -> Iterator[Row]:
        measured = tuple(self.items[: len(done)])
        found = pairs.Preferences(measured, tuple(done))
        one = Row(
            task="pairs",
            part="",
            vi="cặp tối thiểu",
            en="minimal pairs",
            data="built in",
            rule="sum",
            unit="share",
            of=self.of,
            interval=found.accuracy(),
            chance=0.5,
        )
        yield one
        for rule, share in found.by_rule().items():
            yield replace(
                one, part=rule, vi=f"  {rule}", en=f"  {rule}", interval=share
            )


Chosen = tuple[dict[str, int], int]  # by rule; tokens that the prompt lost


@dataclass
class ChoiceTask:
    """Multiple choice under every rule, and by subject under `byte`.

    `details["cut"]`: questions too long for the model, which lost their beginning.
    """

    model: LanguageModel
    tokenizer: Any
    items: Sequence[choice.Question]
    name: str = "questions"
    data: str = "built in"
    chunk: int = 16
    of: str = "questions"

    def weight(self, item: Any) -> int:
        return 1

    def each(self, items: Sequence[choice.Question]) -> list[Chosen]:
        found = choice.choose(self.model, self.tokenizer, items)
        picks = zip(*found.picked.values(), strict=True)
        return [
            (dict(zip(found.picked, row, strict=True)), cut)
            for row, cut in zip(picks, found.cut, strict=True)
        ]

    def _choices(self, done: list[Chosen]) -> choice.Choices:
        return choice.Choices(
            tuple(self.items[: len(done)]),
            {rule: tuple(p[rule] for p, _ in done) for rule in choice.RULES},
            tuple(cut for _, cut in done),
        )

    def scores(self, done: list[Chosen]) -> Scores:
        return [(right, 1) for right in self._choices(done).right()]

    def rows(self, done: list[Chosen]) -> Iterator[Row]:
        found = self._choices(done)
        own = self.name == "questions"
        one = Row(
            task=self.name,
            part="",
            vi="trắc nghiệm" if own else f"trắc nghiệm: {self.data}",
            en="multiple choice" if own else f"multiple choice: {self.data}",
            data=self.data,
            rule="byte",
            unit="share",
            of=self.of,
            interval=found.accuracy(),
            chance=found.chance,
            details={"cut": sum(map(bool, found.cut))},
        )
        yield one
        for rule in choice.RULES[1:]:
            share = found.accuracy(rule)
            yield replace(one, rule=rule, interval=share, main=False)
        subjects = found.by_subject()
        one = replace(one, main=False, details={})
        for name, share in subjects.items() if len(subjects) > 1 else ():
            yield replace(one, part=name, vi=name, en=name, interval=share)


@dataclass
class MarksTask:
    """Tone marks and letters' marks given back, sentence by sentence."""

    model: LanguageModel
    tokenizer: Any
    items: Sequence[str]
    data: str
    chunk: int = 1
    of: str = "sentences"

    def weight(self, item: Any) -> int:
        return 1

    def each(self, items: Sequence[str]) -> list[diacritics.Restored]:
        def back(bare: str) -> str:
            return diacritics.restore(self.model, self.tokenizer, bare)

        return [diacritics.evaluate(back, [text]) for text in items]

    def scores(self, done: list[diacritics.Restored]) -> Scores:
        return [(sum(one.right), sum(one.total)) for one in done]

    def rows(self, done: list[diacritics.Restored]) -> Iterator[Row]:
        found = diacritics.joined(done)
        one = Row(
            task="marks",
            part="",
            vi="thêm dấu: âm tiết đúng",
            en="marks restored: syllables",
            data=self.data,
            rule="syllables, beam 4",
            unit="share",
            of=self.of,
            interval=found.syllables,
        )
        yield one
        yield replace(
            one,
            vi="  cả câu đúng",
            en="  whole sentences",
            rule="exact, beam 4",
            interval=found.exact,
        )
