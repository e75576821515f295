"""How long an arm's step takes beside the base recipe's, and so how far each arm runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from ablation_arms import KNOWN
from ablation_runs import Run, Settings, clock, library
from ablation_text import Text

Say = Callable[[str], None]
CLOSE = 0.03  # computing times nearer than this count as the same
LEAST = 8  # steps of the base recipe, however short the time


class Timetable:
    """Steps that each arm takes to each measure's end.

    What was clocked is kept in a file, so a study that is resumed, or asked for more
    arms, goes on with the same lengths. An arm is always clocked beside the base
    recipe; only their ratio is used.
    """

    def __init__(
        self, folder: Path, text: Text, settings: Settings, study: Any
    ) -> None:
        """`study`: minutes, steps, seeds, workers, clock_steps (see `ablations.Study`)."""
        self.text, self.settings, self.study = text, settings, study
        parts = [text.key, asdict(settings), study.steps or study.minutes]
        parts.append(library())
        name = sha256(json.dumps(parts).encode()).hexdigest()[:10]
        self.path = folder / f"lengths-{name}.json"
        self.known: dict[str, Any] = {"steps": None, "arms": {}}
        if self.path.is_file():
            self.known = json.loads(self.path.read_text())

    def clock(self, names: Iterable[str], spent: float, say: Say) -> None:
        """Time the arms that were not yet; choose the base recipe's steps.

        `spent`: seconds of the study's minutes that are gone.
        """
        arms = self.known["arms"]
        if not (missing := [name for name in names if name not in arms]):
            return
        runs = {
            name: Run(name, 0, {"bytes": 1_000}, self.text, self.settings)
            for name in dict.fromkeys(["base", *missing])
        }
        seconds = together(runs, self.study.clock_steps, say)
        for name, run in runs.items():
            share = seconds[name] / seconds["base"]
            if KNOWN[name].same_work:
                share = 1.0
            size = run.tokens * run.bytes_per_token
            count = run.model.count()
            arms.setdefault(
                name, {"share": share, "bytes": size, "parameters": count}
            )
        if self.known["steps"] is None:
            began = clock()
            runs["base"].measured()
            self.known["steps"] = self.study.steps or self.affordable(
                seconds["base"], clock() - began, spent
            )
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.known, indent=1))
        part.replace(self.path)

    def affordable(self, step: float, measured: float, spent: float) -> int:
        """Steps of the base recipe for which all runs fit the time that is left.

        step, measured: seconds of the base recipe for a step and for the held-out
        text.
        """
        left = 60 * self.study.minutes - spent
        left *= 0.8 * self.study.workers
        left /= self.study.seeds
        far = 10_000
        cost = 0.0
        for name in self.known["arms"]:
            ends = sorted(set(self.lengths(name, far).values()))
            shared = 0.0 if KNOWN[name].cosine else 1 - self.settings.decay
            steps = ends[-1] + (1 - shared) * sum(ends[:-1])
            cost += steps / far * self.known["arms"][name]["share"] * step
            left -= measured * len(ends)
        return max(LEAST, int(left / cost))

    def lengths(self, name: str, steps: int | None = None) -> dict[str, int]:
        """An arm's steps by measure: for the base recipe's bytes, for its time."""
        steps = steps or self.known["steps"]
        arm, base = self.known["arms"][name], self.known["arms"]["base"]
        whole = max(2, round(steps * base["bytes"] / arm["bytes"]))
        timed = max(2, round(steps / arm["share"]))
        if abs(timed / whole - 1) < CLOSE:
            timed = whole
        return {"bytes": whole, "time": timed}


def together(runs: dict[str, Run], rounds: int, say: Say) -> dict[str, float]:
    """Seconds a step of each run: the least of `rounds` steps, taken in turn.

    A step does the same work each time; what other work on the machine takes out
    of the caches can only add to it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        say(f"timing {len(runs)} arms: step {turn + 1} of {rounds + 1}")
        for name, run in runs.items():
            before = run.seconds
            run.advance(1)
            if turn:  # the first step allocates
                seconds[name].append(run.seconds - before)
    torch.set_num_threads(threads)
    return {name: min(each) for name, each in seconds.items()}
