"""The rules of lục bát, the verse of six- and eight-syllable lines.

Strict form; much good verse, Nguyễn Du's too, bends the rules now and then:

* six: syllables 2, 4, 6 are flat, sharp, flat;
* eight: syllables 2, 4, 6, 8 are flat, sharp, flat, flat, and of the last two one
  bears huyền and the other no mark;
* the six's 6th rhymes with the eight's 6th; the eight's 8th with the next six's 6th.

Two syllables rhyme when their nuclei and codas sound alike (`aulac.text.rhyme`): the
glide does not count, so hoa rhymes with ta.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aulac.text.marks import Tone
from aulac.text.syllable import is_flat, parse_syllable, rhyme, syllables


def faults(lines: Sequence[str]) -> list[str]:
    """What breaks the rules in alternating six and eight lines; empty if nothing."""
    found = []
    rows = [[s.lower() for s in syllables(line)] for line in lines]
    for number, row in enumerate(rows, 1):
        found += [
            f"line {number}: {fault}"
            for fault in line_faults(row, 6 if number % 2 else 8)
        ]
    if found:
        return found
    for number, (first, second) in enumerate(pairwise(rows), 1):
        if rhyme(first[-1]) != rhyme(second[5]):
            found.append(
                f"lines {number}, {number + 1}: {first[-1]} / {second[5]}"
            )
        elif first[-1] == second[5]:
            found.append(
                f"lines {number}, {number + 1}: {first[-1]} rhymes on itself"
            )
    return found


def line_faults(row: list[str], length: int) -> Iterator[str]:
    """What breaks the rules inside one line: syllables in lower case, 6 or 8."""
    if len(row) != length:
        yield f"{len(row)} syllables for {length}"
        return
    bad = [s for s in row if parse_syllable(s) is None]
    if bad:
        yield f"not syllables: {bad}"
        return
    for place, flat in ((2, True), (4, False), (6, True), (8, True)):
        if place <= length and is_flat(row[place - 1]) is not flat:
            yield f"syllable {place}, {row[place - 1]}, is {'sharp' if flat else 'flat'}"
    if length == 8 and _tone(row[5]) == _tone(row[7]):
        yield f"{row[5]} and {row[7]} bear one tone"


def _tone(syllable: str) -> Tone | None:
    parsed = parse_syllable(syllable)
    return parsed.tone if parsed else None
