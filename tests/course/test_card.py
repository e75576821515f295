"""The model card: both languages, every number from the facts."""

from __future__ import annotations

import re
import unicodedata

import pytest
import yaml

from aulac.corpus.credit import ATTRIBUTION, LICENCES
from aulac.evaluate.card.model_card import card
from aulac.evaluate.card.words import WORDS

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
    own = {**facts["data"], "licences": ["Apache-2.0"]}
    free = card(facts | {"data": own})
    assert "license: apache-2.0" in free
    # Only what is on the hub by that name: elsewhere a reader finds nothing.
    assert values["datasets"] == []
    facts["data"]["sources"].append(source("fineweb2", "ODC-By 1.0"))
    _, front, _ = card(facts).split("---\n", 2)
    assert yaml.safe_load(front)["datasets"] == ["HuggingFaceFW/fineweb-2"]


def test_every_source_and_the_licence_are_credited_with_a_link(facts):
    for page in card(facts).split("\n---\n\n# Model card"):
        for link in (
            "https://creativecommons.org/licenses/by-sa/3.0/",
            "https://github.com/NTT123/viwik18",
            "https://github.com/undertheseanlp/resources",
            "https://vi.wikipedia.org",
        ):
            assert f"({link})" in page


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
    said = (WORDS, ATTRIBUTION, LICENCES)
    words = str([list(texts.values()) for texts in said])
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


def test_ways_of_measuring_are_told_in_words_of_each_language(facts):
    facts["rows"][1]["rule"] = "NFC bytes, context 256, stride 128"
    facts["others"]["Ppmd7"][0] |= {
        "rule": "ppmd7 order 12, 4095 MiB, primed with 124.7 MB",
        "n": 99,
        "of": "sections",
    }
    vi, en = card(facts).split("\n---\n\n# Model card")
    assert "cửa sổ 256 token, bước 128." in vi
    assert "đọc trước 124,7 MB; mẫu khác, hoặc " in vi
    assert "khác: viwiki (99 đoạn)." in vi
    assert "a window of 256 tokens, in steps of 128" in en
    assert "124.7 MB first; another sample, or " in en
    assert "otherwise: viwiki (99 sections)." in en
    assert "n counts" not in en
    facts["rows"][1]["of"] = "sections"
    assert "n counts documents; viwiki has too few" in card(facts)


def test_a_domain_that_was_not_read_is_named(facts):
    assert "Not in the training data" not in card(facts)
    facts["rows"].append(bits("vietnews", 1.5))
    assert "Not in the training data: vietnews." in card(facts)


def test_all_alike_is_no_certainty(facts):
    """200 of 200 do not make the next one certain: Wilson's interval."""
    sure = {"value": 1.0, "low": 1.0, "high": 1.0, "n": 200}
    facts["rows"][2] |= sure
    facts["memorisation"][0] |= {"value": 0.0, "low": 0.0, "high": 0.0}
    text = card(facts)
    assert "100.0 % [98.1, 100.0]" in text and "0.0 % [0.0, 8.8]" in text
    assert text.count("Wilson") == 4  # two tables in two languages


def test_a_note_in_two_languages_stands_in_its_own(facts):
    facts["training"]["note"] = "Chạy hai lần. / It ran twice."
    vi, en = card(facts).split("\n---\n\n# Model card")
    assert "Ghi chú: Chạy hai lần.\n" in vi and "twice" not in vi
    assert "Note: It ran twice.\n" in en and "hai lần" not in en
    facts["training"]["note"] = "On one thread."
    assert card(facts).count("On one thread.") == 2


def test_what_was_redacted_is_counted(facts):
    assert "đã được che;" in card(facts)
    facts["data"]["pii"] = {"address": 1099, "email": 6}
    assert "đã được che (1.099 địa chỉ, 6 email);" in card(facts)
    assert "redacted (1,099 addresses, 6 e-mail addresses);" in card(facts)


def test_small_and_large_numbers_keep_two_figures(facts):
    facts["chat"]["training"] |= {"cost": 0.000117, "seconds": 5954}
    text = card(facts)
    assert "| 0.00012 |" in text and "| 0,00012 |" in text
    assert "| 5,954 (1 h 39 min) |" in text and "(1 giờ 39 phút)" in text
    assert "| 20.0 % |" in text  # the share of batches
