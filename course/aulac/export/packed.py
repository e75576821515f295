"""A packed model as a folder: few bits a weight, for this course alone.

Other programs read what `aulac.export.huggingface` and `aulac.export.gguf` write.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from aulac.errors import InputError
from aulac.export.huggingface import lay_beside, qwen3_config, read_config
from aulac.files import staged_folder
from aulac.generate.quantize import PackedLinear, quantize
from aulac.model import Transformer
from aulac.tokenizer import Tokenizer

WEIGHTS = "quantised.safetensors"
HOW = "aulac_quantisation"  # in config.json: bits and group


def save(
    model: Transformer,
    tokenizer: Tokenizer,
    out: str | os.PathLike[str],
    *,
    chat: bool = True,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a packed model as the folder `out`, whole or not at all. Returns it.

    chat, files: as in `aulac.export.to_hf`. For this course alone: other programs
    read what `aulac.export` writes.
    Raises ValueError for a model that is not packed, FileExistsError and OSError as
    `aulac.export.to_hf` does.
    """
    packed = [m for m in model.modules() if isinstance(m, PackedLinear)]
    if not packed:
        raise InputError(
            "this model is not packed: call quantize first.",
            "mô hình này chưa được lượng tử hóa: hãy gọi quantize trước.",
        )
    held = {name: w.contiguous() for name, w in model.state_dict().items()}
    how = {"bits": packed[0].packed.bits, "group": packed[0].packed.group}
    config: dict[str, Any] = qwen3_config(model.config)
    config[HOW] = how
    texts = {
        "config.json": json.dumps(config, indent=2) + "\n",
        **(files or {}),
    }
    out = Path(out)
    with staged_folder(out) as part:
        save_file(held, part / WEIGHTS)
        lay_beside(part, tokenizer, chat, texts)
    return out


def load(folder: str | os.PathLike[str]) -> tuple[Transformer, Tokenizer]:
    """Read a folder that `save` wrote: the packed model and its tokenizer.

    Raises FileNotFoundError when files are missing, ValueError when they are damaged
    or do not belong together.
    """
    folder = Path(folder)
    weights = folder / WEIGHTS
    if not weights.exists():
        raise FileNotFoundError(
            f"{folder} has no {WEIGHTS}: it is not a folder that "
            "aulac.export.packed.save wrote."
        )
    config = read_config(folder)
    how = json.loads((folder / "config.json").read_text())
    try:
        held = load_file(weights)
        empty = Transformer(config).to(held["norm.weight"].dtype)
        model = quantize(empty, **how[HOW])
        model.load_state_dict(held)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{weights} is cut short or does not fit config.json "
            f"({type(error).__name__}): copy the folder again, or pack anew.",
            f"{weights} bị cụt hoặc không khớp với config.json "
            f"({type(error).__name__}): hãy chép lại thư mục, hoặc lượng tử hóa lại.",
        ) from error
    return model, Tokenizer.load(folder)
