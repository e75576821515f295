"""Functions of the assignment in which something may happen during a hidden test.

What happens, an *act*, is a prelude and the body of a function of `given`, the argument
that the test passes in. Several acts share a submission, each in another function, and
each only where the visible tests do not reach, so that it happens once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent

from .kit import Case, reference


@dataclass(frozen=True)
class Slot:
    """An answer cell with one function, the test of it, and its visible arguments."""

    answer: str
    test: str
    name: str
    more: str
    visible: str

    def source(self, prelude: str, body: str, right: bool) -> str:
        """The answer in which `body` happens; then it gives the right result, or -1."""
        call = f"right_{self.name}(given{self.more})"
        honest = reference()[self.answer].replace(
            f"def {self.name}(", f"def right_{self.name}("
        )
        result = (
            f"    act_{self.name}(given)\n    return {call}\n"
            if right
            else f"    result = act_{self.name}(given)\n"
            "    return -1 if result is None else result\n"
        )
        return (
            f"{prelude}\n{honest}\n"
            f"def act_{self.name}(given):\n{indent(body, '    ')}\n"
            f"def {self.name}(given{self.more}):\n"
            f"    if {self.visible}:\n        return {call}\n{result}"
        )


WORDS = Slot(
    "p1-mean", "p1-few", "mean_length", "", "given in ([], ['xin', 'chào'])"
)
NAME = Slot(
    "p2-initials", "p2-names", "initials", "", "given == 'Đoàn Thị Điểm'"
)
ITEMS = Slot(
    "p5-windows", "p5-slides", "windows", ", size", "given == [1, 2, 3]"
)
NUMBER = Slot("p9-root", "p9-near", "root", "", "given == 4.0")
SLOTS = (WORDS, NAME, ITEMS, NUMBER)


def spread(
    kind: str,
    acts: Mapping[str, tuple[str, str]],
    tries: str,
    slots: Sequence[Slot] = SLOTS,
    right: bool = False,
) -> Iterator[Case]:
    """Cases in which these acts happen, several to a submission.

    Args:
        kind: what their names begin with.
        acts: name → (prelude, body).
        tries: a sentence about all of them.
        right: the results stay right, and the acts cost nothing.
    """
    names = list(acts)
    for first in range(0, len(names), len(slots)):
        some = dict(zip(slots, names[first:], strict=False))
        yield Case(
            "-".join(filter(None, [kind, *some.values()])),
            tries,
            answers={
                slot.answer: slot.source(*acts[name], right)
                for slot, name in some.items()
            },
            loses=() if right else tuple(slot.test for slot in some),
        )
