"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

NAME = "checkpoint.pt"
# Settings that may differ between a run and its resumption.
FREE = ("steps", "accumulation", "log_every", "checkpoint_every")


class TrainingError(RuntimeError):
    """Training cannot go on; says why and what to do, `vi` in Vietnamese."""

    def __init__(self, message: str, vi: str = ""):
        super().__init__(message)
        self.vi = vi or message


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a missing permission into a sentence."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error
    except RuntimeError as error:
        # How torch.save reports a failed write: at once, or on closing the archive.
        told = any(word in str(error) for word in ("write", "unexpected pos"))
        if isinstance(error, TrainingError) or not told:
            raise
        raise disk_error(
            path, OSError(errno.ENOSPC, "write failed")
        ) from error


def disk_error(path: Path, error: OSError) -> TrainingError:
    """The sentence for an OSError while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TrainingError(
            f"no disk space left for {path}: free some and run the same command again, "
            "it goes on from the last checkpoint.",
            f"hết chỗ trên đĩa khi ghi {path}: hãy dọn bớt rồi chạy lại đúng lệnh cũ, "
            "việc huấn luyện sẽ tiếp tục từ điểm lưu gần nhất.",
        )
    return TrainingError(
        f"cannot write {path} ({error.strerror}): choose a folder you may write to.",
        f"không ghi được {path} ({error.strerror}): hãy chọn một thư mục mà bạn có "
        "quyền ghi.",
    )


class Checkpoint:
    """The checkpoint file of one run; does nothing when `out` is None.

    Saved to a temporary name, flushed to the disk and renamed: at any moment there is
    either the old whole file or the new whole file.
    """

    def __init__(
        self,
        out: str | os.PathLike[str] | None,
        model: Any,
        plan: Any,
        *,
        opts: list[Any],
        scaler: Any,
        data: Any,
    ):
        self.path = Path(out) / NAME if out is not None else None
        self.model, self.opts, self.scaler, self.data = (
            model,
            opts,
            scaler,
            data,
        )
        settings = {k: v for k, v in asdict(plan).items() if k not in FREE}
        self.key = {"plan": settings, "model": asdict(model.config)}
        self.saved, self.every = -1, plan.checkpoint_every
        if self.path is not None:
            with writing(self.path.parent):
                self.path.parent.mkdir(parents=True, exist_ok=True)

    def clear(self) -> int:
        """Forget an earlier run."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        return 0

    def due(self, step: int) -> bool:
        """Whether so many steps have passed that it is time to save."""
        return step - max(0, self.saved) >= self.every

    def save(self, step: int) -> None:
        """Write the state after `step` steps, atomically."""
        if self.path is None or step == self.saved:
            return
        state = {
            "step": step,
            "key": self.key,
            "model": self.model.state_dict(),
            "optimisers": [opt.state_dict() for opt in self.opts],
            "scaler": self.scaler.state_dict(),
            "data": self.data.state(),
            "random": torch.get_rng_state(),
        }
        part = self.path.with_suffix(".part")
        with writing(self.path):
            try:
                with part.open("wb") as file:
                    torch.save(state, file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self.path)
            finally:  # half a checkpoint is of no use and holds the disk's last bytes
                part.unlink(missing_ok=True)
        self.saved = step

    def load(self) -> int:
        """Restore everything; returns the step reached, 0 without a checkpoint.

        Raises TrainingError when the file belongs to another plan or model.
        """
        if self.path is None or not self.path.exists():
            return 0
        device = self.model.embed.weight.device
        state = self._read(device)
        self._same(state["key"])
        self.model.load_state_dict(state["model"])
        for opt, saved in zip(self.opts, state["optimisers"], strict=True):
            opt.load_state_dict(saved)
        self.scaler.load_state_dict(state["scaler"])
        self.data.restore(state["data"])
        torch.set_rng_state(state["random"].cpu())
        self.saved = state["step"]
        return self.saved

    def _read(self, device: torch.device) -> dict[str, Any]:
        assert self.path is not None
        try:
            return torch.load(
                self.path, map_location=device, weights_only=True
            )
        except Exception as error:  # torch raises many kinds for a broken file
            raise TrainingError(
                f"{self.path} is not a checkpoint ({type(error).__name__}): delete it "
                "to start again, or give another folder.",
                f"{self.path} không phải là một điểm lưu ({type(error).__name__}): "
                "hãy xóa nó để bắt đầu lại, hoặc chọn thư mục khác.",
            ) from error

    def _same(self, key: dict[str, Any]) -> None:
        changed = [
            f"{name} {key[part].get(name)} -> {value}"
            for part in ("model", "plan")
            for name, value in self.key[part].items()
            if key[part].get(name) != value
        ]
        if changed:
            raise TrainingError(
                f"{self.path} was made with other settings ({', '.join(changed)}): "
                "give another folder, or resume=False to start again here.",
                f"{self.path} được tạo với thiết lập khác ({', '.join(changed)}): hãy "
                "chọn thư mục khác, hoặc resume=False để bắt đầu lại tại đây.",
            )
