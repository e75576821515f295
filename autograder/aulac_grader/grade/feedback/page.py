"""What a feedback page says: plain values for the template, made safe here.

A student reads it, so it holds nothing of hidden tests but that there are some: no
text, no message, no expected value, and nothing of the reference or of other students.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.gradebook.graded_cells import answer_sources
from aulac_grader.grade.gradebook.late import DAY
from aulac_grader.grade.gradebook.marks import CellMarks, StudentMarks
from aulac_grader.grade.markup import (
    Allowance,
    clean_text,
    markdown_html,
    picture_html,
    terminal_text,
)
from aulac_grader.grade.verdict.outcomes import (
    CELLS,
    HIDDEN_ONLY,
    TESTS,
    full_marks,
    message_for_student,
    number,
)
from aulac_grader.grade.verdict.problems import (
    Problem,
    assignment_title,
    problems,
)

from .words import WORDS

if TYPE_CHECKING:
    from aulac_grader.grade.rebuild import Rebuilt
    from aulac_grader.judge.assignment import TrustedAssignment, TrustedCell

PRINTED_CAP = 6000  # characters a cell
CODE_CAP = 40_000  # characters; longer code is shown without colours
PICTURES = 4  # a cell
EXTRAS = 40  # a problem
Pair = tuple[str, str]
WAITS = WORDS["waits"]
NOT_YET = ("–", "–")


@dataclass(frozen=True)
class Graded:
    """A submission and what is known of it.

    Attributes:
        outputs: cell id → {"printed": str, "pictures": [bytes]}, the student's.
        marks: as they stand in the gradebook; None: automatic points only.
        zone: whose time the page tells.
        room: what the page takes of the cells' outputs.
    """

    assignment: TrustedAssignment
    verdict: Mapping[str, Any]
    rebuilt: Rebuilt
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    marks: StudentMarks | None = None
    zone: tzinfo = UTC
    room: Allowance = field(default_factory=Allowance)

    @property
    def cells(self) -> dict[str, CellMarks]:
        """The gradebook's cells, or what the verdict says of them."""
        if self.marks is not None and self.marks.cells:
            return {cell.name: cell for cell in self.marks.cells}
        tests = {test["id"]: test for test in self.verdict["tests"]}
        return {
            cell.id: CellMarks(
                cell.id,
                cell.points,
                tests[cell.id]["points"] if cell.id in tests else None,
                waits=cell.id not in tests,
            )
            for problem in problems(self.assignment)
            for cell in problem.graded
        }


def page(graded: Graded, lang: str) -> str:
    """The page's HTML, in both languages; `lang` ("vi" or "en") is shown first."""
    return str(_template().render(**values(graded, lang)))


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


def values(graded: Graded, lang: str) -> dict[str, Any]:
    """What the template needs, by name. Everything in it may be shown."""
    from markupsafe import Markup

    verdict, cells = graded.verdict, graded.cells
    penalty = graded.marks.penalty if graded.marks else 0.0
    late = graded.marks.late_seconds if graded.marks else 0.0
    parts = [
        _problem(graded, problem, cells)
        for problem in problems(graded.assignment)
    ]
    earned = sum(cell.points for cell in cells.values())
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return {
        "lang": lang,
        "words": WORDS,
        "style": Markup(style),
        "title": assignment_title(graded.assignment),
        "student": _student(graded),
        "received": _moment(verdict["receipt"]["received_at"], graded.zone),
        "late": _span(late) if late else None,
        "penalty": _number(penalty) if penalty else None,
        "points": _number(max(0.0, earned - penalty)),
        "max_points": _number(sum(c.max_points for c in cells.values())),
        "lead": _lead(parts),
        "waits": any(cell.waits for cell in cells.values()),
        "nothing": _nothing(graded),
        "repairs": list(_repairs(verdict)),
        "problems": parts,
        "receipt": verdict["receipt"]["sha256"][:16],
        "sandboxed": verdict["sandboxed"],
    }


def _number(points: float) -> Pair:
    """A number as each language writes it: 1,5 and 1.5."""
    text = number(points)
    return text.replace(".", ","), text


def _lead(parts: list[dict[str, Any]]) -> Pair | None:
    """What went well, and where to look again first."""
    if parts and all(part["full"] for part in parts):
        return WORDS["all_full"]
    said: list[Pair] = []
    for word, wanted in (("full", True), ("review", False)):
        found = [
            str(part["number"])
            for part in parts
            if part["full"] is wanted and not part["waits"]
        ]
        if found:
            vi, en = WORDS[word]
            said.append(
                (vi.format(", ".join(found)), en.format(", ".join(found)))
            )
    return (" ".join(p[0] for p in said), " ".join(p[1] for p in said))


def _student(graded: Graded) -> str:
    known = graded.marks.name if graded.marks else ""
    student = str(graded.verdict["student"])
    return f"{known} ({student})" if known else student


def _moment(moment: str, zone: tzinfo) -> Pair:
    """A time as people write it, with its distance from UTC."""
    when = datetime.fromisoformat(moment)
    when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone)
    offset = when.utcoffset() or timedelta()
    hours = offset.total_seconds() / 3600
    name = f"UTC{hours:+g}" if hours else "UTC"
    return (
        f"{when:%H:%M, %d/%m/%Y} ({name})",
        f"{when:%d %b %Y, %H:%M} ({name})",
    )


def _span(seconds: float) -> Pair:
    """How late, to the minute."""
    days, rest = divmod(int(seconds), DAY)
    hours, minutes = divmod(rest // 60, 60)
    vi = [f"{days} ngày"] * bool(days) + [f"{hours} giờ"] * bool(hours)
    en = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours)
    if minutes or (not days and not hours):
        vi.append(f"{minutes} phút")
        en.append(f"{minutes} min")
    return " ".join(vi), " ".join(en)


def _nothing(graded: Graded) -> bool:
    """Whether all answers are as they came, or missing."""
    written = [c.id for c in graded.assignment.of_kind("answer", "manual")]
    return bool(written) and all(
        name in graded.rebuilt.untouched
        or not answer_sources(graded.rebuilt).get(name, "").strip()
        for name in written
    )


def _repairs(verdict: Mapping[str, Any]) -> Iterator[Pair]:
    from aulac_grader.grade.intake.notes import TEXTS, Repair

    for entry in verdict["repairs"]:
        if entry["code"] in TEXTS:
            repair = Repair.from_dict(entry)
            yield clean_text(repair.text("vi")), clean_text(repair.text("en"))


# -- a problem -------------------------------------------------------------------------


def _problem(
    graded: Graded, problem: Problem, cells: Mapping[str, CellMarks]
) -> dict[str, Any]:
    marks = [cells[c.id] for c in problem.graded if c.id in cells]
    points = sum(cell.points for cell in marks)
    most = sum(cell.max_points for cell in marks)
    return {
        "anchor": f"p{problem.number}",
        "number": problem.number,
        "title": problem.titles,
        "points": NOT_YET
        if all(cell.unmarked for cell in marks)
        else _number(points),
        "max_points": _number(most),
        "waits": any(cell.waits for cell in marks),
        "percent": round(100 * max(0.0, min(1.0, points / most)))
        if most
        else 0,
        "full": points >= most,
        "answers": [
            _answer(graded, cell)
            for cell in problem.cells
            if cell.kind in ("answer", "manual")
        ],
        "results": [
            _result(graded, cell, cells[cell.id])
            for cell in problem.graded
            if cell.id in cells
        ],
        "extras": [_extra(graded, cell) for cell in _extras(graded, problem)],
    }


def _answer(graded: Graded, cell: TrustedCell) -> dict[str, Any]:
    """An answer as it was written, what it printed, what a person said of it."""
    text = answer_sources(graded.rebuilt).get(cell.id, "")
    comments = dict(graded.marks.comments) if graded.marks else {}
    return {
        **_shown(text, cell.cell_type, _attached(graded, cell.id)),
        **_ran(graded, cell.id),
        "blank": not text.strip() or cell.id in graded.rebuilt.untouched,
        "comment": clean_text(comments.get(cell.id, "")),
    }


def _shown(text: str, cell_type: str, attached: Any = None) -> dict[str, Any]:
    from markupsafe import Markup

    if cell_type == "code":
        return {"code": highlighted(text), "written": ""}
    return {"code": "", "written": Markup(markdown_html(text, attached))}


def highlighted(code: str) -> Any:
    """Python coloured by Pygments, escaped; a `Markup`."""
    from markupsafe import Markup, escape

    code = clean_text(code).strip("\n")
    if len(code) > CODE_CAP:
        return escape(code)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)))


def _ran(graded: Graded, name: str) -> dict[str, Any]:
    """How a cell of the student's ended, what it printed and drew."""
    from markupsafe import Markup

    runs = {run["id"]: run for run in graded.verdict["cells"]}
    run = runs.get(name, {"status": "ok", "error": ""})
    output = graded.outputs.get(name, {})
    drawn = [
        picture_html(data)
        for data in list(output.get("pictures", ()))[:PICTURES]
        if graded.room.takes(data)
    ]
    return {
        "status": CELLS.get(run["status"]),
        "error": graded.room.text(run["error"], PRINTED_CAP),
        "printed": graded.room.text(
            str(output.get("printed", "")), PRINTED_CAP
        ),
        "pictures": [Markup(tag) for tag in drawn if tag],
    }


def _extras(graded: Graded, problem: Problem) -> list[Any]:
    """The student's own cells that stand among the problem's."""
    trusted = {cell.id for cell in graded.assignment.cells}
    inside = {cell.id for cell in problem.cells}
    found, here = [], problem.number == 1
    for cell in graded.rebuilt.notebook.cells:
        meta = cell.metadata.get("nbgrader") or {}
        name = meta.get("grade_id") or cell.get("id")
        if name in trusted:
            here = name in inside
        elif here and cell.source.strip():
            found.append(cell)
    return found[:EXTRAS]


def _attached(graded: Graded, name: str) -> Any:
    """Pictures pasted into the student's answer."""
    for cell in graded.rebuilt.notebook.cells:
        meta = cell.metadata.get("nbgrader") or {}
        if meta.get("grade_id") == name:
            return cell.get("attachments")
    return None


def _extra(graded: Graded, cell: Any) -> dict[str, Any]:
    return {
        **_shown(cell.source, cell.cell_type, cell.get("attachments")),
        **_ran(graded, str(cell.get("id"))),
    }


# -- a result --------------------------------------------------------------------------


def _result(
    graded: Graded, cell: TrustedCell, marks: CellMarks
) -> dict[str, Any]:
    tests = {test["id"]: test for test in graded.verdict["tests"]}
    test = tests.get(cell.id)
    by_hand = test is None or marks.manual is not None
    return {
        "name": cell.id,
        "points": NOT_YET if marks.unmarked else _number(marks.points),
        "max_points": _number(marks.max_points),
        "override": test is not None and by_hand,
        "extra": _number(marks.extra) if marks.extra else None,
        **(_by_test(cell, test) if test is not None else _by_person(marks)),
    }


def _by_test(cell: TrustedCell, test: Mapping[str, Any]) -> dict[str, Any]:
    full = full_marks(test)
    colour = "good" if full else "part" if test["points"] > 0 else "bad"
    hint = None if full or test["visible_failed"] else HIDDEN_ONLY
    return {
        "outcome": TESTS["pass" if full else test["status"]],
        "colour": colour,
        "hidden": cell.source != cell.visible,
        "hint": hint,
        "message": ""
        if full
        else terminal_text(message_for_student(test), PRINTED_CAP),
        "visible": highlighted(cell.visible),
    }


def _by_person(marks: CellMarks) -> dict[str, Any]:
    waits = marks.waits or marks.unmarked
    again = marks.waits and marks.manual is not None
    return {
        "outcome": WAITS if waits else WORDS["by_hand"],
        "colour": "wait" if waits else "good" if _full(marks) else "part",
        "hidden": False,
        "hint": WORDS["again"] if again else None,
        "message": "",
        "visible": "",
    }


def _full(marks: CellMarks) -> bool:
    return marks.points >= marks.max_points


def zone_of(name: str, lang: str) -> tzinfo:
    """The course's time zone: nbgrader's setting, else Vietnam's for `lang` "vi"."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not name or name == "UTC":
        # Vietnam has had one time and no summer time since 1975 (tz database).
        return timezone(timedelta(hours=7)) if lang == "vi" else UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
