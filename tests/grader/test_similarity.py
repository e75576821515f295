"""Similar answers: what is found, what is not, and how long it takes."""

from __future__ import annotations

import ast
import io
import random
import time
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac_grader.author.assignment import find, parse
from aulac_grader.author.assignment.variants import load_variants
from aulac_grader.grade.results import similarity
from aulac_grader.grade.results.similarity import Settings, report, tokens

STUB = '''\
def average(rows: list[list[float]]) -> list[float]:
    """Trung bình. The mean of each row that has numbers."""
    # YOUR CODE HERE
    raise NotImplementedError()
'''
HONEST = """\
def average(rows):
    means = []
    for row in rows:
        kept = [value for value in row if value == value]
        if not kept:
            continue
        total = 0.0
        for value in kept:
            total += float(value)
        means.append(round(total / len(kept), 4))
    return means

def spread(rows, low=0):
    best, worst = None, None
    while low < len(rows):
        peak = max(rows[low]) - min(rows[low])
        if best is None or peak > best:
            best = peak
        if worst is None or peak < worst:
            worst = peak
        low += 1
    return {"best": best, "worst": worst}
"""
OTHER = """\
import statistics

def average(rows):
    clean = (list(filter(lambda v: v == v, r)) for r in rows)
    return [round(statistics.fmean(c), 4) for c in clean if c]

def spread(rows, low=0):
    peaks = sorted(max(r) - min(r) for r in rows[low:])
    return dict(zip(("worst", "best"), (peaks[0], peaks[-1])))
"""


def renamed(source: str) -> str:
    """Other names, other comments, functions in the other order."""
    names = {
        "rows": "data", "row": "line", "means": "out", "kept": "good",
        "value": "x", "total": "s", "peak": "gap", "low": "i",
        "average": "average", "best": "hi", "worst": "lo",
    }  # fmt: skip
    parts = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = names.get(token.string, token.string)
        parts.append((token.type, text))
    text = tokenize.untokenize(parts)
    first, second = text.split("def spread")
    return f"# my own work\ndef spread{second}\n{first}"


def test_renamed_and_reordered_is_found() -> None:
    copy = renamed(HONEST)
    assert ast.parse(copy) and "gap" in copy and "peak" not in copy
    found = report({"an": {"p1": HONEST}, "binh": {"p1": copy}}, [STUB])
    (pair,) = found.pairs
    assert (pair.left, pair.right) == ("an", "binh")
    assert pair.in_left > 0.9 and pair.in_right > 0.9
    assert found.over == 1 and found.compared == 2


def test_another_way_of_solving_it_is_not() -> None:
    found = report({"an": {"p1": HONEST}, "binh": {"p1": OTHER * 2}})
    assert found.compared == 2
    assert found.pairs == ()


def test_a_part_of_a_longer_answer_shows_in_one_direction() -> None:
    longer = HONEST + OTHER.replace("average", "mean") * 2
    longer += "\n".join(f"x{n} = {n} ** {n + 1} - {n} // 3" for n in range(60))
    (pair,) = report({"a": {"p1": HONEST}, "b": {"p1": longer}}).pairs
    assert pair.in_left > 0.95
    assert pair.in_right < 0.5


def test_one_copied_answer_among_own_ones_is_found() -> None:
    def own(seed: int, n: int) -> str:
        draw = random.Random(seed)
        signs = "+-*/%"
        return "\n".join(
            f"a = [b {draw.choice(signs)} {draw.randrange(99)}, c"
            f" {draw.choice(signs)} {draw.randrange(99)}]"
            for _ in range(n)
        )

    class_ = {
        "an": {"p1": own(1, 60), "p2": own(2, 60), "p3": HONEST},
        "binh": {"p1": own(3, 60), "p2": own(4, 60), "p3": renamed(HONEST)},
        "chi": {"p1": own(5, 60), "p2": own(6, 60), "p3": OTHER},
    }
    (pair,) = report(class_).pairs
    assert (pair.left, pair.right, pair.cells) == ("an", "binh", ("p3",))
    assert max(pair.in_left, pair.in_right) < Settings().threshold


def test_right_variants_of_ps01_are_not_alike() -> None:
    assignment = parse(find(["ps01"])[0])
    class_ = {
        variant.name: dict(variant.sources)
        for variant in load_variants(assignment)
        if variant.name.startswith("right")
    }
    class_["reference"] = {
        name: cell.code for name, cell in assignment.answers.items()
    }
    found = report(class_)
    assert found.compared == len(class_) >= 4
    assert found.pairs == () and found.same == ()


def test_released_code_alone_is_nobodys_own() -> None:
    class_ = {f"s{n}": {"p1": STUB} for n in range(4)}
    found = report(class_, [STUB])
    assert (found.compared, found.pairs, found.same) == (0, (), ())


def test_given_code_around_ones_own_does_not_count() -> None:
    given = HONEST
    class_ = {
        "an": {"p1": given + "\ndone = sum(average([[1]]))"},
        "binh": {"p1": given + "\nprint(spread)"},
    }
    assert report(class_, [given]).pairs == ()


def test_what_much_of_the_class_wrote_is_left_out() -> None:
    def filler(n: int) -> str:
        return f"q{n} = {[n * k % 97 for k in range(40)]}\n"

    few = {f"s{n}": {"p1": HONEST + filler(n)} for n in range(3)}
    assert report(few).over == 3
    many = {f"s{n}": {"p1": HONEST + filler(n)} for n in range(20)}
    assert report(many).over == 0


def test_equal_answers_are_listed_however_many_there_are() -> None:
    class_ = {f"s{n:02}": {"p1": HONEST} for n in range(20)}
    class_["t"] = {"p1": OTHER}
    found = report(class_)
    (same,) = found.same
    assert same.cell == "p1" and same.students == tuple(sorted(class_)[:20])


def test_code_that_does_not_parse_is_compared() -> None:
    broken = HONEST.replace("if not kept:", "if not kept") + "def broken(:\n"
    with pytest.raises(SyntaxError):
        ast.parse(broken)
    found = report({"an": {"p1": broken}, "binh": {"p1": renamed(HONEST)}})
    assert found.over == 1


def test_matching_text_is_marked_and_nothing_is_lost() -> None:
    copy = "first = 1\n" + renamed(HONEST)
    (pair,) = report({"an": {"p1": HONEST}, "binh": {"p1": copy}}).pairs
    for left, right in pair.sides:
        assert "".join(text for text, _ in left.pieces) == HONEST
        assert "".join(text for text, _ in right.pieces) == copy
        marked = "".join(text for text, alike in right.pieces if alike)
        assert "gap" in marked and "first = 1" not in marked


def test_order_of_students_does_not_matter() -> None:
    class_ = {"b": {"p1": HONEST}, "a": {"p1": renamed(HONEST)}}
    turned = dict(reversed(list(class_.items())))
    assert report(class_) == report(turned)


def test_tokens_leave_names_layout_and_comments_out() -> None:
    one = "def f(a):  # first\n    '''Doc.'''\n    return a.x + len('b')\n"
    two = 'def g( y ):\n\n  return (\n  y.z + len("""c""")\n)'.replace(
        "(\n", ""
    )
    two = two.replace("\n)", "")
    assert [t.text for t in tokens(one)] == [t.text for t in tokens(two)]
    kept = [t.text for t in tokens("rows.append(3.5) or rows.mine(sorted)")]
    assert "append" in kept and "mine" not in kept
    assert "3.5" in kept and "sorted" in kept


@given(st.text(max_size=300))
def test_any_text_has_tokens_in_order(source: str) -> None:
    found = list(tokens(source))
    at = 0
    for token in found:
        assert at <= token.start < token.end <= len(source)
        at = token.end


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.integers(1, 9))
def test_winnowing_keeps_its_promise(values: list[int], window: int) -> None:
    """One of every `window` hashes is chosen, and it is their smallest."""
    import numpy as np

    hashes = np.array(values, dtype=np.uint64)
    chosen = set(similarity._winnow(hashes, window))
    for start in range(len(values) - window + 1):
        here = chosen & set(range(start, start + window))
        assert here
        assert min(values[start : start + window]) in {values[i] for i in here}


@pytest.mark.parametrize(
    "piece", ['"', "'''", '"""a', "\\", "f'{", "((((", "# ", "\n'", "0.", "é"]
)
def test_no_answer_is_slow_to_read(piece: str) -> None:
    began = time.process_time()
    sum(1 for _ in tokens(piece * (100_000 // len(piece))))
    assert time.process_time() - began < 2


def test_three_hundred_submissions_in_seconds() -> None:
    lines = [line for line in (HONEST + OTHER).splitlines() if line.strip()]

    def submission(student: int) -> dict[str, str]:
        draw = random.Random(student)
        return {
            f"p{n}": "\n".join(
                draw.choice(lines).replace("4", str(draw.randrange(9)))
                for _ in range(30)
            )
            for n in range(6)
        }

    class_ = {f"s{n:03}": submission(n) for n in range(298)}
    class_["x"] = submission(1000)
    class_["y"] = {k: v.replace("rows", "r") for k, v in class_["x"].items()}
    began = time.process_time()
    found = report(class_, [STUB])
    assert time.process_time() - began < 10
    best = found.pairs[0]
    assert (best.left, best.right, best.in_left) == ("x", "y", 1.0)
