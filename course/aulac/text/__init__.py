"""Vietnamese writing as a computer meets it.

- Unicode: `normalise` (NFC), `decompose` (NFD), `strip_tone`, `strip_marks`
- syllables: `parse_syllable`, `compose_syllable`, `is_syllable`, `syllables`,
  `rhyme`, `is_flat`, `inventory`, `Tone`, `Syllable`
- where the tone mark stands: `place_tone`, `tone_styles`
- text from before Unicode: `decode_legacy`, `encode_legacy`, `detect_legacy`
- the keyboard: `telex`, `to_telex`
- verse: `rhyme` without its glide; the rules of lục bát in `lucbat`

Pure Python, no dependency, imported in milliseconds.
"""

from aulac.text.legacy import (
    ENCODINGS,
    decode_legacy,
    detect_legacy,
    encode_legacy,
)
from aulac.text.marks import (
    Tone,
    decompose,
    normalise,
    strip_marks,
    strip_tone,
)
from aulac.text.syllable import (
    Syllable,
    compose_syllable,
    inventory,
    is_flat,
    is_syllable,
    parse_syllable,
    place_tone,
    rhyme,
    syllables,
    tone_styles,
    words,
)
from aulac.text.telex import telex, to_telex

__all__ = [
    "ENCODINGS",
    "Syllable",
    "Tone",
    "compose_syllable",
    "decode_legacy",
    "decompose",
    "detect_legacy",
    "encode_legacy",
    "inventory",
    "is_flat",
    "is_syllable",
    "normalise",
    "parse_syllable",
    "place_tone",
    "rhyme",
    "strip_marks",
    "strip_tone",
    "syllables",
    "telex",
    "to_telex",
    "tone_styles",
    "words",
]
