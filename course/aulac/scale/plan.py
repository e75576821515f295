"""How to train: the settings of a run, its learning rates, its number format."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aulac.errors import InputError

if TYPE_CHECKING:
    import torch

    from aulac.scale import Scale


@dataclass(frozen=True)
class Plan:
    """How to train. Rates are peaks; `warmup` and `decay` parts of `steps`."""

    steps: int
    # Of 1.3 M parameters, 48 steps: Muon at 0.04 came out 0.1 % worse in bits per byte
    # than at 0.02; AdamW for all parameters 9.6, 9.2, 8.2 and 10.2 % worse at 0.002,
    # 0.004, 0.008 and 0.016 (benchmarks/LOG.md, as the numbers below).
    muon_lr: float = 0.02
    adam_lr: float = 0.008
    weight_decay: float = 0.1
    accumulation: int = 1  # batches per step, in each process
    warmup: float = 0.02
    decay: float = 0.5
    clip: float = 1.0  # largest gradient norm
    # False: AdamW for every parameter, 10.4 % worse after equal bytes, 124 steps.
    muon: bool = True
    # Weight of the z-loss, see `aulac.model.loss`; 0.0001 could not be told from none.
    z_loss: float = 0.0
    # A document sees no other in its row: 0.6 % better for 0.8 % more time on a CPU,
    # but its mask shuts out the flash kernels of a GPU.
    packed: bool = False
    precision: str = "auto"  # or fp32, bf16, fp16: see `precision`
    compile: bool | None = None  # None: where it pays, see `compiles`
    seed: int = 0
    log_every: int = 10  # steps
    validate_every: int = 100  # steps, at the next record after so many
    checkpoint_every: int = 100  # steps, at the next record after so many
    keep: int = 1  # the last so many checkpoints
    best: bool = False  # and the one with the lowest loss

    @classmethod
    def pretraining(cls, scale: Scale, **changes: Any) -> Plan:
        """The plan of a scale's base model."""
        values: dict[str, Any] = {
            "steps": scale.steps,
            "muon_lr": scale.muon_lr,
            "adam_lr": scale.adam_lr,
            "weight_decay": scale.weight_decay,
            "accumulation": scale.accumulation,
            "warmup": scale.warmup,
            "decay": scale.decay,
        }
        return cls(**values | changes)

    @classmethod
    def tuning(cls, scale: Scale, **changes: Any) -> Plan:
        """The plan of a scale's instruction tuning: gentler, mostly decay."""
        values: dict[str, Any] = {
            "steps": scale.sft_steps,
            "muon_lr": scale.muon_lr * scale.sft_lr,
            "adam_lr": scale.adam_lr * scale.sft_lr,
            "weight_decay": scale.weight_decay,
            "decay": 0.7,
        }
        return cls(**values | changes)

    @property
    def warmup_steps(self) -> int:
        return max(1, round(self.warmup * self.steps))


# Settings that may differ between a run and its resumption: none changes which
# tokens are read in which order, or what is learned from them.
FREE = (
    "steps",
    "accumulation",
    "compile",
    "log_every",
    "validate_every",
    "checkpoint_every",
    "keep",
    "best",
)


def schedule(step: int, plan: Plan) -> float:
    """Part of the peak rate at `step` (from 0): warm up, hold, fall to zero.

    WSD, Hu et al. (2024). The stable part can be prolonged at will.
    """
    decay = max(1, round(plan.decay * plan.steps))
    rising = (step + 1) / plan.warmup_steps
    falling = (plan.steps - step) / decay
    return min(1.0, rising, falling)


FORMATS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def precision(
    device: torch.device, wanted: str = "auto"
) -> tuple[torch.dtype, dict[str, str]]:
    """The number format for a device, and the reason (`vi`, `en`).

    `wanted`: a key of FORMATS, or "auto". A CPU gets fp32 unless asked: with
    AVX512-BF16 its products are two to three times faster in bf16, without it 17
    times slower, and fp32 gives the same weights on both.

    Raises ValueError for another word, and for fp16 on a CPU.
    """
    import torch

    if wanted != "auto":
        if wanted not in FORMATS:
            known = ", ".join(FORMATS)
            raise InputError(
                f"there is no precision {wanted!r}: choose auto, {known}.",
                f"không có độ chính xác {wanted!r}: hãy chọn auto, {known}.",
            )
        if wanted == "fp16" and device.type != "cuda":
            raise InputError(
                "fp16 is for a GPU: on a CPU choose fp32 or bf16.",
                "fp16 dành cho GPU: trên CPU hãy chọn fp32 hoặc bf16.",
            )
        name, vi, en = wanted, "theo yêu cầu", "as asked"
    elif device.type != "cuda":
        name, vi, en = (
            "fp32",
            "CPU phải giả lập số 16 bit nên rất chậm",
            "a CPU emulates 16-bit formats slowly",
        )
    elif torch.cuda.is_bf16_supported(including_emulation=False):
        name, vi, en = (
            "bf16",
            "GPU này tính trực tiếp",
            "this GPU computes it natively",
        )
    else:
        name, vi, en = (
            "fp16",
            "GPU này không có bf16, hàm mất mát được nhân lên (loss scaling)",
            "this GPU has no bf16; the loss is scaled",
        )
    reason = {"vi": f"{name}: {vi}", "en": f"{name}: {en}"}
    return getattr(torch, FORMATS[name]), reason


COMPILE_STEPS = 300  # compiling takes about a minute, and must be earned back


def compiles(device: torch.device, plan: Plan) -> bool:
    """Whether to compile the model: as `plan.compile` says, or where it pays.

    It pays on a GPU that Triton knows (compute capability 7 and later: T4 and
    newer), where Triton and the C compiler that it needs are, in a run that is
    not short. On a CPU the step is bound by matrix
    products, which compiling leaves as they are: it gave nothing at one million
    parameters and cost 91 seconds.
    """
    import torch

    if plan.compile is not None:
        return plan.compile
    if device.type != "cuda" or plan.steps < COMPILE_STEPS:
        return False
    compilers = map(shutil.which, ("cc", "gcc", "clang"))
    if find_spec("triton") is None or not any(compilers):
        return False
    return torch.cuda.get_device_capability(device) >= (7, 0)
