"""Proverbs and folk verse, explained in our own words, with a scene they fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .engine import (
    Context,
    Rand,
    Template,
    capitalised,
    compiled,
    entity,
    pick,
    render,
)
from .lexicon import rows


@dataclass(frozen=True)
class Proverb:
    """A saying: its group, its words, its meaning and lesson in our words."""

    group: str
    words: str
    meaning: str
    lesson: str


@cache
def proverbs() -> tuple[Proverb, ...]:
    """All of them."""
    return tuple(Proverb(*row) for row in rows("proverbs.tsv"))


@cache
def scenes() -> dict[str, list[Template]]:
    """The scenes by group of proverbs."""
    text = (files(__package__) / "situations.txt").read_text(encoding="utf-8")
    found = {}
    for block in text.split("\n\n"):
        lines = [
            line for line in block.splitlines() if line and line[0] != "#"
        ]
        if lines:
            found[lines[0]] = [compiled(line) for line in lines[1:]]
    return found


_TOLD = (
    '{nguoi} [bảo|nói]: "Tục ngữ có câu: {cau}. Nghĩa là {nghia}."',
    '{nguoi} [nhắc|dạy]: "Ông bà ta có câu: {cau}. Câu ấy khuyên ta {bai}."',
    "[Câu chuyện ấy|Chuyện này] làm {nguoi} nhớ đến câu tục ngữ: {cau}. Câu ấy có nghĩa là {nghia}.",
    '{nguoi} đọc: "{cau}." Rồi {nguoi} giải thích: {nghia}.',
)
_AFTER = (
    "",
    " {b.ten} [hiểu ra|gật đầu] và [hứa sẽ nhớ|ghi câu ấy vào sổ|nhớ mãi lời ấy].",
    ' {b.ten} nói: "{nguoi.xung} hiểu rồi ạ."',
    " Từ đó, {b.ten} luôn nhớ [lời khuyên|lời dạy]: {bai}.",
    " {b.ten} thấy câu nói ấy thật đúng.",
)
_PLAIN = (
    'Tục ngữ có câu: "{cau}." [Câu này|Câu ấy] có nghĩa là {nghia}. [Bài học là {bai}.|Qua đó, ông bà ta khuyên {bai}.]',
    '"{cau}" là lời ông bà ta dạy. [Ý câu ấy là {nghia}.|Nghĩa là {nghia}.] Ta học được điều này: {bai}.',
    '[Em|Bạn] có biết câu "{cau}" không? Câu ấy [nói rằng|có nghĩa là] {nghia}.',
)


def _bound(proverb: Proverb) -> Context:
    return {
        "cau": entity(proverb.words),
        "nghia": entity(proverb.meaning),
        "bai": entity(proverb.lesson),
    }


def explain(proverb: Proverb, r: Rand) -> str:
    """The meaning and lesson of a proverb, in one or two sentences."""
    return capitalised(render(pick(_PLAIN, r), _bound(proverb), r))


def write(r: Rand) -> tuple[str, str]:
    """One proverb with a scene and its meaning: a title and the text."""
    proverb = pick(proverbs(), r)
    c = _bound(proverb)
    scene = pick(scenes()[proverb.group], r).render(c, r)
    render("{nguoi:kin}", c, r)
    for name in ("g", "k"):
        if name in c:
            c["nguoi"] = c[name]
    shape = r()
    if shape < 0.7:
        text = f"{scene} {render(pick(_TOLD, r), c, r)}"
        text += render(pick(_AFTER, r), c, r)
    else:
        text = f"{render(pick(_PLAIN, r), c, r)} Chẳng hạn: {scene}"
    return proverb.words, capitalised(text)
