"""Files that other programs load: a Hugging Face folder, a GGUF file."""

from aulac.export.huggingface import (
    from_hf,
    qwen3_config,
    qwen3_name,
    read_config,
    to_hf,
)

__all__ = ["from_hf", "qwen3_config", "qwen3_name", "read_config", "to_hf"]
