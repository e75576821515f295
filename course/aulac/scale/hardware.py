"""What this machine can do: its peak FLOP/s, its memory, the energy it has used.

Cards are known by name; what is not known is measured by a short matrix product. A
counter of energy is read where the machine has one: NVML on an NVIDIA card (Volta and
later), RAPL on a CPU whose `energy_uj` may be read. torch is imported inside the
functions that need it. The parts for CUDA have not run on a card yet.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CPU_WATTS = 65  # assumed of a CPU at work that tells nothing of its power
RAPL = Path("/sys/class/powercap")
TIMES = 16  # products of each size timed for a peak; the fastest counts
BUDGET = 0.4  # seconds for all of them


@dataclass(frozen=True)
class Card:
    """A graphics card as its datasheet has it."""

    name: str  # a regular expression for `torch.cuda.get_device_name`
    half: float  # FLOP/s, fp16 or bf16, dense, summed in fp32
    single: float  # FLOP/s in fp32, no tensor cores
    watts: int  # board power


# NVIDIA's datasheets, and the GA102 and AD102 whitepapers for the GeForce cards.
# Sparsity doubles none of these numbers here. Earlier rows win.
CARDS = (
    Card(r"H200", 989.4e12, 67e12, 700),
    Card(r"H100.*PCIe", 756e12, 51e12, 350),
    Card(r"H100.*NVL", 835e12, 60e12, 400),
    Card(r"H100", 989.4e12, 67e12, 700),
    Card(r"A100.*PCI", 312e12, 19.5e12, 300),
    Card(r"A100", 312e12, 19.5e12, 400),
    Card(r"A10G?\b", 125e12, 31.2e12, 150),
    Card(r"L40S", 362e12, 91.6e12, 350),
    Card(r"L4\b", 121e12, 30.3e12, 72),
    Card(r"V100", 125e12, 15.7e12, 300),
    Card(r"\bT4\b", 65e12, 8.1e12, 70),
    Card(r"RTX 4090", 165.2e12, 82.6e12, 450),
    Card(r"RTX 3090", 71e12, 35.6e12, 350),
)


@dataclass(frozen=True)
class Peak:
    """The most FLOP/s one device reaches, and how that is known."""

    flops: float
    vi: str
    en: str


def card(name: str) -> Card | None:
    """The row of CARDS for a device name, None for a card not listed."""
    return next((c for c in CARDS if re.search(c.name, name)), None)


def is_cuda(device: Any) -> bool:
    """Whether a torch.device, or its name, is a CUDA card."""
    return str(device).startswith("cuda")


def peak(device: Any, bits: int) -> Peak:
    """Peak of one device for matrix products in 16 or 32 bits.

    From the datasheet for a known card, else measured in a fraction of a second.
    On a CPU 16 bits are bf16.
    """
    if is_cuda(device):
        import torch

        name = torch.cuda.get_device_name(device)
        if known := card(name):
            flops = known.half if bits == 16 else known.single
            return Peak(
                flops,
                f"{name}, theo bảng thông số của hãng",
                f"{name}, by its datasheet",
            )
    return Peak(
        measured_peak(device, bits),
        "đo bằng một phép nhân ma trận ngắn",
        "measured by a short matrix product",
    )


def measured_peak(device: Any, bits: int) -> float:
    """FLOP/s of the fastest of many square matrix products on the device.

    Small ones too: they end before another process takes the core away, large ones
    are what many cores need.
    """
    import torch

    cuda = is_cuda(device)
    half = torch.bfloat16
    if cuda and not torch.cuda.is_bf16_supported(including_emulation=False):
        half = torch.float16
    dtype = half if bits == 16 else torch.float32
    best, began = 0.0, time.perf_counter()
    for size in (4096, 8192) if cuda else (512, 1024, 2048, 4096):
        matrix = torch.ones(size, size, dtype=dtype, device=device)
        _seconds(matrix, cuda)  # the first product allocates
        for _ in range(TIMES):
            best = max(best, 2 * size**3 / _seconds(matrix, cuda))
            if time.perf_counter() - began > BUDGET:
                return best
    return best


def _seconds(matrix: Any, cuda: bool) -> float:
    """Of one product of the matrix with itself.

    On a CPU, seconds of work for each of torch's threads: what other processes take
    of a busy machine does not count.
    """
    import torch

    if not cuda:
        began = time.process_time()
        matrix @ matrix
        return (time.process_time() - began) / torch.get_num_threads()
    torch.cuda.synchronize()
    began = time.perf_counter()
    matrix @ matrix
    torch.cuda.synchronize()
    return time.perf_counter() - began


def watts(device: Any) -> int:
    """Power of one device at work: the card's board power, or CPU_WATTS."""
    if is_cuda(device):
        import torch

        known = card(torch.cuda.get_device_name(device))
        return known.watts if known else 300
    return CPU_WATTS


def free_memory(device: Any) -> int:
    """Bytes that are free now on the card, or in the machine for a CPU."""
    if is_cuda(device):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    told = Path("/proc/meminfo")
    if told.exists():
        found = re.search(r"MemAvailable:\s+(\d+) kB", told.read_text())
        if found:
            return 1024 * int(found[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class PeakMemory:
    """The most bytes in use since this was made: the card's, or this process's.

    On a card: what torch had allocated. On a CPU: resident memory above what it was
    at the beginning (pages of mapped files count), None where it cannot be read.
    """

    def __init__(self, device: Any):
        self.device = device
        self.before = 0
        if not is_cuda(device):
            self.before = _resident("VmRSS") or 0
        self.forget()

    def forget(self) -> None:
        """Move the highest mark to where it is now.

        On Linux, by writing 5 into `clear_refs` (proc(5)).
        """
        if is_cuda(self.device):
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
            return
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:  # another system, or not allowed: the old mark stays
            return

    def read(self) -> int | None:
        """Bytes, without waiting for the card."""
        if is_cuda(self.device):
            import torch

            return torch.cuda.max_memory_allocated(self.device)
        high = _resident("VmHWM")
        return None if high is None else max(0, high - self.before)


def _resident(key: str) -> int | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    found = re.search(rf"{key}:\s+(\d+) kB", status.read_text())
    return 1024 * int(found[1]) if found else None


Counter = Callable[[], float]  # joules since some moment


def energy(device: Any) -> Counter | None:
    """A function that tells joules used by the device; None if nothing tells."""
    return nvml_energy(device) if is_cuda(device) else rapl_energy()


def rapl_energy(root: Path = RAPL) -> Counter | None:
    """Joules of all CPU packages, by Linux's powercap files (often root's only)."""
    packages = sorted(root.glob("intel-rapl:[0-9]"))
    if not packages:
        return None
    try:
        span = [int((p / "max_energy_range_uj").read_text()) for p in packages]
        last = [int((p / "energy_uj").read_text()) for p in packages]
    except (OSError, ValueError):
        return None
    used = [0] * len(packages)

    def joules() -> float:
        for i, package in enumerate(packages):
            now = int((package / "energy_uj").read_text())
            used[i] += (now - last[i]) % (span[i] + 1)  # it wraps
            last[i] = now
        return sum(used) / 1e6

    return joules


def nvml_energy(device: Any) -> Counter | None:
    """Joules of the card since its driver was loaded, by NVML's own counter.

    NVML comes with the driver, so no package is needed. None where the card (before
    Volta, or a part of a card) has no counter.
    """
    import torch

    try:
        name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
        nvml = ctypes.CDLL(name)
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    except (OSError, AttributeError):
        return None
    return read_nvml(nvml, uuid)


def read_nvml(nvml: Any, uuid: str) -> Counter | None:
    """Joules of the card `uuid` from the NVML library `nvml`."""
    handle, total = ctypes.c_void_p(), ctypes.c_ulonglong()
    found = (
        nvml.nvmlInit_v2() == 0
        and nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle))
        == 0
    )
    ask = nvml.nvmlDeviceGetTotalEnergyConsumption
    if not found or ask(handle, ctypes.byref(total)) != 0:
        return None

    def joules() -> float:
        ask(handle, ctypes.byref(total))
        return total.value / 1000

    return joules
