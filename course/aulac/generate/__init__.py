"""Text from a model: sampling, batches, caches, streaming by whole characters."""

from aulac.generate.batch import batch_ids, generate_batch
from aulac.generate.cache import KVCache, StaticKVCache, cache_bytes
from aulac.generate.sampling import Sampling, generate, generate_ids, stream

__all__ = [
    "KVCache",
    "Sampling",
    "StaticKVCache",
    "batch_ids",
    "cache_bytes",
    "generate",
    "generate_batch",
    "generate_ids",
    "stream",
]
