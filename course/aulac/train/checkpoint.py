"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from aulac.scale.plan import FREE, Plan
from aulac.train.failure import TrainingError, writing
from aulac.train.progress import say

NAME = "checkpoint.pt"  # the newest, always whole
BEST = "best.pt"
EARLIER = "checkpoint-*.pt"  # the ones before, numbered by step
NEXT_TOKEN = "NextToken"  # what was learned before a checkpoint said what


@contextmanager
def exclusive(out: str | os.PathLike[str] | None) -> Iterator[None]:
    """Hold a run's folder; the system frees it when the process ends, however.

    Raises TrainingError when another process trains in the folder.
    """
    try:
        import fcntl
    except ImportError:  # Windows: one process at a time is the user's affair
        out = None
    if out is None:
        yield
        return
    path = Path(out) / ".lock"
    with writing(path):
        handle = path.open("w")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"another process is training in {out}: wait for it or end it, or "
                "give another folder.",
                f"một tiến trình khác đang huấn luyện trong {out}: hãy đợi hoặc dừng "
                "nó, hoặc chọn thư mục khác.",
            ) from None
        except OSError:  # a disk without locks, as mounted from the network
            pass
        yield


class Trained(Protocol):
    """What a checkpoint keeps: `aulac.train.trainer.Trainer`."""

    @property
    def lead(self) -> bool: ...
    @property
    def config(self) -> Any: ...
    @property
    def goal(self) -> str: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...


class Checkpoint:
    """The checkpoint files of one run; does nothing when `out` is None.

    Saved to a temporary name, flushed to the disk and renamed: at any moment there is
    either the old whole file or the new whole file. With `plan.keep` above 1 the ones
    before are kept, numbered by step, and removed only when a newer one is safe; with
    `plan.best` the one with the lowest score. Only the lead writes.
    """

    def __init__(
        self, out: str | os.PathLike[str] | None, plan: Plan, trainer: Trained
    ):
        self.path = Path(out) / NAME if out is not None else None
        self.plan, self.trainer = plan, trainer
        settings = {k: v for k, v in asdict(plan).items() if k not in FREE}
        self.key: dict[str, Any] = {"plan": settings}
        self.key |= {"model": asdict(trainer.config), "goal": trainer.goal}
        self.saved = -1  # step
        self.best: dict[str, float] = {}  # step, score
        if self.path is not None and trainer.lead:
            with writing(self.path.parent):
                self.path.parent.mkdir(parents=True, exist_ok=True)

    def earlier(self) -> list[Path]:
        """The numbered checkpoints, newest first."""
        if self.path is None:
            return []
        found = self.path.parent.glob(EARLIER)
        return sorted(found, key=lambda path: int(path.stem[11:]))[::-1]

    def clear(self) -> int:
        """Forget an earlier run."""
        if self.path is not None and self.trainer.lead:
            self._tidy()
            best = self.path.with_name(BEST)
            for path in (self.path, best, *self.earlier()):
                path.unlink(missing_ok=True)
        return 0

    def last_good(self) -> dict[str, str]:
        """A sentence on the last good checkpoint, in both languages."""
        if self.path is None or self.saved < 0:
            return {
                "vi": "Chưa có điểm lưu nào.",
                "en": "There is no checkpoint yet.",
            }
        step, path = self.saved, self.path
        vi = f"Điểm lưu tốt gần nhất là {path} (bước {step})"
        en = f"The last good checkpoint is {path} (step {step})"
        if self.best:
            at, path = self.best["step"], path.with_name(BEST)
            vi += f", điểm lưu tốt nhất là {path} (bước {at})"
            en += f", the best one {path} (step {at})"
        return {"vi": vi + ".", "en": en + "."}

    def due(self, step: int) -> bool:
        """Whether so many steps have passed that it is time to save."""
        passed = step - max(0, self.saved)
        return passed >= self.plan.checkpoint_every or step == self.plan.steps

    def better(self, score: float) -> bool:
        """Whether the best checkpoint is wanted, and this would be it."""
        return self.plan.best and score < self.best.get("score", np.inf)

    def save(self, step: int, score: float = np.inf) -> None:
        """Write the state after `step` steps, atomically; the lowest score is best."""
        if self.path is None or not self.trainer.lead or step == self.saved:
            return
        better = self.better(score)
        if better:
            self.best = {"step": step, "score": score}
        state = self.trainer.state() | {"step": step, "key": self.key}
        state |= {"best": self.best, "random": torch.get_rng_state()}
        state["generators"] = generators()
        part = self.path.with_suffix(".part")
        with writing(self.path):
            try:
                with part.open("wb") as file:
                    torch.save(state, file)
                    file.flush()
                    # Before the new name: after a power cut a file that was renamed
                    # and not yet written may be there and empty.
                    os.fsync(file.fileno())
                if better:
                    duplicate(part, self.path.with_name(BEST))
                self._number()
                part.replace(self.path)
            finally:  # half a checkpoint is of no use and holds the disk's last bytes
                part.unlink(missing_ok=True)
            for path in self.earlier()[self.plan.keep - 1 :]:
                path.unlink()
        self.saved = step

    def load(self) -> int:
        """Restore everything; returns the step reached, 0 without a checkpoint.

        A damaged newest checkpoint gives way to the one before, with a sentence.
        Raises TrainingError when none can be read, and when the newest belongs to
        another plan or model.
        """
        self._tidy()
        found = [self.path] if self.path and self.path.exists() else []
        found += self.earlier()
        for path in found:
            try:
                state = torch.load(path, map_location="cpu", weights_only=True)
            except (
                Exception
            ) as error:  # torch raises many kinds for a broken file
                if path == found[-1]:
                    raise damaged(path, error) from error
                if self.trainer.lead:
                    said = damaged(path, error)
                    say(said.vi, str(said))
                continue
            self._same(path, state["key"])
            self.trainer.restore(state)
            torch.set_rng_state(state["random"])
            set_generators(state.get("generators", {}))
            self.best, self.saved = state.get("best", {}), state["step"]
            return self.saved
        return 0

    def _tidy(self) -> None:
        """Remove what a kill left half done."""
        if self.path is not None and self.trainer.lead:
            for suffix in (".part", ".link"):
                self.path.with_suffix(suffix).unlink(missing_ok=True)

    def _number(self) -> None:
        """Keep the checkpoint that is about to be replaced, if it is wanted."""
        if self.path is None or self.plan.keep == 1 or self.saved < 0:
            return
        numbered = self.path.with_name(f"checkpoint-{self.saved:08d}.pt")
        if not numbered.exists():
            duplicate(self.path, numbered)

    def _same(self, path: Path, key: dict[str, Any]) -> None:
        """A setting that did not exist when `path` was made had its default."""
        kinds = {"plan": self.plan, "model": self.trainer.config}
        usual = {
            (part, f.name): f.default
            for part, of in kinds.items()
            for f in fields(of)
        }
        changed = [
            f"{name} {was} -> {value}"
            for part in ("model", "plan")
            for name, value in self.key[part].items()
            if (was := key[part].get(name, usual[part, name])) != value
        ]
        goal = key.get("goal", NEXT_TOKEN)
        if goal != self.key["goal"]:
            changed.append(f"objective {goal} -> {self.key['goal']}")
        if changed:
            raise TrainingError(
                f"{path} was made with other settings ({', '.join(changed)}): "
                "give another folder, or resume=False (--no-resume) to start again "
                "here.",
                f"{path} được tạo với thiết lập khác ({', '.join(changed)}): hãy "
                "chọn thư mục khác, hoặc resume=False (--no-resume) để bắt đầu lại tại "
                "đây.",
            )


def duplicate(source: Path, target: Path) -> None:
    """A second name for a file, atomically; a copy on a disk without links."""
    link = target.with_name(Path(NAME).with_suffix(".link").name)
    try:
        os.link(source, link)
    except OSError:
        shutil.copyfile(source, link)
    link.replace(target)


def damaged(path: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"{path} is not a checkpoint, or was damaged ({type(error).__name__}): delete "
        "it to go on from the one before, or to start again where there is none.",
        f"{path} không phải là một điểm lưu, hoặc đã hỏng ({type(error).__name__}): "
        "hãy xóa nó để tiếp tục từ điểm lưu trước, hoặc bắt đầu lại nếu không có.",
    )


def generators() -> dict[str, Any]:
    """Where the random generators beside torch's own stand, for user code."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    states: dict[str, Any] = {"python": random.getstate()}
    states["numpy"] = (kind, np.asarray(keys).tolist(), *rest)
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_generators(states: dict[str, Any]) -> None:
    """Put back what `generators` found; what it does not name stays."""
    if "python" in states:
        random.setstate(states["python"])
    if "numpy" in states:
        np.random.set_state(states["numpy"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
