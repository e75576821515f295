"""Other people's vocabularies, and what all of them cost."""

import hashlib
import socket

import pytest

from aulac.tokenizer import (
    REFERENCES,
    VocabularyMissingError,
    bytes_per_token,
    fertility,
    interval,
    reference,
)
from aulac.tokenizer import references as module

SENTENCE = "Tiếng Việt giàu và đẹp. It's 12345 người!\n\n  Hết\u00a0rồi 漢字"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a reference vocabulary asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", REFERENCES)
def test_pieces_and_ids_give_the_text_back(name):
    tokenizer = reference(name)
    ids = tokenizer.encode(SENTENCE)
    assert tokenizer.decode(ids) == SENTENCE
    pieces = tokenizer.pieces(SENTENCE)
    data = b"".join(p if isinstance(p, bytes) else p.encode() for p in pieces)
    assert data.decode() == SENTENCE and len(pieces) == len(ids)
    assert (
        tokenizer.vocab_size > 100_000 > 0 and max(ids) < tokenizer.vocab_size
    )


def test_known_ids():
    # published by OpenAI's tokenizer page and by tiktoken's own tests
    assert reference("cl100k_base").encode("hello world") == [15339, 1917]
    assert reference("o200k_base").encode("hello world") == [24912, 2375]
    assert reference("llama3").encode("hello world") == [15339, 1917]


def test_patterns_and_files_are_those_of_the_packages(monkeypatch):
    import tiktoken_ext.openai_public as openai

    assert _pattern(openai, "cl100k_base", monkeypatch) == module.CL100K
    assert _pattern(openai, "o200k_base", monkeypatch) == module.O200K
    llama3 = pytest.importorskip("llama_models.llama3.tokenizer").Tokenizer
    assert llama3.pat_str == module.LLAMA3
    llama4 = pytest.importorskip("llama_models.llama4.tokenizer").Tokenizer
    assert module.O200K == llama4.O200K_PATTERN


def _pattern(openai, name, monkeypatch):
    """tiktoken's own pattern; our file has the hash that tiktoken asks for."""
    hashes = []

    def note(*_, expected_hash):
        hashes.append(expected_hash)
        return {}

    monkeypatch.setattr(openai, "load_tiktoken_bpe", note)
    pattern = getattr(openai, name)()["pat_str"]
    file = module._file(REFERENCES[name])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == hashes[0]
    return pattern


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        VocabularyMissingError, match="pip install llama-models"
    ):
        module.reference.__wrapped__("llama3")
    with pytest.raises(KeyError, match="o200k_base, cl100k_base"):
        reference("gpt5")


class Letters:
    """A tokenizer anyone can count by hand: one token a character."""

    def encode(self, text):
        return list(map(ord, text))


def test_fertility_by_hand():
    assert fertility(Letters(), ["ba má", "cá"]) == 7 / 3
    assert fertility(Letters(), ["e\u0302\u0301"]) == 1  # counted in NFC
    assert bytes_per_token(Letters(), ["ba má"]) == 6 / 5
    with pytest.raises(ValueError, match="no text"):
        fertility(Letters(), ["  "])
    with pytest.raises(ValueError, match="no text"):
        bytes_per_token(Letters(), [])


def test_the_interval_holds_the_value_and_shrinks():
    texts = ["ba má", "cá", "nghiêng nghiêng", "ừ"]
    value, low, high = interval(Letters(), texts)
    assert low <= value <= high and value == fertility(Letters(), texts)
    _, tight_low, tight_high = interval(Letters(), texts * 20)
    assert tight_high - tight_low < (high - low) / 2
    assert interval(Letters(), texts) == (value, low, high)
    assert interval(Letters(), ["ba"] * 5) == (2, 2, 2)
