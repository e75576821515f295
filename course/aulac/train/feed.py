"""What an optimiser step reads: batches drawn ahead, shared among processes.

All processes walk the same endless stream of batches, and each keeps those that are
its own: of every `size` batches in turn, the one with its rank. So the tokens of a
step depend only on batch x accumulation x processes, never on how that product is
made up, and the place in the stream is the same number for all.

On a GPU a thread draws the next steps into pinned memory while the card works. The
place that `state` gives is that of the step last used, not last drawn.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from aulac.model.loss import IGNORE
from aulac.train.distributed import World
from aulac.train.failure import TrainingError
from aulac.train.shards import documents

AHEAD = 2  # steps drawn ahead on a GPU; one in use, one ready


class Data(Protocol):
    """Endless batches of ids and targets (B, T); their place can be kept."""

    def __next__(self) -> tuple[Tensor, Tensor]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Batch:
    """ids, targets and, for packed rows, documents: (B, T) each."""

    ids: Tensor
    targets: Tensor
    documents: Tensor | None
    count: int  # targets that are to be learned

    def to(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
        """The three tensors on a device; from pinned memory nothing waits."""
        ids = self.ids.to(device, non_blocking=True)
        targets = self.targets.to(device, non_blocking=True)
        if self.documents is None:
            return ids, targets, None
        return ids, targets, self.documents.to(device, non_blocking=True)


@dataclass(frozen=True)
class Step:
    """One optimiser step: this process's batches, and totals over all."""

    batches: list[Batch]
    count: int  # targets to be learned, in all processes
    tokens: int  # read, in all processes
    after: dict[str, Any]  # the place in the stream behind it


class Feed:
    """Endless steps from `data`: `accumulation` batches for each process.

    eos_id: ends a document inside a row; None does not tell them apart.
    ahead: steps drawn ahead by a thread; 0 draws when asked.
    """

    def __init__(
        self,
        data: Data,
        accumulation: int = 1,
        world: World | None = None,
        eos_id: int | None = None,
        ahead: int = 0,
    ) -> None:
        self.data, self.accumulation = data, accumulation
        self.world, self.eos_id = world or World(), eos_id
        self.ahead = ahead
        self.used = data.state()
        self.drawn: deque[Future[Step]] = deque()
        self.pool: ThreadPoolExecutor | None = None

    def __next__(self) -> Step:
        step = self._next()
        self.used = step.after
        return step

    def _next(self) -> Step:
        if not self.ahead:
            return self._draw()
        if self.pool is None:  # one worker: the order stays
            use = self.world.use_device
            self.pool = ThreadPoolExecutor(1, "feed", initializer=use)
        while len(self.drawn) <= self.ahead:
            self.drawn.append(self.pool.submit(self._draw))
        return self.drawn.popleft().result()

    def _draw(self) -> Step:
        mine, count, tokens = [], 0, 0
        for _ in range(self.accumulation):
            for rank in range(self.world.size):
                ids, targets = next(self.data)
                learned = int((targets != IGNORE).sum())
                count, tokens = count + learned, tokens + ids.numel()
                if rank == self.world.rank:
                    mine.append(self._batch(ids, targets, learned))
        return Step(mine, count, tokens, self.data.state())

    def _batch(self, ids: Tensor, targets: Tensor, count: int) -> Batch:
        eos = self.eos_id
        apart = None if eos is None else documents(ids, eos)  # (B, T)
        if self.ahead and torch.cuda.is_available():
            ids, targets = ids.pin_memory(), targets.pin_memory()
            apart = None if apart is None else apart.pin_memory()
        return Batch(ids, targets, apart, count)

    def state(self) -> dict[str, Any]:
        """The place in the stream behind the step last used."""
        return self.used

    def restore(self, state: dict[str, Any]) -> None:
        """Go to a place that `state` named."""
        self._stop()
        self.data.restore(state)
        self.used = self.data.state()

    def close(self) -> None:
        """End the thread; `data` stands behind the step last used."""
        if self.pool is not None:
            self.restore(self.used)

    def _stop(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
        self.pool = None
        self.drawn.clear()


def eos_of(data: Data) -> int:
    """The token that ends documents in `data`; TrainingError if it has none."""
    eos_id = getattr(data, "eos_id", None)
    if eos_id is not None:
        return eos_id
    kind = type(data).__name__
    raise TrainingError(
        f"packed=True needs data that names its end-of-text token, and {kind} does "
        "not: give Batches of shards, or leave packed out.",
        f"packed=True cần dữ liệu cho biết token kết thúc văn bản, mà {kind} thì "
        "không: hãy dùng Batches đọc từ shards, hoặc bỏ packed.",
    )
