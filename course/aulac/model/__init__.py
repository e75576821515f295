"""Models: a decoder as Qwen3 has it, its loss, and a table of counts."""

from aulac.model.language_model import LanguageModel
from aulac.model.loss import IGNORE, cross_entropy
from aulac.model.ngram import Ngram
from aulac.model.transformer import (
    Attention,
    Block,
    Cache,
    Cached,
    Config,
    Embedding,
    Mask,
    Pair,
    RMSNorm,
    SwiGLU,
    Transformer,
    apply_rotary,
    attend,
    initialise,
    packed,
    rotary_tables,
)

__all__ = [
    "IGNORE",
    "Attention",
    "Block",
    "Cache",
    "Cached",
    "Config",
    "Embedding",
    "LanguageModel",
    "Mask",
    "Ngram",
    "Pair",
    "RMSNorm",
    "SwiGLU",
    "Transformer",
    "apply_rotary",
    "attend",
    "cross_entropy",
    "initialise",
    "packed",
    "rotary_tables",
]
