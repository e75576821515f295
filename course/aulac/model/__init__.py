"""The model: a decoder as Qwen3 has it, and its loss."""

from aulac.model.loss import IGNORE, cross_entropy
from aulac.model.transformer import (
    Attention,
    Block,
    Cache,
    Cached,
    Config,
    Embedding,
    Pair,
    RMSNorm,
    Seen,
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
    "Pair",
    "RMSNorm",
    "Seen",
    "SwiGLU",
    "Transformer",
    "apply_rotary",
    "attend",
    "cross_entropy",
    "initialise",
    "packed",
    "rotary_tables",
]
