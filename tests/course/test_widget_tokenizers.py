"""The tokenizer playground, live and static."""

import re

import pytest

from aulac.lesson.language import plain
from aulac.lesson.widgets import tokenizers as widget
from aulac.tokenizer import BPE, reference


class Syllables:
    """A tokenizer anyone can check by eye: one token a syllable."""

    vocab_size = 17_000

    def encode(self, text):
        return list(range(len(text.split())))

    def pieces(self, text):
        return text.split()


def test_the_table_counts_and_colours(monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "both")
    html = widget.table_html("Tiếng Việt đẹp", {"của tôi": Syllables()})
    for shown in (
        "của tôi",
        "17.000",
        "17,000",
        "<b>3</b>",
        "1,00",
        "1.00",
        ">Việt<",
    ):
        assert shown in html
    assert html.count("title=") == 3


def test_stray_bytes_spaces_and_lines_can_be_seen():
    gpt4 = reference("cl100k_base")
    text = " đẹp\n"
    html = widget.pieces_html(gpt4.pieces(text), gpt4.encode(text))
    assert "‹e1 ba›" in html and "·đ" in html and "⏎" in html


def test_typed_html_stays_text():
    html = widget.playground_html(
        "<script>x</script> & ba", {"<b>": Syllables()}
    )
    assert "<script" not in html and "&lt;b&gt;" in html
    assert "Hãy gõ" in widget.table_html("  ", {"a": Syllables()})


def test_the_page_without_widgets_holds_both_forms_and_languages(
    monkeypatch, capsys
):
    monkeypatch.setenv("AULAC_STATIC", "1")
    monkeypatch.setenv("AULAC_LANG", "both")
    widget.demo(tokenizers={"của tôi": Syllables()})
    said = capsys.readouterr().out
    for shown in (
        "của tôi",
        "GPT-4o",
        "Llama 4",
        "NFC: 55",
        "NFD: 72",
        "per syllable",
    ):
        assert shown in said
    html = widget.playground_html("ế", widget.known())
    rows = re.findall(r"<b>(\d+)</b>", html)
    assert len(rows) == 8 and [int(r) for r in rows[4:]] > [
        int(r) for r in rows[:4]
    ]


def test_the_live_widget_follows_its_controls(monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.setenv("AULAC_LANG", "vi")
    box = widget._widget("Cả nhà", {"a": Syllables(), "b": Bytes()})
    entry, controls, answer = box.children
    form, shown = controls.children
    assert "dạng NFC" in answer.value and "<b>2</b>" in answer.value
    entry.value = "Cả nhà vui"
    assert "<b>3</b>" in answer.value
    before = plain(answer.value)
    form.value = "NFD"
    assert "dạng NFD" in answer.value and plain(answer.value) != before
    shown.value = ("a",)
    assert ">b<" not in answer.value
    entry.value = ""
    assert "Hãy gõ" in answer.value


class Bytes(BPE):
    """Bytes only."""

    def pieces(self, text):
        return [self.tokens[token] for token in self.encode(text)]
