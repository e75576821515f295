"""More than one process: `torchrun`, and torch's own DistributedDataParallel.

Every process holds the whole model and reads its share of each step's batches (see
`aulac.train.loader`); gradients are averaged while the backward pass still runs. The global
batch is batch x accumulation x processes. `aulac train` divides the scale's
accumulation, then its batch, by the number of processes, so the same tokens are read
in the same order on one card and on eight, and a run may go on with another number.

Two T4 cards (a free Kaggle notebook, "GPU T4 x2"):

    torchrun --nproc-per-node 2 -m aulac.cli train --scale t4

One node with eight cards:

    torchrun --nproc-per-node 8 -m aulac.cli train --scale gpu

Two CPU processes, to see that nothing changes (what the tests do):

    torchrun --nproc-per-node 2 -m aulac.cli train --scale tiny

Instruction tuning divides its steps alike: begin every process with `started` and
call `aulac.align.sft.sft` inside.

The first process alone (the lead, rank 0) writes log, bar, checkpoints and model; the
others read the checkpoint when a run goes on, so several nodes need a shared folder.
Ctrl-C ends all processes after the same step, with a checkpoint. When one process
fails, torchrun ends the others, and the last checkpoint stands.

Muon's work is not divided: each process makes every matrix's update. Dividing it
would need an exchange of its own, which torch's Muon does not have.

Tested on CPUs with gloo. On GPUs NCCL carries the gradients and gloo the few numbers
on the CPU; that path has not been run yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aulac.train.failure import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

# How long a process waits for another: the first may be writing shards meanwhile.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class World:
    """The processes of a run, and which of them this one is."""

    rank: int = 0
    size: int = 1
    local: int = 0  # place on this machine, and number of its GPU

    @property
    def lead(self) -> bool:
        """Whether this is the one process that writes and speaks."""
        return self.rank == 0

    def use_device(self) -> None:
        """Make this process's GPU the thread's own; nothing without GPUs."""
        import torch

        if self.size > 1 and torch.cuda.is_available():
            torch.cuda.set_device(self.local)

    def mean(self, value: float) -> float:
        """The mean of a number over all processes."""
        if self.size == 1:
            return value
        return self._sum(value) / self.size

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process; waits for all."""
        return flag if self.size == 1 else self._sum(float(flag)) > 0

    def _sum(self, value: float) -> float:
        """Over gloo, on the CPU: no GPU waits for it."""
        import torch
        import torch.distributed as dist

        number = torch.tensor(value, dtype=torch.float64)
        with connected():
            dist.all_reduce(number)
        return number.item()


def world() -> World:
    """The processes of this run; a single one when torchrun has not begun it."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return World()
    local = int(os.environ.get("LOCAL_RANK", 0))
    return World(dist.get_rank(), dist.get_world_size(), local)


@contextmanager
def started() -> Iterator[World]:
    """Join the other processes that torchrun began; alone, do nothing.

    Put everything that trains inside. Raises TrainingError when there are more
    processes than GPUs, or when they cannot find each other.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield World()
        return
    import torch
    import torch.distributed as dist

    gpus = torch.cuda.device_count()
    local = int(os.environ.get("LOCAL_RANK", 0))
    if gpus and local >= gpus:
        raise too_many(gpus)
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
    if gpus:
        torch.cuda.set_device(local)
    with connected():
        dist.init_process_group(backend, timeout=PATIENCE)
    yield world()
    # Not after an error: the others are gone, and torchrun clears up.
    dist.destroy_process_group()


def too_many(gpus: int) -> TrainingError:
    return TrainingError(
        f"torchrun began more processes than this machine has GPUs ({gpus}): give "
        f"--nproc-per-node {gpus}.",
        f"torchrun mở nhiều tiến trình hơn số GPU của máy ({gpus}): hãy dùng "
        f"--nproc-per-node {gpus}.",
    )


@contextmanager
def lead_first() -> Iterator[None]:
    """The lead runs the body; when it has ended, the others do.

    For what must be made once: a corpus, shards. The body must find its own work
    done when it runs for the second time.
    """
    here = world()
    if not here.lead:
        here.any(False)
    yield
    if here.lead:
        here.any(False)


def parallel(module: nn.Module, here: World) -> nn.Module:
    """`module`, its gradients averaged over all processes."""
    from torch.nn.parallel import DistributedDataParallel

    if here.size == 1:
        return module
    cuda = next(module.parameters()).is_cuda
    return DistributedDataParallel(
        module,
        device_ids=[here.local] if cuda else None,
        broadcast_buffers=False,  # none that training changes
        gradient_as_bucket_view=True,
    )


def no_sync(module: nn.Module, wanted: bool) -> AbstractContextManager[None]:
    """No exchange of gradients inside, if wanted and if there is one at all."""
    without = getattr(module, "no_sync", None) if wanted else None
    return without() if without is not None else nullcontext()


@contextmanager
def connected() -> Iterator[None]:
    """Turn the loss of another process into a TrainingError."""
    try:
        yield
    except RuntimeError as error:
        if not about_others(error):
            raise
        raise TrainingError(
            "another process of this run has ended: its own message says why. The "
            "last checkpoint stands; run the same command again to go on from it.",
            "một tiến trình khác của lần chạy này đã dừng, lý do nằm trong thông "
            "báo của nó. Điểm lưu gần nhất vẫn còn; chạy lại đúng lệnh cũ để tiếp "
            "tục từ đó.",
        ) from error


def about_others(error: RuntimeError) -> bool:
    """Whether torch complains of the connection between processes."""
    import torch.distributed as dist

    words = ("gloo", "nccl", "connection closed by peer", "connection reset")
    told = any(word in str(error).lower() for word in words)
    kinds = getattr(dist, "DistError", ())  # none in a build without it
    return isinstance(error, kinds) or told


def agree(step: int, path: Path | None) -> None:
    """Raise TrainingError unless all processes have read the same checkpoint."""
    here = world()
    if here.any(here.mean(step) != step):
        raise TrainingError(
            f"the processes do not see the same {path}: give --out a folder that all "
            "machines of this run share.",
            f"các tiến trình không thấy cùng một {path}: hãy cho --out một thư mục "
            "mà mọi máy của lần chạy này dùng chung.",
        )


def same(count: int) -> None:
    """Raise TrainingError unless all processes have drawn the same step.

    Each draws for itself what the model in training writes; where a device rounds
    otherwise the texts part ways, and batches would be weighed wrongly.
    """
    here = world()
    if here.size > 1 and here.any(here.mean(count) != count):
        raise TrainingError(
            "the processes do not write the same texts: draw them with a generator of "
            "their own seed, in fp32, and on one kind of device.",
            "các tiến trình không sinh ra cùng một văn bản: hãy lấy mẫu bằng một bộ sinh "
            "số có hạt giống riêng, ở fp32 và trên cùng một loại thiết bị.",
        )


def split(batch: int, accumulation: int) -> tuple[int, int]:
    """A process's batch and accumulation, so that the global batch stays.

    Accumulation is divided first: it only saves memory. Raises TrainingError when
    the number of processes does not divide batch x accumulation.
    """
    from math import gcd

    size = world().size
    shared = gcd(accumulation, size)
    if batch % (size // shared):
        raise TrainingError(
            f"{size} processes cannot share {accumulation} x {batch} sequences "
            "evenly: give torchrun a number of processes that divides them.",
            f"{size} tiến trình không chia đều được {accumulation} x {batch} chuỗi: "
            "hãy cho torchrun một số tiến trình chia hết số đó.",
        )
    return batch // (size // shared), accumulation // shared


def speaks(error: TrainingError) -> bool:
    """Whether this process is the one to print an error: once a run is enough."""
    return error.local or world().lead
