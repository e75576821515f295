"""What the book is made from: pages, glossary, generated parts, lessons' outputs."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import unicodedata
from html import escape
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer
import yaml

from aulac_grader.book.charts import named
from aulac_grader.book.generated import dial, dial_rules, plan
from aulac_grader.book.glossary import glossary_markdown, read_references
from aulac_grader.book.lesson import clean_outputs
from aulac_grader.book.measurements import results, targets
from aulac_grader.book.pages import read_page, read_pages
from aulac_grader.book.places import LANGUAGES, BookError, Places
from aulac_grader.book.words import band_words, date
from aulac_grader.checkout import BOOK

HEADER = '---\ntitle: {vi: "Một", en: "One"}\n---\n\n'


def source(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_page_gives_each_language_its_prose(tmp_path: Path) -> None:
    page = read_page(
        source(
            tmp_path,
            HEADER
            + '+++ {"lang": "vi"}\n\n## A\n\nchữ\n\n+++ {"lang": "en"}\n\n'
            "## B\n\nletter\n",
        )
    )
    assert page.markdown("vi") == "# Một\n\n## A\n\nchữ\n"
    assert page.markdown("en") == "# One\n\n## B\n\nletter\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + '+++ {"lang": "vi"}\n\nchữ\n', "no English twin"),
        (
            HEADER + '+++ {"lang": "vi"}\n\nchữ\n\n+++ {"lang": "en"}\n\n',
            "English prose is empty",
        ),
        (
            HEADER
            + '+++ {"lang": "vi"}\n\n## A\n\n+++ {"lang": "en"}\n\n### B\n',
            "headings differ",
        ),
        ('+++ {"lang": "vi"}\n\nchữ\n\n+++ {"lang": "en"}\n\nx\n', "header"),
        (
            HEADER
            + '+++ {"lang": "vi"}\n\n'
            + unicodedata.normalize("NFD", "chữ")
            + '\n\n+++ {"lang": "en"}\n\nx\n',
            "NFC",
        ),
        (HEADER + "```{code-cell} ipython3\n1\n```\n", "runs no code"),
    ],
)
def test_page_says_what_is_wrong_and_where(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(BookError, match=complaint) as caught:
        read_page(source(tmp_path, text))
    assert "page.md:" in str(caught.value)


def test_every_page_of_the_book_can_be_read() -> None:
    pages = read_pages(BOOK / "pages")
    contents = yaml.safe_load((BOOK / "contents.yml").read_text())
    listed = {
        name for part in contents["parts"] for name in part.get("pages", [])
    }
    assert {contents["root"], *listed} == {*pages, "glossary"}


def test_every_link_of_the_pages_leads_somewhere() -> None:
    refs = read_references(BOOK)
    for page in read_pages(BOOK / "pages").values():
        for lang in LANGUAGES:
            linked = refs.link(page.markdown(lang), lang, page.name)
            assert "](term:" not in linked and "](cite:" not in linked


def prose() -> str:
    pages = read_pages(BOOK / "pages").values()
    return "\n".join(
        page.markdown(lang) for page in pages for lang in LANGUAGES
    )


def test_every_library_name_on_a_page_exists() -> None:
    names = set(re.findall(r"`(aulac(?:\.\w+)+)(?:\([^`]*\))?`", prose()))
    assert names
    for name in names:
        pkgutil.resolve_name(name)


def test_every_command_on_a_page_exists() -> None:
    verbs = {
        entry.name: entry for entry in entry_points(group="aulac.commands")
    }
    commands = set(
        re.findall(r"(?m)(?:^|`)aulac ([a-z]+)(?: ([a-z]+))?", prose())
    )
    assert ("assignment", "build") in commands
    for verb, action in commands:
        command = typer.main.get_command(verbs[verb].load())
        if action:
            assert action in getattr(command, "commands", {}), (
                f"{verb} {action}"
            )


def test_code_on_pages_imports_what_there_is() -> None:
    for line in re.findall(r"(?m)^from (aulac[\w.]* import \w+)$", prose()):
        module, name = line.split(" import ")
        assert hasattr(importlib.import_module(module), name), line


def test_glossary_is_complete_in_both_languages() -> None:
    refs = read_references(BOOK)
    assert len(refs.terms) >= 60
    for term in refs.terms:
        for text in (term.vi, term.en, *term.means.values()):
            assert text.strip() == text and text
            assert unicodedata.is_normalized("NFC", text)
        assert set(term.means) == set(LANGUAGES)
    for lang in LANGUAGES:
        page = glossary_markdown(refs, lang)
        assert all(f'id="term-{term.id}"' in page for term in refs.terms)


def test_links_to_unknown_terms_and_works_are_refused() -> None:
    refs = read_references(BOOK)
    with pytest.raises(BookError, match=r"here.*nosuchterm"):
        refs.link("[x](term:nosuchterm)", "vi", "here")
    with pytest.raises(BookError, match=r"nosuchwork"):
        refs.link("[x](cite:nosuchwork)", "vi", "here")


def test_what_a_notebook_shows_becomes_a_link_of_the_book() -> None:
    refs = read_references(BOOK)
    prose = "[token](term:token) and [Liu](cite:liu2025superbpe), `[x](term:token)`"
    in_notebook = refs.shelf.resolve(prose, "en")
    assert refs.link(in_notebook, "en", "here") == refs.link(
        prose, "en", "here"
    )
    assert refs.link(prose, "en", "here").endswith("`[x](term:token)`")
    other = "[elsewhere](https://example.org/x)"
    assert refs.link(other, "en", "here") == other


def test_dial_shows_every_scale() -> None:
    from aulac.scale import SCALES

    for lang in LANGUAGES:
        html = dial(Places(), lang)
        for scale in SCALES.values():
            assert f"<code>{scale.name}</code>" in html
            assert f"{scale.depth} × {scale.width}" in html


def test_the_dial_explains_every_number() -> None:
    from aulac.scale import ROWS
    from aulac.scale.dial import RULES, explained

    for lang in LANGUAGES:
        html = dial_rules(Places(), lang)
        assert html.count('<th scope="row">') == len(RULES)
        for row in ROWS.values():
            for line in explained(row):
                assert escape(getattr(line, lang)) in html
        assert ("0.008*" if lang == "en" else "0,008*") in html
        assert ("32,768" if lang == "en" else "32.768") in html


def test_plan_links_what_exists_and_says_what_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks" / "en"
    folder.mkdir(parents=True)
    (folder / "00_welcome.ipynb").write_text("{}")
    (folder / "00_welcome.mine.ipynb").write_text("{}")
    html = plan(Places(tmp_path, BOOK), "en")
    assert html.count('<th scope="row">') == 18
    assert html.count(">here</span>") == 1
    assert html.count("not written yet") == 17
    assert 'href="00_welcome.html"' in html


def test_no_result_on_record_is_said_plainly(tmp_path: Path) -> None:
    assert "make bench" in results(Places(tmp_path, BOOK), "en")


RUN = {
    "date": "2026-11-23",
    "quick": True,
    "machine": {"cpu": "Test CPU", "cores": 2, "gpu": None},
    "benchmarks": {
        "training": {
            "ours": {"tokens_per_second": 1234.5, "ratio": 1.05},
            "theirs": {"tokens_per_second": 1175.0, "ratio": 1.0},
            "seconds": 3.5,
            "notes": "five pairs",
        },
        "sizes": {"a": {"x": 1, "y": "<b>"}, "b": {"x": 2, "y": None}},
    },
}
BILINGUAL = {
    "benchmarks": {
        "training": {
            "title": {"vi": "Tốc độ huấn luyện", "en": "Training speed"},
            "labels": {
                "tiny, as trained": {"vi": "tiny, như đã học", "en": "tiny"},
                "ours": {"vi": "của khóa học", "en": "ours"},
                "bare": {"vi": "vòng lặp ngắn nhất", "en": "the shortest"},
            },
            "tiny, as trained": {"ours / bare": 0.93},
            "card": {"vi": "không có GPU", "en": "no GPU"},
            "notes": {"vi": "Đo tuần tự.", "en": "One after another."},
            "charts": [
                {
                    "title": {"vi": "Nhanh gấp", "en": "Times as fast"},
                    "unit": {"vi": "lần", "en": "times"},
                    "bars": {"ours": 0.93, "bare": [1.0, 0.9, 1.1]},
                    "line": 1.0,
                }
            ],
        },
        "fertility": {
            "tokens_a_syllable": {
                "ours, plain BPE 2048": {"low": 1.0, "high": 2.0},
                "ours, superwords 2048": {"low": 0.5, "high": 1.0},
            }
        },
        "grading": {
            "runs": {"ours, 2 workers": {"times_nbgrader": 9.5}},
            "start_seconds": 4.58,
            "same_bytes": True,
        },
    },
}
FERTILITY = {
    "learned_mb": 20.0,
    "machine": {"processor": "Test CPU"},
    "rows": [
        {"tokenizer": "GPT-4o", "vocabulary": 200019, "fertility": 1.42},
        {"tokenizer": "ours", "vocabulary": 16000, "fertility": 0.92},
    ],
}


def test_results_come_as_tables_with_machine_and_date(tmp_path: Path) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    (places.results / "run.json").write_text(json.dumps(RUN))
    (places.results / "fertility.json").write_text(json.dumps(FERTILITY))
    vi, en = results(places, "vi"), results(places, "en")
    assert "## Training" in vi and "1.234" in vi
    assert "## Training" in en and "1,234" in en and "five pairs" in en
    assert "Measured on 23 November 2026 with Test CPU, 2 cores" in en
    assert "A quick, rough run." in en and "Lần đo nhanh" in vi
    assert "&lt;b&gt;" in en and "<b>" not in en
    assert "<td>200,019</td>" in en and "<td>0,92</td>" in vi


def test_results_are_in_the_language_of_the_page(tmp_path: Path) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    (places.results / "run.json").write_text(json.dumps(BILINGUAL))
    vi, en = results(places, "vi"), results(places, "en")
    assert "## Tốc độ huấn luyện" in vi and "## Training speed" in en
    assert "Đo tuần tự." in vi and "One after another." in en
    assert "One after another." not in vi
    assert "tiny, như đã học / của khóa học / vòng lặp ngắn nhất" in vi
    assert "không có GPU" in vi and "no GPU" in en and "no GPU" not in vi
    assert "của khóa học, BPE thường 2.048" in vi
    assert "ours, superwords 2,048" in en
    assert "<td>có</td>" in vi and "<td>yes</td>" in en


def test_a_chart_has_words_and_a_table_twin(tmp_path: Path) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    (places.results / "run.json").write_text(json.dumps(BILINGUAL))
    vi, en = results(places, "vi"), results(places, "en")
    assert 'role="img" aria-label="Biểu đồ cột ngang. Nhanh gấp, lần' in vi
    assert "của khóa học: 0,93; vòng lặp ngắn nhất: 1." in vi
    assert "Bar chart. Times as fast" in en and "<td>0.9 – 1.1</td>" in en
    assert en.count("<rect") == 2 and "aulac-chart-mark" in en


def test_a_long_name_of_a_bar_stands_on_two_lines() -> None:
    long = "kiểu GPT-2: AdamW, cosine, BPE thường, không QK-norm, không gì nữa"
    lines = [re.sub("<[^>]*>", "", line) for line in named(long, 20)]
    assert " ".join(lines) == long and len(lines) == 2
    assert len(named("lớp ra riêng", 20)) == 1
    lines = [re.sub("<[^>]*>", "", line) for line in named(3 * long, 20)]
    assert len(lines) == 2 and lines[1].endswith(" …")
    assert max(map(len, lines)) <= 44


def test_an_interval_is_written_as_the_language_writes_numbers(
    tmp_path: Path,
) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    run = {"rows": [{"x": "+0.1653 … +0.2126"}, {"x": "1.2 là bản"}]}
    (places.results / "run.json").write_text(json.dumps(run))
    assert "+0,1653&nbsp;… +0,2126<" in results(places, "vi")
    assert "+0.1653&nbsp;… +0.2126<" in results(places, "en")
    assert "1.2 là bản" in results(places, "vi")


def test_targets_stand_beside_what_was_measured(tmp_path: Path) -> None:
    places = Places(tmp_path, BOOK)
    assert "not measured" in targets(places, "en")
    places.results.mkdir(parents=True)
    (places.results / "run.json").write_text(json.dumps(BILINGUAL))
    rows = targets(places, "en").split("<tr>")
    (start,) = [row for row in rows if "Start-up of grading" in row]
    (torch,) = [row for row in rows if "imports torch" in row]
    assert "≤ 2<" in start and "4.58" in start and "missed" in start
    assert "≥ 8<" in torch and "9.5" in torch and "<td>met</td>" in torch
    assert "chưa đạt" in targets(places, "vi")


def test_only_the_newest_of_a_benchmark_on_a_machine_is_shown(
    tmp_path: Path,
) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    for day, number in (("2026-01-01", 111), ("2026-02-01", 222)):
        machine = {"cpu": "Test CPU", "cores": 2}
        found = {"date": day, "machine": machine}
        found["benchmarks"] = {"speed": {"tokens": number}}
        (places.results / f"{day}-test.json").write_text(json.dumps(found))
    shown = results(places, "en")
    assert "222" in shown and "111" not in shown


@pytest.mark.parametrize(
    ("band", "words"),
    [
        ([4, 9], "4 – 9"),
        ([None, 1.5], "≤ 1.5"),
        ([0.5, None], "≥ 0.5"),
        ([1, 1], "1"),
        ({"min": 1, "max": 2}, "1 – 2"),
        (None, "–"),
    ],
)
def test_bands_in_words(band: object, words: str) -> None:
    assert band_words(band, "en") == words


def test_dates_are_written_as_each_language_does() -> None:
    assert date("2026-03-01T00:00:00", "vi") == "01-03-2026"
    assert date("2026-03-01", "en") == "1 March 2026"


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"benchmarks": 3}'])
def test_a_result_that_cannot_be_shown_is_named(
    tmp_path: Path, content: str
) -> None:
    places = Places(tmp_path, BOOK)
    places.results.mkdir(parents=True)
    (places.results / "bad.json").write_text(content)
    with pytest.raises(BookError, match=r"bad\.json.*make bench"):
        results(places, "en")


def test_outputs_lose_what_a_page_cannot_show(tmp_path: Path) -> None:
    places = Places(tmp_path, BOOK)
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}
    shown = clean_outputs(
        [
            {"output_type": "display_data", "data": widget, "metadata": {}},
            {
                "output_type": "execute_result",
                "data": widget
                | {"text/html": f"<p>{tmp_path}/x</p>", "text/plain": "x"},
                "metadata": {},
                "execution_count": 3,
            },
            {"output_type": "stream", "name": "stdout", "text": "\r \n"},
        ],
        places,
    )
    assert [output["data"] for output in shown] == [{"text/html": "<p>x</p>"}]
