"""Giving a text back its marks: "toi an com" → "tôi ăn cơm".

A test of Vietnamese that any text yields for free: take the marks off, let the model
put them back, compare. The model chooses among all well-formed syllables with those
letters (up to 36: dam is dam, đạm, dặm, đầm, …), keeping the `beam` likeliest texts
at each syllable. Two numbers come of it:

    syllables   the share of Vietnamese syllables restored exactly
    exact       the share of texts restored whole

Beside a model stands the baseline that any spelling program has: for each syllable
the form most often seen in a training text (`Commonest`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aulac.evaluate.errors import EvaluationError
from aulac.evaluate.likelihood import nats
from aulac.evaluate.stats import Interval, bootstrap_ratio, hit_rate
from aulac.model import LanguageModel
from aulac.text import (
    Tone,
    compose_syllable,
    inventory,
    is_syllable,
    normalise,
    parse_syllable,
    place_tone,
    strip_marks,
)
from aulac.text.syllable import WORD

Restore = Callable[[str], str]


@lru_cache(maxsize=1)
def _forms() -> dict[str, tuple[str, ...]]:
    """Bare letters → every well-formed syllable that is written with them.

    Where the two schools of placing the tone differ (hòa, hoà), both are there.
    """
    forms: dict[str, list[str]] = defaultdict(list)
    for spelling in inventory():
        forms[strip_marks(spelling)] += _with_tones(spelling)
    return {bare: tuple(dict.fromkeys(row)) for bare, row in forms.items()}


def _with_tones(spelling: str) -> list[str]:
    """The toneless `spelling` under every tone that it can carry."""
    found = []
    for tone in Tone:
        for place in range(len(spelling), 0, -1):
            word = normalise(spelling[:place] + tone.mark + spelling[place:])
            if syllable := parse_syllable(word):
                for style in ("new", "old"):
                    found.append(compose_syllable(syllable, style))
                break
    return found


def candidates(word: str) -> tuple[str, ...]:
    """Every syllable `word` may be once it has its marks, written with its capitals.

    A word that is no Vietnamese syllable without its marks comes back alone.
    """
    found = _forms().get(strip_marks(word).lower())
    if not found:
        return (word,)
    if len(word) > 1 and word.isupper():
        return tuple(form.upper() for form in found)
    if word[0].isupper():
        return tuple(form[0].upper() + form[1:] for form in found)
    return found


def restore(
    model: LanguageModel, tokenizer: Any, bare: str, beam: int = 4
) -> str:
    """The likeliest text whose letters are those of `bare`, by beam search.

    Every text of the beam ends at the same syllable, so their probabilities compare.
    Raises EvaluationError when the text does not fit the model's context.
    """
    beams, done = [""], 0
    text = normalise(bare)
    for match in WORD.finditer(text):
        gap, forms = text[done : match.start()], candidates(match[0])
        beams = [kept + gap + form for kept in beams for form in forms]
        if len(forms) > 1:
            beams = _best(model, tokenizer, beams, beam)
        done = match.end()
    return _best(model, tokenizer, beams, 1)[0] + text[done:]


def _best(
    model: LanguageModel, tokenizer: Any, texts: list[str], beam: int
) -> list[str]:
    if len(texts) <= beam:
        return texts
    rows = [[tokenizer.eos_id, *i] for i in tokenizer.encode_batch(texts)]
    longest = max(map(len, rows)) - 1
    if longest > model.context:
        context = model.context
        raise EvaluationError(
            f"the text has {longest} tokens, the model sees {context}: restore it "
            "sentence by sentence.",
            f"văn bản có {longest} token mà mô hình chỉ nhìn được {context}: hãy thêm "
            "dấu cho từng câu một.",
        )
    costs = nats(model, [(row[:-1], row[1:]) for row in rows], batch=64)
    order = sorted(range(len(texts)), key=costs.__getitem__)
    return [texts[i] for i in order[:beam]]


class Commonest:
    """The baseline: each syllable as it was most often written in `texts`."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            for word in WORD.findall(normalise(text).lower()):
                counts[strip_marks(word)][word] += 1
        self.form = {
            bare: row.most_common(1)[0][0] for bare, row in counts.items()
        }

    def __call__(self, bare: str) -> str:
        return WORD.sub(self._one, normalise(bare))

    def _one(self, match: Any) -> str:
        word = match[0]
        form = self.form.get(strip_marks(word).lower(), word)
        if len(word) > 1 and word.isupper():
            return form.upper()
        return form[0].upper() + form[1:] if word[0].isupper() else form


@dataclass(frozen=True)
class Restored:
    """Right syllables and syllables of each text, and whether it is all right."""

    right: tuple[int, ...]
    total: tuple[int, ...]
    whole: tuple[bool, ...]

    @property
    def syllables(self) -> Interval:
        """Share of syllables, resampled text by text."""
        return bootstrap_ratio(self.right, self.total)

    @property
    def exact(self) -> Interval:
        return hit_rate([float(whole) for whole in self.whole])


def joined(parts: Iterable[Restored]) -> Restored:
    """Several results as one."""
    parts = list(parts)
    return Restored(
        tuple(hits for part in parts for hits in part.right),
        tuple(size for part in parts for size in part.total),
        tuple(whole for part in parts for whole in part.whole),
    )


def evaluate(give_back: Restore, texts: Sequence[str]) -> Restored:
    """Take the marks off each text, give them back, compare with the original.

    Only words that are Vietnamese syllables count, hòa and hoà alike; texts
    without any are left out.
    Raises ValueError when none is left, or a text came back with other letters.
    """
    right, total, whole = [], [], []
    for text in map(normalise, texts):
        wanted = WORD.findall(place_tone(text))
        counted = [is_syllable(word.lower()) for word in wanted]
        if not any(counted):
            continue
        found = normalise(give_back(strip_marks(text)))
        if strip_marks(found) != strip_marks(text):
            raise EvaluationError(
                f"restoring changed the letters of {text[:40]!r}: only marks "
                "may change.",
                f"khôi phục dấu đã làm đổi chữ của {text[:40]!r}: chỉ được đổi dấu.",
            )
        pairs = zip(
            wanted, WORD.findall(place_tone(found)), counted, strict=True
        )
        hits = [one == other for one, other, count in pairs if count]
        right.append(sum(hits))
        total.append(len(hits))
        whole.append(all(hits))
    if not total:
        raise EvaluationError(
            "no text holds a Vietnamese syllable.",
            "không văn bản nào có âm tiết tiếng Việt.",
        )
    return Restored(tuple(right), tuple(total), tuple(whole))
