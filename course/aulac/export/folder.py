"""A model's folder, whichever of its forms it has."""

from __future__ import annotations

from pathlib import Path

from aulac.errors import InputError
from aulac.export import counts, packed
from aulac.export.huggingface import from_hf
from aulac.model import LanguageModel
from aulac.tokenizer import Tokenizer


def load(folder: Path) -> tuple[LanguageModel, Tokenizer]:
    """Model and tokenizer of a folder: a transformer, packed or not, or counts.

    Raises FileNotFoundError when files are missing, ValueError for a file that is no
    folder, for another architecture and for damaged files.
    """
    if folder.is_file():
        raise InputError(
            f"{folder} is a file and a model's folder is needed (a GGUF file is for "
            "llama.cpp or Ollama).",
            f"{folder} là một tệp, còn ở đây cần thư mục của một mô hình (tệp GGUF "
            "thì mở bằng llama.cpp hoặc Ollama).",
        )
    if (folder / packed.WEIGHTS).exists():
        return packed.load(folder)
    if (folder / counts.WEIGHTS).exists():
        return counts.load(folder)
    return from_hf(folder)
