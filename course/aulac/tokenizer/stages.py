"""Training a tokenizer: one stage (plain BPE) or two (superwords across spaces)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex
from tokenizers import Regex, models, normalizers, trainers
from tokenizers import Tokenizer as Backend
from tokenizers import pre_tokenizers as pre

from aulac.tokenizer.fast import NUMBERS, SPECIALS, THREES, Tokenizer, assemble, nfc

# One syllable with the space before it, or a run of punctuation, or newlines. \p{M}
# keeps a combining mark with its letter. A space never merges with another space:
# that is what makes stage one's merges mean the same under the phrase split.
SYLLABLES = r" ?[\p{L}\p{M}]+| ?[^\s\p{L}\p{M}\p{N}]+|\n+|\s"
MIN_FREQUENCY = 2


class VocabularyError(ValueError):
    """The vocabulary asked for cannot be made from this text."""


def train(
    texts: Iterable[str],
    vocab_size: int,
    superwords: bool = True,
    stage_one: int | None = None,
    progress: bool = True,
) -> Tokenizer:
    """Train a tokenizer of exactly `vocab_size` ids (special tokens included).

    `stage_one` is how many of them plain BPE may fill before merges may cross
    spaces (default: half). Raises VocabularyError when the text does not hold
    enough repeated pairs.
    """
    texts = [nfc(text) for text in texts]
    first = vocab_size if not superwords else stage_one or vocab_size // 2
    backend = _plain(texts, first, progress)
    import json

    model = json.loads(backend.to_str())["model"]
    vocabulary = model["vocab"]
    merges = [tuple(pair) for pair in model["merges"]]
    if superwords:
        _extend(texts, backend, vocabulary, merges, vocab_size, progress)
    if len(vocabulary) < vocab_size:
        raise VocabularyError(
            f"asked for {vocab_size} tokens, but the text gave {len(vocabulary)}: "
            f"give more text, or ask for {len(vocabulary)} or fewer"
        )
    return Tokenizer(assemble(vocabulary, merges))


def _plain(texts: list[str], vocab_size: int, progress: bool) -> Backend:
    backend = Backend(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre.Sequence(
        [
            pre.Split(Regex(NUMBERS), "isolated"),
            pre.Split(Regex(THREES), "isolated"),
            pre.Split(Regex(SYLLABLES), "isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        show_progress=progress,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    return backend


PHRASE = regex.compile(r"(?:[^\S\n]?[\p{L}\p{M}]+)+")


def phrases(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from PHRASE.findall(text)


def _extend(texts, backend, vocabulary, merges, vocab_size, progress) -> None:
    names = {place: token for token, place in vocabulary.items()}
    base = 0x10000
    chars = [chr(base + place) for place in range(len(names))]

    def spelled() -> Iterator[str]:
        block: list[str] = []
        for phrase in phrases(texts):
            block.append(phrase)
            if len(block) == 20_000:
                for e in backend.encode_batch_fast(block, add_special_tokens=False):
                    yield "".join(map(chars.__getitem__, e.ids))
                block = []
        for e in backend.encode_batch_fast(block, add_special_tokens=False):
            yield "".join(map(chars.__getitem__, e.ids))

    second = Backend(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        show_progress=progress,
        initial_alphabet=chars,
        limit_alphabet=len(chars),
    )
    second.train_from_iterator(spelled(), trainer)
    import json

    for left, right in json.loads(second.to_str())["model"]["merges"]:
        left = "".join(names[ord(char) - base] for char in left)
        right = "".join(names[ord(char) - base] for char in right)
        merges.append((left, right))
        vocabulary.setdefault(left + right, len(vocabulary))
