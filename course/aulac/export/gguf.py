"""A GGUF file: the model as llama.cpp, Ollama and LM Studio load it.

One file holds the weights, the vocabulary with its merges, the chat template and the
sizes. llama.cpp applies only split patterns that it knows by name, so the vocabulary
is written under the name `superbpe`, whose split is exactly this course's (see
`aulac.tokenizer.fast`); the same ids come out, which a test holds.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aulac.errors import InputError
from aulac.export.huggingface import qwen3_config, qwen3_name, strangers
from aulac.files import staged_file
from aulac.model import Transformer
from aulac.tokenizer.fast import LLAMA_CPP_PRE, SPECIALS, names, split
from aulac.tokenizer.template import TEMPLATE

if TYPE_CHECKING:
    from aulac.tokenizer import Tokenizer

NORMAL, CONTROL = 1, 3  # token types, as llama.cpp numbers them


def to_gguf(
    model: Transformer,
    tokenizer: Tokenizer,
    out: str | os.PathLike[str],
    kind: str = "f16",
    name: str = "Âu Lạc",
    *,
    chat: bool = True,
    licence: str | None = None,
) -> Path:
    """Write the file `out`, whole or not at all. Returns it.

    kind: how matrices are stored: f32, f16, or q8_0 (blocks of 32 at 8 bits).
    Norms are always f32. chat: False for a base model, without a chat template.
    licence: its SPDX name, such as `apache-2.0`, for the file's own description.

    Raises ValueError for another kind, a tokenizer that does not belong to the
    model or was trained with a split of its own, a model without QK-norm, or rows
    that q8_0's blocks of 32 do not divide; FileExistsError when `out` is a folder,
    OSError when the disk is full or may not be written.
    """
    import gguf

    kinds = {
        "f32": gguf.GGMLQuantizationType.F32,
        "f16": gguf.GGMLQuantizationType.F16,
        "q8_0": gguf.GGMLQuantizationType.Q8_0,
    }
    if kind not in kinds:
        known = ", ".join(kinds)
        raise InputError(
            f"{kind!r} is not a kind: use {known}.",
            f"không có dạng {kind!r}: hãy dùng {known}.",
        )
    qwen3_config(model.config)  # refuses what Qwen3 is not
    out = Path(out)
    with staged_file(out) as part:
        writer = gguf.GGUFWriter(part, "qwen3")
        try:
            _sizes(writer, model, name)
            if licence:
                writer.add_license(licence)
            if chat:
                writer.add_chat_template(TEMPLATE)
            _vocabulary(writer, tokenizer, model.config.vocab_size)
            _weights(writer, model, kinds[kind])
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()
    return out


def _sizes(writer: Any, model: Transformer, name: str) -> None:
    c = model.config
    writer.add_name(name)
    writer.add_block_count(c.depth)
    writer.add_context_length(c.context)
    writer.add_embedding_length(c.width)
    writer.add_feed_forward_length(c.ff)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_freq_base(c.rope_theta)
    writer.add_layer_norm_rms_eps(c.eps)


def _vocabulary(writer: Any, tokenizer: Tokenizer, rows: int) -> None:
    """Tokens and merges; rows of the model beyond the tokenizer get idle names."""
    stored = json.loads(tokenizer.backend.to_str())["model"]
    tokens = names(tokenizer.backend)
    if len(tokens) > rows:
        raise strangers(tokenizer, rows)
    cuts = tokenizer.backend.pre_tokenizer
    if cuts is None or cuts.__getstate__() != split().__getstate__():
        raise InputError(
            "llama.cpp does not know this tokenizer's split: train one with "
            "aulac.tokenizer.train.",
            "llama.cpp không biết cách cắt chữ của bộ tách token này: hãy tạo một bộ "
            "bằng aulac.tokenizer.train.",
        )
    idle = [f"[unused{place}]" for place in range(rows - len(tokens))]
    special = [CONTROL] * len(SPECIALS)
    writer.add_tokenizer_model("gpt2")  # byte-level BPE
    writer.add_tokenizer_pre(LLAMA_CPP_PRE)
    writer.add_token_list(tokens + idle)
    writer.add_token_types(
        special
        + [NORMAL] * (len(tokens) - len(special))
        + [CONTROL] * len(idle)
    )
    writer.add_token_merges([" ".join(pair) for pair in stored["merges"]])
    writer.add_eos_token_id(tokenizer.eos_id)
    writer.add_eot_token_id(tokenizer.im_end_id)
    writer.add_pad_token_id(tokenizer.eos_id)
    writer.add_add_bos_token(False)


def _weights(writer: Any, model: Transformer, kind: Any) -> None:
    import gguf

    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, model.config.depth)
    for ours, weight in model.state_dict().items():
        name = table.get_name(qwen3_name(ours), try_suffixes=(".weight",))
        data = weight.detach().float().cpu().numpy()
        flat = data.ndim == 1 or kind == gguf.GGMLQuantizationType.F32
        if flat:
            writer.add_tensor(name, data)
        elif kind == gguf.GGMLQuantizationType.F16:
            writer.add_tensor(name, data.astype(np.float16))
        else:
            if data.shape[1] % 32:
                raise InputError(
                    f"{ours} has rows of {data.shape[1]} weights, which blocks "
                    "of 32 do not divide: use f16.",
                    f"{ours} có hàng dài {data.shape[1]}, không chia hết cho khối 32: "
                    "hãy dùng f16.",
                )
            packed = gguf.quants.quantize(data, kind)
            writer.add_tensor(name, packed, raw_dtype=kind)
