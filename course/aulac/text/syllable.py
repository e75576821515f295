"""The anatomy of a written Vietnamese syllable.

A syllable is onset + glide + nucleus + coda under one tone, and only the nucleus
and the tone are always there. The grammar below is the one taught in school:

- which nucleus may stand before which coda (`_PLAIN`), and which of them may
  follow a glide (`_GLIDED`): 168 rhymes, where free combination would give several times as many;
- spellings that depend on the neighbour: c/k/q, g/gh, ng/ngh, the glide o/u,
  iê/yê/ia/ya, uô/ua, ươ/ưa, and the one letter i that gi and its rhyme share;
- a syllable that ends in a stop (p, t, c, ch) is sắc or nặng, nothing else.

Words that break a rule (king, internet, Đắk) are not Vietnamese syllables, and
`parse_syllable` answers None. See Đoàn Thiện Thuật, Ngữ âm tiếng Việt (1977),
for the sounds behind the spelling.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from aulac.text.marks import (
    TONE_OF_MARK,
    Tone,
    decompose,
    normalise,
    strip_tone,
    take_tone,
)

# "-" is the empty coda.
_PLAIN = {
    "a": "- i y o u m p n t ng c nh ch",
    "ă": "m p n t ng c",
    "â": "y u m p n t ng c",
    "e": "- o m p n t ng c",
    "ê": "- u m p n t nh ch",
    "i": "- u m p n t nh ch",
    "y": "-",
    "o": "- i m p n t ng c",
    "oo": "ng c",
    "ô": "- i m p n t ng c",
    "ơ": "- i m p n t",
    "u": "- i m p n t ng c",
    "ư": "- i u m n t ng c",
    "iê": "u m p n t ng c",
    "yê": "u m n t ng",
    "ia": "-",
    "uô": "i m n t ng c",
    "ua": "-",
    "ươ": "i u m p n t ng c",
    "ưa": "-",
}
_GLIDED = {
    "a": "- i y o u m p n t ng c nh ch",
    "ă": "m p n t ng c",
    "â": "y n t ng",
    "e": "- o m p n t",
    "ê": "- u n t nh ch",
    "y": "- u p n t nh ch",
    "ơ": "- i",
    "yê": "n t",
    "ya": "-",
}
_AFTER_Q = {"i": "- n t nh ch", "ô": "c"}  # quí, quít, quốc: nowhere else

# The longest first, because "ngh" begins with "ng" and "n".
ONSETS = tuple(
    re.findall(
        "[a-zđ]+",
        "ngh ch gh gi kh ng nh ph th tr b c d đ g h k l m n p q r s t v x",
    )
)
STOPS = ("p", "t", "c", "ch")
_FRONT = tuple("eêiy")  # before these letters c, g, ng are written k, gh, ngh
_Y_OPEN = ("", "h", "k", "l", "m", "n", "s", "t", "th", "v")  # lý, mỹ, Thy


@dataclass(frozen=True)
class Syllable:
    """One syllable as it is written, in lower case and without its tone mark.

    Fields: `onset`, `glide`, `nucleus`, `coda` are letters, empty where the
    syllable has none; `tone` is a `Tone`. The letters in a row spell the
    syllable, except that gi and a rhyme in i share one i: gì is gi + i.
    """

    onset: str
    glide: str
    nucleus: str
    coda: str
    tone: Tone


Parts = tuple[str, str, str]


def _rhymes(plain: dict[str, str], glided: dict[str, str], q: bool) -> dict:
    table: dict[str, Parts] = {}
    for nucleus, codas in plain.items():
        for coda in codas.replace("-", "").split(" "):
            table[nucleus + coda] = ("", nucleus, coda)
    for nucleus, codas in glided.items():
        glide = "o" if nucleus in ("a", "ă", "e") and not q else "u"
        for coda in codas.replace("-", "").split(" "):
            table[glide + nucleus + coda] = (glide, nucleus, coda)
    return table


RHYMES: dict[str, Parts] = _rhymes(_PLAIN, _GLIDED, q=False)
_Q_RHYMES: dict[str, Parts] = _rhymes({}, _GLIDED | _AFTER_Q, q=True)


def _fits(onset: str, parts: Parts, spelled: str) -> bool:
    """Whether the onset may be spelled so before this rhyme."""
    glide, nucleus, _ = parts
    front = spelled.startswith(_FRONT)
    if (
        nucleus in ("yê", "iê")
        and not glide
        and (nucleus == "yê") == bool(onset)
    ):
        return False
    if onset in ("k", "gh", "ngh"):
        return front and (nucleus != "y" or onset == "k")
    if onset in ("c", "g", "ng"):
        return not front and not (onset == "c" and glide)
    if nucleus == "y" and not glide:
        return onset in _Y_OPEN
    return True


def _after_gi(rest: str) -> Parts | None:
    """The rhyme after gi: gì, giếng and giết lend their i to it; già does not."""
    if rest.startswith("ê") and ("i" + rest) in RHYMES:
        return RHYMES["i" + rest]
    if rest in RHYMES and not rest.startswith(("i", "y")):
        return RHYMES[rest]
    shared = RHYMES.get("i" + rest)
    return shared if shared and shared[1] == "i" else None


@lru_cache(maxsize=50_000)
def anatomy(toneless: str) -> tuple[str, Parts] | None:
    """Onset and rhyme of a lower-case toneless spelling, or None."""
    if toneless.startswith("gi"):
        parts = _after_gi(toneless[2:])
        return ("gi", parts) if parts else None
    if toneless.startswith("q"):
        parts = _Q_RHYMES.get(toneless[1:])
        return ("q", parts) if parts else None
    onset = next((o for o in ONSETS if toneless.startswith(o)), "")
    rest = toneless[len(onset) :]
    found = RHYMES.get(rest)
    return (onset, found) if found and _fits(onset, found, rest) else None


@lru_cache(maxsize=50_000)
def parse_syllable(word: str) -> Syllable | None:
    """The anatomy of one written syllable, or None if it is not Vietnamese.

    Any case, any Unicode form; the tone mark may stand on any vowel of the
    syllable (hoà, hòa), since where it stands is style and not sound.
    """
    taken = take_tone(word.strip().lower())
    if taken is None:
        return None
    toneless, tone = taken
    found = anatomy(toneless)
    if found is None or not mark_on_vowel(word, tone):
        return None
    onset, (glide, nucleus, coda) = found
    if coda in STOPS and tone not in (Tone.SAC, Tone.NANG):
        return None
    return Syllable(onset, glide, nucleus, coda, tone)


def mark_on_vowel(word: str, tone: Tone) -> bool:
    """A tone mark belongs on a vowel: ń and ḿ are not Vietnamese letters."""
    if tone is Tone.NGANG:
        return True
    spread = decompose(word.lower())
    base = [c for c in spread[: spread.index(tone.mark)] if c.isalpha()]
    return bool(base) and base[-1] in "aeiouy"


def inventory() -> Iterator[str]:
    """Every spelling without tone that the grammar allows, each once."""
    rests = sorted(
        set(RHYMES) | {rest[1:] for rest in RHYMES if rest[0] == "i"}
    )
    for onset in ("", *ONSETS):
        for rest in sorted(_Q_RHYMES) if onset == "q" else rests:
            if (found := anatomy(onset + rest)) and found[0] == onset:
                yield onset + rest


def is_syllable(word: str) -> bool:
    """Whether the word is a well-formed written Vietnamese syllable."""
    return parse_syllable(word) is not None


def _respell(s: Syllable) -> tuple[str, str, str, str]:
    """The letters that today's spelling asks for, from any equal-sounding ones."""
    onset, glide, nucleus, coda = s.onset, s.glide, s.nucleus, s.coda
    if nucleus in ("iê", "yê", "ia", "ya"):
        first = "y" if glide or (coda and not onset) else "i"
        nucleus = first + ("ê" if coda else "a")
    elif nucleus in ("uô", "ua"):
        nucleus = "uô" if coda else "ua"
    elif nucleus in ("ươ", "ưa"):
        nucleus = "ươ" if coda else "ưa"
    elif nucleus == "i" and glide and onset not in ("c", "k", "q"):
        nucleus = "y"
    front = not glide and nucleus.startswith(_FRONT)
    if onset in ("c", "k", "q"):
        onset = "q" if glide else "k" if front else "c"
    elif onset in ("g", "gh", "ng", "ngh"):
        onset = onset.rstrip("h") + ("h" if front else "")
    if glide:
        glide = "o" if nucleus in ("a", "ă", "e") and onset != "q" else "u"
    return onset, glide, nucleus, coda


def _place(onset: str, glide: str, nucleus: str, coda: str, style: str) -> int:
    """The index, in onset+glide+nucleus+coda, of the letter that takes the mark."""
    start = len(onset) + len(glide)
    if style == "old" and glide and not coda and onset != "q":
        if nucleus in (
            "a",
            "e",
            "y",
        ):  # hòa, khỏe, thúy; thuở and huệ never differ
            return start - 1
    elif style not in ("new", "old"):
        raise ValueError(f'the style {style!r} is unknown: use "new" or "old"')
    return start + (1 if nucleus in ("iê", "yê", "uô", "ươ", "oo") else 0)


def compose_syllable(syllable: Syllable, style: str = "new") -> str:
    """Write the syllable out in NFC, lower case, by today's spelling rules.

    The letters may be given in any spelling of the same sound: onset "ng" with
    nucleus "i" is written nghi. `style` says where the mark stands when an open
    syllable ends in oa, oe or uy: "new" hoà, "old" hòa.

    Raises ValueError when no Vietnamese syllable has these parts.
    """
    onset, glide, nucleus, coda = _respell(syllable)
    place = _place(onset, glide, nucleus, coda, style)
    if onset == "gi" and not glide and nucleus in ("i", "iê"):
        onset, place = "g", place - 1  # gi and i share the letter
    letters = onset + glide + nucleus + coda
    marked = letters[: place + 1] + syllable.tone.mark + letters[place + 1 :]
    written = normalise(marked)
    if not is_syllable(written):
        raise ValueError(
            f"{syllable} spells {written!r}, which breaks the rules of Vietnamese "
            "spelling; check the coda the nucleus allows, and the tone"
        )
    return written


WORD = re.compile(r"(?:[^\W\d_][\u0300-\u036f\u031b]*)+")


def words(text: str) -> list[str]:
    """The runs of letters in the text, in NFC; digits and punctuation go."""
    return WORD.findall(normalise(text))


def syllables(text: str, only_valid: bool = False) -> list[str]:
    """The syllables of running text in NFC, in order, without punctuation.

    Vietnamese writes a space between syllables, so these are the runs of
    letters. A foreign word counts as one; `only_valid=True` leaves it out.
    """
    found = words(text)
    return [w for w in found if is_syllable(w)] if only_valid else found


def rhyme(word: str) -> str:
    """What verse rhymes by: nucleus and coda, in one spelling per sound.

    Neither the tone counts nor the glide: hoa and qua rhyme with ta, nguyên with tiên
    (Trần Trọng Kim, "Việt thi"). Words with one rhyme give one text: yên and tiên
    "iên", lý and lí "i", khuya and chia "ia".
    Raises ValueError when the word is not a Vietnamese syllable.
    """
    s = _must_parse(word)
    if s.onset == "q" and s.nucleus == "ô":  # quốc is spoken as cuốc
        return "uô" + s.coda
    spelt = {"y": "i", "yê": "iê", "ya": "ia"}
    return spelt.get(s.nucleus, s.nucleus) + s.coda


def is_flat(word: str) -> bool:
    """Whether verse counts the syllable's tone as bằng (ngang or huyền).

    Raises ValueError when the word is not a Vietnamese syllable.
    """
    return _must_parse(word).tone.flat


def _must_parse(word: str) -> Syllable:
    parsed = parse_syllable(word)
    if parsed is None:
        raise ValueError(f"{word!r} is not a Vietnamese syllable")
    return parsed


@lru_cache(maxsize=50_000)
def rewrite(word: str, style: str) -> str:
    parsed = parse_syllable(word)
    if parsed is None or parsed.tone is Tone.NGANG:
        return word
    written = compose_syllable(parsed, style)
    return "".join(
        new.upper() if old.isupper() else new
        for new, old in zip(written, strip_tone(word), strict=True)
    )


def place_tone(text: str, style: str = "new") -> str:
    """Put every tone mark where one style has it; returns NFC.

    "new" writes hoà, khoẻ, thuý; "old" writes hòa, khỏe, thúy. Marks that both
    styles hold to be misplaced (hóan, qúy) move too. Words that are not
    Vietnamese syllables stay as they are. Idempotent.
    """
    if style not in ("new", "old"):
        raise ValueError(f'the style {style!r} is unknown: use "new" or "old"')
    return WORD.sub(lambda m: rewrite(m[0], style), normalise(text))


def tone_styles(text: str) -> Counter[str]:
    """How often the text commits to each style: keys new, old, misplaced.

    Only words that the two styles write differently count as new or old.
    """
    counts: Counter[str] = Counter()
    for word in words(text):
        lower = word.lower()
        if not any(mark in decompose(lower) for mark in TONE_OF_MARK):
            continue
        new, old = rewrite(lower, "new"), rewrite(lower, "old")
        if new != old:
            counts[
                "new"
                if lower == new
                else "old"
                if lower == old
                else "misplaced"
            ] += 1
        elif lower != new:
            counts["misplaced"] += 1
    return counts
