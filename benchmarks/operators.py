"""Where a training step's time goes: milliseconds by kind of work.

Read by `training.py` and `gpu.py`. The kinds are the same for every model, so two
implementations can stand side by side: an operator belongs to the first of these that
it or one of its callers matches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

# What a name of an operator or of one of its callers begins with, in this order.
CALLERS = {
    "optimiser": ("Optimizer.", "aten::_fused_adam", "aten::_foreach"),
    "attention": (
        "aten::scaled_dot_product",
        "aten::_scaled_dot_product",
        "aten::_flash_attention",
        "aten::_efficient_attention",
        "ScaledDotProduct",
        "CausalAttention",
    ),
}
PRODUCTS = (
    "aten::mm",
    "aten::bmm",
    "aten::addmm",
    "aten::baddbmm",
    "mkldnn::_linear",
)
LOSS = (
    "LinearCrossEntropy",
    "aten::_log_softmax",
    "aten::log_softmax",
    "aten::nll_loss",
    "aten::cross_entropy",
    "LogSoftmax",
    "NllLoss",
)
MOVES = (
    "aten::copy_",
    "aten::cat",
    "aten::stack",
    "aten::fill_",
    "aten::zero_",
    "aten::embedding",
    "aten::index",
    "aten::slice_backward",
)
KINDS = (
    "matrix products",
    "attention",
    "softmax and loss",
    "optimiser",
    "norms, rotary, SwiGLU, sums",
    "copies",
    "Python and the rest",
)


def kind(event: Any) -> str:
    """The kind of an event by its name and its callers' names."""
    names = [event.name]
    above = event.cpu_parent
    while above is not None:
        names.append(above.name)
        above = above.cpu_parent
    for group, starts in CALLERS.items():
        if any(name.startswith(starts) for name in names):
            return group
    if event.name.startswith(PRODUCTS):
        return "matrix products"
    if any(name.startswith(LOSS) for name in names):
        return "softmax and loss"
    if event.name.startswith(MOVES):
        return "copies"
    if event.name.startswith("aten::"):
        return "norms, rotary, SwiGLU, sums"
    return "Python and the rest"


def breakdown(
    step: Callable[[], None], steps: int, cuda: bool = False
) -> dict[str, float]:
    """Milliseconds of one step by kind, of `steps` after one that is not counted.

    On a GPU the times are those of its kernels and `Python and the rest` is when it
    waited; on a CPU they are the operators' own. What the profiler itself costs is in
    `Python and the rest`.
    """
    activities = [ProfilerActivity.CPU]
    if cuda:
        activities.append(ProfilerActivity.CUDA)
    step()
    with profile(activities=activities) as seen:
        began = time.perf_counter()
        for _ in range(steps):
            step()
        if cuda:
            torch.cuda.synchronize()
        whole = time.perf_counter() - began
    found = dict.fromkeys(KINDS, 0.0)
    for event in seen.events():
        if event.device_type == torch.autograd.DeviceType.CPU:
            own = (
                event.self_device_time_total
                if cuda
                else event.self_cpu_time_total
            )
            found[kind(event)] += own / 1e3
    counted = sum(found.values()) - found["Python and the rest"]
    found["Python and the rest"] = max(0.0, whole * 1e3 - counted)
    return {name: round(ms / steps, 2) for name, ms in found.items()}
