"""Tokenizers: byte-level BPE by hand, the one that ships, and what they cost.

- `bpe`: byte-level BPE in pure Python, to be read.
- `fast`: `Tokenizer`, the one every model of the course uses (Hugging Face
  `tokenizers` underneath), NFC inside, loadable by `transformers`.
- `stages`: `train`, in one stage or in two (superwords across spaces).
- `references`: the vocabularies of GPT-4, GPT-4o, Llama 3 and Llama 4, offline.
- `fertility`: tokens a syllable and bytes a token, with intervals.
- `template`: the chat template, a conversation as text and as tokens.
"""

from aulac.tokenizer.bpe import BPE
from aulac.tokenizer.fast import SPECIALS, Tokenizer
from aulac.tokenizer.fertility import bytes_per_token, fertility, interval
from aulac.tokenizer.references import (
    REFERENCES,
    VocabularyMissingError,
    reference,
)
from aulac.tokenizer.stages import VocabularyError, train

__all__ = [
    "BPE",
    "REFERENCES",
    "SPECIALS",
    "Tokenizer",
    "VocabularyError",
    "VocabularyMissingError",
    "bytes_per_token",
    "fertility",
    "interval",
    "reference",
    "train",
]
