"""The generated corpus: alike for one seed, never twice the same, clean Vietnamese."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import islice, pairwise

import pytest

from aulac.corpus import stories
from aulac.corpus.stories import dialogues, engine, lexicon, proverbs, tales
from aulac.text import is_syllable, tone_styles

# What a Vietnamese page holds that is no Vietnamese syllable: names of places and
# peoples, a unit, the sign of multiplication.
FOREIGN = {
    *("Đắk", "Lắk", "Kạn", "Kon", "Pleiku", "Ponagar", "Campuchia", "Khmer"),
    *("ASEAN", "LLM", "C", "S", "x"),
}


@pytest.fixture(scope="module")
def many() -> list[stories.Document]:
    return list(stories.generate(20_000, seed=11))


@pytest.fixture(scope="module")
def talks() -> list[list[dict[str, str]]]:
    return list(stories.conversations(4_000, seed=11))


def test_same_seed_same_documents_and_another_seed_others():
    first = [d.text for d in stories.generate(50, seed=5)]
    assert first == [d.text for d in stories.generate(50, seed=5)]
    assert not set(first) & {d.text for d in stories.generate(50, seed=6)}


def test_a_document_is_made_without_those_before_it():
    streamed = list(stories.generate(200, seed=9))
    for index in (0, 17, 199):
        assert stories.document(index, seed=9) == streamed[index]


def test_no_two_documents_are_alike(many):
    assert len({d.text for d in many}) == len(many)
    assert len({d.id for d in many}) == len(many)


def test_record_and_kinds(many):
    kinds = Counter(d.meta["kind"] for d in many)
    assert set(kinds) == set(stories.KINDS) and len(kinds) >= 6
    for kind, share in stories.WEIGHTS.items():
        assert kinds[kind] / len(many) == pytest.approx(share, abs=0.02)
    for document in islice(many, 100):
        assert (
            document.source == "stories"
            and document.licence
            and document.title
        )


def test_kinds_can_be_chosen_and_weighed():
    assert {d.meta["kind"] for d in stories.generate(30, kinds=["fact"])} == {
        "fact"
    }
    weights = {"story": 1.0, "lucbat": 3.0}
    kinds = Counter(
        d.meta["kind"] for d in stories.generate(400, kinds=weights)
    )
    assert (
        set(kinds) == {"story", "lucbat"}
        and kinds["lucbat"] > 2 * kinds["story"]
    )


@pytest.mark.parametrize("kinds", [["novel"], [], {"story": 1, "novel": 1}])
def test_unknown_kind_is_refused(kinds):
    with pytest.raises(ValueError, match="choose from"):
        next(iter(stories.generate(1, kinds=kinds)))


def test_running_dry_is_said(monkeypatch):
    monkeypatch.setitem(
        stories.WRITERS, "story", (1.0, lambda r: ("t", "Hết."))
    )
    with pytest.raises(ValueError, match="nothing new"):
        list(stories.generate(2, kinds=["story"]))


def all_texts(many, talks) -> list[str]:
    return [d.text for d in many] + [m["content"] for t in talks for m in t]


def test_every_token_is_a_vietnamese_syllable(many, talks):
    odd = Counter(
        word
        for text in all_texts(many, talks)
        for word in re.findall(r"[^\W\d_]+", text)
        if word not in FOREIGN and not is_syllable(word.lower())
    )
    assert not odd


def test_one_normal_form_and_one_way_to_place_tones(many, talks):
    styles: Counter = Counter()
    texts = all_texts(many, talks)
    assert all(unicodedata.is_normalized("NFC", text) for text in texts)
    for text in texts[::10]:
        styles.update(tone_styles(text))
    assert set(styles) == {"old"}


FAULTS = {
    "double space": r"  ",
    "space before a mark": r"\w [.,!?]",
    "leftover of a template": r"[{}\[\]|<>@]",
    "two marks": r"[.,]{2}|[!?][.,]",
    "mark after a closed quotation": r'[.!?]" ?[.,]',
    "classifier twice": r"\b(con|cái|chiếc|quả|quyển) (con|cái|chiếc|quả|quyển|bông)\b",
    "word twice": r"\b(chơi|là|của|và|có|không|nói|bảo|em|bé|một|rất|cho|ở|với|rồi|"
    r"thành|bị|được|nhé|ạ|thì|mà|những|các|để|khi|đang|đã|sẽ|cô|thầy|bà|ông) \1\b",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_text_is_tidy(fault, many, talks):
    pattern = re.compile(FAULTS[fault])
    texts = [d.text for d in many]
    found = [text for text in texts if pattern.search(text)]
    assert not found[:3]


def test_sentences_begin_with_a_capital_and_quotations_close(many):
    for document in many:
        text = document.text
        assert not text[0].islower(), text
        for found in re.finditer(r"[.!?] (\w)", text):
            assert not found.group(1).islower(), text
        assert text.count('"') % 2 == 0, text


def test_every_way_through_every_template_renders():
    lexicon.load()
    plots = [plot for _, plot in tales.plots() + dialogues.plots()]
    plots += [scene for group in proverbs.scenes().values() for scene in group]
    assert len(plots) > 150
    for plot in plots:
        for step in range(
            60
        ):  # a slow walk of u over [0, 1) meets every branch
            values = iter(
                ((step * 37 + k * 11) % 60) / 60 for k in range(10_000)
            )
            assert plot.render({}, lambda values=values: next(values))


def test_there_are_hundreds_of_templates_and_thousands_of_words(many):
    counts = stories.counts()
    assert counts["templates"] > 1500 and counts["words"] > 2000
    seen = {w.lower() for d in many for w in re.findall(r"[^\W\d_]+", d.text)}
    assert len(seen) > 1500


def test_a_child_keeps_one_pronoun_and_its_gender():
    lexicon.load()
    girls, boys = (set(lexicon.names()[kind]) for kind in ("girl", "boy"))
    assert not girls & boys
    for text in (d.text for d in stories.generate(3000, kinds=["story"])):
        head = text.split(". ")[0]
        for word, own in (("cô bé", girls), ("cậu bé", boys)):
            if found := re.match(rf"(?:Bé )?([\w ]+) là một {word}", head):
                assert found.group(1) in own, text


def test_conversations_have_the_shape_for_tuning(talks):
    roles = Counter()
    for turns in talks:
        names = [turn["role"] for turn in turns]
        roles.update(names)
        if names[0] == "system":
            names = names[1:]
        assert (
            names == ["user", "assistant"] * (len(names) // 2)
            and 2 <= len(names) <= 6
        )
        assert all(turn["content"].strip() for turn in turns)
    assert 0 < roles["system"] < len(talks) / 3
    answers = [
        t["content"]
        for turns in talks
        for t in turns
        if t["role"] == "assistant"
    ]
    assert sum(len(a.split()) <= 60 for a in answers) > 0.95 * len(answers)
    assert talks == list(stories.conversations(4_000, seed=11))


def test_conversations_say_who_speaks_and_refuse_politely(talks):
    answers = {}
    for turns in talks:
        for user, assistant in pairwise(turns):
            if user["role"] == "user":
                answers.setdefault(user["content"], assistant["content"])
    assert "Âu Lạc" in answers["Bạn là ai?"]
    assert "không phải" in answers["Bạn có phải là người không?"]
    assert (
        answers["Thủ đô của Việt Nam là gì?"]
        == "Thủ đô của Việt Nam là Hà Nội."
    )
    assert "không" in answers["Ngày mai trời có mưa không?"]


def render(source: str, u: float, context: dict | None = None) -> str:
    return engine.render(source, {} if context is None else context, lambda: u)


def test_engine_choices_nest_and_go_together():
    assert render("a[b|c[d|e]]f", 0.0) == "abf"
    assert render("a[b|c[d|e]]f", 0.9) == "acef"
    assert engine.Template("a[b|c[d|e]]f").alternatives == 3
    for u in (0.0, 0.9):
        draws = iter([u, 0.0, 0.9])
        told = engine.render(
            "[1:x|y]-[1:p|q]", {}, lambda draws=draws: next(draws)
        )
        assert told in ("x-p", "y-q")


@pytest.mark.parametrize("source", ["[a|b", "a]", "{x", "{x y}", "a}"])
def test_engine_refuses_a_template_it_cannot_read(source):
    with pytest.raises(engine.TemplateError):
        engine.Template(source)


def test_engine_names_what_a_slot_lacks():
    with pytest.raises(engine.TemplateError, match="before it is drawn"):
        render("{nobody}", 0.0)
    with pytest.raises(engine.TemplateError, match="no type named"):
        render("{x:no_such_type}", 0.0)
    with pytest.raises(engine.TemplateError, match="no attribute"):
        render("{x.tail}", 0.0, {"x": engine.entity("cat")})


def test_engine_capitals():
    assert engine.capitalised('mẹ nói: "ừ!" bé cười. "ôi!" bé kêu.') == (
        'Mẹ nói: "Ừ!" Bé cười. "Ôi!" bé kêu.'
    )
