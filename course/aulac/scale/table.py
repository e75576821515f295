"""The one dial: a scale decides the model, the data and the learning rates.

Nobody sets a width or a learning rate by hand. Every recipe of the course asks this
table, so a lesson that runs in a minute on a laptop runs unchanged on a GPU. The rows
state a few primary numbers; `aulac.scale.dial` derives the rest, each by a rule with its
source. The table is printed by `aulac scale` (with `--explain`, every number and its
rule) and in the book.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aulac.errors import InputError
from aulac.scale.dial import CHINCHILLA, GIGA, Own, Primary, Words, derive

ENVIRONMENT = "AULAC_SCALE"


class ScaleError(InputError):
    """There is no such scale."""


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
    warmup: float  # part of the steps
    decay: float  # part of the steps
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


CPU = 70 * GIGA  # FLOP/s of two cores in training, measured at tiny and laptop
NOT_TWICE = Words(
    "mỗi bước của CPU rẻ, lô nhỏ cho nhiều bước hơn; dưới 2.000 token thì Muon "
    "chiếm quá nhiều thời gian (benchmarks/LOG.md)",
    "a step is cheap on a CPU and a small batch gives more of them; below 2,000 "
    "tokens Muon takes too much of the time (benchmarks/LOG.md)",
)

ROWS: dict[str, Primary] = {
    "tiny": Primary(
        name="tiny",
        machine=Words("CPU bất kỳ, 2 nhân", "any CPU, 2 cores"),
        depth=4,
        width=128,
        vocab_size=2048,
        context=192,
        tokens_per_parameter=0.62,
        documents=12_000,
        laws=200,
        conversations=8000,
        sft_batch=16,
        sft_steps=500,
        sft_lr=1.0,
        speed=CPU,
        own={
            "batch": Own(10, *NOT_TWICE),
            "steps": Own(
                340,
                "một bài học trong khoảng một phút; đã thử 300, 340, 450 và 550 "
                "bước (benchmarks/LOG.md)",
                "a lesson in about a minute; 300, 340, 450 and 550 were tried "
                "(benchmarks/LOG.md)",
            ),
            "adam_lr": Own(
                0.008,
                "công thức cho 0,0071; 0,008 là số mà mọi khoảng cho phép của bài "
                "học đã được đo",
                "the rule gives 0.0071; with 0.008 all bands of the lessons were "
                "measured",
            ),
        },
        why={
            "sft_steps": Words(
                "đã thử 300, 500 và 600 bước (benchmarks/LOG.md)",
                "300, 500 and 600 were tried (benchmarks/LOG.md)",
            ),
            "sft_lr": Words(
                "đã thử một nửa và trọn tốc độ (benchmarks/LOG.md)",
                "half and the full rate were tried (benchmarks/LOG.md)",
            ),
            "laws": Words(
                "200 điều đầu, để chuẩn bị trong vài giây",
                "the first 200, to be ready in seconds",
            ),
        },
    ),
    "laptop": Primary(
        name="laptop",
        machine=Words("CPU máy xách tay", "a laptop's CPU"),
        depth=6,
        width=192,
        vocab_size=8192,
        context=256,
        tokens_per_parameter=8,
        documents=60_000,
        laws=0,
        conversations=20_000,
        sft_batch=16,
        sft_steps=800,
        sft_lr=0.3,
        speed=CPU,
        own={"batch": Own(16, *NOT_TWICE)},
        why={
            "steps": Words(
                "8 token mỗi tham số: vừa một buổi tối trên CPU",
                "8 tokens per parameter: an evening of a CPU",
            ),
        },
    ),
    "t4": Primary(
        name="t4",
        machine=Words(
            "GPU 16 GB không có bf16 (Colab, Kaggle miễn phí)",
            "16 GB GPU without bf16 (free Colab, Kaggle)",
        ),
        depth=8,
        width=448,
        vocab_size=16_384,
        context=512,
        tokens_per_parameter=10,
        documents=200_000,
        laws=0,
        conversations=40_000,
        sft_batch=32,
        sft_steps=1000,
        sft_lr=0.2,
        speed=0.3 * 65e12,  # of a T4's peak
        card=16 * GIGA,
        why={
            "steps": Words(
                "10 token mỗi tham số, nửa mức Chinchilla: vừa một phiên miễn phí",
                "10 tokens per parameter, half of Chinchilla's: fits a free session",
            ),
        },
    ),
}


DEEPEST = 128  # blocks of scale gpu: 95 thousand million parameters


def gpu(depth: int) -> Primary:
    """The row `gpu` for a depth."""
    return Primary(
        name="gpu",
        machine=Words(
            "một card 24 đến 80 GB, bf16", "one 24 to 80 GB card, bf16"
        ),
        depth=depth,
        width=64 * depth,
        vocab_size=32_768,
        context=1024,
        tokens_per_parameter=CHINCHILLA,
        documents=400_000,
        laws=0,
        conversations=60_000,
        sft_batch=32,
        sft_steps=1500,
        sft_lr=0.2,
        speed=0.4 * 989e12,  # of an H100's peak
        card=24 * GIGA,
        why={
            "minutes": Words(
                "tính cho một H100 ở 40 % mức đỉnh; A100 lâu gấp ba",
                "for an H100 at 40 % of its peak; an A100 takes three times as long",
            ),
        },
    )


def from_depth(depth: int) -> Scale:
    """The `gpu` scale for a given depth: every other size follows from it.

    Raises ScaleError when `depth` is not an even number from 4 to DEEPEST.
    """
    if depth % 2 or not 4 <= depth <= DEEPEST:
        raise ScaleError(
            f"depth {depth} cannot be built: give an even number from 4 to {DEEPEST}.",
            f"không dựng được độ sâu {depth}: hãy cho một số chẵn từ 4 đến {DEEPEST}.",
        )
    return Scale(**derive(gpu(depth)))


ROWS["gpu"] = gpu(14)
SCALES: dict[str, Scale] = {
    name: Scale(**derive(row)) for name, row in ROWS.items()
}

# The model that comes with the course (see `aulac.lesson.shipped`): too big for a CPU's
# evening in fp32, small enough for a repository. 8.6 M parameters, half of them words.
SHIPPED_ROW = replace(
    ROWS["laptop"],
    name="shipped",
    machine=Words(
        "mô hình đi kèm khóa học", "the model that comes with the course"
    ),
    width=256,
    vocab_size=16_384,
    own={
        "batch": Own(32, *NOT_TWICE),
        "steps": Own(
            6000,
            "5,7 token mỗi tham số trong mười giờ CPU; bf16 nhanh gần gấp đôi",
            "5.7 tokens per parameter in ten hours of a CPU; bf16 nearly halves it",
        ),
    },
    why={},
)
SHIPPED = Scale(**derive(SHIPPED_ROW))


def row(name: str) -> Primary:
    """The primary numbers of `name`; `gpu:16` is the gpu row with another depth.

    Raises ScaleError when there is no such row or the depth cannot be built.
    """
    if name.startswith("gpu:") and name[4:].isdecimal():
        from_depth(int(name[4:]))  # refuses a depth that cannot be built
        return gpu(int(name[4:]))
    if name == SHIPPED.name:
        return SHIPPED_ROW
    if name not in ROWS:
        known = ", ".join(ROWS)
        raise ScaleError(
            f"there is no scale {name!r}: choose one of {known}.",
            f"không có quy mô {name!r}: hãy chọn một trong {known}.",
        )
    return ROWS[name]


def get(name: str) -> Scale:
    """The row called `name`; `gpu:16` builds the gpu row with another depth.

    `shipped` is no row of the table: it is the model that comes with the course.

    Raises ScaleError (a ValueError) when there is no such row.
    """
    if name in SCALES:
        return SCALES[name]
    return Scale(**derive(row(name)))


# GiB that the first GPU must have for a row, the larger first; what a card is sold as
# is a little more than what it has.
GPU_ROWS = ((22, "gpu"), (12, "t4"))


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
    Raises ScaleError when there is no such scale.
    """
    if name:
        return get(name), {"vi": "theo yêu cầu", "en": "as asked"}
    if wanted := os.environ.get(ENVIRONMENT):
        try:
            found = get(wanted)
        except ScaleError as error:
            vi, en = f"{ENVIRONMENT}: {error.vi}", f"{ENVIRONMENT}: {error}"
            raise ScaleError(en, vi) from None
        return found, {
            "vi": f"theo biến {ENVIRONMENT}",
            "en": f"set by {ENVIRONMENT}",
        }
    memory = _gpu_memory()
    for least, fitting in GPU_ROWS:
        if memory >= least:
            size = f"GPU {memory:.0f} GB"
            reason = {"vi": f"máy có {size}", "en": f"a {size} is here"}
            return SCALES[fitting], reason
    cores = os.cpu_count() or 1
    return SCALES["tiny"], {
        "vi": f"máy không có GPU đủ lớn, {cores} nhân CPU",
        "en": f"no GPU large enough, {cores} CPU cores",
    }


def welcome(scale: Scale) -> Scale:
    """The scale at which lesson 00 trains: small enough for one sitting anywhere."""
    small = (
        SCALES["tiny"]
        if scale.name in ("tiny", "laptop", "shipped")
        else SCALES["laptop"]
    )
    return replace(small, name=scale.name)
