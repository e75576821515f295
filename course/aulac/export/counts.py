"""A table of counts as a folder: for `aulac evaluate`, and to count on from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from aulac.errors import InputError
from aulac.export.huggingface import lay_beside
from aulac.files import staged_folder
from aulac.model import Ngram
from aulac.tokenizer import Tokenizer

WEIGHTS = "counts.safetensors"
KIND = "aulac_ngram"  # of config.json's model_type


def save(
    table: Ngram, tokenizer: Tokenizer, out: str | os.PathLike[str]
) -> Path:
    """Write a table and its tokenizer as the folder `out`, whole or not at all.

    Every n-gram is a row of ids (N, n), in order, beside its count (N,). Raises
    FileExistsError and OSError as `aulac.export.to_hf` does.
    """
    held: dict[str, Tensor] = {}
    for size in range(1, table.order + 1):
        rows = sorted(
            (*before, token, count)
            for before, counts in table.counts.items()
            if len(before) == size - 1
            for token, count in counts.items()
        )
        found = torch.tensor(rows, dtype=torch.int64).reshape(-1, size + 1)
        held[f"ids.{size}"] = found[:, :-1].int().contiguous()  # (N, n)
        held[f"counts.{size}"] = found[:, -1].contiguous()  # (N,)
    names = ("order", "vocab_size", "k", "context")
    config = {"model_type": KIND} | {n: getattr(table, n) for n in names}
    text = json.dumps(config, indent=2) + "\n"
    out = Path(out)
    with staged_folder(out) as part:
        save_file(held, part / WEIGHTS)
        lay_beside(part, tokenizer, False, {"config.json": text})
    return out


def load(folder: str | os.PathLike[str]) -> tuple[Ngram, Tokenizer]:
    """Read a folder that `save` wrote.

    Raises FileNotFoundError when files are missing, ValueError when they are damaged.
    """
    folder = Path(folder)
    weights = folder / WEIGHTS
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if config.pop("model_type") != KIND:
            raise ValueError(f"model_type is not {KIND}")
        table = Ngram(**config)
        held = load_file(weights)
        if len(held) != 2 * table.order:
            raise ValueError(f"{len(held)} tensors for order {table.order}")
        for size in range(1, table.order + 1):
            fill(table, held[f"ids.{size}"], held[f"counts.{size}"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{weights} is cut short or does not fit config.json "
            f"({type(error).__name__}): copy the folder again, or count anew.",
            f"{weights} bị cụt hoặc không khớp với config.json "
            f"({type(error).__name__}): hãy chép lại thư mục, hoặc đếm lại.",
        ) from error
    return table, Tokenizer.load(folder)


def fill(table: Ngram, ids: Tensor, counts: Tensor) -> None:
    """Put n-grams, ids (N, n) and counts (N,), into a table; ValueError if wrong."""
    wrong = (ids < 0) | (ids >= table.vocab_size)
    if wrong.any() or (counts < 1).any():
        raise ValueError(
            "an id that the vocabulary has not, or a count below 1"
        )
    for row, count in zip(ids.tolist(), counts.tolist(), strict=True):
        table.counts[tuple(row[:-1])][row[-1]] = count
