"""Question files of one's own, as JSON lines: this course's form, VMLU's and XCOPA's.

Every loader gives `choice.Question`s, and names file and line of what it cannot use.
Blank lines are passed over; a byte order mark, as Windows writes it, does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aulac.evaluate.choice import Question, QuestionError

Record = dict[str, Any]
Made = TypeVar("Made")


def load(path: Path) -> list[Question]:
    """Ours: id, subject, question, options (a list), answer (an index from 0).

    Raises QuestionError, as the other loaders do: file, line, what is wrong.
    """
    return _each(path, _ours)


def load_vmlu(path: Path) -> list[Question]:
    """VMLU's: id, question, choices ["A. …", …], answer "A".

    The id begins with the subject's number. Questions without an answer (VMLU's
    test split has none) are refused, since nothing could be scored.
    See https://vmlu.ai: the data are their owners', and are not part of this course.
    """
    return _each(path, _vmlu)


def load_xcopa(path: Path) -> list[Question]:
    """XCOPA's (Ponti et al., 2020): premise, choice1, choice2, question, label.

    The premise is continued by "bởi vì" (because) or "vì vậy" (so) and an option.
    """
    return _each(path, _xcopa)


def load_records(path: Path, fields: Sequence[str]) -> list[Record]:
    """The objects of a file as they are, each with all of `fields`."""

    def whole(row: Record, line: int) -> Record:
        for name in fields:
            _given(row, name)
        return row

    return _each(path, whole)


def load_texts(path: Path) -> list[str]:
    """The `text` of each object of a file."""
    return _each(path, lambda row, line: _string(row, "text"))


LOADERS = {"choice": load, "vmlu": load_vmlu, "xcopa": load_xcopa}


def rows(path: Path) -> Iterator[tuple[int, Record]]:
    """Line number and object of each line of a JSON lines file."""
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        with _named(path, number):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise QuestionError(
                    f"not JSON ({error}): each line must be one whole object, "
                    '{"…": …}.',
                    f"không phải JSON ({error}): mỗi dòng phải là trọn một đối tượng, "
                    '{"…": …}.',
                ) from None
            if not isinstance(row, dict):
                raise QuestionError(
                    'not an object {"…": …}, as each line must be.',
                    'không phải một đối tượng {"…": …} như mỗi dòng phải có.',
                )
        yield number, row


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise QuestionError(
            f"{path} cannot be read: {reason}. Give a file of JSON lines.",
            f"không đọc được {path} ({reason}). Hãy đưa một tệp JSON, mỗi dòng một "
            "đối tượng.",
        ) from None
    except UnicodeDecodeError as error:
        raise QuestionError(
            f"{path} cannot be read: byte {error.start + 1} is not UTF-8. Save it as "
            "UTF-8 JSON lines.",
            f"không đọc được {path}: byte thứ {error.start + 1} không phải UTF-8. Hãy "
            "lưu lại tệp ở dạng UTF-8, mỗi dòng một đối tượng JSON.",
        ) from None


@contextmanager
def _named(path: Path, line: int) -> Iterator[None]:
    """Puts file and line before what is wrong with a row."""
    try:
        yield
    except QuestionError as error:
        raise QuestionError(
            f"{path}, line {line}: {error}",
            f"{path}, dòng {line}: {error.vi}",
        ) from None


def _each(path: Path, make: Callable[[Record, int], Made]) -> list[Made]:
    found = []
    for line, row in rows(path):
        with _named(path, line):
            found.append(make(row, line))
    return found


def _ours(row: Record, line: int) -> Question:
    return Question(
        id=str(_given(row, "id")),
        subject=str(_given(row, "subject")),
        stem=_string(row, "question").strip(),
        options=_strings(row, "options"),
        answer=_index(row, "answer"),
    )


def _vmlu(row: Record, line: int) -> Question:
    name = str(_given(row, "id"))
    return Question(
        id=name,
        subject=name.split("-", 1)[0],
        stem=_string(row, "question").strip(),
        options=tuple(map(_after_letter, _strings(row, "choices"))),
        answer=_letter(row.get("answer")),
    )


CONNECTIVES = {"cause": "bởi vì", "effect": "vì vậy"}


def _xcopa(row: Record, line: int) -> Question:
    kind = _string(row, "question")
    if kind not in CONNECTIVES:
        raise QuestionError(
            f"'question' is {kind!r}, neither cause nor effect.",
            f"'question' là {kind!r}, không phải cause hay effect.",
        )
    word = CONNECTIVES[kind]
    said = _string(row, "premise").strip().rstrip(".")
    return Question(
        id=str(row.get("idx", line)),
        subject=kind,
        stem=f"{said} {word}",
        options=tuple(_inside(_string(row, f"choice{n}")) for n in (1, 2)),
        answer=_index(row, "label"),
        prompt="{stem}",
        neutral=word,
    )


def premise(question: Question) -> str:
    """What XCOPA's file itself says, without the connective."""
    return question.stem.removesuffix(f" {CONNECTIVES[question.subject]}")


# -- fields --------------------------------------------------------------------


def _given(row: Record, name: str) -> Any:
    if name not in row:
        has = ", ".join(map(repr, row)) or "nothing"
        raise QuestionError(
            f"there is no {name!r} in it; there is {has}.",
            f"không có trường {name!r}; chỉ có {', '.join(map(repr, row))}.",
        )
    return row[name]


def _string(row: Record, name: str) -> str:
    value = _given(row, name)
    if not isinstance(value, str):
        raise QuestionError(
            f"{name!r} is {value!r}, not a text.",
            f"{name!r} là {value!r}, không phải một chuỗi chữ.",
        )
    return value


def _strings(row: Record, name: str) -> tuple[str, ...]:
    value = _given(row, name)
    if not isinstance(value, list) or not all(
        isinstance(text, str) for text in value
    ):
        raise QuestionError(
            f'{name!r} is {value!r}, not a list of texts such as ["2", "3"].',
            f'{name!r} là {value!r}, không phải một dãy chuỗi chữ như ["2", "3"].',
        )
    return tuple(value)


def _index(row: Record, name: str) -> int:
    value = _given(row, name)
    if type(value) is not int:  # True is an int, and no index
        raise QuestionError(
            f"{name!r} is {value!r}, not the number of an option, from 0.",
            f"{name!r} là {value!r}, không phải số thứ tự của phương án, tính từ 0.",
        )
    return value


def _letter(answer: Any) -> int:
    letter = answer.strip().upper() if isinstance(answer, str) else ""
    if len(letter) != 1 or not letter.isalpha():
        raise QuestionError(
            f"the answer is {answer!r}, not a letter: a split without answers "
            "cannot be scored.",
            f"đáp án là {answer!r}, không phải một chữ cái: phần dữ liệu không có đáp "
            "án thì không chấm được.",
        )
    return ord(letter) - ord("A")


def _after_letter(option: str) -> str:
    """ "A. Hà Nội" → "Hà Nội"."""
    head, mark, rest = option.partition(".")
    return rest.strip() if mark and len(head.strip()) == 1 else option.strip()


def _inside(sentence: str) -> str:
    """A sentence as it stands inside another: no capital at its start."""
    text = sentence.strip()
    return text[:1].lower() + text[1:]
