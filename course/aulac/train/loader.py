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
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from aulac.model.loss import IGNORE
from aulac.train.distributed import World
from aulac.train.failure import TrainingError
from aulac.train.shards import documents

# Steps drawn ahead on a GPU; one in use, one ready. ASSUMED enough: on one core of a
# CPU, drawing a step of `tiny` took 0.3 ms and computing it 540; no card was measured.
AHEAD = 2


@dataclass(frozen=True)
class Batch:
    """What an objective's `forward` takes, and how much it weighs in a step.

    tensors: as `forward` takes them, on the CPU; None stands for what is left out.
    count: what the loss is a mean over: targets, pairs, answers. A step's batches
        are weighed by it, so that accumulation and the number of processes change
        nothing.
    tokens: read, which is what speed is counted in.
    """

    tensors: tuple[Tensor | None, ...]
    count: int
    tokens: int

    def to(self, device: torch.device) -> tuple[Tensor | None, ...]:
        """The tensors on a device; from pinned memory nothing waits."""
        return self._each(lambda x: x.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        """In memory that a GPU reads while the processor goes on."""
        return replace(self, tensors=self._each(Tensor.pin_memory))

    def _each(
        self, change: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor | None, ...]:
        return tuple(None if x is None else change(x) for x in self.tensors)


class Data(Protocol):
    """Endless batches, and a place among them that can be kept.

    A batch is a `Batch`, or ids and targets (B, T) alone: the batch of a model that
    learns the next token.

    Data that the model in training writes (answers to be rewarded, say) name
    `ahead = 0`: no batch is then drawn before the step that learns from it, and none
    is older than the weights. Without the attribute AHEAD steps may be drawn ahead.
    Every process draws every batch, in the same order, and keeps its own: what is
    costly to draw costs each of them the whole.
    """

    def __next__(self) -> Batch | tuple[Tensor, Tensor]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class TokenData(Data, Protocol):
    """Data of ids and targets (B, T) alone."""

    def __next__(self) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Step:
    """One optimiser step: this process's batches, and totals over all."""

    batches: list[Batch]
    count: int  # of all batches, in all processes
    tokens: int  # read, in all processes
    after: dict[str, Any]  # the place in the stream behind it


class Loader:
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
        self.pins = ahead > 0 and torch.cuda.is_available()
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
            self.pool = ThreadPoolExecutor(1, "loader", initializer=use)
        while len(self.drawn) <= self.ahead:
            self.drawn.append(self.pool.submit(self._draw))
        return self.drawn.popleft().result()

    def _draw(self) -> Step:
        mine, count, tokens = [], 0, 0
        for _ in range(self.accumulation):
            for rank in range(self.world.size):
                batch = self._batch(next(self.data))
                count, tokens = count + batch.count, tokens + batch.tokens
                if rank == self.world.rank:
                    mine.append(batch.pinned() if self.pins else batch)
        return Step(mine, count, tokens, self.data.state())

    def _batch(self, drawn: Batch | tuple[Tensor, Tensor]) -> Batch:
        if isinstance(drawn, Batch):
            if self.eos_id is not None:
                raise not_packed()
            return drawn
        ids, targets = drawn  # (B, T) each
        eos = self.eos_id
        where = None if eos is None else documents(ids, eos)  # (B, T)
        count = int((targets != IGNORE).sum())
        return Batch((ids, targets, where), count, ids.numel())

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


def not_packed() -> TrainingError:
    return TrainingError(
        "packed=True is for rows of ids and targets, and these data give batches of "
        "their own: leave packed out.",
        "packed=True dành cho các hàng gồm id và đích, còn dữ liệu này tự tạo lô: hãy bỏ "
        "packed.",
    )


def ahead_of(data: Data, device: torch.device) -> int:
    """Steps that may be drawn ahead of their use: only a GPU leaves time for it."""
    allowed = getattr(data, "ahead", AHEAD)
    return min(allowed, AHEAD) if device.type == "cuda" else 0


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
