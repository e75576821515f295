"""Arithmetic in words: sums, word problems, money, clocks, weekdays and dates.

Every number is worked out here, never written into a template, so that what a
text claims is so. Small numbers come most often: a small model can learn them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from .engine import Context, Rand, capitalised, entity, pick, render
from .numerals import WEEKDAYS, words

Made = tuple[str, str]


def small(r: Rand, top: int = 10) -> int:
    """A number from 1 to `top`, the small ones more often."""
    return 1 + int(top * r() ** 1.5)


def _numbers(c: Context, **values: int) -> None:
    """Bind each number: ``{a}`` in words, ``{a.so}`` in digits."""
    for name, value in values.items():
        c[name] = entity(words(value), so=str(value))


# What is counted: phrases that take a number before them.
_THINGS = (
    ("{x:fruit}", "giỏ"),
    ("{x:fruit}", "túi"),
    ("{x:book}", "thùng"),
    ("{x:cake}", "hộp"),
    ("{x:flower}", "bó"),
    ("{x:toy}", "thùng"),
    ("viên bi", "túi"),
    ("cái kẹo", "gói"),
    ("{x:stationery}", "hộp"),
    ("quả trứng", "giỏ"),
    ("{x:vegetable}", "rổ"),
)


def _thing(c: Context, r: Rand) -> None:
    """Bind a countable thing with its classifier, and what holds many of it."""
    found, holder = pick(_THINGS, r)
    c["vat"] = entity(render(found, c, r))
    c["hop"] = entity(holder)


_ADD = (
    "{p:pupil} có {a} {vat}. [{k:kin} cho thêm|{k:kin} mua cho {p.dai}|Bạn {f:pupil.ten} tặng thêm] {b} {vat} nữa. Hỏi {p.ten} có tất cả bao nhiêu {vat}?",
    "Sáng nay, {h:neighbour} bán được {a} {vat}. Buổi chiều, {h.goi} bán thêm được {b} {vat}. Hỏi cả ngày {h.goi} bán được bao nhiêu {vat}?",
    "Trong {hop} có {a} {vat}. {p:pupil} [mang về thêm|để thêm vào] {b} {vat}. Hỏi bây giờ có bao nhiêu {vat}?",
    "{p:pupil} có {a} {vat}, {q:pupil} có {b} {vat}. Hỏi hai bạn có tất cả bao nhiêu {vat}?",
)
_TAKE = (
    "{p:pupil} có {a} {vat}. {p.dai} [cho|tặng|chia cho] {q:pupil} {b} {vat}. Hỏi {p.ten} còn lại bao nhiêu {vat}?",
    "{h:neighbour} có {a} {vat}, {h.goi} đã bán {b} {vat}. Hỏi {h.goi} còn bao nhiêu {vat}?",
    "Trong {hop} có {a} {vat}. {p:pupil} lấy đi {b} {vat}. Hỏi còn lại bao nhiêu {vat}?",
    "{p:pupil} có {a} {vat}, {q:pupil} có {b} {vat}. Hỏi {p.ten} có nhiều hơn {q.ten} bao nhiêu {vat}?",
)
_TIMES = (
    "Mỗi {hop} có {a} {vat}. Hỏi {b} {hop} như thế có bao nhiêu {vat}?",
    "{t:teacher} thưởng cho {b} bạn, mỗi bạn {a} {vat}. Hỏi {t.goi} đã thưởng tất cả bao nhiêu {vat}?",
    "Mỗi ngày {p:pupil} [mua|nhận được] {a} {vat}. Hỏi sau {b} ngày {p.ten} có bao nhiêu {vat}?",
)
_SHARE = (
    "{t:teacher} chia đều {n} {vat} cho {b} bạn. Hỏi mỗi bạn được bao nhiêu {vat}?",
    "Có {n} {vat} xếp đều vào {b} {hop}. Hỏi mỗi {hop} có bao nhiêu {vat}?",
    "{k:kin} chia đều {n} {vat} cho {b} [cháu|bạn nhỏ]. Hỏi mỗi người được mấy {vat}?",
)
_ANSWERS = {
    "cộng": "[Bài giải|Giải|Trả lời]: {a} cộng {b} bằng {n}. [Vậy có tất cả {n} {vat}.|Có {n} {vat}.|Đáp số: {n} {vat}.]",
    "trừ": "[Bài giải|Giải|Trả lời]: {a} trừ {b} bằng {n}. [Vậy kết quả là {n} {vat}.|Là {n} {vat}.|Đáp số: {n} {vat}.]",
    "nhân": "[Bài giải|Giải|Trả lời]: {a} nhân {b} bằng {n}. [Vậy có tất cả {n} {vat}.|Đáp số: {n} {vat}.]",
    "chia": "[Bài giải|Giải|Trả lời]: {n} chia {b} bằng {a}. [Vậy mỗi phần có {a} {vat}.|Đáp số: {a} {vat}.]",
}


def _add(r: Rand) -> tuple[int, int, int]:
    a, b = small(r), small(r)
    return a, b, a + b


def _take(r: Rand) -> tuple[int, int, int]:
    n, b = small(r), small(r)
    return n + b, b, n


def _times(r: Rand) -> tuple[int, int, int]:
    a, b = 1 + small(r, 9), 1 + small(r, 8)
    return a, b, a * b


_PROBLEMS = (
    ("cộng", _add, _ADD),
    ("cộng", _add, _ADD),
    ("trừ", _take, _TAKE),
    ("trừ", _take, _TAKE),
    ("nhân", _times, _TIMES),
    ("chia", _times, _SHARE),
)


def problem(r: Rand) -> tuple[str, str]:
    """A word problem and its answer, as two texts."""
    name, numbers, templates = pick(_PROBLEMS, r)
    c: Context = {}
    a, b, n = numbers(r)
    _numbers(c, a=a, b=b, n=n)
    _thing(c, r)
    question = render(pick(templates, r), c, r)
    return capitalised(question), capitalised(render(_ANSWERS[name], c, r))


def _worded(r: Rand) -> Made:
    question, answer = problem(r)
    return "Bài toán có lời văn", f"{question}\n{answer}"


def fact(r: Rand, top: int = 10) -> tuple[int, str, int, int]:
    """A sum: first number, operation in words, second number, result."""
    kind = pick(("cộng", "cộng", "cộng", "trừ", "trừ", "nhân"), r)
    a, b = small(r, top), small(r, top)
    if kind == "cộng":
        return a, kind, b, a + b
    if kind == "trừ":
        return a + b, kind, b, a
    a, b = min(a, 10), min(b, 10)
    return a, kind, b, a * b


SIGNS = {"cộng": "+", "trừ": "-", "nhân": "x", "chia": ":"}


def _sums(r: Rand) -> Made:
    """A child practises some sums with someone."""
    c: Context = {}
    lines = [render(pick(_PRACTICE, r), c, r)]
    asked = set()
    for _ in range(2 + int(r() * 3)):
        a, kind, b, n = fact(r, 10 if r() < 0.8 else 50)
        if (a, kind, b) in asked:
            continue
        asked.add((a, kind, b))
        said = f"{words(a)} {kind} {words(b)} bằng {words(n)}"
        if r() < 0.5:
            lines.append(f"{said.capitalize()}.")
        else:
            lines.append(f"{a} {SIGNS[kind]} {b} = {n}, đọc là {said}.")
    lines.append(render(pick(_PRAISE, r), c, r))
    return "Làm tính", capitalised(" ".join(lines))


_PRACTICE = (
    "{p:pupil} ngồi làm tính [cùng {k:kin}|bên cửa sổ|ở góc học tập]. {k:kin} [đọc từng phép tính|ra đề], {p.dai} trả lời rất nhanh.",
    "Giờ toán, {k:teacher} gọi {p:pupil} lên bảng làm tính.",
    "[Tối nay|Chiều nay], {p:pupil} học bảng tính với {k:kin}.",
    "{p:pupil} tập [tính nhẩm|làm tính] để chuẩn bị bài cho {k:teacher}.",
)
_PRAISE = (
    '{k} khen: "[Đúng rồi!|Giỏi lắm!|Tính đúng hết rồi!]"',
    "{p.ten} làm đúng cả, {k} rất vui.",
    "{k} gật đầu, {p.ten} cười tươi.",
)


def _counting(r: Rand) -> Made:
    """Counting on or back in steps, in words."""
    c: Context = {}
    step = pick((1, 1, 2, 2, 3, 5, 10), r)
    start = int(r() * 60) if step < 5 else step * int(r() * 8)
    length = 6 + int(r() * 4)
    row = [start + step * i for i in range(length)]
    way = "đếm xuôi"
    if r() < 0.3:
        row, way = row[::-1], "đếm ngược"
    said = ", ".join(words(n) for n in row)
    opening = render(
        pick(
            (
                "{p:pupil} tập WAY cho {k:kin} ngheSTEP: ",
                "{t:teacher} nhờ {p:pupil} WAY từ FROM đến TOSTEP. {p.dai} đếm: ",
                "{p:pupil} và {q:pupil} chơi [trốn tìm|nhảy dây]. {p.ten} WAYSTEP: ",
            ),
            r,
        ),
        c,
        r,
    )
    sign = "bớt" if way == "đếm ngược" else "thêm"
    by = "" if step == 1 else f", mỗi lần {sign} {words(step)}"
    for mark, value in (
        ("STEP", by),
        ("WAY", way),
        ("FROM", words(row[0])),
        ("TO", words(row[-1])),
    ):
        opening = opening.replace(mark, value)
    return "Tập đếm", capitalised(f"{opening}{said}.")


def _compare(r: Rand) -> Made:
    """Which is greater, with a reason in things."""
    c: Context = {}
    _thing(c, r)
    a, b = small(r, 20), small(r, 20)
    _numbers(c, a=a, b=b, d=abs(a - b), n=a + b)
    head = "{p:pupil} có {a} {vat}, {q:pupil} có {b} {vat}. "
    if a == b:
        tail = "{a} bằng {b}, nên hai bạn có bằng nhau."
    else:
        more, less = ("p", "q") if a > b else ("q", "p")
        tail = (
            f"[{words(max(a, b))} lớn hơn {words(min(a, b))}|"
            f"{words(min(a, b))} bé hơn {words(max(a, b))}], nên "
            f"{{{more}.ten}} có nhiều hơn {{{less}.ten}} {{d}} {{vat}}."
        )
        if abs(a - b) % 2 == 0 and r() < 0.5:
            half = words(abs(a - b) // 2)
            tail += (
                f" Nếu {{{more}.ten}} cho {{{less}.ten}} {half} {{vat}} "
                "thì hai bạn có bằng nhau."
            )
    return "So sánh", capitalised(render(head + tail, c, r))


def _money(r: Rand) -> Made:
    """Shopping: two prices, the sum, the change."""
    c: Context = {}
    first, second = 1000 * (2 + small(r, 18)), 1000 * (2 + small(r, 18))
    total = first + second
    note = next(n for n in (10000, 20000, 50000, 100000) if n >= total)
    _numbers(c, a=first, b=second, t=total, n=note, d=note - total)
    template = (
        "{p:pupil} đi [chợ|cửa hàng|hiệu sách] mua {x:stationery} giá {a} đồng và "
        "{y:stationery} giá {b} đồng. [Hai thứ hết tất cả {t} đồng.|"
        "{a} đồng cộng {b} đồng là {t} đồng.] "
    )
    if note > total:
        template += (
            "{p.ten} đưa [cô bán hàng|chú bán hàng|bác bán hàng] tờ {n} đồng "
            "[và nhận lại {d} đồng|nên được trả lại {d} đồng]. "
        )
    else:
        template += "{p.ten} đưa đúng {n} đồng, không phải trả lại. "
    template += (
        "[{p.dai} cảm ơn rồi ra về.|{p.dai} đếm lại tiền rồi cất cẩn thận.|"
        "Về nhà, {p.dai} khoe với {k:kin}.]"
    )
    return "Đi mua hàng", capitalised(render(template, c, r))


def _clock(r: Rand) -> Made:
    """Times of a day that follow from one another."""
    c: Context = {}
    hour = 6 + int(r() * 4)
    spent = small(r, 3)
    _numbers(c, a=hour, b=spent, n=hour + spent)
    template = (
        "[Sáng nay|Sáng chủ nhật|Hôm nay], {p:pupil} bắt đầu tập {h:practise} lúc {a} giờ sáng. "
        "{p.dai} tập trong {b} [giờ|tiếng]. {a} giờ thêm {b} giờ là {n} giờ, nên "
        "{p.dai} xong lúc {n} giờ "
        + (
            "trưa"
            if hour + spent in (11, 12)
            else "chiều"
            if hour + spent > 12
            else "sáng"
        )
        + ". [{k:kin} khen {p.dai} biết xem đồng hồ.|Sau đó, {p.dai} giúp {k:kin} {v:chore}.|"
        "Thời gian trôi nhanh quá!]"
    )
    return "Xem đồng hồ", capitalised(render(template, c, r))


def calendar(r: Rand) -> tuple[Context, date, int]:
    """A day, a number of days, and the day so much later, bound in a context."""
    day = date(2020, 1, 1) + timedelta(days=int(r() * 3650))
    gap = pick((1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 7, 10, 14), r)
    later = day + timedelta(days=gap)
    c: Context = {
        "x": entity(dated(day), thu=WEEKDAYS[day.weekday()]),
        "y": entity(dated(later), thu=WEEKDAYS[later.weekday()]),
        "qua": entity(WEEKDAYS[(day.weekday() - 1) % 7]),
        "mai": entity(WEEKDAYS[(day.weekday() + 1) % 7]),
        "sau": entity(words(gap)),
    }
    return c, day, gap


def dated(day: date) -> str:
    """A date as written: ngày 5 tháng 3 năm 2024."""
    return f"ngày {day.day} tháng {day.month} năm {day.year}"


def _weekday(r: Rand) -> Made:
    """What day it is so many days later, by the real calendar."""
    c, _, gap = calendar(r)
    template = pick(
        (
            "Hôm nay là {x.thu}, {x}. [Hôm qua là {qua}, ngày mai là {mai}.|Ngày mai là {mai}.] ",
            "{p:pupil} xem lịch: {x} là {x.thu}. ",
            "Trên tường có tờ lịch ghi: {x.thu}, {x}. ",
        ),
        r,
    )
    if gap == 1:
        template += "[Một ngày sau|Hôm sau] là {y.thu}, {y}. "
    elif gap == 7:
        template += "Bảy ngày là đúng một tuần, nên {sau} ngày sau vẫn là {y.thu}, {y}. "
    elif gap == 14:
        template += (
            "Mười bốn ngày là đúng hai tuần, nên khi ấy cũng là {y.thu}, {y}. "
        )
    else:
        template += "{sau} ngày sau là {y.thu}, {y}. "
    template += pick(
        (
            "Hôm đó, {p:pupil} sẽ [đi thăm {h:neighbour}|cùng {k:kin} đi {noi:outing}|thi vẽ ở trường].",
            "{p:pupil} [đánh dấu vào lịch|ghi vào sổ] để khỏi quên.",
            "{p:pupil} mong đến hôm đó để được {h:hobby}.",
        ),
        r,
    )
    return "Xem lịch", capitalised(render(template, c, r))


def _spelled(r: Rand) -> Made:
    """How numbers are read: mười and mươi, một and mốt, năm and lăm, bốn and tư."""
    c: Context = {}
    numbers = sorted(
        {
            10 + int(r() * 90) if r() < 0.7 else 100 + int(r() * 900)
            for _ in range(4)
        }
    )
    said = "; ".join(f"số {n} đọc là {words(n)}" for n in numbers)
    template = pick(
        (
            "{t:teacher} dạy {p:pupil} đọc số: SAID.",
            "{p:pupil} tập đọc số: SAID. [{k:kin} khen {p.dai} đọc rất rõ.|{p.dai} đọc đúng cả.]",
            "Bài đọc số của {p:pupil} hôm nay: SAID.",
        ),
        r,
    )
    return "Đọc số", capitalised(render(template, c, r).replace("SAID", said))


_WRITERS: tuple[Callable[[Rand], Made], ...] = (
    *(_worded,) * 8,
    *(_sums,) * 6,
    _counting,
    _compare,
    _compare,
    _money,
    _money,
    _clock,
    _weekday,
    _weekday,
    _spelled,
)


def write(r: Rand) -> tuple[str, str]:
    """One document of arithmetic: its title and its text."""
    return pick(_WRITERS, r)(r)
