"""The book as it comes out: a small one, built in both languages."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aulac_grader.book import app
from aulac_grader.book.build import build
from aulac_grader.book.places import LANGUAGES, BookError, Places
from aulac_grader.book.proof import check_site, outside, read_site

pytestmark = pytest.mark.slow


def page(small_book, lang: str, name: str) -> str:
    places, _ = small_book
    return (places.site(lang) / f"{name}.html").read_text()


def test_both_editions_have_the_same_pages(small_book) -> None:
    places, built = small_book
    names = [
        {page.name for page in read_site(places, lang)} for lang in LANGUAGES
    ]
    assert names[0] == names[1]
    assert {"index", "01_nets", "02_more_nets", "glossary", "search"} <= names[
        0
    ]
    assert built.pages == {"vi": len(names[0]), "en": len(names[0])}


def test_nothing_is_wrong_with_the_pages(small_book) -> None:
    places, _ = small_book
    assert check_site(places) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_page_loads_anything_from_outside(small_book, lang: str) -> None:
    places, _ = small_book
    pages = read_site(places, lang)
    loads = [address for page in pages for address in page.loads]
    assert loads, "a page without style sheets was not read right"
    assert [address for address in loads if outside(address)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_switches_to_its_twin(small_book, lang: str) -> None:
    places, _ = small_book
    other = "en" if lang == "vi" else "vi"
    for found in read_site(places, lang):
        assert found.lang == lang
        assert found.switch == f"../{other}/{found.name}.html"
        assert (places.site(lang) / found.switch).resolve().exists()


def test_sections_have_anchors_both_editions_share(small_book) -> None:
    anchors = [
        re.findall(r'id="(s-\d+)"', page(small_book, lang, "01_nets"))
        for lang in LANGUAGES
    ]
    assert anchors[0] == anchors[1]
    assert len(anchors[0]) >= 4


def test_outputs_come_from_the_verified_run(small_book) -> None:
    html = page(small_book, "en", "01_nets")
    assert "outcome of the net" in html
    assert "100 %" in html
    assert "50 %" not in html, "an overwritten progress line is shown"
    assert "widget-view" not in html


def test_no_folder_of_the_machine_is_shown(small_book) -> None:
    places, _ = small_book
    for lang in LANGUAGES:
        html = page(small_book, lang, "01_nets")
        assert str(places.root) not in html
        assert "workspace/tiny" in html


def test_last_verified_line_and_band(small_book) -> None:
    vi, en = (page(small_book, lang, "01_nets") for lang in LANGUAGES)
    assert "Last verified 23 November 2026" in en
    assert "12.3 seconds" in en and "Test CPU, 2 cores, 24 GB" in en
    assert "ngày 23-11-2026" in vi and "12,3 giây" in vi
    assert "number of nets" in en and "số mạng" in vi
    assert "4 – 9" in en


def test_an_unverified_lesson_says_so_on_the_page_and_in_the_build(
    small_book,
) -> None:
    _, built = small_book
    assert built.unproven == {"02_more_nets": "unverified"}
    assert "has not been verified" in page(small_book, "en", "02_more_nets")
    assert "chưa được chạy kiểm tra" in page(small_book, "vi", "02_more_nets")
    assert "has not been verified" not in page(small_book, "en", "01_nets")


def test_links_to_terms_and_works_stay_in_the_book(small_book) -> None:
    html = page(small_book, "vi", "01_nets")
    assert 'href="glossary.html#term-tokenizer"' in html
    assert 'title="Biến văn bản thành token."' in html
    assert 'href="bibliography.html#cite-sennrich2016bpe"' in html
    assert 'id="cite-sennrich2016bpe"' in page(
        small_book, "vi", "bibliography"
    )


def test_formulas_are_mathml_without_a_script(small_book) -> None:
    html = page(small_book, "vi", "01_nets")
    assert html.count("<math ") == 2
    assert "<mfrac>" in html and "<msqrt>" in html
    assert not re.search(r"<script[^>]*mathjax", html, re.IGNORECASE)


def test_kinds_of_section_are_marked(small_book) -> None:
    html = page(small_book, "en", "01_nets")
    breaks = re.search(
        r'<section class="aulac-breaks".*?</section>', html, re.DOTALL
    )
    assert breaks is not None
    assert "aulac-exercises" not in breaks[0]
    assert 'class="aulac-exercises"' in html
    assert '<p class="aulac-predict-note">' in html
    assert "tag_predict" in html and "tag_exercise" in html


def test_notebooks_can_be_downloaded_in_the_language_of_the_page(
    small_book,
) -> None:
    places, _ = small_book
    assert 'href="notebooks/01_nets.ipynb"' in page(
        small_book, "vi", "01_nets"
    )
    for lang, words in (("vi", "Con mạng"), ("en", "The net and")):
        text = (places.site(lang) / "notebooks" / "01_nets.ipynb").read_text()
        assert words in text


def test_settings_of_the_theme_reach_the_pages(small_book) -> None:
    places, _ = small_book
    for lang, words in (
        ("vi", "Lời văn: CC BY 4.0"),
        ("en", "Prose: CC BY 4.0"),
    ):
        assert words in page(small_book, lang, "index")
    styles = (places.site("vi") / "_static" / "pygments.css").read_text()
    assert "#FFD900" not in styles, "the theme's own dark colours of code"


def test_root_page_leads_to_both_editions(small_book) -> None:
    places, _ = small_book
    html = (places.html / "index.html").read_text()
    assert 'href="vi/index.html"' in html and 'href="en/index.html"' in html
    assert "url=vi/index.html" in html, "without scripts it goes to Vietnamese"


def test_building_again_does_nothing_and_is_quick(small_book) -> None:
    places, first = small_book
    before = (places.site("vi") / "index.html").stat().st_mtime_ns
    again = build(places)
    assert again.unchanged
    assert again.pages == first.pages and again.unproven == first.unproven
    assert again.seconds < 3
    assert (places.site("vi") / "index.html").stat().st_mtime_ns == before


@pytest.fixture
def other_book(small_book, tmp_path: Path) -> Places:
    """A copy of the small book's inputs, to be spoiled."""
    places, _ = small_book
    for name in ("notebooks", "build/verify"):
        shutil.copytree(places.root / name, tmp_path / name)
    ignore = shutil.ignore_patterns("_build")
    shutil.copytree(places.sources, tmp_path / "book", ignore=ignore)
    return Places(tmp_path, tmp_path / "book")


def test_a_formula_that_cannot_be_read_fails_the_build(
    other_book: Places,
) -> None:
    path = other_book.sources / "pages" / "about.md"
    path.write_text(
        path.read_text().replace("Free.", r"Free $\nosuchcommand{x}$.")
    )
    with pytest.raises(BookError, match=r"nosuchcommand"):
        build(other_book, ["en"])


@pytest.fixture
def built_copy(small_book, tmp_path: Path) -> Places:
    """A copy of the small book's pages, to be spoiled."""
    places, _ = small_book
    copy = Places(tmp_path, places.sources)
    shutil.copytree(places.html, copy.html)
    return copy


@pytest.mark.parametrize(
    ("spoiled", "complaint"),
    [
        ('<a href="nowhere.html">x</a>', "nowhere.html, which is not there"),
        ('<a href="index.html#nowhere">x</a>', "no such place"),
        ('<img src="_static/logo.svg">', "has no text"),
        ('<script src="https://cdn.example/x.js"></script>', "from outside"),
        ('<script src="//cdn.example/x.js"></script>', "from outside"),
        ('<span id="s-99"></span>', "sections, its twin"),
    ],
)
def test_a_spoiled_page_is_noticed(
    built_copy: Places, spoiled: str, complaint: str
) -> None:
    path = built_copy.site("en") / "about.html"
    path.write_text(
        path.read_text().replace("</article>", f"{spoiled}</article>")
    )
    flaws = [str(flaw) for flaw in check_site(built_copy)]
    assert any(
        complaint in flaw and "en/about.html" in flaw for flaw in flaws
    ), flaws


def test_a_page_without_its_twin_is_noticed(built_copy: Places) -> None:
    (built_copy.site("vi") / "about.html").unlink()
    flaws = [str(flaw) for flaw in check_site(built_copy)]
    assert "en/about.html: has no twin in vi." in flaws


def test_a_build_that_was_killed_is_made_anew(
    small_book, tmp_path: Path
) -> None:
    places, _ = small_book
    copy = Places(tmp_path, places.sources)
    for name in ("notebooks", "build", "book"):
        shutil.copytree(places.root / name, tmp_path / name)
    half = copy.site("vi") / "about.html"
    half.write_text("<html")
    copy.stamp.unlink()
    copy.stamp.with_name("building").touch()
    build(copy, ["vi"])
    assert half.read_text().rstrip().endswith("</html>")
    assert not copy.stamp.with_name("building").exists()


def test_code_that_the_book_imports_is_one_of_its_sources(
    small_book, tmp_path: Path
) -> None:
    """Wherever it lies: what a page prints is computed by it."""
    places, _ = small_book
    stamp = json.loads(places.stamp.read_text())
    modules = stamp["editions"]["vi"]["imported"]
    for file in ("table", "dial", "flops"):
        assert any(m.endswith(f"aulac/scale/{file}.py") for m in modules)
    copy = Places(tmp_path, places.sources)
    for name in ("notebooks", "build", "book"):
        shutil.copytree(places.root / name, tmp_path / name)
    assert build(copy, ["vi"]).unchanged
    stamp = json.loads(copy.stamp.read_text())
    stamp["editions"]["vi"]["imported"][next(iter(modules))] = "other code"
    copy.stamp.write_text(json.dumps(stamp))
    assert not build(copy, ["vi"]).unchanged


def test_a_notebook_in_one_language_only_is_refused(
    other_book: Places,
) -> None:
    (other_book.notebooks / "en" / "02_more_nets.ipynb").unlink()
    with pytest.raises(BookError, match=r"02_more_nets.*aulac lessons build"):
        build(other_book)


def test_an_unknown_language_is_refused(other_book: Places) -> None:
    with pytest.raises(BookError, match=r"no edition 'fr'"):
        build(other_book, ["fr"])


def test_the_command_says_what_is_wrong_and_fails() -> None:
    done = CliRunner().invoke(app, ["build", "--lang", "fr"])
    assert done.exit_code == 1
    assert "choose vi, en or both" in done.output
