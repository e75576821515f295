"""BPE by hand, held against Hugging Face `tokenizers`."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, trainers
from tokenizers import pre_tokenizers as pre

from aulac.corpus.sources import load
from aulac.corpus.stories import generate
from aulac.text import normalise
from aulac.tokenizer import BPE
from aulac.tokenizer.alphabet import unspell
from aulac.tokenizer.bpe import pieces
from aulac.tokenizer.fast import split

STORIES = [document.text for document in generate(200, seed=1)]


def laws(limit: int) -> list[str]:
    return [document.text for document in load("laws", limit=limit)]


def syllables(count: int, letters: str, seed: int) -> list[str]:
    """Nonsense of few letters: ties everywhere."""
    draw = random.Random(seed)
    words = [
        "".join(draw.choices(letters, k=draw.randint(1, 12)))
        for _ in range(count)
    ]
    return [" ".join(words)]


def by_rust(texts: list[str], vocab_size: int, least: int) -> Backend:
    backend = Backend(models.BPE())
    backend.pre_tokenizer = split(by_syllable=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=least,
        show_progress=False,
        initial_alphabet=pre.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(texts, trainer)
    return backend


TEXTS = {
    "stories": (STORIES, 1500, 2),
    "laws": (laws(300), 1500, 2),
    "every pair, once too": (["Cả nhà vui, cả làng vui."], 1500, 1),
    "two letters": (syllables(60, "ab", 3), 400, 2),
    "three letters": (syllables(200, "âbc", 4), 500, 1),
    "one letter": (syllables(40, "a", 5), 400, 0),
    "spaces and numbers": (["1 234  567\n\n8 ...\t\t12345½ \n" * 3], 400, 2),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_merges_are_those_of_tokenizers(name):
    texts, vocab_size, least = TEXTS[name]
    texts = [normalise(text) for text in texts]
    bpe = BPE.train(texts, vocab_size, least=least)
    backend = by_rust(texts, vocab_size, least)
    merges = json.loads(backend.to_str())["model"]["merges"]
    assert bpe.merges == [
        (unspell(left), unspell(right)) for left, right in merges
    ]
    for text in [*texts[:20], "Chữ lạ: 漢字, ελληνικά, 2026!", ""]:
        text = normalise(text)
        assert bpe.encode(text) == backend.encode(text).ids


@given(st.text())
def test_decode_undoes_encode(text):
    bpe = BPE([(b"\xe1", b"\xba"), (b"n", b"g"), (b" ", b"ng")])
    assert bpe.decode(bpe.encode(text)) == normalise(text)
    assert "".join(pieces(text)) == normalise(text)


@given(st.lists(st.integers(0, 255)))
def test_decode_takes_any_bytes(ids):
    bpe = BPE()
    assert len(bpe.decode_bytes(ids)) == len(ids)
    assert isinstance(bpe.decode(ids), str)


def test_numbers_fall_into_threes_from_the_right():
    assert list(pieces("1234567 và 12")) == [
        "1",
        "234",
        "567",
        " và",
        " ",
        "12",
    ]


def test_a_merge_list_is_all_there_is():
    trained = BPE.train(STORIES[:50], 600)
    again = BPE(trained.merges)
    assert again.vocab_size == trained.vocab_size == 600
    assert again.encode(STORIES[60]) == trained.encode(STORIES[60])


def test_another_cut_lets_merges_cross_spaces():
    text = "Việt Nam Việt Nam Việt Nam"
    assert all(
        b" " not in token[1:] for token in BPE.train([text], 300).tokens
    )
    loose = BPE.train([text], 300, cut=lambda text: [text])
    assert "Việt Nam".encode() in loose.tokens


def test_training_is_deterministic_and_stops_when_nothing_repeats():
    few = BPE.train(["abc"], 1000)
    assert few.merges == []
    assert (
        BPE.train(STORIES[:40], 500).merges
        == BPE.train(STORIES[:40], 500).merges
    )
