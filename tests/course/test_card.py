"""The model card: both languages, every number from the facts."""

from __future__ import annotations

import re
import unicodedata

import pytest
import yaml

from aulac.responsible.card import card
from aulac.responsible.words import ATTRIBUTION, WORDS

MEASURED = {"n": 40, "of": "documents", "main": True, "chance": None}


def row(task, part, value, **more):
    found = {"task": task, "part": part, "value": value, "unit": "share"}
    found |= {"low": value - 0.01, "high": value + 0.01, "rule": f"by {task}"}
    found |= {"vi": f"phép {task}", "en": f"the {task}"} | MEASURED
    return found | more


def bits(part, value):
    return row("bits", part, value, unit="bits/byte")


def source(name, licence):
    entry = {"name": name, "licence": licence, "url": ""}
    return entry | {"documents": 77, "bytes": 5678901, "share": 0.25}


@pytest.fixture
def facts():
    part = {"documents": 1000, "bytes": 7654321, "sha256": "ab" * 32}
    return {
        "name": "Âu Lạc thử",
        "model": {"parameters": 8_622_080, "context": 256, "depth": 6},
        "data": {
            "sources": [
                source("viwiki", "CC BY-SA 3.0"),
                source("luat-vlc", "CC BY-SA 3.0"),
                source("stories", "Apache-2.0"),
            ],
            "licences": ["Apache-2.0", "CC BY-SA 3.0"],
            "train": part,
            "validation": part,
        },
        "training": {"steps": 4321, "seconds": 9876, "joules": None},
        "rows": [
            bits("", 1.111),
            bits("viwiki", 1.234),
            row("pairs", "", 0.765, chance=0.5),
            row("pairs", "tone", 0.5, main=False),
        ],
        "others": {"Ppmd7": [bits("viwiki", 1.321)]},
        "contamination": [
            {"vi": "đề", "en": "test", "n": 325, "seen": 7, "size": 8}
        ],
        "memorisation": [
            row("", "viwiki", 0.02, split="train"),
            row("", "viwiki", 0.01, split="held-out"),
        ],
        "chat": {
            "training": {"steps": 800, "mix": 0.2, "seconds": 321},
            "rows": [bits("viwiki", 1.272), row("exam", "", 0.61)],
        },
        "files": {"base/model": {"bytes": 17_251_480, "sha256": "cd" * 32}},
        "commands": ["aulac train --steps 4321"],
    }


def test_a_hub_can_read_its_front(facts):
    _, front, _ = card(facts).split("---\n", 2)
    values = yaml.safe_load(front)
    assert values["language"] == ["vi"]
    assert values["license"] == "cc-by-sa-3.0"
    assert "NTT123/viwik18" in values["datasets"]
    own = {**facts["data"], "licences": ["Apache-2.0"]}
    free = card(facts | {"data": own})
    assert "license: apache-2.0" in free


def test_both_languages_hold_the_same_numbers_each_in_its_spelling(facts):
    vi, en = card(facts).split("\n---\n\n# Model card")
    for told in ("1.234 [1.224, 1.244]", "8,622,080"):
        assert told in en
    for told in (
        "1,234 [1,224; 1,244]",
        "8.622.080",
        "76,5 % [75,5; 77,5]",
        "50,0 %",
        "4.321",
    ):
        assert told in vi
    assert unicodedata.is_normalized("NFC", vi)


def test_every_number_comes_from_the_facts(facts):
    """The same card with other facts shares no measured number with it."""
    text = card(facts)
    other = card(facts | {"rows": [], "others": {}, "chat": None})
    for told in ("1.234", "1.272", "76.5 %", "61.0 %", "1.321"):
        assert told in text and told not in other
    words = str([*WORDS.values(), *ATTRIBUTION.values()])
    assert not re.findall(r"\d+[.,]\d{2,}", words)


def test_what_was_not_measured_is_not_there(facts):
    bare = {
        k: v
        for k, v in facts.items()
        if k not in ("contamination", "memorisation", "chat", "others")
    }
    text = card(bare)
    for name in ("contamination", "memorisation", "chat"):
        for lang in ("vi", "en"):
            assert f"## {WORDS[lang]['parts'][name][0]}\n" not in text
    assert "Energy was not measured" in text
    told = facts["training"] | {"joules": 123_456.0}
    assert "Energy was not" not in card(bare | {"training": told})
    assert "123,456" in card(bare | {"training": told})


def test_rows_for_a_long_table_stay_out(facts):
    assert "by pairs" in card(facts) and "50.0 % [49.0" not in card(facts)


def test_a_compressor_stands_in_the_row_of_its_domain(facts):
    line = next(
        line
        for line in card(facts).splitlines()
        if line.startswith("| viwiki | 1.234")
    )
    assert line == (
        "| viwiki | 1.234 [1.224, 1.244] | 1.321 [1.311, 1.331] | 40 |"
    )


def test_tables_are_whole(facts):
    """Every table has as many cells in each row as in its head."""
    cells = 0
    for line in card(facts).splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        cells = cells or line.count("|")
        assert line.count("|") == cells, line


def test_the_two_languages_say_the_same_things():
    vi, en = WORDS["vi"], WORDS["en"]
    assert vi.keys() == en.keys()
    for key in vi:
        if isinstance(vi[key], dict):
            assert vi[key].keys() == en[key].keys()
        elif isinstance(vi[key], list):
            assert len(vi[key]) == len(en[key])
    for name, told in ATTRIBUTION.items():
        assert name in told["vi"] and name in told["en"]


def test_a_source_that_nobody_can_credit_is_refused(facts):
    facts["data"]["sources"].append(source("somewhere", "unknown"))
    with pytest.raises(ValueError, match="how the source 'somewhere'"):
        card(facts)
