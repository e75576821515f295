"""The one dial: a scale decides the model, the data and the learning rates.

Nobody sets a width or a learning rate by hand. Every recipe of the course asks this
table, so a lesson that runs in a minute on a laptop runs unchanged on a GPU. The table
is printed by `aulac scale` and in the book.

Rules behind the numbers:

- feed-forward width is close to 8/3 of the width (SwiGLU, Shazeer 2020), in whole 64s;
- keys and values have half the heads of the queries, or fewer (GQA, Ainslie et al. 2023);
- the learning rate of the Muon matrices does not change with the width, because an
  orthogonal update has the same size at every width (Jordan et al. 2024); AdamW's, for
  embeddings and gains, falls as one over the square root of the width;
- `gpu` is built from one number, the depth: width = 64 x depth, as in nanochat.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

ENVIRONMENT = "AULAC_SCALE"


class ScaleError(ValueError):
    """There is no such scale; `vi` says so in Vietnamese."""

    def __init__(self, name: str) -> None:
        known = ", ".join(SCALES)
        super().__init__(f"there is no scale {name!r}: choose one of {known}.")
        self.vi = f"không có quy mô {name!r}: hãy chọn một trong {known}."


@dataclass(frozen=True)
class Scale:
    """One row of the dial. Sizes are counts; learning rates are peak values."""

    name: str
    machine_vi: str
    machine_en: str
    # the model
    depth: int  # blocks
    width: int  # residual stream
    heads: int  # query heads
    kv_heads: int  # key and value heads
    head_dim: int
    ff: int  # inner width of SwiGLU
    vocab_size: int
    context: int  # tokens
    # pretraining
    batch: int  # sequences in one forward pass
    accumulation: int  # forward passes per optimiser step
    steps: int  # optimiser steps
    muon_lr: float  # matrices
    adam_lr: float  # embeddings and gains
    weight_decay: float
    # data
    documents: int  # stories to generate
    laws: int  # articles of the law codes, 0 = all
    # instruction tuning
    conversations: int
    sft_batch: int
    sft_steps: int
    sft_lr: float  # as a fraction of the pretraining rates
    minutes: int  # a whole pretraining run on the machine named

    @property
    def tokens(self) -> int:
        """Tokens seen in pretraining."""
        return self.batch * self.accumulation * self.context * self.steps

    def describe(self) -> dict[str, int | float | str]:
        """The row as a plain dictionary, for logs and data cards."""
        return asdict(self)


def from_depth(depth: int) -> Scale:
    """The `gpu` scale for a given depth: every other size follows from it.

    Raises ValueError when `depth` is not an even number of at least 4.
    """
    if depth < 4 or depth % 2:
        raise ValueError(
            f"depth {depth} cannot be built: give an even number, 4 or more."
        )
    width = 64 * depth
    return Scale(
        name="gpu",
        machine_vi="một card 24 đến 80 GB, bf16",
        machine_en="one 24 to 80 GB card, bf16",
        depth=depth,
        width=width,
        heads=width // 64,
        kv_heads=width // 128,
        head_dim=64,
        ff=64 * round(width * 8 / 3 / 64),
        vocab_size=32_768,
        context=1024,
        batch=32,
        accumulation=8,
        steps=500 * depth,
        muon_lr=0.02,
        adam_lr=0.08 / width**0.5,
        weight_decay=0.1,
        documents=400_000,
        laws=0,
        conversations=60_000,
        sft_batch=32,
        sft_steps=1500,
        sft_lr=0.2,
        minutes=120,
    )


SCALES: dict[str, Scale] = {
    "tiny": Scale(
        name="tiny",
        machine_vi="CPU bất kỳ, 2 nhân",
        machine_en="any CPU, 2 cores",
        depth=4,
        width=128,
        heads=4,
        kv_heads=2,
        head_dim=32,
        ff=384,
        vocab_size=2048,
        context=192,
        batch=10,
        accumulation=1,
        steps=340,
        muon_lr=0.02,
        adam_lr=0.008,
        weight_decay=0.1,
        documents=12_000,
        laws=200,
        conversations=8000,
        sft_batch=16,
        sft_steps=500,
        sft_lr=1.0,
        minutes=2,
    ),
    "laptop": Scale(
        name="laptop",
        machine_vi="CPU máy xách tay",
        machine_en="a laptop's CPU",
        depth=6,
        width=192,
        heads=6,
        kv_heads=2,
        head_dim=32,
        ff=512,
        vocab_size=8192,
        context=256,
        batch=16,
        accumulation=1,
        steps=8000,
        muon_lr=0.02,
        adam_lr=0.006,
        weight_decay=0.1,
        documents=60_000,
        laws=0,
        conversations=20_000,
        sft_batch=16,
        sft_steps=800,
        sft_lr=0.3,
        minutes=180,
    ),
    "t4": Scale(
        name="t4",
        machine_vi="GPU 16 GB không có bf16 (Colab, Kaggle miễn phí)",
        machine_en="16 GB GPU without bf16 (free Colab, Kaggle)",
        depth=8,
        width=448,
        heads=7,
        kv_heads=7,
        head_dim=64,
        ff=1216,
        vocab_size=16_384,
        context=512,
        batch=32,
        accumulation=2,
        steps=5000,
        muon_lr=0.02,
        adam_lr=0.004,
        weight_decay=0.1,
        documents=200_000,
        laws=0,
        conversations=40_000,
        sft_batch=32,
        sft_steps=1000,
        sft_lr=0.2,
        minutes=60,
    ),
    "gpu": from_depth(14),
}


# The model that comes with the course (see `aulac.shipped`): too big for a CPU's
# evening in fp32, small enough for a repository. 8.6 M parameters, half of them words.
SHIPPED = replace(
    SCALES["laptop"],
    name="shipped",
    machine_vi="mô hình đi kèm khóa học",
    machine_en="the model that comes with the course",
    width=256,
    heads=4,
    kv_heads=2,
    head_dim=64,
    ff=704,
    vocab_size=16_384,
    batch=32,
    steps=6000,
    adam_lr=0.005,
    minutes=600,
)


def get(name: str) -> Scale:
    """The row called `name`; `gpu:16` builds the gpu row with another depth.

    `shipped` is no row of the table: it is the model that comes with the course.

    Raises ScaleError (a ValueError) when there is no such row.
    """
    if name.startswith("gpu:") and name[4:].isdigit():
        return from_depth(int(name[4:]))
    if name == SHIPPED.name:
        return SHIPPED
    if name not in SCALES:
        raise ScaleError(name)
    return SCALES[name]


def _gpu_memory() -> float:
    """GiB of the first GPU, 0 without one. Loads torch only where a driver is."""
    driver = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia").exists()
    if not driver and "torch" not in sys.modules:
        return 0.0
    try:
        import torch
    except ImportError:
        return 0.0
    if not torch.cuda.is_available():
        return 0.0
    return torch.cuda.get_device_properties(0).total_memory / 2**30


def choose(name: str | None = None) -> tuple[Scale, dict[str, str]]:
    """Pick a scale and say why: by `name`, else AULAC_SCALE, else the hardware.

    Returns the scale and the reason, in Vietnamese (`vi`) and English (`en`).
    """
    if name:
        return get(name), {"vi": "theo yêu cầu", "en": "as asked"}
    if wanted := os.environ.get(ENVIRONMENT):
        reason = {
            "vi": f"theo biến {ENVIRONMENT}",
            "en": f"set by {ENVIRONMENT}",
        }
        return get(wanted), reason
    memory = _gpu_memory()
    if memory >= 22:
        size = f"GPU {memory:.0f} GB"
        return SCALES["gpu"], {
            "vi": f"máy có {size}",
            "en": f"a {size} is here",
        }
    if memory >= 12:
        size = f"GPU {memory:.0f} GB"
        return SCALES["t4"], {
            "vi": f"máy có {size}",
            "en": f"a {size} is here",
        }
    cores = os.cpu_count() or 1
    return SCALES["tiny"], {
        "vi": f"máy không có GPU đủ lớn, {cores} nhân CPU",
        "en": f"no GPU large enough, {cores} CPU cores",
    }


def welcome(scale: Scale) -> Scale:
    """The scale at which lesson 00 trains: small enough for one sitting anywhere."""
    small = (
        SCALES["tiny"]
        if scale.name in ("tiny", "laptop")
        else SCALES["laptop"]
    )
    return replace(small, name=scale.name)


app = typer.Typer(
    add_completion=False,
    help="Bảng quy mô: một núm chỉnh cho tất cả / the one dial.",
)


@app.command()
def show() -> None:
    """In bảng quy mô và quy mô hợp với máy này / print the table and this machine's row."""
    from aulac.flops import parameters

    try:
        chosen, reason = choose()
    except ScaleError as error:
        typer.echo(f"Lỗi: {ENVIRONMENT}: {error.vi}", err=True)
        typer.echo(f"Error: {ENVIRONMENT}: {error}", err=True)
        raise typer.Exit(1) from None
    table = Table(title="Quy mô / Scale", box=None, pad_edge=False)
    columns = ("", "tham số\nparameters", "tầng x rộng\ndepth x width")
    more = (
        "từ vựng\nvocabulary",
        "ngữ cảnh\ncontext",
        "token\ntokens",
        "máy\nmachine",
    )
    for column in (*columns, *more):
        table.add_column(column, overflow="fold")
    for scale in SCALES.values():
        mark = "bold" if scale.name == chosen.name else ""
        table.add_row(
            scale.name,
            f"{parameters(scale) / 1e6:.1f} M",
            f"{scale.depth} x {scale.width}",
            f"{scale.vocab_size:,}",
            f"{scale.context:,}",
            f"{scale.tokens / 1e6:,.0f} M",
            f"{scale.machine_vi}\n{scale.machine_en}\n",
            style=mark,
        )
    console = Console()
    console.print(table)
    console.print(f"Máy này: [bold]{chosen.name}[/] ({reason['vi']}).")
    console.print(f"This machine: [bold]{chosen.name}[/] ({reason['en']}).")
