"""`aulac export`: a model as other programs load it, or small enough to carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from aulac.cli import fail
from aulac.cli.models import find, load_transformer
from aulac.lesson import shipped
from aulac.lesson.models import answers

app = typer.Typer(
    add_completion=False,
    help="Xuất mô hình cho chương trình khác / a model for other programs.",
)

# Kind -> what it is for, in both languages.
KINDS = {
    "fp32": (
        "thư mục Hugging Face: transformers, vLLM",
        "a Hugging Face folder: transformers, vLLM",
    ),
    "fp16": ("như trên, nhỏ bằng nửa", "the same, half the size"),
    "bf16": ("như trên, cho card đời mới", "the same, for newer cards"),
    "gguf-f32": (
        "tệp GGUF: llama.cpp, Ollama, LM Studio",
        "a GGUF file: llama.cpp, Ollama, LM Studio",
    ),
    "gguf-f16": ("như trên, nhỏ bằng nửa", "the same, half the size"),
    "gguf-q8_0": ("như trên, 8 bit", "the same in 8 bits"),
    "int8": ("chỉ cho khóa học này, 8 bit", "for this course alone, 8 bits"),
    "int4": ("chỉ cho khóa học này, 4 bit", "for this course alone, 4 bits"),
}
TABLE = "; ".join(f"{kind}: {vi} / {en}" for kind, (vi, en) in KINDS.items())


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Argument(
            help="thư mục, hoặc tệp .gguf, sẽ được ghi / the folder, or .gguf file, "
            "to write"
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="thư mục mô hình, hoặc shipped, base, chat / a model's folder, or "
            "shipped, base, chat"
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help=f"{TABLE}. Mặc định: fp32, hoặc gguf-f16 cho tệp .gguf / default: "
            "fp32, or gguf-f16 for a .gguf file"
        ),
    ] = None,
) -> None:
    """Ghi trọn vẹn hoặc không ghi gì / writes it whole, or not at all."""
    if kind is None:
        kind = "gguf-f16" if out.suffix == ".gguf" else "fp32"
    if kind not in KINDS:
        known = ", ".join(KINDS)
        fail(
            f"không có dạng {kind!r}: hãy chọn một trong {known}.",
            f"there is no kind {kind!r}: choose one of {known}.",
        )
    if kind.startswith("gguf") != (out.suffix == ".gguf"):
        fail(
            f"dạng {kind} không hợp với tên {out}: chỉ tệp GGUF có đuôi .gguf.",
            f"the kind {kind} does not fit the name {out}: a GGUF file, and only "
            "that, ends in .gguf.",
        )
    folder = find(model, kind="chat")
    talker = load_transformer(folder)
    try:
        writer(kind, *talker, folder)(out)
    except (OSError, ValueError) as error:
        why = getattr(error, "vi", "xem dòng dưới.")
        fail(f"không xuất được mô hình ra {out}: {why}", str(error))
    files = [out] if out.is_file() else list(out.iterdir())
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{folder} → {out}: {kind}, {size:.1f} MB")


def writer(
    kind: str, model: Any, tokenizer: Any, folder: Path
) -> Callable[[Path], Path]:
    """What writes the model as this kind; its card and its licence go with it."""
    import torch

    from aulac.export import packed as folders
    from aulac.export import to_hf
    from aulac.export.gguf import to_gguf
    from aulac.generate.quantize import dequantize, quantize

    chat, card = answers(folder), card_of(folder)
    files = {"README.md": card} if card else {}
    if (folder / folders.WEIGHTS).exists():
        model = dequantize(model)
    if kind.startswith("int"):
        packed = quantize(model, int(kind.removeprefix("int")))
        return partial(folders.save, packed, tokenizer, chat=chat, files=files)
    if kind.startswith("gguf"):
        form = kind.removeprefix("gguf-")
        licence = licence_of(card)
        return partial(
            to_gguf, model, tokenizer, kind=form, chat=chat, licence=licence
        )
    dtypes = {"fp16": torch.float16, "bf16": torch.bfloat16}
    dtype = dtypes.get(kind, torch.float32)
    return partial(
        to_hf, model, tokenizer, dtype=dtype, chat=chat, files=files
    )


def card_of(folder: Path) -> str:
    """The model's card, empty without one; the course's two models share theirs."""
    if folder == shipped.PLACE / "chat":
        folder = shipped.PLACE / "base"
    card = folder / "README.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""


def licence_of(card: str) -> str | None:
    """What the front of a card calls its licence."""
    _, *front = card.split("---\n", 2)
    found = re.search(r"^license: (.+)$", front[0], re.M) if front else None
    return found[1] if found else None
