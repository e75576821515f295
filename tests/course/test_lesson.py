"""aulac.lesson: what a notebook says to its reader and to the verifier."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from aulac import lesson
from aulac.lesson import exercise, language, outcome
from aulac.lesson.widgets import present


@pytest.fixture(autouse=True)
def one_language(monkeypatch):
    for name in (
        "COLAB_RELEASE_TAG",
        "KAGGLE_KERNEL_RUN_TYPE",
        "AULAC_LANG",
        "JPY_SESSION_NAME",
        "AULAC_STATIC",
        "AULAC_SCALE",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shown(monkeypatch):
    """Every output, as the MIME bundle a notebook would keep."""
    outputs = []
    for module in (outcome, exercise, lesson.picture, lesson.session):
        monkeypatch.setattr(
            module, "emit", lambda data, slot=None: outputs.append(data)
        )
    monkeypatch.setattr(
        "aulac.lesson.widgets.emit",
        lambda data, slot=None: outputs.append(data),
    )
    return outputs


class Visible(HTMLParser):
    """The text a browser would show: elements with display:none are left out."""

    def __init__(self):
        super().__init__()
        self.depth, self.hidden, self.text = 0, [], ""

    def handle_starttag(self, tag, attributes):
        if tag in ("img", "br"):
            return
        self.depth += 1
        if "display:none" in (dict(attributes).get("style") or ""):
            self.hidden.append(self.depth)

    def handle_endtag(self, tag):
        if self.hidden and self.hidden[-1] == self.depth:
            self.hidden.pop()
        self.depth -= 1

    def handle_data(self, data):
        if not self.hidden:
            self.text += data


def visible(html: str) -> str:
    reader = Visible()
    reader.feed(html)
    return reader.text


def test_importing_loads_neither_torch_nor_ipython():
    code = (
        "import sys, aulac.lesson, aulac.lesson.widgets; "
        "print([m for m in ('torch', 'IPython', 'matplotlib', 'ipywidgets') "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "vi"),
        (
            {"JPY_SESSION_NAME": "/home/an/course/notebooks/en/01_text.ipynb"},
            "en",
        ),
        ({"JPY_SESSION_NAME": "en/01_text.ipynb"}, "en"),
        (
            {"JPY_SESSION_NAME": "/home/en/course/notebooks/vi/01_text.ipynb"},
            "vi",
        ),
        ({"JPY_SESSION_NAME": "english/01.ipynb"}, "vi"),
        ({"AULAC_LANG": "en", "JPY_SESSION_NAME": "vi/01.ipynb"}, "en"),
        ({"AULAC_LANG": "both"}, "both"),
        ({"COLAB_RELEASE_TAG": "x"}, "both"),
        ({"AULAC_LANG": "fr"}, "vi"),
    ],
)
def test_language_of_the_notebook(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.language() == expected


@pytest.mark.parametrize(
    ("lang", "text"), [("vi", "chào"), ("en", "hello"), ("both", "chàohello")]
)
def test_one_output_shows_the_language_chosen(monkeypatch, lang, text):
    monkeypatch.setenv("AULAC_LANG", lang)
    assert visible(lesson.spans("chào", "hello")) == text
    assert visible(lesson.bilingual("chào", "hello")._repr_html_()) == text


def test_localise_hides_elements_an_author_wrote_and_only_once(monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "vi")
    html = '<p class="note aulac-en" lang="en">a</p><p class="aulac-vi">b</p>'
    assert visible(lesson.localise(html)) == "b"
    assert lesson.localise(lesson.localise(html)) == lesson.localise(html)


def test_bilingual_escapes_plain_text():
    assert (
        "&lt;b&gt;" in lesson.bilingual("<b>", "<b>", html=False)._repr_html_()
    )


def test_record_hands_the_value_to_the_verifier_and_returns_it(shown):
    assert lesson.record("bits", np.float32(1.5), "bit") == 1.5
    assert shown[0][outcome.RECORD_MIME] == {
        "name": "bits",
        "value": 1.5,
        "unit": "bit",
    }
    assert type(shown[0][outcome.RECORD_MIME]["value"]) is float
    assert "<b>1,5</b> bit" in shown[0]["text/html"]


def test_record_keeps_nan_out_of_json(shown):
    lesson.record("loss", float("nan"))
    assert shown[0][outcome.RECORD_MIME]["value"] == "nan"


@pytest.mark.parametrize("value", [None, [1, 2], np.ones(3), object()])
def test_record_refuses_what_no_band_could_check(value):
    with pytest.raises(TypeError, match="one number"):
        lesson.record("x", value)


def test_a_guess_stands_beside_the_truth(shown, monkeypatch):
    monkeypatch.setenv("AULAC_LANG", "en")
    lesson.predict("tokens", 4)
    lesson.record("tokens", 8)
    assert "you guessed 4" in visible(shown[1]["text/html"])
    assert "factor of 2" in visible(shown[1]["text/html"])
    lesson.predict("tokens", ...)
    lesson.record("tokens", 8)
    assert "guess" not in visible(shown[3]["text/html"])


def test_numbers_are_written_as_each_language_writes_them():
    assert outcome.written(1234.0, "en") == "1,234"
    assert outcome.written(2_500_000, "vi") == "2.500.000"
    assert outcome.written(0.25, "vi") == "0,25"
    assert outcome.written(True, "vi") == "đúng"
    assert outcome.written("<a>", "vi") == "&lt;a&gt;"


def state(shown) -> str:
    return shown[-1][exercise.CHECK_MIME]["state"]


def test_check_tells_the_four_states_apart(shown):
    lesson.check(lambda x: x + 1, [((1,), 2), (3, 4)])
    assert state(shown) == "right"
    lesson.check(lambda x: x, [((1,), 2), ((2,), 2)])
    assert state(shown) == "wrong"
    assert "1/2" in shown[-1]["text/html"]
    lesson.check(lambda x: ..., [((1,), 2)])
    assert state(shown) == "unattempted"
    lesson.check(lambda x: None, [((1,), 2)])
    assert state(shown) == "unattempted"
    lesson.check(None, [((1,), 2)])
    assert state(shown) == "unattempted"


def test_check_never_raises(shown):
    def breaks(x):
        raise ZeroDivisionError("by <zero>")

    class Refuses:
        def __eq__(self, other):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

    lesson.check(breaks, [((1,), 2)])
    assert "ZeroDivisionError: by &lt;zero&gt;" in shown[-1]["text/html"]
    lesson.check(lambda x: Refuses(), [((1,), 2)])
    assert state(shown) == "wrong"
    lesson.check(lambda: 1, [((1,), 2)])
    assert state(shown) == "wrong"


def test_check_copies_arguments_and_shields_later_cases(shown):
    data = [3, 1, 2]

    def spoils(items):
        items.sort()
        return items[0]

    lesson.check(spoils, [((data,), 1), ((data,), 1)])
    assert state(shown) == "right"
    assert data == [3, 1, 2]


def test_what_cannot_be_copied_is_given_as_it_is(shown):
    lesson.check(sum, [(((n for n in (1, 2)),), 3)])
    assert state(shown) == "right"


@pytest.mark.parametrize(
    ("got", "expected", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (np.array([1.0, 2.0]), [1, 2], True),
        ([1, 2], (1, 2), False),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, True),
        (1, True, False),
        (True, True, True),
        ("1.0", 1.0, False),
        (float("nan"), 1.0, False),
        (None, None, True),
    ],
)
def test_same(got, expected, equal):
    assert exercise.same(got, expected) is equal


def test_a_condition_may_stand_for_the_expected_value(shown):
    lesson.check(lambda n: list(range(n)), [((3,), lambda got: len(got) == 3)])
    assert state(shown) == "right"
    lesson.check(lambda n: 7, [((3,), lambda got: len(got) == 3)])
    assert state(shown) == "wrong"


def test_a_figure_needs_alt_text_in_both_languages():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    with pytest.raises(ValueError, match="alt text"):
        lesson.show(figure)
    with pytest.raises(ValueError, match="alt text"):
        lesson.show(figure, alt={"vi": "đường cong"})


def test_a_figure_carries_both_alt_texts_and_its_table(shown, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    monkeypatch.setenv("AULAC_LANG", "both")
    alt = {
        "vi": "Hàm mất mát giảm từ 7 xuống 2.",
        "en": "The loss falls from 7 to 2.",
    }
    table = {("bước", "step"): [1, 2], ("mất mát", "loss"): [7.0, 2.25]}
    lesson.show(figure, alt=alt, table=table)
    html = shown[0]["text/html"]
    assert 'alt="Hàm mất mát giảm từ 7 xuống 2. / The loss falls' in html
    assert "2,25" in html and "2.25" in html and 'scope="col"' in html
    assert set(shown[0]) == {"text/html", "text/plain"}


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="empty table"):
        lesson.table_html([])


class FakeWidget:
    def _repr_mimebundle_(self, **_):
        return {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}}


def test_a_widget_and_its_static_twin_are_one_output(shown):
    present(
        FakeWidget(),
        '<p class="aulac-en">example</p><p class="aulac-vi">ví dụ</p>',
    )
    bundle = shown[0]
    assert bundle["application/vnd.jupyter.widget-view+json"] == {
        "model_id": "m"
    }
    assert bundle["text/html"].startswith('<div class="aulac-fallback">')
    assert visible(bundle["text/html"]) == "ví dụ"


def test_a_verify_run_shows_the_static_twin_alone(shown, monkeypatch):
    monkeypatch.setenv("AULAC_STATIC", "1")

    def never():
        raise AssertionError("a verify run must not build widgets")

    present(never, "<p>ví dụ</p>")
    assert set(shown[0]) == {"text/html", "text/plain"}


def test_setup_announces_scale_and_seeds(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("AULAC_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("AULAC_SCALE", "laptop")
    assert lesson.setup("03").scale.name == "laptop"
    here = lesson.setup("03", "tiny")
    first = (here.rng.random(), np.random.random())
    again = lesson.setup("03", "tiny")
    assert (again.rng.random(), np.random.random()) == first
    assert "tiny" in shown[-1]["text/plain"]
    assert here.workspace == tmp_path
    with pytest.raises(ValueError, match="no scale"):
        lesson.setup("03", "enormous")


def test_an_artefact_appears_whole_or_not_at_all(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("AULAC_WORKSPACE", str(tmp_path))
    here = lesson.setup("02", "tiny")
    with pytest.raises(RuntimeError), here.makes("corpus") as folder:
        (folder / "half.txt").write_text("…")
        raise RuntimeError
    assert not (tmp_path / "tiny" / "corpus").exists()
    with here.makes("corpus") as folder:
        (folder / "whole.txt").write_text("xong")
    assert (here.need("corpus") / "whole.txt").read_text() == "xong"


def test_torch_is_seeded_when_it_arrives_after_setup(tmp_path):
    """In a real kernel's shell: setup first, torch in a later cell, twice the same."""
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in (
    "from aulac.lesson import setup; here = setup('05', 'tiny')",
    "assert 'torch' not in __import__('sys').modules",
    "import torch",
    "print('drawn', torch.rand(1).item())",
    "here.reseed(); print('drawn', torch.rand(1).item())",
):
    shell.run_cell(cell, store_history=True).raise_error()
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={
            "AULAC_WORKSPACE": str(tmp_path),
            "HOME": str(tmp_path),
            "PATH": "/bin",
        },
    )
    drawn = [
        line for line in run.stdout.splitlines() if line.startswith("drawn")
    ]
    assert len(drawn) == 2 and drawn[0] == drawn[1], run.stdout + run.stderr
