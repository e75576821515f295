"""Multiple choice by log-likelihood: which answer does the model find likeliest?

The model is shown the question and asked for the probability of each option's own
text; nothing is generated and no letter is parsed. A long option is less probable
than a short one whatever it says, so what the log-likelihood is divided by decides
the result. All four rules are computed; `byte` is the one this course reports:

    sum     ln p(option | question), undivided: favours short options
    token   divided by tokens: depends on the tokenizer
    byte    divided by the option's bytes of NFC text: does not
    pmi     ln p(option | question) - ln p(option | "Trả lời:"), which discounts
            options that are likely whatever was asked (Holtzman et al., 2021)

In lm-eval's tables `sum` is acc and `byte` is acc_bytes (tested, item by item).
With k options, 1/k is chance: compare the interval with that before anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aulac.evaluate.likelihood import Continuation, continuations
from aulac.evaluate.stats import Interval, bootstrap
from aulac.model import Transformer

RULES = ("byte", "token", "sum", "pmi")
PROMPT = "Câu hỏi: {stem}\nTrả lời:"
NEUTRAL = "Trả lời:"


class QuestionError(ValueError):
    """A question file that cannot be used: which file, which line, why."""


@dataclass(frozen=True)
class Question:
    """`answer` is the index of the right option."""

    id: str
    subject: str
    stem: str
    options: tuple[str, ...]
    answer: int
    prompt: str = PROMPT

    def __post_init__(self) -> None:
        if len(self.options) < 2 or not all(map(str.strip, self.options)):
            raise QuestionError(
                f"question {self.id}: two options or more, none empty."
            )
        if len(set(self.options)) < len(self.options):
            raise QuestionError(f"question {self.id}: two options are equal.")
        if not 0 <= self.answer < len(self.options):
            raise QuestionError(
                f"question {self.id}: answer {self.answer} is none of its "
                f"{len(self.options)} options."
            )


@dataclass(frozen=True)
class Choices:
    """What a model chose: `picked[rule]` holds an option's index a question."""

    questions: tuple[Question, ...]
    picked: dict[str, tuple[int, ...]]

    def right(self, rule: str = "byte") -> list[int]:
        """1 for each question answered rightly, else 0."""
        pairs = zip(self.questions, self.picked[rule], strict=True)
        return [int(question.answer == pick) for question, pick in pairs]

    def accuracy(self, rule: str = "byte") -> Interval:
        return bootstrap(self.right(rule))

    @property
    def chance(self) -> float:
        """The accuracy to expect of drawing lots."""
        shares = [1 / len(question.options) for question in self.questions]
        return sum(shares) / len(shares)

    def by_subject(self, rule: str = "byte") -> dict[str, Interval]:
        scores: dict[str, list[int]] = {}
        for question, right in zip(
            self.questions, self.right(rule), strict=True
        ):
            scores.setdefault(question.subject, []).append(right)
        return {name: bootstrap(row) for name, row in sorted(scores.items())}

    def positions(self, rule: str = "byte") -> list[int]:
        """How often the first, second, … option was picked: a habit shows here."""
        most = max(len(question.options) for question in self.questions)
        picks = self.picked[rule]
        return [picks.count(place) for place in range(most)]


def choose(
    model: Transformer,
    tokenizer: Any,
    questions: Sequence[Question],
    batch: int = 32,
) -> Choices:
    """Let the model answer, under every rule; ties go to the earlier option.

    Raises ValueError for no questions, or an option longer than the context.
    """
    if not questions:
        raise ValueError("there is no question: load some first.")
    asked = [
        (question.prompt.format(stem=question.stem), f" {option}")
        for question in questions
        for option in question.options
    ]
    likely = [
        replace(found, bytes=found.bytes - 1)  # without the space before it
        for found in continuations(model, tokenizer, asked, batch)
    ]
    alone = continuations(
        model, tokenizer, [(NEUTRAL, option) for _, option in asked], batch
    )
    picked: dict[str, list[int]] = {rule: [] for rule in RULES}
    start = 0
    for question in questions:
        end = start + len(question.options)
        for rule in RULES:
            rows = zip(likely[start:end], alone[start:end], strict=True)
            scores = [score(rule, *row) for row in rows]
            picked[rule].append(scores.index(max(scores)))
        start = end
    return Choices(
        tuple(questions), {rule: tuple(row) for rule, row in picked.items()}
    )


def score(rule: str, found: Continuation, alone: Continuation) -> float:
    """What an option is worth under a rule: higher is likelier."""
    if rule == "pmi":
        return alone.nats - found.nats
    divisors = {"sum": 1, "token": found.tokens, "byte": found.bytes}
    return -found.nats / divisors[rule]


# -- files ---------------------------------------------------------------------


def load_vmlu(path: Path) -> list[Question]:
    """VMLU's own JSON lines: id, question, choices ["A. …", …], answer "A".

    The id begins with the subject's number. Questions without an answer (VMLU's
    test split has none) are refused, since nothing could be scored.
    See https://vmlu.ai: the data are their owners', and are not part of this course.
    """
    questions = []
    for line, row in rows(path):
        with _named(path, line):
            options = tuple(_after_letter(text) for text in row["choices"])
            questions.append(
                Question(
                    id=str(row["id"]),
                    subject=str(row["id"]).split("-", 1)[0],
                    stem=str(row["question"]).strip(),
                    options=options,
                    answer=_letter(row.get("answer")),
                )
            )
    return questions


CONNECTIVES = {"cause": "bởi vì", "effect": "vì vậy"}


def load_xcopa(path: Path) -> list[Question]:
    """XCOPA's JSON lines (Ponti et al., 2020): premise, choice1, choice2, question.

    The premise is continued by "bởi vì" (because) or "vì vậy" (so) and an option.
    """
    questions = []
    for line, row in rows(path):
        with _named(path, line):
            premise = str(row["premise"]).strip().rstrip(".")
            word = CONNECTIVES[row["question"]]
            options = tuple(_inside(row[f"choice{n}"]) for n in (1, 2))
            questions.append(
                Question(
                    id=str(row.get("idx", line)),
                    subject=str(row["question"]),
                    stem=f"{premise} {word}",
                    options=options,
                    answer=int(row["label"]),
                    prompt="{stem}",
                )
            )
    return questions


def load(path: Path) -> list[Question]:
    """JSON lines of our own: id, subject, question, options, answer (an index)."""
    questions = []
    for line, row in rows(path):
        with _named(path, line):
            questions.append(
                Question(
                    id=str(row["id"]),
                    subject=str(row["subject"]),
                    stem=str(row["question"]),
                    options=tuple(row["options"]),
                    answer=int(row["answer"]),
                )
            )
    return questions


@contextmanager
def _named(path: Path, line: int) -> Iterator[None]:
    """Turns what is wrong with a row into a sentence that names file and line."""
    where = f"{path}, line {line}"
    try:
        yield
    except KeyError as error:
        raise QuestionError(f"{where}: there is no {error} in it.") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise QuestionError(f"{where}: {error}") from None


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a JSON lines file."""
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path} cannot be read: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise QuestionError(
                f"{path}, line {number}: not JSON ({error})."
            ) from None
        if not isinstance(row, dict):
            raise QuestionError(f"{path}, line {number}: not an object.")
        yield number, row


def _letter(answer: Any) -> int:
    if not isinstance(answer, str) or len(answer.strip()) != 1:
        raise QuestionError(
            f"the answer is {answer!r}, not a letter: a split without answers "
            "cannot be scored."
        )
    return ord(answer.strip().upper()) - ord("A")


def _after_letter(option: str) -> str:
    """ "A. Hà Nội" → "Hà Nội"."""
    head, mark, rest = option.partition(".")
    return rest.strip() if mark and len(head.strip()) == 1 else option.strip()


def _inside(sentence: str) -> str:
    """A sentence as it stands inside another: no capital at its start."""
    text = sentence.strip()
    return text[:1].lower() + text[1:]
