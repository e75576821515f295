"""Words for the templates: people, animals, things, places, each with its grammar.

The lists stand in the ``.tsv`` files beside this module, the most common word
first; draws follow that order (a word at the front of a list is drawn often, one at
its end seldom), which is how a small model meets a small core of words many times
and the rest now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from .engine import Context, Entity, Rand, entity, pick, register
from .numerals import WEEKDAYS, words

# The share of frequent words: position = n * u ** SKEW for u uniform in [0, 1).
SKEW = 2.4


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a ``.tsv`` file of this package, comments and blanks left out."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def listed(cell: str) -> list[str]:
    """The items of a comma-separated cell."""
    return [item.strip() for item in cell.split(",") if item.strip()]


def common(items: list | tuple, r: Rand):
    """One item, those at the front of the list more often."""
    return items[int(len(items) * r() ** SKEW)]


@cache
def names() -> dict[str, list[str]]:
    """Given names by kind of person: girl, boy, woman, man."""
    return {kind: listed(cell) for kind, cell in rows("names.tsv")}


@cache
def nouns() -> dict[str, list[Entity]]:
    """Things by type; ``""`` is classifier and noun, ``n`` the noun, ``cl`` its class.

    A type with several classifiers is interleaved so that each keeps its share of
    the frequent places.
    """
    ranked: dict[str, list[tuple[float, Entity]]] = {}
    for kind, classifier, cell in rows("nouns.tsv"):
        for place, noun in enumerate(listed(cell)):
            thing = entity(f"{classifier} {noun}", n=noun, cl=classifier)
            ranked.setdefault(kind, []).append((place, thing))
    return {
        kind: [thing for _, thing in sorted(things, key=lambda pair: pair[0])]
        for kind, things in ranked.items()
    }


@cache
def phrases() -> dict[str, list[Entity]]:
    """Phrases that stand as they are, by type."""
    return {
        kind: [entity(text, n=text) for text in listed(cell)]
        for kind, cell in rows("phrases.tsv")
    }


@cache
def critters() -> dict[str, list[Entity]]:
    """The young animals of the fables by type: critter, flyer, small."""
    found: dict[str, list[Entity]] = {}
    for kind, name, chu, food, home, talent in rows("critters.tsv"):
        beast = entity(name, n=name, chu=chu, an=food, o=home, tai=talent)
        found.setdefault(kind, []).append(beast)
    return found


@cache
def elders() -> list[Entity]:
    """Grown animals; ``goi`` is how the young call them."""
    return [
        entity(name, n=name, goi=call, la=nature)
        for name, call, nature in rows("elders.tsv")
    ]


_SWIFT = ("thỏ con", "nai con", "ngựa non", "sóc nâu", "cún con", "dê con")
_SLOW = ("rùa con", "nhím nhỏ", "vịt con", "lợn hồng", "nghé con", "gà con")
_STRONG = ("bác voi", "bác trâu", "cô bò sữa", "bác hà mã")


def child(c: Context, r: Rand, gender: str = "") -> Entity:
    """A child of five to eleven; the pronoun follows the age and stays one."""
    gender = gender or ("girl" if r() < 0.5 else "boy")
    name = common(names()[gender], r)
    age = 5 + int(r() * 7)
    word = "cô bé" if gender == "girl" else "cậu bé"
    if age <= 5:
        called, again = f"bé {name}", "bé"
    elif r() < 0.7:
        called, again = name, word
    else:
        called, again = name, "em"
    found = {
        "": called,
        "n": name,
        "ten": name,
        "dai": again,
        "loai": word,
        "tuoi": f"{words(age)} tuổi",
        "anh": "chị" if gender == "girl" else "anh",
        "gioi": "gái" if gender == "girl" else "trai",
        "lop": f"lớp {GRADES[max(age - 6, 0)]}"
        if age >= 6
        else "lớp mẫu giáo",
    }
    return found


GRADES = ("một", "hai", "ba", "bốn", "năm", "năm")


def pupil(c: Context, r: Rand) -> Entity:
    """A child of six to eleven, who goes to school."""
    while True:
        found = child(c, r)
        if found["lop"] != "lớp mẫu giáo":
            return found


def kin(c: Context, r: Rand) -> Entity:
    """A grown-up of the family: called ``""``, calls the child ``con`` or ``cháu``."""
    return pick(_KIN, r)


_KIN = [
    entity("mẹ", n="mẹ", goi="con", xung="con"),
    entity("bố", n="bố", goi="con", xung="con"),
    entity("bà", n="bà", goi="cháu", xung="cháu"),
    entity("ông", n="ông", goi="cháu", xung="cháu"),
]
_CATDOG = [
    entity("con mèo", n="mèo", keu="kêu meo meo"),
    entity("con chó", n="chó", keu="sủa gâu gâu"),
]


def neighbour(c: Context, r: Rand) -> Entity:
    """A grown-up next door; ``goi`` is the title a child uses."""
    woman = r() < 0.5
    title = pick(("cô", "bác", "bà") if woman else ("chú", "bác", "ông"), r)
    name = common(names()["woman" if woman else "man"], r)
    full = f"{title} {name}"
    return {"": full, "n": name, "goi": title, "ten": name, "xung": "cháu"}


def teacher(c: Context, r: Rand) -> Entity:
    """A teacher: cô or thầy with a name."""
    woman = r() < 0.7
    title = "cô" if woman else "thầy"
    name = common(names()["woman" if woman else "man"], r)
    full = f"{title} {name}"
    return {"": full, "n": name, "goi": title, "ten": name, "xung": "em"}


@cache
def riddles() -> dict[str, list[Entity]]:
    """Riddles (``riddle``) and questions why (``why``); ``dap`` is the answer."""
    found: dict[str, list[Entity]] = {}
    for kind, question, answer in rows("riddles.tsv"):
        found.setdefault(kind, []).append(
            entity(question, n=question, dap=answer)
        )
    return found


def weekday(c: Context, r: Rand) -> Entity:
    """A day of the week; ``mai`` is the one after."""
    at = int(r() * 7)
    return entity(WEEKDAYS[at], n=WEEKDAYS[at], mai=WEEKDAYS[(at + 1) % 7])


def daysky(c: Context, r: Rand) -> Entity:
    """A day and its weather, which agree: no sunrise in the afternoon."""
    time = "morning" if r() < 0.5 else "noon"
    day = common(phrases()["day_" + time], r)[""]
    return entity(f"{day}, {common(phrases()['sky_' + time], r)['']}", n=day)


def _drawn(items: list[Entity], again: float = 1.0):
    return lambda c, r: items[int(len(items) * r() ** (SKEW * again))]


@cache
def load() -> None:
    """Register every type; cheap after the first call."""
    for kind, items in (nouns() | phrases()).items():
        register(kind, _drawn(items))
    for kind, items in critters().items():
        # A few heroes again and again: a small model learns to keep to one.
        register(kind, _drawn(items, again=1.4))
    beasts = critters()["critter"]
    register("friend", beasts[:8])
    register("swift", [b for b in beasts if b["n"] in _SWIFT])
    register("slow", [b for b in beasts if b["n"] in _SLOW])
    register("elder", _drawn(elders()))
    register(
        "strong",
        [e for e in elders() if "khỏe" in e["la"] or e["n"] in _STRONG],
    )
    for kind, items in riddles().items():
        register(kind, items)
    register("weekday", weekday)
    register("daysky", daysky)
    register("parent", _KIN[:2])
    register("child", child)
    register("girl", lambda c, r: child(c, r, "girl"))
    register("boy", lambda c, r: child(c, r, "boy"))
    register("pupil", pupil)
    register("kin", kin)
    register("grand", _KIN[2:])
    register("dad", [_KIN[1], _KIN[3]])
    register("catdog", _CATDOG)
    register("neighbour", neighbour)
    register("teacher", teacher)
