"""Training a tokenizer: one stage (plain BPE) or two (superwords across spaces).

Vietnamese writes a space between syllables, not between words: "Việt Nam" and "phát
triển" are one word each, in two pieces. A tokenizer that may not cross a space can
never make them one token. SuperBPE (Liu et al., 2025) learns in two stages:

1. plain byte-level BPE, cut at every syllable, up to a part of the vocabulary;
2. on the same text, written in the tokens of stage one, merges may now cross the
   spaces of a phrase. Phrases end at punctuation and digits, so no token ever holds
   the end of one clause and the start of the next.

The two merge lists, one after the other, are one ordinary `tokenizer.json` whose only
split is the one at numbers. That works because no merge of stage one can reach over a
space when nothing stops it: its tokens hold a space at the front, or are one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import Any

import regex
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, trainers
from tokenizers import pre_tokenizers as pre

from aulac.tokenizer.alphabet import BYTES, unspell
from aulac.tokenizer.fast import (
    SPECIALS,
    Tokenizer,
    assemble,
    names,
    nfc,
    split,
)

SMALLEST = len(SPECIALS) + len(BYTES)
# What plain BPE needs before it has most syllables whole. Measured on held-out text:
# a vocabulary of 2,048 does best with three quarters of it for stage one, 16,000 with
# three to four eighths (no difference), 32,000 with three eighths.
SYLLABLE_TOKENS = 6_144
MIN_FREQUENCY = 2  # a pair seen once is a coincidence

# What stage two may join: syllables with one space between them; or punctuation and
# newlines with each other (".\n" and "##"), never with a syllable. A space before a
# number belongs to what stands before it ("năm 1945", ", 12"): numbers stand alone,
# so left to itself it would be a token of its own, two in a hundred.
PHRASE = regex.compile(
    r"(?:(?: ?[\p{L}\p{M}]+)+|(?:(?! [\p{L}\p{M}])[^\p{L}\p{M}\p{N}])+)(?: (?=\p{N}))?"
)
FIRST_CHAR = 0x10000  # stage two writes token i as the character 0x10000 + i
BATCH = 20_000  # phrases encoded at once


class VocabularyError(ValueError):
    """The vocabulary asked for cannot be made from this text.

    `possible`: a size that can; None when the text is not the reason.
    """

    def __init__(self, message: str, possible: int | None = None) -> None:
        super().__init__(message)
        self.possible = possible


def train(
    texts: Iterable[str],
    vocab_size: int,
    superwords: bool = True,
    stage_one: int | None = None,
    progress: bool = True,
) -> Tokenizer:
    """Train a tokenizer of exactly `vocab_size` ids, special tokens included.

    superwords: let stage two merge across spaces. `stage_one`: how many ids plain BPE
    fills before that; if not given, 6,144, but no less than three eighths and no more
    than three quarters of all.

    Deterministic. Raises VocabularyError when the text does not hold enough pairs
    that occur twice, or `vocab_size` is below 259 (256 bytes, 3 special tokens).
    """
    first = _first_size(vocab_size, superwords, stage_one)
    kept = [nfc(text) for text in texts]
    vocabulary, merges = _merges(plain(kept, first, progress))
    _enough(len(vocabulary), first, vocab_size, kept)
    if superwords:
        backend = assemble(vocabulary, merges, by_syllable=True)
        for left, right in across(kept, backend, vocab_size, progress):
            vocabulary.setdefault(left + right, len(vocabulary))
            merges.append((left, right))
        _enough(len(vocabulary), vocab_size, vocab_size, kept)
    return Tokenizer(assemble(vocabulary, merges))


def plain(
    texts: Iterable[str], vocab_size: int, progress: bool = False
) -> Backend:
    """Stage one: byte-level BPE that never crosses the edge of a syllable."""
    backend = Backend(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = split(by_syllable=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        show_progress=progress,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def across(
    texts: Iterable[str],
    backend: Backend,
    vocab_size: int,
    progress: bool = False,
) -> Iterator[tuple[str, str]]:
    """Stage two: the merges across spaces, as pairs of spelled tokens.

    Each token of stage one is written as one character, so the same trainer runs
    again, on phrases now. A few merges more than needed are learnt, because two of
    them may spell the same token.
    """
    tokens = names(backend)
    size = len(tokens)
    second = Backend(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size + vocab_size // 100,
        min_frequency=MIN_FREQUENCY,
        show_progress=progress,
        initial_alphabet=[chr(FIRST_CHAR + place) for place in range(size)],
        limit_alphabet=size,
    )
    second.train_from_iterator(rewritten(texts, backend), trainer)
    for left, right in _merges(second)[1]:
        if size == vocab_size:
            return
        pair = (_tokens(left, tokens), _tokens(right, tokens))
        size += backend.token_to_id("".join(pair)) is None
        yield pair


def rewritten(texts: Iterable[str], backend: Backend) -> Iterator[str]:
    """Each phrase of the texts, one character a token of `backend`.

    A token that is only a part of a character ends the phrase: a superword that
    began in the middle of a letter would help nobody.
    """
    whole = [
        chr(FIRST_CHAR + place) if _is_text(token) else " "
        for place, token in enumerate(names(backend))
    ]
    # The same phrases come again and again: each is encoded once, ten times faster.
    found = Counter(
        phrase for text in texts for phrase in PHRASE.findall(text)
    )
    phrases = iter(found.items())
    while batch := dict(islice(phrases, BATCH)):
        done = backend.encode_batch_fast([*batch], add_special_tokens=False)
        for encoding, times in zip(done, batch.values(), strict=True):
            for part in "".join(map(whole.__getitem__, encoding.ids)).split():
                yield from repeat(part, times)


def _tokens(chars: str, tokens: list[str]) -> str:
    return "".join(tokens[ord(char) - FIRST_CHAR] for char in chars)


def _is_text(token: str) -> bool:
    try:
        unspell(token).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return False
    return True


def _merges(backend: Backend) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merge list, which only the file format gives away."""
    model: dict[str, Any] = json.loads(backend.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def _first_size(
    vocab_size: int, superwords: bool, stage_one: int | None
) -> int:
    if vocab_size < SMALLEST:
        raise VocabularyError(
            f"a vocabulary of {vocab_size} is too small: 256 bytes and "
            f"{len(SPECIALS)} special tokens already need {SMALLEST}"
        )
    if not superwords:
        return vocab_size
    usual = max(vocab_size * 3 // 8, min(vocab_size * 3 // 4, SYLLABLE_TOKENS))
    first = max(SMALLEST, usual) if stage_one is None else stage_one
    if not SMALLEST <= first <= vocab_size:
        raise VocabularyError(
            f"stage_one={first} does not fit: it lies between {SMALLEST} and the "
            f"whole vocabulary, {vocab_size}"
        )
    return first


def _enough(got: int, wanted: int, vocab_size: int, texts: list[str]) -> None:
    if got >= wanted:
        return
    size = sum(len(text.encode()) for text in texts)
    stage = "" if wanted == vocab_size else f" (stage one: {wanted:,})"
    raise VocabularyError(
        f"asked for a vocabulary of {vocab_size:,}{stage}, but these {len(texts):,} "
        f"texts ({size:,} bytes) hold pairs that repeat for {got:,} tokens only: "
        f"give more text, or ask for {got:,} or fewer",
        possible=got,
    )
