"""A run priced before it starts, and measured while it goes.

`Meter.forecast` counts parameters, FLOPs, memory and tokens; from the machine's peak,
an assumed efficiency and a price it says seconds, energy and đồng. `Meter.record` adds
what is measured to each logged record; it reads counters only, so a GPU is never made
to wait. `table` puts the two side by side, `write` keeps them as JSON.

Imports without torch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from aulac.scale import hardware
from aulac.scale.dial import Words
from aulac.scale.flops import (
    Memory,
    Sizes,
    memory,
    muon_flops,
    parameters,
    training_flops,
    utilisation,
)
from aulac.scale.plan import Plan, compiles, precision

# Đồng a kWh before VAT: 2,204.0655 since 10-5-2025 (Decision 1279/QĐ-BCT).
KWH = 2204
KWH_SOURCE = Words(
    "tiền điện, 2.204 đ/kWh: giá bán lẻ điện bình quân từ 10-5-2025, chưa thuế; "
    "thuê máy thì thêm --price",
    "electricity at 2,204 đ/kWh, Vietnam's average retail price since 10-5-2025, "
    "before VAT; for a rented machine give --price",
)
# Part of the peak that all matrix products together, Muon's too, are taken to reach.
# On a CPU 0.54 was measured at tiny and 0.68 at laptop, in CPU seconds. On a GPU both
# numbers are ASSUMED: no card has been measured. PaLM reports 46 % (Chowdhery et al.
# 2022), Llama 3 38 to 43 % (Dubey et al. 2024), both far larger models, compiled or
# with kernels of their own. `aulac train` says which of the two a forecast rests on.
EFFICIENCY = {"cpu": 0.6, "eager": 0.3, "compiled": 0.4}
Record = dict[str, Any]


@dataclass(frozen=True)
class Forecast:
    """What a run will take. All of it, over all devices, unless said."""

    parameters: int
    tokens: int
    flops: float  # of the model, forward and backward
    memory: Memory  # of one device
    world: int  # devices
    peak: hardware.Peak  # of one device
    mfu: float  # model FLOPs utilisation, 0 to 1
    basis: Words  # what `mfu` and all times rest on
    tokens_per_second: float
    seconds: float
    joules: float
    dong: float
    price: Words  # what `dong` pays for

    def as_dict(self) -> Record:
        """Plain numbers and words, for a file."""
        values = asdict(self) | {"memory_total": self.memory.total}
        for name in ("basis", "price"):
            values[name] = getattr(self, name)._asdict()
        return values


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
        plan: Plan,
        device: Any,
        *,
        price: float | None = None,
        batch: int | None = None,
        world: int = 1,
    ):
        import torch

        self.sizes, self.plan, self.device = sizes, plan, torch.device(device)
        self.price, self.world = price, world
        own: int = getattr(sizes, "batch", 1)
        self.batch = own if batch is None else batch
        self.cuda = self.device.type == "cuda"
        dtype, _ = precision(self.device, plan.precision)
        self.bits: int = 8 * dtype.itemsize
        self.peak = hardware.peak(self.device, self.bits)
        self.watts = float(hardware.watts(self.device))
        self.energy = hardware.energy(self.device)
        self.held = hardware.PeakMemory(self.device)
        self.began = time.perf_counter()
        self.used = self.energy() if self.energy else 0.0
        self.records = 0

    def efficiency(self) -> float:
        """Part of the peak that training is taken to reach (see EFFICIENCY)."""
        if not self.cuda:
            return EFFICIENCY["cpu"]
        compiled = compiles(self.device, self.plan)
        return EFFICIENCY["compiled" if compiled else "eager"]

    def basis(self) -> Words:
        """Whether that part was measured or assumed."""
        part = f"{100 * self.efficiency():.0f} %"
        if self.cuda:
            return Words(
                f"giả định đạt {part} mức đỉnh, chưa đo trên card nào",
                f"assumes {part} of the peak, measured on no card yet",
            )
        return Words(
            f"đạt {part} mức đỉnh, như đã đo ở tiny và laptop",
            f"{part} of the peak, as measured at tiny and laptop",
        )

    def memory(self, batch: int) -> Memory:
        """Bytes of a step with `batch` sequences in a forward pass."""
        options = {"cuda": self.cuda, "muon": self.plan.muon}
        return memory(self.sizes, batch, self.bits // 8, **options)

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
            memory=self.memory(self.batch),
            world=self.world,
            peak=self.peak,
            mfu=flops / seconds / self.peak.flops / self.world,
            basis=self.basis(),
            tokens_per_second=tokens / seconds,
            seconds=seconds,
            joules=joules,
            dong=self.cost(seconds, joules),
            price=self.priced(),
        )

    def cost(self, seconds: float, joules: float) -> float:
        """Đồng for so many seconds and joules of all devices."""
        if self.price is not None:
            return self.price * self.world * seconds / 3600
        return KWH * joules / 3.6e6

    def priced(self) -> Words:
        """What the cost pays for."""
        if self.price is None:
            return KWH_SOURCE
        return Words(
            f"{self.price:,.0f} đ/giờ mỗi thiết bị, theo --price",
            f"{self.price:,.0f} đ an hour for each device, by --price",
        )

    def record(self, record: Record) -> Record:
        """The record with `mfu`, `memory`, `joules` and `dong` added.

        tokens_per_second in it is of all devices together; memory and power are
        this device's, and the others are taken to draw as much. joules only where
        the machine tells; the seconds before a resumption are taken to have drawn
        the same power.
        """
        speed = record["tokens_per_second"] / self.world
        mfu = utilisation(self.sizes, speed, self.peak.flops)
        added: Record = {"mfu": mfu}
        if (held := self.held.read()) is not None:
            added["memory"] = held
        power = self.watts
        if self.energy is not None:
            passed = time.perf_counter() - self.began
            power = (self.energy() - self.used) / passed
        joules = power * self.world * record["seconds"]
        if self.energy is not None:
            added["joules"] = joules
        added["dong"] = self.cost(record["seconds"], joules)
        if not self.records:  # what came before the first steps is not theirs
            self.held.forget()
        self.records += 1
        return record | added

    def advice(self, free: int) -> Words | None:
        """What to lower when a step will not fit into `free` bytes; None if it does."""
        need = self.forecast().memory.total
        if need <= free:
            return None
        rows = self.batch * self.plan.accumulation
        passes = [n for n in range(1, rows + 1) if rows % n == 0]
        fits = [n for n in passes if self.memory(rows // n).total <= free]
        vi, en = "một quy mô nhỏ hơn (--scale, --depth)", "a smaller scale"
        if fits:
            n = fits[0] * self.world
            vi, en = f"--accumulation {n}", f"--accumulation {n}"
        return Words(
            f"một bước cần khoảng {size(need)} mà bộ nhớ chỉ còn {size(free)}: hãy "
            f"dùng {vi}.",
            f"a step needs about {size(need)} and {size(free)} of memory are free: "
            f"use {en}.",
        )


PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def short(value: float, unit: str = "") -> str:
    """Three digits and a prefix: 1.05 M, 161 MB; a thousand is k."""
    for size, prefix in (*PREFIXES, (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def size(count: float) -> str:
    """Bytes."""
    return short(count, "B")


def watt_hours(joules: float) -> str:
    """Joules, as an electricity meter counts them."""
    return short(joules / 3600, "Wh")


def dong(value: float) -> str:
    """Đồng, whole."""
    return f"{value:,.0f} đ"


def span(seconds: float) -> str:
    """Seconds, or hours, minutes and seconds, or days."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds >= 4 * 86_400:
        return f"{seconds / 86_400:,.0f} ngày / days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def rows(forecast: Forecast, last: Record | None = None) -> list[list[str]]:
    """What was predicted and, from the run's last record, measured: words in three.

    A resumed run's seconds are those of all its parts.
    """
    f, got = forecast, over_all(forecast, last or {})

    def found(key: str, written: Callable[[float], str]) -> str:
        return written(got[key]) if key in got else ""

    return [
        ["tham số / parameters", short(f.parameters), ""],
        ["token / tokens", short(f.tokens), found("tokens", short)],
        ["FLOP của mô hình / model FLOPs", short(f.flops, "FLOP"), ""],
        [
            f"đỉnh của máy / peak: {f.peak.vi} / {f.peak.en}",
            f"{f.world} x {short(f.peak.flops, 'FLOP/s')}",
            "",
        ],
        [
            f"MFU: {f.basis.vi} / {f.basis.en}",
            f"{f.mfu:.1%}",
            found("mfu", "{:.1%}".format),
        ],
        [
            "token mỗi giây / tokens per second",
            f"{f.tokens_per_second:,.0f}",
            found("speed", "{:,.0f}".format),
        ],
        ["thời gian / time", span(f.seconds), found("seconds", span)],
        *memory_rows(f.memory, found("memory", size)),
        [
            "năng lượng / energy",
            watt_hours(f.joules),
            found("joules", watt_hours),
        ],
        [
            f"chi phí / cost: {f.price.vi} / {f.price.en}",
            dong(f.dong),
            found("dong", dong),
        ],
    ]


def over_all(forecast: Forecast, last: Record) -> Record:
    """The last record with `speed` (tokens a second) and `mfu` of the whole run."""
    if not last.get("seconds"):
        return last
    speed = last["tokens"] / last["seconds"]
    mfu = forecast.mfu * speed / forecast.tokens_per_second
    return last | {"mfu": mfu, "speed": speed}


def memory_rows(memory: Memory, measured: str) -> list[list[str]]:
    """The memory of one device, and what takes it."""
    return [
        [
            "bộ nhớ một thiết bị / memory of a device",
            size(memory.total),
            measured,
        ],
        ["· trọng số / weights", size(memory.weights), ""],
        ["· gradient / gradients", size(memory.gradients), ""],
        ["· bộ tối ưu / optimiser", size(memory.optimiser), ""],
        ["· kích hoạt / activations", size(memory.activations), ""],
        ["· chỗ nháp / workspace", size(memory.workspace), ""],
    ]


def table(forecast: Forecast, last: Record | None = None) -> Table:
    """`rows` for a terminal; one column of numbers before the run, two after."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("", overflow="fold")
    shown.add_column("dự báo\npredicted", justify="right", no_wrap=True)
    if last is not None:
        shown.add_column("đo được\nmeasured", justify="right", no_wrap=True)
    for label, predicted, measured in rows(forecast, last):
        cells = [predicted] if last is None else [predicted, measured]
        shown.add_row(label, *cells)
    return shown


MEASURED = ("tokens", "seconds", "memory", "joules", "dong")


def write(path: Path, forecast: Forecast, last: Record | None = None) -> None:
    """Keep the forecast, and what the last record measured, as JSON."""
    measured = {k: last[k] for k in MEASURED if k in last} if last else None
    found = {"forecast": forecast.as_dict(), "measured": measured}
    part = path.with_suffix(".part")
    text = json.dumps(found, indent=1, ensure_ascii=False)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
