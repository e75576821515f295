"""A run priced before it starts, and measured while it goes.

`Meter.forecast` counts parameters, FLOPs, memory and tokens, and from the machine's
peak, an assumed efficiency and a price it says seconds, energy and đồng.
`Meter.record` adds what is measured to each logged record; it reads counters only, so
a GPU is never made to wait. `comparison` puts the two side by side.

Imports without torch.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from aulac import hardware
from aulac.flops import (
    Memory,
    Sizes,
    memory,
    muon_flops,
    parameters,
    training_flops,
)

# EVN's average retail price before VAT since 10-5-2025: 2,204.0655 đồng a kWh.
KWH = 2204
KWH_SOURCE = {
    "vi": "giá bán lẻ điện bình quân của EVN từ 10-5-2025, chưa có thuế",
    "en": "EVN's average retail price since 10-5-2025, before VAT",
}
EFFICIENCY = {"cpu": 0.5, "eager": 0.3, "compiled": 0.4}


class Settings(Protocol):
    """What the meter asks of a `Plan`."""

    @property
    def steps(self) -> int: ...
    @property
    def accumulation(self) -> int: ...
    @property
    def muon(self) -> bool: ...
    @property
    def precision(self) -> str: ...


@dataclass(frozen=True)
class Forecast:
    """What a run will take. All of it, over all devices, unless said."""

    parameters: int
    tokens: int
    flops: float  # of the model, forward and backward
    memory: Memory  # of one device
    world: int  # devices
    peak: hardware.Peak  # of one device
    mfu: float
    seconds: float
    joules: float
    dong: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and words, for a file."""
        return asdict(self) | {"tokens_per_second": self.tokens_per_second}


class Meter:
    """Prices a run on `device` and measures it.

    sizes: a `Scale`, or a model's `Config` with `batch` given.
    batch: sequences in one forward pass on one device; the scale's by default.
    world: devices that train together.
    price: đồng an hour for one device (rent); None: the electricity alone.
    """

    def __init__(
        self,
        sizes: Sizes,
        plan: Settings,
        device: Any,
        *,
        price: float | None = None,
        batch: int | None = None,
        world: int = 1,
    ):
        import torch

        from aulac.train import precision

        self.sizes, self.plan, self.device = sizes, plan, torch.device(device)
        self.price, self.world = price, world
        self.batch: int = batch or getattr(sizes, "batch", 1)
        dtype, _ = precision(self.device, plan.precision)
        self.bits: int = 8 * dtype.itemsize
        self.peak = hardware.peak(self.device, self.bits)
        self.watts = float(hardware.watts(self.device))
        self.energy = hardware.energy(self.device)
        self.held = hardware.PeakMemory(self.device)
        self.began = time.perf_counter()
        self.used = self.energy() if self.energy else 0.0

    def efficiency(self) -> float:
        """Part of the peak that training is expected to reach (see the module)."""
        if not hardware.is_cuda(self.device):
            return EFFICIENCY["cpu"]
        compiled = getattr(self.plan, "compile", None)
        return EFFICIENCY["eager" if compiled is False else "compiled"]

    def forecast(self) -> Forecast:
        """What the whole run will take, from its first step."""
        sizes, plan = self.sizes, self.plan
        rows = self.batch * plan.accumulation * plan.steps * self.world
        tokens = rows * sizes.context
        flops = float(training_flops(sizes)) * tokens
        extra = plan.steps * muon_flops(sizes) if plan.muon else 0
        speed = self.peak.flops * self.efficiency()
        seconds = (flops / self.world + extra) / speed
        joules = self.watts * self.world * seconds
        return Forecast(
            parameters=parameters(sizes),
            tokens=tokens,
            flops=flops,
            memory=memory(sizes, self.batch, self.bits // 8),
            world=self.world,
            peak=self.peak,
            mfu=flops / seconds / self.peak.flops / self.world,
            seconds=seconds,
            joules=joules,
            dong=self.cost(seconds, joules),
        )

    def cost(self, seconds: float, joules: float) -> float:
        """Đồng for so many seconds and joules of all devices."""
        if self.price is not None:
            return self.price * self.world * seconds / 3600
        return KWH * joules / 3.6e6

    def record(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record with `mfu`, `memory`, `joules` and `dong` added.

        tokens_per_second in it is of all devices together. joules only where the
        machine tells; when the run was resumed, the seconds before are taken to
        have drawn the same power.
        """
        added: dict[str, Any] = {}
        speed = record["tokens_per_second"] / self.world
        added["mfu"] = training_flops(self.sizes) * speed / self.peak.flops
        if (held := self.held.read()) is not None:
            added["memory"] = held
        power = self.watts
        if self.energy is not None:
            passed = time.perf_counter() - self.began
            power = (self.energy() - self.used) / passed
            added["joules"] = power * self.world * record["seconds"]
        joules = power * self.world * record["seconds"]
        added["dong"] = self.cost(record["seconds"], joules)
        return record | added
