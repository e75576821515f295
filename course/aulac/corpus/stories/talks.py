"""Conversations for instruction tuning, from the same worlds as the documents.

One to three turns; short answers that a model of a million parameters can learn:
who it is, greetings, facts with their dates, sums up to twenty, little stories,
proverbs, two lines of verse, and a polite "I don't know".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from . import arithmetic, facts, lucbat, proverbs
from .engine import Context, Rand, Template, bind, capitalised, compiled, pick
from .lexicon import common, rows
from .numerals import WEEKDAYS, words

Turn = dict[str, str]
Exchange = tuple[str, str]

SYSTEM = (
    "Bạn là Âu Lạc, một mô hình ngôn ngữ nhỏ nói tiếng Việt.",
    "Bạn là Âu Lạc. Hãy trả lời ngắn gọn, lễ phép.",
    "Bạn là trợ lí tiếng Việt tên là Âu Lạc.",
)


@cache
def fixed() -> dict[str, tuple[list[str], list[str]]]:
    """Questions and answers that need no grammar, by group."""
    return {
        group: (asked.split("|"), answers.split("|"))
        for group, asked, answers in rows("talks.tsv")
    }


@cache
def tiny_tales() -> dict[str, list[Template]]:
    """Very short stories by theme."""
    text = (files(__package__) / "talks.txt").read_text(encoding="utf-8")
    found = {}
    for block in text.split("\n\n"):
        lines = [
            line for line in block.splitlines() if line and line[0] != "#"
        ]
        if lines:
            found[lines[0]] = [compiled(line) for line in lines[1:]]
    return found


def _said(*groups: str) -> Callable[[Rand], Exchange]:
    def say(r: Rand) -> Exchange:
        asked, answers = fixed()[pick(groups, r)]
        return common(asked, r), pick(answers, r)

    return say


def upper(text: str) -> str:
    """`text` with its first letter in upper case."""
    return text[0].upper() + text[1:]


_ASKS = ("{}", "{}", "{}", "Cho mình hỏi: {}", "Âu Lạc ơi, {}", "Bạn ơi, {}")


def asked(question: str, r: Rand) -> str:
    """A question with or without a word of politeness before it."""
    way = pick(_ASKS, r)
    if way != "{}" and question.split()[0] in _COMMON_WORDS:
        question = question[0].lower() + question[1:]
    return way.format(question)


# First words that lose their capital when something stands before them.
_COMMON_WORDS = frozenset(
    [
        "Ai",
        "Con",
        "Một",
        "Vì",
        "Khi",
        "Thủ",
        "Dân",
        "Núi",
        "Dãy",
        "Sông",
        "Nước",
        "Phía",
        "Miền",
        "Đảo",
        "Vùng",
        "Hai",
        "Quốc",
        "Vua",
        "Tên",
        "Ngày",
        "Trái",
        "Hành",
        "Cây",
        "Lá",
        "Rễ",
        "Loài",
        "Nam",
        "Người",
        "Bộ",
        "Gặp",
        "Đi",
        "Tổng",
        "Bảng",
        "Tiếng",
        "Thơ",
        "Trang",
        "Đàn",
        "Không",
        "Câu",
        "Tỉnh",
        "Thành",
        "Số",
        "Sau",
        "Trước",
        "Hôm",
        "Hãy",
        "Kể",
        "Viết",
        "Đọc",
        "Nòng",
        "Truyện",
        "Trên",
    ]
)


def fact(r: Rand) -> Exchange:
    """A single fact; those at the front of each topic no more often than others."""
    found = pick(facts.facts(), r)
    answer = found.statement if r() < 0.7 else found.answer
    return asked(found.question, r), f"{upper(answer)}."


def province(r: Rand) -> Exchange:
    """Where a province is, what it was formed from, what is to be seen there."""
    found = pick(facts.provinces(), r)
    return pick((_formed, _formed, _where, _sea, _sights, _old, _old), r)(
        found, r
    )


def _formed(p: facts.Province, r: Rand) -> Exchange:
    question = pick(
        (
            f"{upper(p.full)} được hợp nhất từ những tỉnh nào?",
            f"{upper(p.full)} ngày nay gồm những tỉnh nào trước kia?",
            f"Từ {facts.DAY}, {p.full} gồm những tỉnh nào trước đó?",
        ),
        r,
    )
    if not p.formed_from:
        return (
            question,
            f"{upper(p.full)} được giữ nguyên, không hợp nhất với tỉnh nào.",
        )
    old = facts.ranked(p.formed_from)
    return question, f"Từ {facts.DAY}, {old} hợp nhất và lấy tên là {p.full}."


def _where(p: facts.Province, r: Rand) -> Exchange:
    question = pick((f"{p.name} ở đâu?", f"{upper(p.full)} ở miền nào?"), r)
    return question, f"{upper(p.full)} ở {p.part} nước ta."


def _sea(p: facts.Province, r: Rand) -> Exchange:
    question = pick(
        (f"{p.name} có biển không?", f"{upper(p.full)} có giáp biển không?"), r
    )
    if p.coast:
        return question, f"Có, {p.full} có giáp biển."
    return question, f"Không, {p.full} không giáp biển."


def _sights(p: facts.Province, r: Rand) -> Exchange:
    question = pick(
        (
            f"{p.name} có gì hay?",
            f"Kể cho mình nghe về {p.name}.",
            f"{p.name} có gì?",
        ),
        r,
    )
    told = facts.sample(p.sights, 2, r)
    return question, " ".join(f"{upper(s)}." for s in told)


def _old(p: facts.Province, r: Rand) -> Exchange:
    old, now = pick(facts.renamed(), r)
    question = pick(
        (
            f"Tỉnh {old} nay thuộc tỉnh nào?",
            f"{old} bây giờ thuộc đâu?",
            f"{old} đã hợp nhất vào tỉnh nào?",
        ),
        r,
    )
    return question, f"Từ {facts.DAY}, tỉnh {old} là một phần của {now.full}."


def total(r: Rand) -> Exchange:
    """A sum whose numbers and result stay within twenty."""
    top = 5 if r() < 0.6 else 10
    a, b = arithmetic.small(r, top), arithmetic.small(r, top)
    kind = "cộng"
    n = a + b
    if r() < 0.4:
        a, n, kind = a + b, a, "trừ"
    if r() < 0.5:
        sign = arithmetic.SIGNS[kind]
        question = pick(
            (
                f"{a} {sign} {b} = ?",
                f"{a} {sign} {b} bằng mấy?",
                f"Tính {a} {sign} {b}.",
            ),
            r,
        )
        return question, f"{a} {sign} {b} = {n}."
    question = pick(
        (
            f"{upper(words(a))} {kind} {words(b)} bằng mấy?",
            f"{upper(words(a))} {kind} {words(b)} bằng bao nhiêu?",
            f"{a} {kind} {b} bằng bao nhiêu?",
        ),
        r,
    )
    return question, f"{upper(words(a))} {kind} {words(b)} bằng {words(n)}."


def number(r: Rand) -> Exchange:
    """Order of numbers and days."""
    shape = int(r() * 4)
    if shape == 0:
        n = arithmetic.small(r, 20)
        return f"Sau số {n} là số mấy?", f"Sau số {n} là số {n + 1}."
    if shape == 1:
        n = arithmetic.small(r, 20)
        return f"Trước số {n} là số mấy?", f"Trước số {n} là số {n - 1}."
    if shape == 2:
        a = arithmetic.small(r, 20)
        b = arithmetic.small(r, 20)
        b += a == b
        question = f"Số nào lớn hơn, {a} hay {b}?"
        return question, f"Số {max(a, b)} lớn hơn số {min(a, b)}."
    at = int(r() * 7)
    question = pick(
        (
            f"Hôm nay là {WEEKDAYS[at]}, ngày mai là thứ mấy?",
            f"Sau {WEEKDAYS[at]} là thứ mấy?",
        ),
        r,
    )
    return question, f"Sau {WEEKDAYS[at]} là {WEEKDAYS[(at + 1) % 7]}."


def tale(r: Rand) -> Exchange:
    """A very short story on request."""
    theme = pick(list(tiny_tales()), r) if r() < 0.6 else "con vật"
    c: Context = {}
    about = theme
    if theme == "con vật":
        # Few heroes, one name for each throughout: what a small model can keep up.
        hero = bind(c, "a", "friend", r)["n"]
        about = pick((hero, hero, "con " + hero.split()[0]), r)
    told = capitalised(pick(tiny_tales()[theme], r).render(c, r))
    return pick(_TELL, r).format(about), told


_TELL = (
    "Kể chuyện về {}.",
    "Kể cho mình nghe một câu chuyện về {}.",
    "Kể chuyện {} đi!",
    "Bạn kể chuyện về {} nhé!",
    "Mình muốn nghe chuyện về {}.",
    "Hãy kể một câu chuyện ngắn về {}.",
)


def proverb(r: Rand) -> Exchange:
    """What a proverb means."""
    found = common(proverbs.proverbs(), r)
    question = pick(
        (
            f'Câu "{found.words}" nghĩa là gì?',
            f'Câu tục ngữ "{found.words}" khuyên ta điều gì?',
            f'Giải thích câu "{found.words}".',
            f'"{found.words}" nghĩa là sao?',
        ),
        r,
    )
    answer = pick(
        (
            f"Câu ấy có nghĩa là {found.meaning}.",
            f"Câu ấy khuyên ta {found.lesson}.",
        ),
        r,
    )
    return question, answer


def verse(r: Rand) -> Exchange:
    """Two lines of lục bát on a theme."""
    theme = pick(lucbat.shares(), r)
    question = pick(
        (
            f"Viết hai câu lục bát về {theme}.",
            f"Đọc cho mình hai câu thơ lục bát về {theme}.",
            f"Làm thơ lục bát về {theme} đi!",
            f"Hãy viết một cặp câu lục bát về {theme}.",
            f"Cho mình hai câu thơ về {theme}.",
        ),
        r,
    )
    return question, "\n".join(lucbat.compose(theme, r, choose=common))


def riddle(r: Rand) -> Exchange:
    """A riddle answered."""
    kind, question, answer = pick(_riddles(), r)
    if kind == "why":
        return asked(f"Vì sao {question}?", r), f"Vì {answer}."
    return pick(("Đố bạn: {}", "{}"), r).format(question), f"Đó là {answer}."


@cache
def _riddles() -> list[list[str]]:
    return list(rows("riddles.tsv"))


# Weight and writer of each kind of exchange.
_KINDS: tuple[tuple[int, Callable[[Rand], Exchange]], ...] = (
    (
        12,
        _said(
            "who", "human", "maker", "can", "age", "language", "feel", "name"
        ),
    ),
    (8, _said("hello", "how")),
    (4, _said("sad", "glad")),
    (8, _said("news", "private", "deep", "sick", "bad")),
    (10, _said(*(f"core{n}" for n in range(1, 15)))),
    (12, fact),
    (10, province),
    (16, total),
    (4, number),
    (14, tale),
    (8, proverb),
    (10, verse),
    (4, riddle),
)
_EXCHANGES = tuple(write for weight, write in _KINDS for _ in range(weight))
_END = _said("thanks", "bye")
_GREET = _said("hello")


def conversation(r: Rand) -> list[Turn]:
    """One conversation of one to three turns, with a system message in some."""
    exchanges = [pick(_EXCHANGES, r)(r)]
    shape = r()
    if shape < 0.15:
        exchanges.insert(0, _GREET(r))
    elif shape < 0.3:
        exchanges.append(_END(r))
    elif shape < 0.45:
        exchanges.append(pick(_EXCHANGES, r)(r))
    turns: list[Turn] = []
    if r() < 0.2:
        turns.append({"role": "system", "content": pick(SYSTEM, r)})
    for question, answer in exchanges:
        turns.append({"role": "user", "content": question})
        turns.append({"role": "assistant", "content": answer})
    return turns
