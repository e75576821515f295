"""Multiple choice by log-likelihood: which answer does the model find likeliest?

The model is shown the question and asked for the probability of each option's own
text; nothing is generated and no letter is parsed. A long option is less probable
than a short one whatever it says, so what the log-likelihood is divided by decides
the result (Gao, 2021, "Multiple choice normalization in LM evaluation"). All four
rules are computed; `byte` is the one this course reports:

    sum     ln p(option | question), undivided: favours short options
    token   divided by tokens (Brown et al., 2020): depends on the tokenizer
    byte    divided by the option's bytes of NFC text: does not
    pmi     ln p(option | question) - ln p(option | "Trả lời:"), which discounts
            options that are likely whatever was asked (Holtzman et al., 2021); for
            XCOPA the second context is the connective, "bởi vì" or "vì vậy"

In lm-eval's tables `sum` is acc and `byte` is acc_bytes (tested, item by item).
With k options, 1/k is chance: compare the interval with that before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.likelihood import Continuation, continuations
from aulac.evaluate.stats import Interval, hit_rate
from aulac.model import LanguageModel

RULES = ("byte", "token", "sum", "pmi")
PROMPT = "Câu hỏi: {stem}\nTrả lời:"
NEUTRAL = "Trả lời:"


class QuestionError(EvaluationError):
    """A question, or a file of them, that cannot be used: which, where, why."""


@dataclass(frozen=True)
class Question:
    """`answer` is the index of the right option.

    prompt: what an option continues. neutral: the same with nothing asked, for `pmi`.
    """

    id: str
    subject: str
    stem: str
    options: tuple[str, ...]
    answer: int
    prompt: str = PROMPT
    neutral: str = NEUTRAL

    def __post_init__(self) -> None:
        said = self._wrong()
        if said:
            raise QuestionError(
                f"question {self.id}: {said[0]}",
                f"câu hỏi {self.id}: {said[1]}",
            )

    def _wrong(self) -> tuple[str, str] | None:
        """What makes the question unfit, in English and in Vietnamese."""
        many = len(self.options)
        if not self.stem.strip():
            return "it asks nothing.", "không hỏi gì cả."
        if many < 2 or not all(map(str.strip, self.options)):
            return (
                "two options or more, none empty.",
                "cần từ hai phương án trở lên, không phương án nào rỗng.",
            )
        if len(set(self.options)) < many:
            return "two options are equal.", "có hai phương án giống hệt nhau."
        if not 0 <= self.answer < many:
            return (
                f"answer {self.answer} is none of its {many} options.",
                f"đáp án {self.answer} không phải là một trong {many} phương án "
                "(tính từ 0).",
            )
        return None


@dataclass(frozen=True)
class Choices:
    """What a model chose: `picked[rule]` holds an option's index a question.

    cut: tokens of each prompt's beginning that did not fit the model's context.
    """

    questions: tuple[Question, ...]
    picked: dict[str, tuple[int, ...]]
    cut: tuple[int, ...]

    def right(self, rule: str = "byte") -> list[int]:
        """1 for each question answered rightly, else 0."""
        pairs = zip(self.questions, self.picked[rule], strict=True)
        return [int(question.answer == pick) for question, pick in pairs]

    def accuracy(self, rule: str = "byte") -> Interval:
        return hit_rate(self.right(rule))

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
        return {name: hit_rate(row) for name, row in sorted(scores.items())}

    def positions(self, rule: str = "byte") -> list[int]:
        """How often the first, second, … option was picked: a habit shows here."""
        most = max(len(question.options) for question in self.questions)
        picks = self.picked[rule]
        return [picks.count(place) for place in range(most)]


def choose(
    model: LanguageModel,
    tokenizer: Any,
    questions: Sequence[Question],
    batch: int = 32,
) -> Choices:
    """Let the model answer, under every rule; ties go to the earlier option.

    Raises EvaluationError for no questions, or an option longer than the context.
    """
    if not questions:
        raise EvaluationError(
            "there is no question: load some first.",
            "không có câu hỏi nào: hãy nạp câu hỏi trước.",
        )
    every = [
        (one, f" {option}") for one in questions for option in one.options
    ]
    asked = [(one.prompt.format(stem=one.stem), text) for one, text in every]
    likely = [
        replace(found, bytes=found.bytes - 1)  # without the space before it
        for found in continuations(model, tokenizer, asked, batch)
    ]
    bare = [(one.neutral, text) for one, text in every]
    alone = continuations(model, tokenizer, bare, batch)
    picked: dict[str, list[int]] = {rule: [] for rule in RULES}
    cut, start = [], 0
    for question in questions:
        end = start + len(question.options)
        for rule in RULES:
            rows = zip(likely[start:end], alone[start:end], strict=True)
            scores = [score(rule, *row) for row in rows]
            picked[rule].append(scores.index(max(scores)))
        cut.append(max(found.cut for found in likely[start:end]))
        start = end
    return Choices(
        tuple(questions),
        {rule: tuple(row) for rule, row in picked.items()},
        tuple(cut),
    )


def score(rule: str, found: Continuation, alone: Continuation) -> float:
    """What an option is worth under a rule: higher is likelier."""
    if rule == "pmi":
        return alone.nats - found.nats
    divisors = {"sum": 1, "token": found.tokens, "byte": found.bytes}
    return -found.nats / divisors[rule]
