"""Runs of ablations: side by side in slices, resumable, each to its own lengths.

A run is one arm with one seed. It has one or two lengths, in steps: as many bytes as
the base recipe reads, and as much of its own time as the base recipe takes. The stable
part of the schedule is trained once; where the rate begins to fall to one length the
run is kept, and goes on from there to the next length (WSD, Hu et al. 2024). A cosine
falls from the first step, so it is trained anew for each length.
"""

from __future__ import annotations

import copy
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from ablation_arms import KNOWN, batch, new_model, new_plan
from ablation_text import Text

import aulac
from aulac.evaluate.bits import measure_each
from aulac.scale import get
from aulac.scale.plan import schedule
from aulac.train import Trainer
from aulac.train.shards import Batches

SLICE = 4  # steps that a run takes before the next has its turn
SAVE = 60.0  # seconds between two savings of a run
PAUSE = 1.0  # seconds between two looks at how far the runs are
Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What all runs of a study share."""

    vocabulary: int = 4_096  # the base recipe's
    scale: str = "tiny"  # body, batch, context, rates
    precision: str = "auto"
    warmup: float = 0.02  # of the length in bytes
    decay: float = 0.3  # of each length


class Run:
    """One arm with one seed on the way through its lengths (steps)."""

    def __init__(
        self,
        name: str,
        seed: int,
        lengths: dict[str, int],
        text: Text,
        settings: Settings,
    ) -> None:
        self.name, self.seed, self.settings = name, seed, settings
        arm, scale = KNOWN[name], get(settings.scale)
        vocabulary = round(settings.vocabulary * arm.vocabulary)
        shards = text.shards(arm.superwords, vocabulary)
        self.cosine, self.held = arm.cosine, [p.text for p in text.held]
        self.tokenizer = text.tokenizer(arm.superwords, vocabulary)
        self.bytes_per_token = shards.bytes_per_token()
        self.lengths = sorted(set(lengths.values()))
        self.warmup = max(1, round(settings.warmup * lengths["bytes"]))
        self.plan = new_plan(
            arm, scale, self.lengths[-1], seed, settings.precision
        )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        size = self.tokenizer.vocab_size
        self.model = new_model(arm, scale, size, seed).to(device)
        data = Batches(shards, batch(arm, scale), scale.context, seed)
        self.trainer = Trainer(self.model, data, self.plan)
        self.tokens = data.batch * scale.context  # in a step
        self.step, self.seconds = 0, 0.0
        self.curve: list[list[float]] = []  # step, seconds, bits per byte
        self.found: list[dict[str, Any]] = []  # one for each length
        self.kept: dict[str, Any] | None = None
        self._keep()

    @property
    def done(self) -> bool:
        return len(self.found) == len(self.lengths)

    @property
    def left(self) -> int:
        """Steps still to take."""
        ends = self.lengths[len(self.found) :]
        if not ends:
            return 0
        starts = [self.step, *map(self.fork, ends[:-1])]
        return sum(end - at for at, end in zip(starts, ends, strict=True))

    def fork(self, length: int) -> int:
        """The step at which the rate begins to fall to this length."""
        if self.cosine:
            return 0
        return length - max(1, round(self.settings.decay * length))

    def rate(self, step: int, length: int) -> float:
        """Part of the peak rate at `step` of a run of this length."""
        if not self.cosine:
            shape = {
                "warmup": self.warmup / length,
                "decay": self.settings.decay,
            }
            return schedule(step, replace(self.plan, steps=length, **shape))
        turned = math.pi * max(0, step - self.warmup)
        falling = (1 + math.cos(turned / (length - self.warmup))) / 2
        return min((step + 1) / self.warmup, falling)

    def advance(self, steps: int = SLICE) -> None:
        """Take some steps; measure at the end of a length and go on from its fork."""
        length = self.lengths[len(self.found)]
        fork = self.fork(length)
        stop = min(
            self.step + steps, fork if self.step < fork else length, length
        )
        self._steps(stop, length)
        self._keep()
        if not math.isfinite(self.curve[-1][2]):
            ends = self.lengths[len(self.found) :]
            self.found += [{"steps": n, "diverged": self.step} for n in ends]
        elif self.step == length:
            self.found.append(self.measured())
            if self.kept:
                self.restore(self.kept)
                self.kept = None
                self._keep()

    def _steps(self, stop: int, length: int) -> None:
        self.model.train()
        began = clock()
        for step in range(self.step, stop):
            self.trainer.step(self.rate(step, length))
        loss = self.trainer.mean_loss()
        self.seconds += clock() - began
        self.step = stop
        bits = loss / math.log(2) / self.bytes_per_token
        self.curve.append([stop, round(self.seconds, 3), round(bits, 4)])

    def _keep(self) -> None:
        """Where a fork is and another length follows, remember the place."""
        more = len(self.found) + 1 < len(self.lengths)
        if more and self.step == self.fork(self.lengths[len(self.found)]):
            self.kept = copy.deepcopy(self.place())

    def measured(self) -> dict[str, Any]:
        """What held-out text costs now, passage by passage."""
        each = measure_each(self.model, self.tokenizer, self.held, batch=8)
        return {
            "steps": self.step,
            "tokens": self.step * self.tokens,
            "bytes": round(self.step * self.tokens * self.bytes_per_token),
            "seconds": round(self.seconds, 2),
            "bits": [round(one.bits, 3) for one in each],
            "sizes": [one.bytes for one in each],
            "curve": [list(point) for point in self.curve],
        }

    def place(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
            "trainer": self.trainer.state(),
        }

    def restore(self, place: dict[str, Any]) -> None:
        """Go to a place that `place` described."""
        self.step, self.seconds = place["step"], place["seconds"]
        self.curve = [list(point) for point in place["curve"]]
        self.trainer.restore(copy.deepcopy(place["trainer"]))

    def save(self, path: Path) -> None:
        """Everything, atomically."""
        part = path.with_name(path.name + ".part")
        kept = {"place": self.place(), "kept": self.kept, "found": self.found}
        torch.save(kept, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        saved = torch.load(path, weights_only=False)
        self.found, self.kept = saved["found"], saved["kept"]
        self.restore(saved["place"])


def clock() -> float:
    """Seconds of this thread's own work; on a GPU those that passed."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.thread_time()


def key(
    name: str,
    seed: int,
    lengths: dict[str, int],
    text: Text,
    settings: Settings,
) -> str:
    """What a result depends on, as a file's name: arm, seed, hash of the rest."""
    parts = [asdict(KNOWN[name]), seed, lengths, text.key, asdict(settings)]
    parts += [asdict(get(settings.scale)), torch.__version__, library()]
    digest = sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{name.replace(' ', '-')}-{seed}-{digest[:10]}"


@cache
def library() -> str:
    """A hash of the code that trains: what was trained with other code is not it."""
    package = Path(aulac.__file__).parent
    digest = sha256()
    for room in ("model", "scale", "train"):
        for file in sorted((package / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Together:
    """Several runs at once: slices in turn, so other work hits all alike."""

    def __init__(self, runs: dict[Path, Run], workers: int, say: Say) -> None:
        """`runs`: each with the file its result goes to; `workers`: threads."""
        self.runs, self.waiting = list(runs.values()), deque(runs.items())
        self.workers, self.say = workers, say
        self.halt, self.lock = threading.Event(), threading.Lock()
        self.errors: list[BaseException] = []
        self.began = time.monotonic()
        self.saved = dict.fromkeys(runs, self.began)
        self.first = sum(run.left for run in self.runs)

    def finish(self) -> None:
        """Run all to their ends; Ctrl-C loses no slice that has ended."""
        threads = [
            threading.Thread(target=self._work) for _ in range(self.workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(PAUSE)
                    self.say(self.progress())
        finally:
            self.halt.set()
            for thread in threads:
                thread.join()
            for path, run in self.waiting:
                run.save(path.with_suffix(".pt"))
        if self.errors:
            raise self.errors[0]

    def progress(self) -> str:
        """How much is left, and how long that takes at the speed so far."""
        left = sum(run.left for run in self.runs)
        if left == self.first:
            return f"{left:,} steps left"
        passed = time.monotonic() - self.began
        minutes = left * passed / (self.first - left) / 60
        return f"{left:,} steps left, about {minutes:.1f} min"

    def _work(self) -> None:
        torch.set_num_threads(1)
        while not self.halt.is_set():
            with self.lock:
                if not self.waiting:
                    return
                path, run = self.waiting.popleft()
            try:
                self._turn(path, run)
            except BaseException as error:
                self.errors.append(error)
                self.halt.set()

    def _turn(self, path: Path, run: Run) -> None:
        run.advance()
        half = path.with_suffix(".pt")
        if run.done:
            part = path.with_suffix(".part")
            part.write_text(json.dumps(run.found))
            part.replace(path)
            half.unlink(missing_ok=True)
            return
        if time.monotonic() - self.saved[path] > SAVE:
            run.save(half)
            self.saved[path] = time.monotonic()
        with self.lock:
            self.waiting.append((path, run))
