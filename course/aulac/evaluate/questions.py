"""The course's own multiple-choice questions: 325 over 25 subjects of school.

Written for this course (CC BY 4.0), in the shape of VMLU and smaller: four options,
one right. Nothing but knowledge should help, so a test measures that keys are
balanced over positions and that picking the longest or the shortest option, or any
fixed position, does no better than chance.
"""

from __future__ import annotations

import random
from pathlib import Path

from aulac.evaluate.choice import Question
from aulac.text import strip_marks

FILE = Path(__file__).with_name("questions.tsv")
SEED = 2025


def questions() -> list[Question]:
    """All questions, in the file's order, options shuffled: the same every time."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line[:1] != "#"]
    draw = random.Random(SEED)
    places = [number % 4 for number in range(len(rows))]
    draw.shuffle(places)
    found, counts = [], dict[str, int]()
    for (subject, stem, right, *wrong), place in zip(
        rows, places, strict=True
    ):
        draw.shuffle(wrong)
        wrong.insert(place, right)
        counts[subject] = counts.get(subject, 0) + 1
        name = strip_marks(subject).replace(" ", "-")
        found.append(
            Question(
                id=f"{name}-{counts[subject]:02}",
                subject=subject,
                stem=stem,
                options=tuple(wrong),
                answer=place,
            )
        )
    return found
