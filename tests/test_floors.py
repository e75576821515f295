"""The plan of the house: who may import whom.

A room is a file or a folder; it imports rooms of lower floors and none beside it. All
imports count, also those inside functions and those for types alone.

`python tests/test_floors.py [CHECKOUT]` prints rooms, floors, arrows and lines of a
checkout, this one or another.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

Graph = Mapping[str, set[str]]
Floors = tuple[tuple[str, ...], ...]

# From the ground up. What stands in no row must not exist.
HOUSE: dict[str, Floors] = {
    "aulac": (
        ("errors", "files", "text"),
        ("scale", "corpus", "tokenizer"),
        ("model",),
        ("train", "generate"),
        ("align", "export", "chat"),
        ("evaluate", "lesson"),
        ("cli",),
    ),
    "aulac_grader": (
        ("checkout", "lab", "sandbox"),
        ("judge", "make"),
        ("author", "grade"),
        ("book", "verify"),
    ),
    "aulac_grader.grade": (
        ("course", "markup", "verdict"),
        ("intake",),
        ("rebuild",),
        ("batch", "results"),
        ("gradebook",),
        ("export", "feedback"),
        ("command",),
    ),
    "aulac_grader.judge": (
        ("assignment", "cells", "submitted", "wire"),
        ("warm",),
        ("judge", "student"),
        ("control",),
    ),
}
# Beyond the floors: a module (or all under it) and what it must never reach for.
NEVER = (
    ("aulac", "aulac_grader"),
    ("aulac", "nbgrader"),
    ("aulac", "nbformat"),
    ("aulac", "benchmarks"),
    ("aulac", "tests"),
    ("aulac_grader", "benchmarks"),
    ("aulac_grader", "tests"),
    # What the student's process runs has never seen a test.
    ("aulac_grader.judge.student", "aulac_grader.judge.judge"),
    ("aulac_grader.judge.student", "aulac_grader.judge.control"),
    ("aulac_grader.judge.student", "aulac_grader.judge.assignment"),
)
WITHOUT_TORCH = 2  # so many floors of aulac, from the ground


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of both packages, by its dotted name."""
    found = {}
    for source in (root / "course", root / "autograder"):
        for path in source.rglob("*.py"):
            parts = path.relative_to(source).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            found[".".join(parts)] = path
    return found


def imports(name: str, path: Path) -> set[str]:
    """Dotted names that a module imports; `from a import b` gives a and a.b."""
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: 1 - node.level or None]
                base = ".".join([*above, base]).rstrip(".")
            found.add(base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Who imports whom, by module; an attribute counts for its module."""
    known = modules(root)
    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        wanted = imports(name, path)
        ours = {w for w in wanted if w in known}
        # `from a import b`: where b is a module, a itself is only passed through.
        through = {w.rpartition(".")[0] for w in ours}
        named = {w.rpartition(".")[0] for w in wanted if w not in known}
        arrows[name] = {w for w in ours if w not in through or w in named}
        arrows[name] |= {w for w in wanted - ours if not _of(w, *HOUSE)}
        arrows[name].discard(name)
    return arrows


def _of(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


def rooms(arrows: Graph, house: str) -> dict[str, set[str]]:
    """The same by the rooms of one house; other houses are left out."""
    found: dict[str, set[str]] = {}
    for name, wanted in arrows.items():
        if not name.startswith(house + "."):
            continue
        room = name[len(house) + 1 :].partition(".")[0]
        others = {
            w[len(house) + 1 :].partition(".")[0]
            for w in wanted
            if w.startswith(house + ".")
        }
        found.setdefault(room, set()).update(others - {room})
    return found


def climbing(found: Graph, floors: Floors) -> list[str]:
    """Arrows that run up or beside, and rooms that no floor knows."""
    floor = {room: n for n, row in enumerate(floors, 1) for room in row}
    wrong = [f"{room} has no floor" for room in found if room not in floor]
    for room, others in found.items():
        for other in others:
            if floor.get(other, 0) >= floor.get(room, 99):
                wrong.append(f"{room} -> {other}")
    return sorted(wrong)


def stacked(found: Graph) -> dict[str, int]:
    """The floor of each room: above all that it imports.

    Where rooms import each other, the arrow met last on the way down is passed over.
    """
    floor: dict[str, int] = {}

    def place(room: str, above: frozenset[str]) -> int:
        if room not in floor:
            way = above | {room}
            below = sorted(found.get(room, set()) - way)
            floor[room] = 1 + max((place(r, way) for r in below), default=0)
        return floor[room]

    for room in sorted(found):
        place(room, frozenset())
    return floor


def figures(root: Path) -> list[tuple[str, int, int, int, int, int]]:
    """Of each house: rooms, floors, arrows, those that do not run down, lines."""
    arrows, known = graph(root), modules(root)
    table = []
    for house in HOUSE:
        found = rooms(arrows, house)
        floor = stacked(found)
        runs = [(room, other) for room in found for other in found[room]]
        back = [1 for room, other in runs if floor[other] >= floor[room]]
        lines = sum(
            len(path.read_text("utf-8").splitlines())
            for name, path in known.items()
            if _of(name, house)
        )
        size = len(floor), max(floor.values()), len(runs), len(back), lines
        table.append((house, *size))
    return table


def main(root: Path) -> None:
    print(f"{'':22}rooms floors arrows back  lines")
    for house, *numbers in figures(root):
        print(f"{house:22}" + "{:5d}{:7d}{:7d}{:5d}{:7d}".format(*numbers))
    arrows, count = graph(root), 0
    while found := circle(arrows):
        print("circle:", " -> ".join([*found, found[0]]))
        arrows[found[-1]].discard(found[0])  # opened, to find the next
        count += 1
    print(f"circles of modules: {count}")


def circle(arrows: Graph) -> list[str]:
    """One circle of modules that import each other, empty without any."""
    state: dict[str, int] = {}
    way: list[str] = []

    def walk(name: str) -> list[str]:
        state[name] = 1
        way.append(name)
        for other in sorted(arrows.get(name, ())):
            if state.get(other) == 1:
                return way[way.index(other) :]
            if other not in state and (found := walk(other)):
                return found
        state[name] = 2
        way.pop()
        return []

    for name in sorted(arrows):
        if name not in state and (found := walk(name)):
            return found
    return []


def reaching(arrows: Graph, who: str, what: str) -> list[str]:
    """Imports of `what` by a module of `who`."""
    return sorted(
        f"{name} -> {wanted}"
        for name, others in arrows.items()
        if _of(name, who)
        for wanted in others
        if _of(wanted, what)
    )


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    return graph()


@pytest.mark.parametrize("house", HOUSE)
def test_no_import_runs_up_or_beside(arrows: Graph, house: str) -> None:
    assert climbing(rooms(arrows, house), HOUSE[house]) == []


@pytest.mark.parametrize("house", HOUSE)
def test_every_room_of_the_plan_is_there(arrows: Graph, house: str) -> None:
    planned = {room for row in HOUSE[house] for room in row}
    assert planned == set(rooms(arrows, house))


def test_no_circle_of_modules(arrows: Graph) -> None:
    assert circle(arrows) == []


@pytest.mark.parametrize(("who", "what"), NEVER)
def test_never(arrows: Graph, who: str, what: str) -> None:
    assert reaching(arrows, who, what) == []


def loads_torch(names: Iterable[str]) -> str:
    code = "import importlib, sys\n"
    code += f"for name in {sorted(names)!r}: importlib.import_module(name)\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_lower_floors_load_no_torch() -> None:
    low = {room for row in HOUSE["aulac"][:WITHOUT_TORCH] for room in row}
    names = [n for n in modules() if _of(n, *(f"aulac.{r}" for r in low))]
    assert len(names) > len(low)
    assert loads_torch(names) == "False"


def test_no_verb_loads_torch_for_its_help() -> None:
    verbs = entry_points(group="aulac.commands")
    assert loads_torch({verb.module for verb in verbs}) == "False"


def test_what_breaks_a_rule_is_seen() -> None:
    floors = (("a",), ("b", "c"), ("d",))
    good: Graph = {"d": {"a", "b"}, "b": {"a"}, "c": set(), "a": set()}
    assert climbing(good, floors) == []
    assert climbing({**good, "a": {"d"}}, floors) == ["a -> d"]
    assert climbing({**good, "b": {"c"}}, floors) == ["b -> c"]
    assert climbing({**good, "e": set()}, floors) == ["e has no floor"]
    assert circle(good) == []
    assert circle({**good, "a": {"d"}}) == ["a", "d"]
    deep: Graph = {"p.student.box": {"p.paper"}, "p.students": {"p.paper"}}
    assert reaching(deep, "p.student", "p.paper") == [
        "p.student.box -> p.paper"
    ]


def test_imports_are_read_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(
        "import a.b\nfrom . import c\nfrom ..d import e\n"
        "def f():\n    from g import h as i\n"
    )
    assert imports("x.y.m", path) == {
        *("a.b", "x.y", "x.y.c", "x.d", "x.d.e", "g", "g.h")
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
