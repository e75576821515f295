"""Minimal pairs of Vietnamese: two sentences, one rule apart, one of them wrong.

A model that knows the language finds the right one likelier. Nothing is asked and
nothing is parsed, so even a very small base model can be measured (the idea of BLiMP,
Warstadt et al., 2020). Sentences are scored whole, by the sum of their tokens.

Each pair names its rule:

    tone          the same letters under a wrong tone: cô giáo, *cô giào
    classifier    a noun with a classifier of another kind: quyển sách, *con sách
    adjective     adjectives follow their noun: con mèo đen, *con đen mèo
    demonstrative này, kia, ấy close the noun phrase: con mèo này, *này con mèo
    marker        đã, đang, sẽ, chưa, không stand before the verb: đã ăn, *ăn đã cơm
    number        numeral, classifier, noun: hai con gà, *con gà hai
    pronoun       who says "mẹ" calls himself "con": Mẹ ơi, con …, *Mẹ ơi, tao …
    correlative   vì … nên, tuy … nhưng: the second word follows from the first

`generate()` gives the same list every time; 50 % is chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Any

from aulac.evaluate.likelihood import continuations
from aulac.evaluate.stats import Interval, hit_rate
from aulac.model import LanguageModel

TONES = Path(__file__).with_name("tone_pairs.txt")
BRACES = re.compile(r"\{([^|{}]+)\|([^|{}]+)\}")


@dataclass(frozen=True)
class Pair:
    """`right` and `wrong` differ in what `rule` names."""

    rule: str
    right: str
    wrong: str


@dataclass(frozen=True)
class Preferences:
    """What a model preferred: `right[i]` is 1 where pair i went well."""

    pairs: tuple[Pair, ...]
    right: tuple[int, ...]

    def accuracy(self) -> Interval:
        return hit_rate(self.right)

    def by_rule(self) -> dict[str, Interval]:
        rows: dict[str, list[int]] = {}
        for pair, right in zip(self.pairs, self.right, strict=True):
            rows.setdefault(pair.rule, []).append(right)
        return {rule: hit_rate(row) for rule, row in rows.items()}


def prefer(
    model: LanguageModel,
    tokenizer: Any,
    pairs: Sequence[Pair] | None = None,
    batch: int = 32,
) -> Preferences:
    """Which sentence of each pair the model finds likelier; a tie counts as wrong."""
    pairs = tuple(generate() if pairs is None else pairs)
    texts = [("", text) for pair in pairs for text in (pair.right, pair.wrong)]
    found = continuations(model, tokenizer, texts, batch)
    right = zip(found[::2], found[1::2], strict=True)
    return Preferences(
        pairs, tuple(int(good.nats < bad.nats) for good, bad in right)
    )


def generate() -> list[Pair]:
    """All pairs, rule by rule: the same list every time."""
    makers = (
        _tone,
        _classifier,
        _adjective,
        _demonstrative,
        _marker,
        _number,
        _pronoun,
        _correlative,
    )
    return [
        Pair(make.__name__[1:], right, wrong)
        for make in makers
        for right, wrong in make()
    ]


def counts(pairs: Sequence[Pair]) -> dict[str, int]:
    """Pairs of each rule."""
    return dict(Counter(pair.rule for pair in pairs))


Twins = Iterator[tuple[str, str]]


def _braces(line: str) -> tuple[str, str]:
    return BRACES.sub(r"\1", line), BRACES.sub(r"\2", line)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _tone() -> Twins:
    for line in TONES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield _braces(line)


# -- the noun phrase -----------------------------------------------------------

CLASSIFIERS = {
    "con": "mèo chó gà trâu bò lợn voi chim cá ngựa",
    "cái": "bàn ghế bát quạt ấm mũ gương nồi",
    "quyển": "sách vở truyện lịch",
    "tờ": "đơn giấy tiền",
    "bức": "tranh ảnh thư",
    "quả": "cam táo xoài bưởi chanh dừa",
    "bông": "hoa sen",
    "ngôi": "nhà chùa làng trường",
    "cây": "bút đàn nến",
    "hạt": "gạo đậu ngô",
}
# A classifier of another kind: things with beasts, beasts with flat or round things.
# Read with care: con báo is a leopard, con sen a maid, hạt sen a seed, all of them right.
MISMATCH = {
    "con": ("tờ", "quyển", "bức"),
    "cái": ("con", "tờ", "hạt"),
    "quyển": ("con", "quả", "bông"),
    "tờ": ("con", "quả", "ngôi"),
    "bức": ("con", "quả", "hạt"),
    "quả": ("con", "quyển", "tờ"),
    "bông": ("bức", "quyển", "ngôi"),
    "ngôi": ("hạt", "tờ", "bông"),
    "cây": ("con", "tờ", "ngôi"),
    "hạt": ("con", "quyển", "bức"),
}


def _classifier() -> Twins:
    frames = cycle(
        (
            "ở đây có một {} {}",
            "tôi nhìn thấy hai {} {}",
            "đây là {} {} của ông tôi",
        )
    )
    for right, nouns in CLASSIFIERS.items():
        for noun, wrong in product(nouns.split(), MISMATCH[right]):
            frame = next(frames)
            yield (
                _sentence(frame.format(right, noun)),
                _sentence(frame.format(wrong, noun)),
            )


THINGS = (
    ("con", "mèo", "đen"),
    ("con", "chó", "vàng"),
    ("con", "gà", "trống"),
    ("con", "ngựa", "trắng"),
    ("con", "chim", "nhỏ"),
    ("cái", "bàn", "gỗ"),
    ("cái", "áo", "mới"),
    ("cái", "mũ", "đỏ"),
    ("cái", "ghế", "cũ"),
    ("quyển", "sách", "hay"),
    ("quyển", "vở", "mới"),
    ("bức", "tranh", "đẹp"),
    ("quả", "cam", "ngọt"),
    ("quả", "xoài", "xanh"),
    ("bông", "hoa", "thơm"),
    ("cây", "bút", "tím"),
    ("chiếc", "bình", "cổ"),
    ("chiếc", "xe", "xanh"),
)


def _adjective() -> Twins:
    frames = (
        "nhà tôi có một {}",
        "hôm qua anh tôi mua một {}",
        "em bé rất thích {} ấy",
        "ai cũng khen {} của bà",
    )
    for frame, (unit, noun, quality) in product(frames, THINGS):
        yield (
            _sentence(frame.format(f"{unit} {noun} {quality}")),
            _sentence(frame.format(f"{unit} {quality} {noun}")),
        )


def _demonstrative() -> Twins:
    frames = ("tôi rất thích {}", "bố vừa mua {}", "mẹ đang tìm {}")
    words = cycle(("này", "kia", "ấy", "đó"))
    for frame, (unit, noun, _) in product(frames, THINGS):
        word = next(words)
        yield (
            _sentence(frame.format(f"{unit} {noun} {word}")),
            _sentence(frame.format(f"{word} {unit} {noun}")),
        )


def _number() -> Twins:
    frames = ("ở đây có {}", "tôi đếm được {}", "bà cho tôi {}")
    words = cycle(("hai", "ba", "bốn", "năm", "sáu", "mười"))
    for frame, (unit, noun, _) in product(frames, THINGS):
        number = next(words)
        yield (
            _sentence(frame.format(f"{number} {unit} {noun}")),
            _sentence(frame.format(f"{unit} {noun} {number}")),
        )


# -- the verb phrase -----------------------------------------------------------

ACTS = (
    ("ăn", "cơm"),
    ("uống", "sữa"),
    ("đọc", "sách"),
    ("viết", "thư"),
    ("vẽ", "tranh"),
    ("trồng", "rau"),
    ("nấu", "canh"),
    ("rửa", "bát"),
    ("quét", "nhà"),
    ("đá", "bóng"),
    ("mua", "hoa"),
    ("học", "toán"),
)


def _marker() -> Twins:
    who = cycle(("bạn Lan", "anh tôi", "cô giáo", "bà ngoại", "chú Nam"))
    for marker, (verb, thing) in product(
        ("đã", "đang", "sẽ", "chưa", "không"), ACTS
    ):
        person = next(who)
        yield (
            _sentence(f"{person} {marker} {verb} {thing}"),
            _sentence(f"{person} {verb} {marker} {thing}"),
        )


# -- who speaks to whom --------------------------------------------------------

# What one calls oneself before them, and pronouns that no polite sentence has there.
# Another word of kinship would not do: "Mẹ ơi, cho bà xin cốc nước ạ" speaks of grandma.
KIN = {
    "mẹ": ("con", ("tôi", "tao")),
    "bố": ("con", ("tôi", "tao")),
    "bà": ("cháu", ("tớ", "tao")),
    "ông": ("cháu", ("tớ", "tao")),
    "bác": ("cháu", ("tớ", "tao")),
    "anh": ("em", ("tớ", "tao")),
    "chị": ("em", ("tớ", "tao")),
}


def _pronoun() -> Twins:
    frames = (
        "{} ơi, {} đi học về rồi ạ",
        "thưa {}, {} xin phép ra ngoài ạ",
        "{} ơi, cho {} xin cốc nước ạ",
        "{} ơi, {} làm xong bài tập rồi ạ",
        "{} ơi, {} nhớ {} lắm ạ",
        "{} ơi, đợi {} với ạ",
    )
    for frame, (called, (self, others)) in product(frames, KIN.items()):
        for other in others:
            yield (
                _sentence(frame.format(called, self, called)),
                _sentence(frame.format(called, other, called)),
            )


LINKED = (
    "Vì trời mưa {nên|nhưng} chúng em ở nhà.",
    "Vì bị ốm {nên|tuy} bạn Nam nghỉ học.",
    "Vì chăm học {nên|hoặc} Lan được điểm cao.",
    "Bởi vì đường xa {nên|thì} bố về muộn.",
    "Do trời lạnh {nên|mà còn} bé mặc áo ấm.",
    "Nhờ cô giáo giúp đỡ {nên|hay} em đã tiến bộ.",
    "Tuy nhà xa {nhưng|nên} bạn ấy không đi học muộn.",
    "Tuy còn nhỏ {nhưng|vì} bé biết giúp mẹ.",
    "Mặc dù trời mưa {nhưng|nên} trận đấu vẫn diễn ra.",
    "Dù rất mệt {nhưng|hoặc} bà vẫn cười.",
    "Tuy bài khó {nhưng|mà còn} em vẫn làm được.",
    "Mặc dù nghèo {nhưng|do} họ rất tốt bụng.",
    "Nếu trời nắng {thì|nhưng} chúng ta đi chơi.",
    "Nếu em chăm học {thì|vì} em sẽ giỏi.",
    "Nếu con đói {thì|tuy} con ăn cơm đi.",
    "Hễ trời mưa to {thì|hoặc} đường này ngập.",
    "Giá mà có cánh {thì|nhưng} em sẽ bay.",
    "Không những Lan học giỏi {mà còn|nên} hát hay.",
    "Không những hoa đẹp {mà còn|thì} rất thơm.",
    "Không chỉ trẻ em {mà|vì} cả người lớn cũng thích.",
    "Anh ấy chẳng những khỏe {mà còn|nếu} thông minh.",
    "Trời càng tối {càng|rất} lạnh.",
    "Em bé càng lớn {càng|nên} ngoan.",
    "Bài hát này càng nghe {càng|đã} hay.",
    "Nước càng sâu {càng|thì đã} lạnh.",
    "Chị vừa nấu cơm {vừa|càng} nghe nhạc.",
    "Bé vừa đi {vừa|nhưng} hát.",
    "Anh vừa học {vừa|nên} làm.",
    "Cửa hàng mở từ sáng {đến|với} tối.",
    "Tàu chạy từ Hà Nội {đến|của} Huế.",
    "Em học từ thứ hai {đến|hoặc} thứ sáu.",
    "Bạn thích cam {hay|của} thích táo?",
    "Em đi xe buýt {hay|thì} đi bộ?",
    "Cả bố {lẫn|nên} mẹ đều đi làm.",
    "Cả trẻ {lẫn|thì} già đều vui.",
    "Bao nhiêu người {bấy nhiêu|bởi vì} ý kiến.",
    "Ai làm {người ấy|bởi vì} chịu.",
    "Mẹ bảo sao {con|nhưng} nghe vậy.",
    "Thà đi bộ {còn hơn|cho nên} đợi lâu.",
    "Sở dĩ em đến muộn là {vì|nên} xe hỏng.",
)


def _correlative() -> Twins:
    return map(_braces, LINKED)
