"""Text from a model: sampling, a key-value cache, streaming by whole characters."""

from aulac.generate.cache import KVCache
from aulac.generate.sampling import generate, generate_ids, sample, stream

__all__ = ["KVCache", "generate", "generate_ids", "sample", "stream"]
