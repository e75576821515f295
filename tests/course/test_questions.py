"""The course's questions: enough, well-formed, and no trick gets them right."""

from __future__ import annotations

from collections import Counter

import pytest

from aulac.evaluate.questions import questions
from aulac.evaluate.stats import bootstrap
from aulac.text import normalise

ALL = questions()


def test_three_hundred_over_twenty_subjects():
    assert len(ALL) >= 300
    counts = Counter(question.subject for question in ALL)
    assert len(counts) >= 20 and min(counts.values()) >= 10
    assert questions() == ALL


def test_each_is_well_formed_and_asked_once():
    assert len({question.id for question in ALL}) == len(ALL)
    asked = {(q.stem, q.options[q.answer]) for q in ALL}
    assert len(asked) == len(ALL)
    for question in ALL:
        assert len(question.options) == 4
        assert question.stem.endswith("?")
        for text in (question.stem, *question.options):
            assert text == normalise(text).strip()


def test_keys_are_balanced():
    keys = Counter(question.answer for question in ALL)
    assert max(keys.values()) - min(keys.values()) <= 1


def longest(options):
    return max(range(4), key=lambda i: len(options[i].encode()))


def shortest(options):
    return min(range(4), key=lambda i: len(options[i].encode()))


@pytest.mark.parametrize(
    "trick", [longest, shortest, *(lambda _, n=n: n for n in range(4))]
)
def test_no_trick_of_length_or_position_beats_chance(trick):
    right = [trick(q.options) == q.answer for q in ALL]
    found = bootstrap(right)
    assert found.low <= 0.25 <= found.high, str(found)


def test_no_option_is_right_more_often_than_wrong_by_habit():
    """An option that recurs must not always be the key."""
    seen: dict[str, list[bool]] = {}
    for question in ALL:
        for place, option in enumerate(question.options):
            seen.setdefault(option, []).append(place == question.answer)
    often = [row for row in seen.values() if len(row) >= 6]
    assert often and not any(all(row) for row in often)
