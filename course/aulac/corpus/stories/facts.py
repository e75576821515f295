"""Facts of Vietnam and of nature: only what is certain, with its date where it has one.

``provinces.tsv`` is the country as of 1 July 2025: 34 provinces and cities, and which
of the 63 before that day each was formed from. ``facts.tsv`` holds single statements,
each with a question it answers; the history in it stands in order of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .engine import Context, Rand, capitalised, entity, pick, render
from .lexicon import listed, rows
from .numerals import words

DAY = "ngày 1 tháng 7 năm 2025"


@dataclass(frozen=True)
class Province:
    """One of the 34, as of 1 July 2025."""

    name: str
    kind: str  # tỉnh or thành phố
    part: str  # miền Bắc, miền Trung, miền Nam
    formed_from: tuple[str, ...]  # empty where it was left as it was
    coast: bool
    borders: tuple[str, ...]
    seat: str  # where the administration sits, when the name does not say it
    sights: tuple[str, ...]

    @property
    def full(self) -> str:
        """With its rank before it: tỉnh Gia Lai, thành phố Huế."""
        return titled(self.name, self.kind)


@dataclass(frozen=True)
class Fact:
    """A statement, and a question with the short answer it gives."""

    topic: str
    about: str
    statement: str
    question: str
    answer: str


def titled(name: str, kind: str) -> str:
    """`name` after its rank, unless the name itself begins with it."""
    return name if name.startswith("Thành phố") else f"{kind} {name}"


def _cell(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(listed(text))


@cache
def provinces() -> tuple[Province, ...]:
    """The 34 provinces and cities."""
    return tuple(
        Province(
            name, kind, part, _cell(old), coast == "biển", _cell(borders),
            "" if seat == "-" else seat,
            tuple(s.strip() for s in sights.split(";")),
        )
        for name, kind, part, old, coast, borders, seat, sights in rows("provinces.tsv")
    )  # fmt: skip


@cache
def facts() -> tuple[Fact, ...]:
    """All single statements, in the order of the file."""
    return tuple(Fact(*row) for row in rows("facts.tsv"))


@cache
def topics() -> dict[str, tuple[Fact, ...]]:
    """The statements by topic."""
    return {
        topic: tuple(f for f in facts() if f.topic == topic)
        for topic in dict.fromkeys(f.topic for f in facts())
    }


def joined(names: tuple[str, ...] | list[str], last: str = "và") -> str:
    """A, B và C."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


_CITIES = ("Hà Nội", "Huế", "Hải Phòng", "Đà Nẵng", "Cần Thơ")
_OLD_CITIES = ("Hà Nội", "Hải Phòng", "Huế", "Đà Nẵng", "Cần Thơ")


def ranked(names: tuple[str, ...]) -> str:
    """The old provinces in a merger, each with its rank: tỉnh A, tỉnh B và thành phố C."""
    said = [
        titled(name, "thành phố" if name in _OLD_CITIES else "tỉnh")
        for name in names
    ]
    return joined(said)


def merger(province: Province, r: Rand) -> str:
    """How the province came to be on 1 July 2025, as one sentence."""
    if not province.formed_from:
        return pick(
            (
                f"{DAY}, khi cả nước sắp xếp lại còn 34 tỉnh, thành phố, {province.name} được giữ nguyên.",
                f"Từ {DAY}, nước ta có 34 tỉnh, thành phố; {province.name} vẫn giữ như trước.",
            ),
            r,
        )
    old = ranked(province.formed_from)
    return pick(
        (
            f"Từ {DAY}, {old} hợp nhất và lấy tên là {province.full}.",
            f"{province.full} ngày nay được hợp nhất từ {old} vào {DAY}.",
            f"Trước {DAY}, nơi đây là {old}; nay là {province.full}.",
        ),
        r,
    )


def _position(province: Province, r: Rand) -> str:
    said = f"{province.full} ở {province.part}"
    if province.coast and r() < 0.7:
        said += pick((", giáp biển", ", có bờ biển"), r)
    elif province.borders:
        said += f", giáp {joined(province.borders)}"
    return said + "."


def sample(items: tuple | list, count: int, r: Rand) -> list:
    """`count` different items in their own order."""
    chosen: set[int] = set()
    while len(chosen) < min(count, len(items)):
        chosen.add(int(r() * len(items)))
    return [items[i] for i in sorted(chosen)]


_OPENINGS = (
    "",
    "{t:teacher} kể cho {p:pupil} và các bạn nghe về {x}. ",
    "{p:pupil} tập làm hướng dẫn viên, giới thiệu về {x}. ",
    "Trong giờ địa lí, {p:pupil} lên bảng nói về {x}. ",
    "{p:pupil} được {k:kin} kể về {x}. ",
    "Hè này, {p:pupil} được {k:kin} cho đi {x}. Trước khi đi, {p.dai} tìm hiểu về nơi ấy. ",
)
_CLOSINGS = (
    "",
    "",
    " Ai đến {x} cũng nhớ mãi.",
    " Em mong một ngày được đến thăm {x}.",
    " {x} là một phần của đất nước Việt Nam tươi đẹp.",
)
_PERSON_CLOSINGS = (
    "",
    " {p.ten} mong một ngày được đến thăm {x}.",
    " {p.ten} thấy đất nước mình thật đẹp.",
    " {p.ten} ghi lại những điều ấy vào sổ.",
    " {p.ten} muốn đi thăm khắp mọi miền đất nước.",
)


def _province(r: Rand) -> tuple[str, str]:
    province = pick(provinces(), r)
    c: Context = {"x": entity(province.name)}
    opening = pick(_OPENINGS, r)
    said = [render(opening, c, r) + _position(province, r)]
    body = [merger(province, r)] if r() < 0.75 else []
    if province.seat and r() < 0.3:
        body.append(f"Trung tâm hành chính của tỉnh đặt ở {province.seat}.")
    sights = [f"{s}." for s in sample(province.sights, 2 + int(r() * 2), r)]
    body = body + sights if r() < 0.5 else sights + body
    closing = pick(_PERSON_CLOSINGS if "p" in c else _CLOSINGS, r)
    if "cho đi" in opening and "đến thăm" in closing:
        closing = ""
    text = " ".join(said + body) + render(closing, c, r)
    return province.name, capitalised(text)


_QUIZ = (
    "{t:teacher} [đố cả lớp|hỏi cả lớp|tổ chức đố vui].",
    "[Giờ ra chơi|Chiều nay], {p:pupil} và {q:pupil} đố nhau.",
    "[Tối nay|Sau bữa cơm], {k:kin} đố {p:pupil} mấy câu.",
    "Lớp {p:pupil.ten} thi đố vui. {p} đại diện cho tổ lên trả lời.",
)
_ASKED = (
    "\nHỏi: {h} Đáp: {d}.",
    "\nHỏi: {h}\nĐáp: {d}.",
)
_GOT = (
    "{ten} trả lời đúng cả, ai cũng vỗ tay.",
    "{ten} nhớ hết, ai cũng khen.",
    "Câu nào {ten} cũng trả lời được.",
    "{ten} thuộc bài nên trả lời rất nhanh.",
)


def _quiz(r: Rand) -> tuple[str, str]:
    pool = list(pick(list(topics().values()), r))
    c: Context = {}
    text = render(pick(_QUIZ, r), c, r)
    asked = pick(_ASKED, r)
    for fact in sample(pool, 2 + int(r() * 2), r):
        text += asked.format(h=fact.question, d=fact.answer)
    if r() < 0.6:
        if "p" not in c:
            render("{p:pupil}", c, r)
        text += "\n" + pick(_GOT, r).format(ten=c["p"]["ten"])
    return "Đố vui", capitalised(text)


_KNOW = (
    "Em có biết? ",
    "{p:pupil} đọc sách và biết thêm nhiều điều. ",
    "{k:kin} kể cho {p:pupil} nghe [mấy điều hay|nhiều điều thú vị]. ",
    "{t:teacher} dạy {p:pupil} và các bạn: ",
    "{p:pupil} ghi vào sổ những điều mới học: ",
    "Hôm nay, lớp của {p:pupil} học bài mới. ",
)
_KNEW = (
    "",
    " {p.ten} thấy [thật thú vị|hay quá].",
    " {p.ten} [về nhà kể lại cho {g:kin} nghe|nhớ mãi những điều ấy].",
    " {p.ten} muốn đọc thêm nhiều sách nữa.",
)


def _known(r: Rand) -> tuple[str, str]:
    topic, pool = pick(list(topics().items()), r)
    c: Context = {}
    text = render(pick(_KNOW, r), c, r)
    said = [f.statement for f in sample(pool, 2 + int(r() * 3), r)]
    text += " ".join(f"{s[0].upper()}{s[1:]}." for s in said)
    if "p" in c:
        text += render(pick(_KNEW, r), c, r)
    return f"Em có biết: {topic}", capitalised(text)


_HISTORY = (
    "{t:teacher} kể chuyện lịch sử cho lớp của {p:pupil} nghe. ",
    "{p:pupil} vẽ một trục thời gian. ",
    "{p:pupil} và {k:kin} đi thăm bảo tàng. Ở đó, {p.dai} biết được nhiều điều. ",
    "{p:pupil} ôn bài lịch sử cùng {q:pupil}. ",
    "Lịch sử nước ta có nhiều trang đáng nhớ. ",
)
# What may lead in the second, third and fourth event.
_ORDER = (("",), ("", "Sau đó, "), ("", "Về sau, "), ("",))


def _history(r: Rand) -> tuple[str, str]:
    dated = [
        f
        for f in topics()["lịch sử"]
        if any(ch.isdigit() for ch in f.statement)
    ]
    # Events begin with their date, so a later one may follow with nothing before it.
    dated = [
        f
        for f in dated
        if f.statement.startswith(("năm", "ngày", "tháng", "mùa"))
    ]
    c: Context = {}
    text = render(pick(_HISTORY, r), c, r)
    events = sample(dated, 3 + int(r() * 2), r)
    said = [
        pick(_ORDER[place], r) + event.statement + "."
        for place, event in enumerate(events)
    ]
    text += " ".join(said)
    if "p" in c:
        text += render(pick(_KNEW, r), c, r)
    return "Dòng lịch sử", capitalised(text)


@cache
def renamed() -> tuple[tuple[str, Province], ...]:
    """The old provinces that are part of another now, with that other."""
    return tuple(
        (old, p) for p in provinces() for old in p.formed_from if old != p.name
    )


def _before(r: Rand) -> tuple[str, str]:
    old, now = pick(renamed(), r)
    other, other_now = pick(renamed(), r)
    while other_now is now:
        other, other_now = pick(renamed(), r)
    c: Context = {}
    one = f"tỉnh {old} nay là một phần của {now.full}"
    two = f"tỉnh {other} nay là một phần của {other_now.full}"
    opening = pick(
        (
            '{p:pupil} xem bản đồ mới. {k:kin} bảo: "',
            '{p:pupil} hỏi {k:kin} về các tỉnh. {k} nói: "',
            'Trong giờ địa lí, {t:teacher} chỉ bản đồ cho {p:pupil} và cả lớp xem rồi nói: "',
        ),
        r,
    )
    text = render(opening, c, r)
    text += (
        f"Trước {DAY}, nước ta có {words(63)} tỉnh, thành phố. Từ ngày ấy còn "
        f'{words(34)}. Chẳng hạn, {one}, {two}." '
    )
    text += render(
        pick(
            (
                "{p.ten} gật đầu và ghi nhớ.",
                "{p.ten} tô màu các tỉnh lên bản đồ.",
                "{p.ten} đọc lại cho khỏi quên.",
            ),
            r,
        ),
        c,
        r,
    )
    return "Bản đồ mới", capitalised(text)


_WRITERS: tuple[Callable[[Rand], tuple[str, str]], ...] = (
    *(_province,) * 6,
    *(_quiz,) * 3,
    *(_known,) * 4,
    *(_history,) * 2,
    _before,
)


def write(r: Rand) -> tuple[str, str]:
    """One document of facts: its title and its text."""
    return pick(_WRITERS, r)(r)
