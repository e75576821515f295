"""A run priced beforehand and measured: numbers, power, memory, advice."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from aulac import scale
from aulac.model import Config, Transformer
from aulac.scale import hardware, meter
from aulac.scale.flops import muon_flops, training_flops
from aulac.scale.meter import Meter, rows, short, span, table, write
from aulac.scale.plan import Plan

TINY = scale.get("tiny")
FAST = hardware.Peak(1e12, "giả", "pretended")


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A CPU of 1 TFLOP/s that tells nothing of its power."""
    monkeypatch.setattr(hardware, "peak", lambda device, bits: FAST)
    monkeypatch.setattr(hardware, "energy", lambda device: None)


def make(plan: Plan | None = None, **options) -> Meter:
    return Meter(TINY, plan or Plan.pretraining(TINY), "cpu", **options)


def record(**more) -> dict:
    values = {"step": 10, "steps": 20, "loss": 5.0, "tokens": 1000}
    return values | {"seconds": 36.0, "tokens_per_second": 500.0} | more


def test_a_forecast_is_counted():
    found = make().forecast()
    with torch.device("meta"):
        assert found.parameters == Transformer(Config.of(TINY)).count()
    assert found.tokens == TINY.tokens == 340 * 10 * 192
    assert found.flops == training_flops(TINY) * found.tokens
    work = found.flops + 340 * muon_flops(TINY)
    assert found.seconds == pytest.approx(
        work / 1e12 / meter.EFFICIENCY["cpu"]
    )
    assert found.mfu < meter.EFFICIENCY["cpu"]
    assert found.joules == hardware.CPU_WATTS * found.seconds
    assert found.dong == pytest.approx(2204 * found.joules / 3.6e6)
    adam = make(Plan.pretraining(TINY, muon=False)).forecast()
    assert adam.seconds < found.seconds
    assert adam.memory.optimiser > found.memory.optimiser


def test_a_forecast_says_whether_it_rests_on_a_measurement(monkeypatch):
    told = make().forecast()
    assert "measured at tiny" in told.basis.en and "đã đo" in told.basis.vi
    running = make()
    running.cuda = True
    assert "assumes 30 %" in running.basis().en
    assert "chưa đo trên card nào" in running.basis().vi
    monkeypatch.setattr(meter, "compiles", lambda device, plan: True)
    assert "assumes 40 %" in running.basis().en
    shown = [label for label, *_ in rows(told)]
    assert f"MFU: {told.basis.vi} / {told.basis.en}" in shown
    assert told.as_dict()["basis"] == told.basis._asdict()


@settings(max_examples=25)
@given(st.integers(1, 8), st.integers(1, 50), st.integers(1, 4))
def test_more_work_costs_more_and_devices_share_it(world, steps, passes):
    plan = Plan.pretraining(TINY, steps=steps, accumulation=passes)
    one = make(plan, price=1000.0).forecast()
    many = make(plan, price=1000.0, world=world).forecast()
    assert many.tokens == world * one.tokens
    assert many.seconds == pytest.approx(one.seconds)
    assert many.dong == pytest.approx(world * one.dong)
    assert one.dong == pytest.approx(1000 * one.seconds / 3600)
    assert many.memory == one.memory
    longer = make(Plan.pretraining(TINY, steps=steps + 1)).forecast()
    shorter = make(Plan.pretraining(TINY, steps=steps)).forecast()
    assert longer.seconds > shorter.seconds and longer.dong > shorter.dong


def test_half_formats_need_less_for_activations():
    full, half = (
        make(Plan.pretraining(TINY, precision=name)).forecast().memory
        for name in ("fp32", "bf16")
    )
    assert half.activations < full.activations
    assert half.weights == full.weights


def test_a_record_is_completed_and_its_own_values_stay():
    before = record()
    after = make(price=100.0, world=2).record(before)
    assert before == record() and after.items() >= before.items()
    assert after["mfu"] == training_flops(TINY) * 250 / 1e12
    assert after["dong"] == pytest.approx(2 * 100 * 36 / 3600)
    assert "joules" not in after  # nothing tells
    json.dumps(after)


def test_energy_is_read_where_the_machine_tells(monkeypatch):
    told, times = iter([100.0, 700.0, 1300.0]), iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(hardware, "energy", lambda device: lambda: next(told))
    monkeypatch.setattr(meter.time, "perf_counter", lambda: next(times))
    running = make(world=3)
    first = running.record(record())
    assert first["joules"] == pytest.approx(60 * 3 * 36)  # 60 W, three devices
    assert first["dong"] == pytest.approx(2204 * first["joules"] / 3.6e6)
    assert running.record(record())["joules"] == first["joules"]


MEMORY = """
import sys
import torch
from dataclasses import replace
from aulac import scale
from aulac.scale.meter import Meter
from aulac.model import Config, Transformer
from aulac.scale.plan import Plan
from aulac.train import train

class Data:
    def __init__(self, sizes): self.shape = sizes.batch, sizes.context
    def __next__(self): return 2 * (torch.randint(512, self.shape),)
    def state(self): return {}
    def restore(self, state): pass

torch.set_num_threads(1)
plan = Plan(steps=2, log_every=1)
for batch in (1, 24):  # the first loads libraries, which are no one's step
    sizes = replace(scale.get("tiny"), vocab_size=512, batch=batch)
    meter = Meter(sizes, plan, "cpu")
    model = Transformer(Config.of(sizes))
    run = train(model, Data(sizes), plan, meter=meter)
print(run.history[-1].get("memory"), meter.forecast().memory.total)
"""


def test_the_memory_of_a_step_is_what_the_process_takes():
    """Coarse: the allocator keeps some, and gradients pass through more."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    measured, predicted = done.stdout.split()
    if measured == "None":
        pytest.skip("this system does not tell how much memory a process has")
    assert 0.8 < int(measured) / int(predicted) < 1.5


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989.4e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("Tesla T4", 65e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA A10G", 125e12),
        ("NVIDIA GeForce RTX 3090", 71e12),
        ("NVIDIA GeForce RTX 4090", 165.2e12),
    ],
)
def test_cards_are_known_by_the_names_torch_gives(name, half):
    known = hardware.card(name)
    assert known is not None and known.half == half
    assert known.half > known.single > known.watts


def test_an_unknown_card_is_not_guessed():
    assert hardware.card("NVIDIA GeForce GTX 1080") is None
    assert hardware.card("NVIDIA T400") is None


def test_the_peak_of_a_cpu_is_measured():
    assert 1e9 < hardware.measured_peak("cpu", 32) < 1e15


@pytest.fixture
def rapl(tmp_path):
    for number, used in enumerate((1_000_000, 5_000_000)):
        package = tmp_path / f"intel-rapl:{number}"
        package.mkdir()
        (package / "energy_uj").write_text(str(used))
        (package / "max_energy_range_uj").write_text("9999999")
    part = tmp_path / "intel-rapl:0:0"  # a part of a package: counted with it
    part.mkdir()
    (part / "energy_uj").write_text("3")
    return tmp_path


def test_rapl_adds_packages_up_and_wraps(rapl):
    joules = hardware.rapl_energy(rapl)
    assert joules() == 0
    (rapl / "intel-rapl:0" / "energy_uj").write_text("3000000")
    assert joules() == 2.0
    (rapl / "intel-rapl:1" / "energy_uj").write_text("1000000")  # went round
    assert joules() == pytest.approx(2.0 + 6.0)


def test_no_counter_is_no_energy(rapl, tmp_path):
    assert hardware.rapl_energy(tmp_path / "none") is None
    (rapl / "intel-rapl:1" / "energy_uj").unlink()
    assert hardware.rapl_energy(rapl) is None


class Library:
    """NVML as ctypes sees it: statuses, and values written through pointers."""

    def __init__(self, millijoules: int, status: int = 0) -> None:
        self.millijoules, self.status = millijoules, status

    def nvmlInit_v2(self) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid, handle) -> int:  # noqa: N802
        return 0 if uuid == b"GPU-1" else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, total):  # noqa: N802
        pointer = ctypes.cast(total, ctypes.POINTER(ctypes.c_ulonglong))
        pointer[0] = self.millijoules
        return self.status


def test_nvml_counts_joules_or_says_nothing():
    library = Library(5000)
    joules = hardware.read_nvml(library, "GPU-1")
    assert joules() == 5
    library.millijoules = 7500
    assert joules() == 7.5
    assert hardware.read_nvml(library, "GPU-2") is None
    assert hardware.read_nvml(Library(1, status=3), "GPU-1") is None


def test_predicted_stands_beside_measured(tmp_path):
    found = make(price=5000.0).forecast()
    last = make().record(record(tokens=640_000, seconds=100.0))
    shown = {label: (a, b) for label, a, b in rows(found, last)}
    assert shown["token / tokens"] == ("653 k", "640 k")
    assert shown["token mỗi giây / tokens per second"][1] == "6,400"
    assert shown["thời gian / time"] == (span(found.seconds), "0:01:40")
    assert [b for a, b in shown.values()].count("") == len(shown) - 6
    console = Console(record=True, width=100)
    console.print(table(found), table(found, last))
    text = console.export_text()
    assert text.count("predicted") == 2 and text.count("đo được") == 1
    assert "5,000 đ an hour" in text and "đ/giờ" in text
    write(tmp_path / "forecast.json", found, last)
    kept = json.loads((tmp_path / "forecast.json").read_text("utf-8"))
    assert kept["forecast"]["memory_total"] == found.memory.total
    assert kept["measured"]["seconds"] == 100


def test_advice_names_the_passes_that_fit():
    running = make()
    need = running.forecast().memory.total
    assert running.advice(need) is None
    told = running.advice(need - 1)
    assert "--accumulation 2" in told.vi and "--accumulation 2" in told.en
    least = running.memory(1).total
    assert "--accumulation 10" in running.advice(least).en
    assert "a smaller scale" in running.advice(least - 1).en
    assert "--accumulation 20" in make(world=2).advice(least).en


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (999, "B", "999 B"),
        (1049984, "", "1.05 M"),
        (4.49e12, "FLOP", "4.49 TFLOP"),
        (1.5e18, "FLOP", "1.5 EFLOP"),
        (0.25, "Wh", "0.25 Wh"),
    ],
)
def test_numbers_are_short(value, unit, text):
    assert short(value, unit) == text


def test_time_is_readable():
    told = [span(s) for s in (5, 61, 3600, 86_400 * 3, 86_400 * 5)]
    assert told == ["5.0 s", "0:01:01", "1:00:00", "72:00:00", "5 ngày / days"]


def test_nothing_here_needs_torch_to_be_imported():
    code = (
        "import sys, aulac.scale.meter, aulac.scale.hardware, aulac.scale.dial, aulac.scale.curve, "
        "aulac.cli.train; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr
