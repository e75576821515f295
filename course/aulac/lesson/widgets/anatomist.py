"""The syllable anatomist: what a written syllable is made of, and how it is stored.

`demo()` takes a word typed by the reader apart into onset, glide, nucleus, coda and
tone, and shows its bytes in Unicode (NFC, NFD), in the legacy encodings TCVN3 and
VNI, and the Telex keys that type it. A word that is no Vietnamese syllable is told the
rule that it breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from aulac.lesson.language import choose, spans
from aulac.lesson.widgets import present
from aulac.text import (
    Syllable,
    Tone,
    compose_syllable,
    decompose,
    encode_legacy,
    normalise,
    parse_syllable,
    to_telex,
    words,
)
from aulac.text.marks import take_tone
from aulac.text.syllable import ONSETS, RHYMES, STOPS

MOST = 6  # syllables taken apart at once
EXAMPLES = ("nghiêng", "quyết", "giếng", "hoà", "internet")

# Dark ink on pale colours: readable on a light and on a dark page, and apart from
# each other for colour-blind readers; every part is also labelled in words.
_PARTS = (
    ("onset", "âm đầu", "onset", "#f6c89f"),
    ("glide", "âm đệm", "glide", "#f3e79b"),
    ("nucleus", "âm chính", "nucleus", "#a9d6f5"),
    ("coda", "âm cuối", "coda", "#a8dcc2"),
)
_TONE_COLOUR = "#e3c1e6"
_CELL = "padding:.15em .6em;text-align:left;vertical-align:top"


def _box(letters: str, vi: str, en: str, colour: str) -> str:
    shown = escape(letters) or "–"
    return (
        f'<span style="display:inline-block;text-align:center;margin:0 .15em .3em 0">'
        f'<b style="display:block;background:{colour};color:#1a1a1a;'
        f"border-radius:.3em;padding:.1em .55em;font-size:1.5em;min-width:1.1em"
        f'">{shown}</b><small>{spans(vi, en)}</small></span>'
    )


def _parts_html(syllable: Syllable) -> str:
    boxes = [
        _box(getattr(syllable, name), vi, en, colour)
        for name, vi, en, colour in _PARTS
    ]
    tone = syllable.tone
    sign = "\u25cc" + tone.mark if tone.mark else "\u25cc"
    names = (f"thanh {tone.vi}", f"tone: {tone.vi} ({tone.en})")
    boxes.append(_box(sign, *names, _TONE_COLOUR))
    note = ""
    if syllable.onset == "gi" and syllable.nucleus in ("i", "iê"):
        note = spans(
            "<small>Âm đầu gi và vần dùng chung một chữ i.</small>",
            "<small>The onset gi and the rhyme share one letter i.</small>",
        )
    return "".join(boxes) + note


def why_not(word: str) -> tuple[str, str]:
    """The rule that keeps a word from being a Vietnamese syllable, in (vi, en).

    Raises ValueError when the word is one.
    """
    if parse_syllable(word):
        raise ValueError(f"{word!r} is a Vietnamese syllable")
    taken = take_tone(word.lower())
    if taken is None:
        return (
            "Có hai dấu thanh; mỗi âm tiết chỉ mang một thanh.",
            "It has two tone marks; a syllable carries one tone.",
        )
    letters, tone = taken
    if letters.endswith(STOPS) and tone not in (Tone.SAC, Tone.NANG):
        for other in (Tone.SAC, Tone.NANG):
            if fixed := _with_tone(letters, other):
                return (
                    "Âm tiết kết thúc bằng p, t, c, ch chỉ mang thanh sắc hoặc "
                    f"nặng (như {fixed}).",
                    "A syllable that ends in p, t, c or ch is sắc or nặng only "
                    f"(such as {fixed}).",
                )
    return _wrong_letters(letters)


def _with_tone(letters: str, tone: Tone) -> str | None:
    for at, letter in enumerate(letters):
        if decompose(letter)[0] in "aeiouy":
            marked = normalise(
                letters[: at + 1] + tone.mark + letters[at + 1 :]
            )
            if parsed := parse_syllable(marked):
                return compose_syllable(parsed)
    return None


def _wrong_letters(letters: str) -> tuple[str, str]:
    foreign = sorted(set(letters) - set("aăâbcdđeêghiklmnoôơpqrstuưvxy"))
    if foreign:
        found = ", ".join(map(escape, foreign))
        return (
            f"Chữ Việt không dùng: {found}.",
            f"Vietnamese spelling does not use: {found}.",
        )
    onset = next((o for o in ONSETS if letters.startswith(o)), "")
    rest = letters[len(onset) :]
    if rest not in RHYMES:
        shown = escape(rest) or "–"
        return (
            f"Không có vần “{shown}” trong tiếng Việt.",
            f"Vietnamese has no rhyme “{shown}”.",
        )
    glide, nucleus, coda = RHYMES[rest]
    try:
        usual = compose_syllable(
            Syllable(onset, glide, nucleus, coda, Tone.NGANG)
        )
    except ValueError:
        usual = ""
    if usual and usual != letters:
        return (
            f"Đủ âm nhưng sai chính tả: viết là “{escape(usual)}”.",
            f"The sounds are fine, the spelling is not: it is “{escape(usual)}”.",
        )
    return (
        f"Âm đầu “{escape(onset)}” không đi với vần “{escape(rest)}”.",
        f"The onset “{escape(onset)}” does not go with the rhyme “{escape(rest)}”.",
    )


def _hex(pieces: Sequence[bytes]) -> str:
    return " · ".join(piece.hex(" ") for piece in pieces)


def _legacy(word: str, encoding: str) -> tuple[str, str]:
    """The bytes letter by letter, and how they look to a program that expects cp1252."""
    try:
        pieces = [encode_legacy(c, encoding) for c in normalise(word)]
    except UnicodeEncodeError as error:
        missing = escape(error.object[error.start])
        return "–", spans(
            f"không có mã cho {missing}", f"no code for {missing}"
        )
    seen = b"".join(pieces).decode("cp1252", errors="replace")
    reads = spans("mở nhầm: ", "misread: ")
    return _hex(pieces), f"{reads}“{escape(seen)}”"


def _bytes_html(word: str) -> str:
    rows = []
    for text, label in ((normalise(word), "NFC"), (decompose(word), "NFD")):
        data = [c.encode() for c in text]
        size = sum(map(len, data))
        count = spans(
            f"{len(text)} điểm mã, {size} byte",
            f"{len(text)} code points, {size} bytes",
        )
        rows.append((f"UTF-8, {label}", f"<code>{_hex(data)}</code>", count))
    for encoding, label in (("tcvn3", "TCVN3"), ("vni", "VNI")):
        data_html, note = _legacy(word, encoding)
        rows.append((label, f"<code>{data_html}</code>", note))
    keys = to_telex(word)
    count = spans(f"{len(keys)} phím", f"{len(keys)} keys")
    rows.append(("Telex", f"<code>{escape(keys)}</code>", count))
    body = "".join(
        f'<tr><th scope="row" style="{_CELL}">{label}</th>'
        f'<td style="{_CELL}">{data}</td><td style="{_CELL}">{note}</td></tr>'
        for label, data, note in rows
    )
    return (
        f'<table style="border-collapse:collapse;margin:.2em 0">{body}</table>'
    )


def anatomy_html(text: str) -> str:
    """One block of HTML for each of the first words of `text`, in both languages."""
    found = words(text)[:MOST]
    if not found:
        return spans(
            "Hãy gõ một âm tiết, chẳng hạn “nghiêng”.",
            "Type a syllable, such as “nghiêng”.",
        )
    return "".join(_one(word) for word in found)


def _one(word: str) -> str:
    parsed = parse_syllable(word)
    if parsed:
        inside = _parts_html(parsed)
    else:
        vi, en = why_not(word)
        word_html = f"<b>{escape(word)}</b>"
        inside = spans(
            f"{word_html} không phải âm tiết tiếng Việt. {vi}",
            f"{word_html} is not a Vietnamese syllable. {en}",
        )
    return (
        '<div style="border-left:.25em solid #8aa;padding:.2em .8em;margin:.6em 0">'
        f'<div lang="vi">{inside}</div>{_bytes_html(word)}</div>'
    )


def demo(word: str = "nghiêng", examples: Sequence[str] = EXAMPLES) -> None:
    """Show the anatomist: live on `word`; on a page without widgets, on `examples`."""

    def widget():
        import ipywidgets

        entry = ipywidgets.Text(
            value=word,
            description=choose("Âm tiết", "Syllable"),
            placeholder=choose("gõ một âm tiết", "type a syllable"),
        )
        answer = ipywidgets.HTML(anatomy_html(word))
        entry.observe(
            lambda change: setattr(
                answer, "value", anatomy_html(change["new"])
            ),
            names="value",
        )
        return ipywidgets.VBox([entry, answer])

    present(widget, "".join(anatomy_html(example) for example in examples))
