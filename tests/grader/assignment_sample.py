"""A small assignment that holds, for tests to bend."""

from __future__ import annotations

from pathlib import Path

SOURCE = '''---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
aulac:
  assignment: ps99
  title: {vi: "Bài mẫu", en: "A sample"}
  summary: {vi: "Cộng hai số.", en: "Add two numbers."}
  points: 5
  minutes: 10
  prerequisites: ["01"]
  machine: {vi: "máy nào cũng được.", en: "any machine."}
  problems:
    p1:
      title: {vi: "Cộng", en: "Add"}
      points: 3
      minutes: 5
      deliverable: {vi: "hàm `add`", en: "the function `add`"}
      without_gpu: {vi: "Được.", en: "Fine."}
    p2:
      title: {vi: "Nghĩ", en: "Think"}
      points: 2
      minutes: 5
      deliverable: {vi: "một câu", en: "a sentence"}
      without_gpu: {vi: "Được.", en: "Fine."}
  changes:
    - {date: 2026-01-01, vi: "Bản đầu tiên.", en: "First edition."}
---

+++ {"lang": "vi", "problem": "p1"}

Viết hàm `add`.

+++ {"lang": "en", "problem": "p1"}

Write `add`.

```{code-cell} ipython3
:nbgrader: {grade_id: given, locked: true}
ZERO = 0
```

```{code-cell} ipython3
:nbgrader: {grade_id: p1-add, solution: true}
:aulac: {provides: [add]}
def add(a: list[int], b: int) -> int:
    """Cộng. Add."""
    ### BEGIN SOLUTION
    return sum(a) + b
    ### END SOLUTION
```

```{code-cell} ipython3
:nbgrader: {grade_id: p1-small, grade: true, points: 1}
assert add([1], 2) == 3
### BEGIN HIDDEN TESTS
assert add([], 70001) == 70001
### END HIDDEN TESTS
```

```{code-cell} ipython3
:nbgrader: {grade_id: p1-large, grade: true, points: 2}
def _check():
    right = 0
    cases = [([1, 2], 3, 6)]
    ### BEGIN HIDDEN TESTS
    cases += [([10**20], 1, 10**20 + 1)]
    ### END HIDDEN TESTS
    for a, b, wanted in cases:
        try:
            right += add(list(a), b) == wanted
        except Exception:
            pass
    return 2 * right / len(cases)


_check()
```

+++ {"lang": "vi", "problem": "p2"}

Vì sao?

+++ {"lang": "en"}

Why?

+++ {"lang": "vi", "nbgrader": {"grade_id": "p2-scheme", "locked": true}}

Người chấm.

### BEGIN MARK SCHEME
Hai điểm nếu có lý lẽ.
### END MARK SCHEME

+++ {"lang": "en"}

A person grades.

### BEGIN MARK SCHEME
Two points for a reason.
### END MARK SCHEME

+++ {"lang": "vi", "nbgrader": {"grade_id": "p2-why", "grade": true, "solution": true, "points": 2}}

### BEGIN SOLUTION
Vì thế.
### END SOLUTION

+++ {"lang": "en"}

### BEGIN SOLUTION
Because.
### END SOLUTION
'''

WRONG = '''"""Forgets the second number.

loses: p1-small p1-large
"""

# %% p1-add
def add(a: list[int], b: int) -> int:
    return sum(a)
'''

RIGHT = '''"""A loop."""

# %% p1-add
def add(a: list[int], b: int) -> int:
    for number in a:
        b = b + number
    return b
'''


def write_sample(
    root: Path,
    source: str = SOURCE,
    variants: dict[str, str] | None = None,
) -> Path:
    """The sample under `root`/assignments/source; returns its folder."""
    folder = root / "assignments" / "source" / "ps99_sample"
    (folder / "variants").mkdir(parents=True)
    (folder / "assignment.md").write_text(source, encoding="utf-8")
    if variants is None:
        variants = {"wrong_forgets": WRONG, "right_loop": RIGHT}
    for name, text in variants.items():
        (folder / "variants" / f"{name}.py").write_text(text, encoding="utf-8")
    return folder
