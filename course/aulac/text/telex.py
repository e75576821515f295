"""The Telex keyboard, both ways.

What is supported, as Unikey and the system keyboards do it:

- aa ee oo -> â ê ô; aw ow uw -> ă ơ ư; w alone -> ư; dd -> đ; uow -> ươ;
- s f r x j set the tone, z takes it off, at any place after the vowel;
- free order: tieengs, tiengse and tieesng all give tiếng; dangd gives đang;
- a key repeated once more undoes itself and stays as a letter: aaa -> aa,
  ass -> as, aww -> aw, ddd -> dd; after that it is an ordinary key to the end
  of the word;
- capitals: DDAATS and DDaats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aulac.text.marks import (
    TONE_OF_MARK,
    Tone,
    decompose,
    normalise,
    strip_tone,
)
from aulac.text.syllable import compose_syllable, parse_syllable, place_tone

_TONE_KEYS = {tone.key: tone for tone in Tone if tone.key}
_VOWELS = "aăâeêioôơuưy"
_HATS = {"a": "â", "e": "ê", "o": "ô"}
_HORNS = {"a": "ă", "o": "ơ", "u": "ư"}
_BARE = {"ă": "a", "â": "a", "ê": "e", "ô": "o", "ơ": "o", "ư": "u", "đ": "d"}
_OPEN_UO = re.compile("(?<!q)uơ(?=.)")
_RUN = re.compile(r"[^\W\d_]+|[\W\d_]+")


@dataclass
class _Word:
    """The word being typed: its letters without tone, its tone, what was undone."""

    letters: str = ""
    capitals: list[bool] = field(default_factory=list)
    tone: Tone = Tone.NGANG
    undone: set[str] = field(default_factory=set)
    literal: bool = False
    horn: int = -1  # where a w alone became ư
    big_key: bool = False

    def press(self, key: str) -> None:
        low, self.big_key = key.lower(), key.isupper()
        if not key.isascii():
            self.literal = (
                True  # a letter Telex does not make: leave the word be
            )
        if self.literal or low in self.undone or not self._act(low):
            capital = key.isupper() and low.upper() == key and len(low) == 1
            self.letters += low if capital else key
            self.capitals.append(capital)
            self._settle()

    def _act(self, key: str) -> bool:
        """Apply the key to what stands there; False if it is just a letter."""
        if key in _TONE_KEYS or key == "z":
            return self._set_tone(key)
        if key == "d":
            return self._stroke()
        if key in _HATS:
            return self._hat(key)
        return key == "w" and self._horn()

    def _set_tone(self, key: str) -> bool:
        tone = _TONE_KEYS.get(key, Tone.NGANG)
        if not any(c in _VOWELS for c in self.letters):
            return False
        if (
            tone is self.tone
        ):  # the same key again, or z with nothing to take off
            self.tone = Tone.NGANG
            self.undone.update({*_TONE_KEYS, "z"} if key != "z" else ())
            return False
        self.tone = tone
        return True

    def _stroke(self) -> bool:
        at = len(self.letters) - 1
        if not self.letters.endswith(("d", "đ")):
            at = 0 if self._group() else -1
        if at < 0 or self.letters[at] not in "dđ":
            return False
        return self._change({at: "đ"}, undo="d")

    def _hat(self, key: str) -> bool:
        start, end = self._group() or (0, 0)
        same = [i for i in range(start, end) if _bare(self.letters[i]) == key]
        if not same:
            return False
        at = same[-1]
        if at == len(self.letters) - 1 or self.letters[at] == _HATS[key]:
            return self._change({at: _HATS[key]}, undo="aeo")
        changed = self.letters[:at] + _HATS[key] + self.letters[at + 1 :]
        if _possible(self.letters + key) or not _possible(changed):
            return False
        return self._change({at: _HATS[key]}, undo="aeo")

    def _horn(self) -> bool:
        group = self._group()
        if group is None:
            return self._new_horn()
        if group == (self.horn, self.horn + 1):
            return self._drop_horn()
        start, end = group
        plain = "".join(map(_bare, self.letters[start:end]))
        if "uo" in plain:
            at = start + plain.index("uo")
            open_end = at + 2 == len(self.letters)
            first = {} if open_end else {at: "ư"}
            return self._change(first | {at + 1: "ơ"}, undo="w")
        if "ua" in plain or "uu" in plain:
            return self._change({start + plain.index("u"): "ư"}, undo="w")
        places = [
            i for i in range(start, end) if _bare(self.letters[i]) in _HORNS
        ]
        if not places:
            return False
        at = places[-1]
        return self._change({at: _HORNS[_bare(self.letters[at])]}, undo="w")

    def _new_horn(self) -> bool:
        """A w with no vowel to work on is itself the vowel ư: tw -> tư."""
        self.horn = len(self.letters)
        self.letters += "ư"
        self.capitals.append(self.big_key)
        return True

    def _drop_horn(self) -> bool:
        """ww: take that ư away again, and type the w."""
        self.letters = (
            self.letters[: self.horn] + self.letters[self.horn + 1 :]
        )
        del self.capitals[self.horn]
        self.undone.add("w")
        return False

    def _group(self) -> tuple[int, int] | None:
        """Where the last run of vowels stands, less the u of qu and i of gi."""
        vowels = [i for i, c in enumerate(self.letters) if c in _VOWELS]
        if not vowels:
            return None
        end = start = vowels[-1] + 1
        while start and self.letters[start - 1] in _VOWELS:
            start -= 1
        if end - start > 1 and self.letters[: start + 1] in ("qu", "gi"):
            start += 1
        return start, end

    def _change(self, wanted: dict[int, str], undo: str) -> bool:
        """Change letters; if they are changed already, undo and type the key."""
        if any(self.letters[i] != c for i, c in wanted.items()):
            for i, c in wanted.items():
                self.letters = self.letters[:i] + c + self.letters[i + 1 :]
            return True
        for i in wanted:
            bare = _bare(self.letters[i])
            self.letters = self.letters[:i] + bare + self.letters[i + 1 :]
        self.undone.update(undo)
        return False

    def _settle(self) -> None:
        """u + ơ that gets an ending was ươ all along: thuơ, but thương."""
        if not self.literal and "w" not in self.undone:
            self.letters = _OPEN_UO.sub("ươ", self.letters)

    def write(self, style: str) -> str:
        out = self.letters if self.tone is Tone.NGANG else self._toned(style)
        pairs = zip(out, self.capitals, strict=True)
        return "".join(c.upper() if big else c for c, big in pairs)

    def _toned(self, style: str) -> str:
        for tone in (
            self.tone,
            Tone.SAC,
        ):  # a stop coda takes sắc: place it there
            parsed = parse_syllable(_with_tone(self.letters, tone))
            if parsed:
                spelled = decompose(compose_syllable(parsed, style))
                return normalise(
                    spelled.replace(parsed.tone.mark, self.tone.mark)
                )
        return _with_tone(self.letters, self.tone)


def _bare(letter: str) -> str:
    return _BARE.get(letter, letter)


def _possible(letters: str) -> bool:
    return any(
        parse_syllable(_with_tone(letters, t)) for t in (Tone.NGANG, Tone.SAC)
    )


def _with_tone(letters: str, tone: Tone) -> str:
    """Mark a word that may be no syllable: its last marked vowel, or last vowel."""
    vowels = [i for i, c in enumerate(letters) if c in _VOWELS]
    if not vowels:
        return letters
    marked = [i for i in vowels if letters[i] in "ăâêôơư"]
    at = (marked or vowels)[-1]
    return normalise(letters[: at + 1] + tone.mark + letters[at + 1 :])


def telex(keys: str, style: str = "new") -> str:
    """What a Telex keyboard writes for these keys; NFC.

    Characters Telex does not know (digits, punctuation, letters that already
    carry a mark) stay as typed. `style` is that of `place_tone`.
    """
    out = []
    for run in _RUN.findall(normalise(keys)):
        out.append(_type(run, style) if run[0].isalpha() else run)
    return "".join(out)


def _type(keys: str, style: str) -> str:
    word = _Word()
    for key in keys:
        word.press(key)
    return word.write(style)


def to_telex(text: str) -> str:
    """Keys that write this text: `telex(to_telex(t)) == place_tone(t)`.

    Tones come at the end of the syllable, as people are taught to type them.
    In a foreign word the keys that would turn into marks are doubled (Tesst
    for Test); a letter Telex cannot make stays itself.
    """
    runs = _RUN.findall(place_tone(text))
    return "".join(_keys(run) if run[0].isalpha() else run for run in runs)


def _keys(word: str) -> str:
    keys, tone = "", ""
    for char in decompose(word):
        if char in TONE_OF_MARK:
            tone = TONE_OF_MARK[char].key
    for letter in strip_tone(word):
        keys += _letter_keys(letter)
    keys = (
        keys.replace("uwow", "uow")
        .replace("UWOW", "UOW")
        .replace("UwOw", "UOw")
    )
    parsed = parse_syllable(word)
    if parsed and parsed.nucleus == "oo":
        keys = re.sub("oo", "ooo", keys, flags=re.IGNORECASE)
    keys += tone.upper() if word.isupper() and len(word) > 1 else tone
    return keys if _type(keys, "new") == word else _literal_keys(word)


def _letter_keys(letter: str) -> str:
    low = letter.lower()
    base = _BARE.get(low)
    if base is None:
        return letter
    second = "w" if low in "ăơư" else base
    pair = base + second
    if letter == low:
        return pair
    return pair.upper() if low in "âêôđ" else base.upper() + second


def _literal_keys(word: str) -> str:
    """Type letter by letter, doubling each key that would have acted."""
    keys, written = "", ""
    for char in word:
        written += char
        keys += char if _type(keys + char, "new") == written else char + char
    return keys if _type(keys, "new") == word else word
