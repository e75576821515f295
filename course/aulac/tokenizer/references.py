"""The vocabularies of GPT-4o, GPT-4, Llama 3 and Llama 4, from installed packages."""

from __future__ import annotations

import base64
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++"
    r"[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


class VocabularyMissingError(LookupError):
    """A reference vocabulary is not on this machine."""


@dataclass(frozen=True)
class Source:
    """Where a vocabulary lies: a package, a file in it, and its split pattern."""

    model: str
    package: str
    module: str
    file: str
    pattern: str


CACHE = "core/_static/tiktoken_cache/"
REFERENCES = {
    "o200k_base": Source(
        "GPT-4o",
        "llama-index-core",
        "llama_index",
        CACHE + "fb374d419588a4632f3f557e76b4b70aebbca790",
        O200K,
    ),
    "cl100k_base": Source(
        "GPT-4",
        "llama-index-core",
        "llama_index",
        CACHE + "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        CL100K,
    ),
    "llama3": Source(
        "Llama 3",
        "llama-models",
        "llama_models",
        "llama3/tokenizer.model",
        LLAMA3,
    ),
    "llama4": Source(
        "Llama 4",
        "llama-models",
        "llama_models",
        "llama4/tokenizer.model",
        O200K,
    ),
}


class Reference:
    """Somebody else's vocabulary: encodes text as that model reads it."""

    def __init__(self, name: str, model: str, encoding: Any) -> None:
        self.name = name
        self.model = model
        self._encoding = encoding

    @property
    def vocab_size(self) -> int:
        """Number of ordinary tokens (special ones not counted)."""
        return self._encoding.n_vocab

    def encode(self, text: str) -> list[int]:
        """Ids of `text` exactly as given: none of these four normalises."""
        return self._encoding.encode_ordinary(text)

    def decode(self, ids: list[int]) -> str:
        """Text of `ids`; bytes that form no whole character become U+FFFD."""
        return self._encoding.decode(ids)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes one id stands for."""
        return self._encoding.decode_single_token_bytes(token_id)

    def pieces(self, text: str) -> list[str | bytes]:
        """The text of each token of `text`; bytes where it cuts a character."""
        from aulac.tokenizer.fast import _readable

        return [
            _readable(self.token_bytes(token)) for token in self.encode(text)
        ]

    def __repr__(self) -> str:
        return f"Reference({self.name!r}, {self.model}, vocab_size={self.vocab_size})"


@cache
def reference(name: str) -> Reference:
    """The vocabulary `name`: one of `REFERENCES`. No network is used.

    Raises KeyError for an unknown name, VocabularyMissingError (naming the package to
    install) when its file is not on this machine.
    """
    if name not in REFERENCES:
        known = ", ".join(REFERENCES)
        raise KeyError(f"no reference vocabulary {name!r}; there are: {known}")
    source = REFERENCES[name]
    ranks = _ranks(_file(source))
    import tiktoken

    encoding = tiktoken.Encoding(
        name, pat_str=source.pattern, mergeable_ranks=ranks, special_tokens={}
    )
    return Reference(name, source.model, encoding)


def _file(source: Source) -> Path:
    spec = importlib.util.find_spec(source.module)
    for place in spec.submodule_search_locations or [] if spec else []:
        file = Path(place) / source.file
        if file.is_file():
            return file
    raise VocabularyMissingError(
        f"the vocabulary of {source.model} comes with the package {source.package}, "
        f"which is not installed here: pip install {source.package}"
    )


def _ranks(file: Path) -> dict[bytes, int]:
    """tiktoken's file format: a token in base64 and its rank on each line."""
    ranks = {}
    for line in file.read_bytes().splitlines():
        if line:
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    return ranks
