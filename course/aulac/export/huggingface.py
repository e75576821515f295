"""A Hugging Face folder of a model, and back.

The folder holds `Qwen3ForCausalLM` weights in safetensors, its configuration, the
generation settings and the tokenizer with its chat template: plain `transformers`
loads it with `AutoModelForCausalLM` and `AutoTokenizer`, and so do vLLM, llama.cpp and
Ollama, with no code of ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from aulac.errors import InputError
from aulac.files import staged_folder
from aulac.model import Config, Transformer

if TYPE_CHECKING:
    from aulac.tokenizer import Tokenizer

WEIGHTS = "model.safetensors"
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
# Our names and Qwen3's, as prefixes or parts of a weight's name.
NAMES = (
    ("unembed.", "lm_head."),
    ("embed.", "model.embed_tokens."),
    ("blocks.", "model.layers."),
    (".attention_norm.", ".input_layernorm."),
    (".ff_norm.", ".post_attention_layernorm."),
    (".attention.", ".self_attn."),
    (".ff.", ".mlp."),
)


def qwen3_name(name: str) -> str:
    """The name that transformers gives to one of our weights."""
    if name == "norm.weight":
        return "model.norm.weight"
    for ours, theirs in NAMES:
        name = name.replace(ours, theirs)
    return name


def qwen3_config(config: Config) -> dict[str, Any]:
    """`config.json` of the same model in transformers.

    Raises ValueError for a model without QK-norm: Qwen3 cannot say that.
    """
    if not config.qk_norm:
        raise InputError(
            "this model has no QK-norm and Qwen3 has: only a model with "
            "qk_norm=True can be exported.",
            "mô hình này không có QK-norm còn Qwen3 thì có: chỉ xuất được mô hình với "
            "qk_norm=True.",
        )
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.ff,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.eps,
        # the first is what transformers 5 reads, the second what other loaders read
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": config.rope_theta,
        },
        "rope_theta": config.rope_theta,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": config.tied,
        "use_cache": True,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "dtype": "float32",
    }


def to_hf(
    model: Transformer,
    tokenizer: Tokenizer,
    out: str | os.PathLike[str],
    dtype: torch.dtype = torch.float32,
    *,
    chat: bool = True,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write the folder `out`, whole or not at all. Returns it.

    dtype: what the weights are stored in. chat: False for a base model, whose
    tokenizer then has no chat template. files: texts to lay beside it, by name:
    `README.md` is its card, `LICENSE` what may be done with it.

    A model's folder that is there already is replaced whole.

    Raises ValueError when the tokenizer has more ids than the model has rows, for a
    model that Qwen3 cannot be (see `qwen3_config`), and for a dtype in which
    transformers loads no Qwen3; FileExistsError where something else is in the way,
    OSError when the disk is full or may not be written.
    """
    if dtype not in DTYPES:
        known = ", ".join(str(d).removeprefix("torch.") for d in DTYPES)
        raise InputError(
            f"{dtype} is not a dtype to export in: use {known}.",
            f"không xuất được ở kiểu {dtype}: hãy dùng {known}.",
        )
    if tokenizer.vocab_size > model.config.vocab_size:
        raise strangers(tokenizer, model.config.vocab_size)
    config = qwen3_config(model.config) | {
        "dtype": str(dtype).removeprefix("torch.")
    }
    weights: dict[str, Tensor] = {
        qwen3_name(name): weight.detach().to("cpu", dtype).contiguous()
        for name, weight in model.state_dict().items()
    }
    generation = {
        "eos_token_id": [tokenizer.eos_id, tokenizer.im_end_id],
        "pad_token_id": tokenizer.eos_id,
        "do_sample": True,
        "temperature": 0.3,
        "top_k": 20,
    }
    texts = {
        "config.json": json.dumps(config, indent=2) + "\n",
        "generation_config.json": json.dumps(generation, indent=2) + "\n",
        **(files or {}),
    }
    out = Path(out)
    with staged_folder(out) as part:
        save_file(weights, part / WEIGHTS, metadata={"format": "pt"})
        lay_beside(part, tokenizer, chat, texts)
    return out


def strangers(tokenizer: Tokenizer, rows: int) -> InputError:
    """What is wrong when a tokenizer has more ids than a model has rows."""
    return InputError(
        f"the tokenizer has {tokenizer.vocab_size} ids and the model {rows} rows: "
        "they do not belong together.",
        f"bộ tách token có {tokenizer.vocab_size} mã mà mô hình chỉ có {rows} hàng: "
        "hai thứ này không phải của nhau.",
    )


def lay_beside(
    folder: Path, tokenizer: Tokenizer, chat: bool, texts: Mapping[str, str]
) -> None:
    """Write what goes with weights: the tokenizer, and texts by their names."""
    tokenizer.save(folder)
    if not chat:
        _forget_template(folder / "tokenizer_config.json")
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _forget_template(file: Path) -> None:
    values = json.loads(file.read_text(encoding="utf-8"))
    del values["chat_template"]
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    file.write_text(text, encoding="utf-8")


def from_hf(folder: str | os.PathLike[str]) -> tuple[Transformer, Tokenizer]:
    """Read a folder that `to_hf` wrote (or any small Qwen3 without biases).

    Raises FileNotFoundError when files are missing and ValueError for another
    architecture or for damaged files.
    """
    from aulac.tokenizer import Tokenizer

    folder = Path(folder)
    missing = [
        n for n in ("config.json", WEIGHTS) if not (folder / n).exists()
    ]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {' and no '.join(missing)}: it is not a model folder; "
            "train one, or give the folder that export wrote."
        )
    config = read_config(folder)
    try:
        model = Transformer(config)
        weights = load_file(folder / WEIGHTS)
        ours = {
            name: weights[qwen3_name(name)].float()
            for name in model.state_dict()
        }
        model.load_state_dict(ours)
    except (SafetensorError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{folder / WEIGHTS} is cut short or does not fit config.json "
            f"({type(error).__name__}): copy the folder again, or train anew.",
            f"{folder / WEIGHTS} bị cụt hoặc không khớp với config.json "
            f"({type(error).__name__}): hãy chép lại thư mục, hoặc huấn luyện lại.",
        ) from error
    tokenizer = Tokenizer.load(folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise strangers(tokenizer, config.vocab_size)
    return model.eval(), tokenizer


def read_config(folder: Path) -> Config:
    """Our configuration from a folder's `config.json`.

    Raises ValueError when it is damaged, or says something that our model is not.
    """
    file = folder / "config.json"
    try:
        values = dict(json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{file} is not JSON ({error}): copy the folder again, or train anew.",
            f"{file} không phải là JSON ({error}): hãy chép lại thư mục, hoặc huấn "
            "luyện lại.",
        ) from error
    if values.get("model_type") != "qwen3":
        raise InputError(
            f"{folder} holds a {values.get('model_type')} model: only Qwen3 can be "
            "read; load others with transformers.",
            f"{folder} chứa mô hình loại {values.get('model_type')}: ở đây chỉ đọc được "
            "Qwen3; mô hình khác hãy nạp bằng transformers.",
        )
    _refuse_unknown(file, values)
    rope = values.get("rope_parameters") or {}
    try:
        return Config(
            vocab_size=values["vocab_size"],
            depth=values["num_hidden_layers"],
            width=values["hidden_size"],
            heads=values["num_attention_heads"],
            kv_heads=values["num_key_value_heads"],
            head_dim=values["head_dim"],
            ff=values["intermediate_size"],
            context=values["max_position_embeddings"],
            rope_theta=rope.get("rope_theta")
            or values.get("rope_theta", 10_000.0),
            eps=values["rms_norm_eps"],
            tied=values.get("tie_word_embeddings", False),
        )
    except KeyError as error:
        raise InputError(
            f"{file} says nothing of {error}: copy the folder again, or train anew.",
            f"{file} thiếu {error}: hãy chép lại thư mục, hoặc huấn luyện lại.",
        ) from error


def _refuse_unknown(file: Path, values: dict[str, Any]) -> None:
    """Options of Qwen3 that would be passed over in silence, and wrongly."""
    rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    wanted = (
        ("hidden_act", values.get("hidden_act", "silu"), "silu"),
        ("attention_bias", values.get("attention_bias", False), False),
        ("use_sliding_window", values.get("use_sliding_window", False), False),
        ("rope_type", kind, "default"),
    )
    for name, found, ours in wanted:
        if found != ours:
            raise InputError(
                f"{file} asks for {name} = {found!r} and this model has {ours!r} "
                "alone: load it with transformers.",
                f"{file} đòi {name} = {found!r}, còn mô hình ở đây chỉ có {ours!r}: hãy "
                "nạp bằng transformers.",
            )
