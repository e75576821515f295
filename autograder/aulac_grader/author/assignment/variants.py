"""Variants of an assignment's answers: known-wrong ones, and right ones in other styles.

One Python file each, `variants/wrong_*.py` or `variants/right_*.py`, in the percent
format: a docstring, then for each answer cell that differs a line `# %% grade_id` and
the cell's whole source. Cells that are not named keep the reference answer.

    \"\"\"Compares code points, so đ comes after z.

    loses: p1-letters p1-syllables
    \"\"\"

    # %% p1-sort
    def dictionary_sort(words: list[str]) -> list[str]:
        return sorted(words)

`loses` names exactly the test cells that must give less than full points. A wrong
variant has to have it; a right one must not.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from .document import Assignment, AssignmentError

NAME = re.compile(r"^(wrong|right)_[a-z0-9_]+$")
CELL = re.compile(r"^# %% +(\S+) *$", re.M)


@dataclass(frozen=True)
class Variant:
    """Replacement sources by grade_id; `loses` is empty for a right one."""

    name: str
    says: str
    loses: frozenset[str]
    sources: dict[str, str]

    @property
    def wrong(self) -> bool:
        return self.name.startswith("wrong_")


def load_variants(assignment: Assignment) -> list[Variant]:
    """Every variant of `assignment`, right ones first.

    Raises:
        AssignmentError: faults of all variant files, each naming file and remedy.
    """
    variants, faults = [], []
    for path in sorted((assignment.folder / "variants").glob("*.py")):
        try:
            variants.append(_load(path, assignment))
        except AssignmentError as error:
            faults += error.problems
    if faults:
        raise AssignmentError(faults)
    return variants


def _load(path: Path, assignment: Assignment) -> Variant:
    label = f"{assignment.name}/variants/{path.name}"
    if not NAME.match(path.stem):
        raise AssignmentError([f"{label}: call it wrong_….py or right_….py."])
    text = path.read_text(encoding="utf-8")
    try:
        docstring = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as error:
        raise AssignmentError(
            [f"{label}, line {error.lineno}: not valid Python: {error.msg}."]
        ) from error
    says, loses = _read_docstring(docstring)
    pieces = CELL.split(text)[1:]
    sources = {
        name: source.strip("\n")
        for name, source in zip(pieces[::2], pieces[1::2], strict=True)
    }
    variant = Variant(path.stem, says, frozenset(loses), sources)
    faults = [f"{label}: {fault}" for fault in _faults(variant, assignment)]
    if faults:
        raise AssignmentError(faults)
    return variant


def _read_docstring(docstring: str) -> tuple[str, list[str]]:
    """The sentence that names the mistake or the style, and the names after `loses`."""
    says, loses = [], []
    for line in docstring.splitlines():
        if line.startswith("loses:"):
            loses = line.removeprefix("loses:").replace(",", " ").split()
        else:
            says.append(line.strip())
    return " ".join(says).strip(), loses


def _faults(variant: Variant, assignment: Assignment) -> list[str]:
    faults = []
    if not variant.says:
        faults.append(
            "the docstring must say what the mistake or the style is."
        )
    if not variant.sources:
        faults.append("replaces no cell: begin each with `# %% grade_id`.")
    for name in sorted(set(variant.sources) - set(assignment.answers)):
        faults.append(
            f"{name} is no answer cell; those are {', '.join(assignment.answers)}."
        )
    for name in sorted(variant.loses - set(assignment.tests)):
        faults.append(
            f"loses {name}, which is no test cell; those are "
            f"{', '.join(assignment.tests)}."
        )
    if variant.wrong and not variant.loses:
        faults.append("say which test cells it loses: `loses: id id`.")
    if not variant.wrong and variant.loses:
        faults.append("a right variant loses nothing: remove `loses:`.")
    return faults
