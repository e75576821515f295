"""Text from a model: sampling, a key-value cache, streaming by whole characters."""

from aulac.generate.cache import KVCache
from aulac.generate.sampling import Sampling, generate, generate_ids, stream

__all__ = ["KVCache", "Sampling", "generate", "generate_ids", "stream"]
