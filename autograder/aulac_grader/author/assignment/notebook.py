"""An assignment in one language as an nbgrader source notebook.

Code cells, cell ids and nbgrader's metadata are the same in both languages; only the
prose differs. The title, the table of problems and the change log are made from the
header, so they cannot disagree with what is graded.
"""

from __future__ import annotations

from typing import Any

from .document import LANGUAGES, Assignment, Cell, Problem

WORDS = {
    "vi": {
        "points": "điểm",
        "minutes": "phút",
        "about": "khoảng",
        "problem": "Bài",
        "deliverable": "Nộp",
        "no_gpu": "Không có GPU?",
        "total": "Tổng",
        "before": "Nên học trước",
        "lesson": "bài học",
        "machine": "Máy",
        "changes": "Nhật ký thay đổi của đề",
        "by_hand": "người chấm",
        "by_machine": "máy chấm",
        "graded": "Ai chấm",
        "how": (
            "**Cách làm.** Viết vào những ô có dòng `# Viết mã của bạn ở đây`. Ô kiểm "
            "tra đứng ngay sau đó cho bạn thấy một phần các phép thử; khi chấm còn có "
            "thêm phép thử ẩn, cùng tinh thần. Trước khi nộp, khởi động lại kernel, "
            "chạy mọi ô (*Kernel → Restart Kernel and Run All Cells*) và đọc lại từ "
            "đầu đến cuối. Bạn được tra cứu, được hỏi bạn bè và trợ lý AI; điều bạn "
            "nộp phải là thứ bạn giải thích được từng dòng."
        ),
    },
    "en": {
        "points": "points",
        "minutes": "minutes",
        "about": "about",
        "problem": "Problem",
        "deliverable": "Hand in",
        "no_gpu": "No GPU?",
        "total": "Total",
        "before": "Learn first",
        "lesson": "lesson",
        "machine": "Machine",
        "changes": "Change log of this assignment",
        "by_hand": "a person",
        "by_machine": "the grader",
        "graded": "Graded by",
        "how": (
            "**How to work.** Write in the cells that say `# Write your code here`. "
            "The test cell right after shows you some of the tests; grading adds "
            "hidden ones in the same spirit. Before you hand in, choose *Kernel → "
            "Restart Kernel and Run All Cells* and read it from top to bottom. You may "
            "look things up, ask friends and AI assistants; what you hand in must be "
            "something you can explain line by line."
        ),
    },
}


def notebook(assignment: Assignment, lang: str) -> Any:
    """The instructor's version in `lang`, with solutions, hidden tests and all.

    Returns an `nbformat.NotebookNode` (version 4.5).
    """
    from nbformat import v4

    cells = [
        _markdown(f"{assignment.short}-title", title_text(assignment, lang))
    ]
    numbers = {
        problem.id: n for n, problem in enumerate(assignment.problems, 1)
    }
    for cell in assignment.cells:
        cell_id = cell.grade_id or f"{assignment.short}-{cell.number:03d}"
        text = cell.source[lang]
        if cell.opens:
            problem = assignment.problems[numbers[cell.opens] - 1]
            opening = problem_text(problem, numbers[cell.opens], lang)
            text = f"{opening}\n\n{text}"
        cells.append(_cell(cell, cell_id, text))
    cells.append(
        _markdown(
            f"{assignment.short}-changes", changes_text(assignment, lang)
        )
    )
    return v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "aulac": {
                "assignment": assignment.name,
                "lang": lang,
                # In both languages: feedback can be read in either.
                "title": dict(assignment.title),
                "problems": [
                    {"id": problem.id, "title": dict(problem.title)}
                    for problem in assignment.problems
                ],
            },
        },
    )


def _markdown(cell_id: str, text: str) -> Any:
    from nbformat import v4

    return v4.new_markdown_cell(text, id=cell_id)


def _cell(cell: Cell, cell_id: str, text: str) -> Any:
    from nbformat import v4

    metadata: dict[str, Any] = {}
    if cell.nbgrader:
        metadata["nbgrader"] = dict(cell.nbgrader)
    declared = {
        "provides": list(cell.provides),
        "files": list(cell.files),
        "seconds": cell.seconds,
    }
    if any(declared.values()):
        metadata["aulac"] = {k: v for k, v in declared.items() if v}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    make = (
        v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    )
    return make(text, id=cell_id, metadata=metadata)


def title_text(assignment: Assignment, lang: str) -> str:
    """The opening cell: title, what it is about, the table of problems."""
    words = WORDS[lang]
    lessons = ", ".join(assignment.prerequisites)
    rows = [
        f"| | | {words['points']} | {words['minutes']} | {words['graded']} |",
        "|---|---|---:|---:|---|",
    ]
    for number, problem in enumerate(assignment.problems, 1):
        rows.append(
            f"| {number} | {problem.title[lang]} | {problem.points:g} | "
            f"{problem.minutes} | {words[_grader(assignment, problem)]} |"
        )
    rows.append(
        f"| | **{words['total']}** | **{assignment.points:g}** | "
        f"**{assignment.minutes}** | |"
    )
    parts = [f"# {assignment.title[lang]}", assignment.summary[lang]]
    if lessons:
        parts.append(f"**{words['before']}:** {words['lesson']} {lessons}.")
    parts.append(f"**{words['machine']}:** {assignment.machine[lang]}")
    return "\n\n".join([*parts, "\n".join(rows), words["how"]])


def _grader(assignment: Assignment, problem: Problem) -> str:
    """By whom `problem` is graded: a key of WORDS."""
    kinds = {
        cell.kind
        for cell in assignment.cells
        if cell.points and cell.grade_id.split("-", 1)[0] == problem.id
    }
    return "by_machine" if kinds == {"test"} else "by_hand"


def problem_text(problem: Problem, number: int, lang: str) -> str:
    """A problem's heading and the line of facts under it."""
    words = WORDS[lang]
    return (
        f"## {words['problem']} {number}. {problem.title[lang]}\n\n"
        f"> **{problem.points:g} {words['points']}** · {words['about']} "
        f"{problem.minutes} {words['minutes']} · "
        f"**{words['deliverable']}:** {problem.deliverable[lang]} · "
        f"**{words['no_gpu']}** {problem.without_gpu[lang]}"
    )


def changes_text(assignment: Assignment, lang: str) -> str:
    lines = [
        f"- {change.date}: {change.text[lang]}"
        for change in assignment.changes
    ]
    return "\n".join([f"## {WORDS[lang]['changes']}", "", *lines])


def differences(assignment: Assignment) -> list[str]:
    """Where the two languages differ in something other than prose (nowhere)."""
    vi, en = (notebook(assignment, lang) for lang in LANGUAGES)
    faults = []
    if [c.id for c in vi.cells] != [c.id for c in en.cells]:
        faults.append("the two languages do not have the same cells")
    for one, other in zip(vi.cells, en.cells, strict=False):
        if one.metadata != other.metadata or one.cell_type != other.cell_type:
            faults.append(
                f"cell {one.id}: metadata differ between the languages"
            )
        if one.cell_type == "code" and one.source != other.source:
            faults.append(f"cell {one.id}: code differs between the languages")
    return faults
