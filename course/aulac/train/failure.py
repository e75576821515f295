"""Failure as a lesson: what happened, what is left, what to try, in both languages."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aulac.errors import BilingualError
from aulac.scale.plan import Plan

Record = dict[str, Any]
Kept = Callable[[], dict[str, str]]  # a sentence on the last good checkpoint

RISE = 2.0  # nats over the best smoothed loss: diverged
HALF_LIFE = 20  # steps after which a loss counts half in the smoothed loss
# Of fp16's loss: the scale begins at 65,536 and halves at each overflow.
LEAST_SCALE = 1.0


class TrainingError(BilingualError, RuntimeError):
    """Training cannot go on; says why and what to do.

    `local`: only the process that raises it knows of it (see `aulac.train.distributed`).
    """

    local = False


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
    """The sentence for an OSError while writing `path`.

    A library's own may carry no number, only words.
    """
    why = error.strerror or str(error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left" in why:
        return TrainingError(
            f"no disk space left for {path}: free some and run the same command again, "
            "it goes on from the last checkpoint.",
            f"hết chỗ trên đĩa khi ghi {path}: hãy dọn bớt rồi chạy lại đúng lệnh cũ, "
            "việc huấn luyện sẽ tiếp tục từ điểm lưu gần nhất.",
        )
    if error.errno == errno.EFBIG:
        return TrainingError(
            f"{path} grew larger than a file may be there ({why}): choose "
            "a folder on another disk, or lift the limit (ulimit -f).",
            f"{path} đã lớn quá cỡ tệp cho phép ({why}): hãy chọn thư mục "
            "trên đĩa khác, hoặc nới giới hạn (ulimit -f).",
        )
    return TrainingError(
        f"cannot write {path} ({why}): choose a folder you may write to.",
        f"không ghi được {path} ({why}): hãy chọn một thư mục mà bạn có "
        "quyền ghi.",
    )


class Guard:
    """Follows the logged records; raises TrainingError when a run has failed.

    - the loss or the gradient is not a number (NaN) or infinite;
    - after the warm-up the smoothed loss is `rise` nats above the lowest it has had;
    - in fp16, overflows have gone on until the loss is scaled by less than
      LEAST_SCALE. Single overflows are how the scale is found, and no failure.
    """

    def __init__(
        self,
        plan: Plan,
        kept: Kept,
        records: Iterable[Record] = (),
        rise: float = RISE,
    ) -> None:
        self.plan, self.kept, self.rise = plan, kept, rise
        self.smoothed, self.best, self.step = math.nan, math.inf, 0
        for record in records:
            self._follow(record)

    def __call__(self, record: Record, scale: float | None = None) -> None:
        """Take one record; `scale`: what fp16's loss is multiplied by now."""
        loss, norm, step = record["loss"], record["norm"], record["step"]
        if scale is not None and scale < LEAST_SCALE:
            raise overflowing(step, self.kept())
        overflow = scale is not None and math.isfinite(loss)
        if not (math.isfinite(loss) and (math.isfinite(norm) or overflow)):
            raise not_a_number(loss, norm, step, self.kept())
        self._follow(record)
        rise = self.smoothed - self.best
        if step > self.plan.warmup_steps and rise > self.rise:
            raise diverging(self.smoothed, self.best, step, self.kept())

    def _follow(self, record: Record) -> None:
        gap = record["step"] - self.step
        weight = 0.5 ** (gap / HALF_LIFE) if self.step else 0.0
        before = self.smoothed if self.step else 0.0
        self.smoothed = weight * before + (1 - weight) * record["loss"]
        self.best = min(self.best, self.smoothed)
        self.step = record["step"]


TRY_RATES = {
    "vi": "Hãy thử lần lượt: (1) giảm một nửa tốc độ học; (2) kéo dài phần khởi động "
    "gấp đôi; (3) tìm văn bản lạ trong kho ngữ liệu, ở đoạn vừa đọc. Chạy lại trong "
    "một thư mục mới.",
    "en": "Try, in this order: (1) lower the learning rates by half; (2) make the "
    "warm-up twice as long; (3) look for odd text in the corpus, in what was just "
    "read. Run in a new folder.",
}


def not_a_number(
    loss: float, norm: float, step: int, kept: dict[str, str]
) -> TrainingError:
    return TrainingError(
        f"the loss became {loss} (gradient {norm}) by step {step}: training "
        f"diverged. {kept['en']} {TRY_RATES['en']}",
        f"hàm mất mát thành {loss} (gradient {norm}) ở bước {step}: quá trình huấn "
        f"luyện đã phân kỳ. {kept['vi']} {TRY_RATES['vi']}",
    )


def diverging(
    now: float, best: float, step: int, kept: dict[str, str]
) -> TrainingError:
    return TrainingError(
        f"by step {step} the smoothed loss has risen from {best:.2f} to {now:.2f} "
        f"nats, more than {RISE:g}: training diverged. {kept['en']} "
        f"{TRY_RATES['en']}",
        f"đến bước {step}, hàm mất mát đã làm trơn tăng từ {best:.2f} lên {now:.2f} "
        f"nat, quá {RISE:g}: quá trình huấn luyện đã phân kỳ. {kept['vi']} "
        f"{TRY_RATES['vi']}",
    )


def overflowing(step: int, kept: dict[str, str]) -> TrainingError:
    return TrainingError(
        f"fp16 overflows at every step by step {step}: even an unscaled loss gives "
        f"infinite gradients. {kept['en']} Try, in this order: (1) lower the learning "
        "rates by half; (2) precision fp32; (3) a card with bf16.",
        f"đến bước {step}, fp16 bị tràn số ở mọi bước: không nhân hàm mất mát lên mà "
        f"gradient vẫn vô cùng. {kept['vi']} Hãy thử lần lượt: (1) giảm một nửa tốc "
        "độ học; (2) độ chính xác fp32; (3) một card có bf16.",
    )


@contextmanager
def memory(plan: Plan, kept: Kept) -> Iterator[None]:
    """Turn a lack of memory, the GPU's or the machine's, into a TrainingError."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise out_of_memory(error, plan, kept()) from error
    except RuntimeError as error:
        if "DefaultCPUAllocator: can't allocate memory" not in str(error):
            raise
        raise out_of_memory(error, plan, kept()) from error


def out_of_memory(
    error: Exception, plan: Plan, kept: dict[str, str]
) -> TrainingError:
    """Memory is the one failure that costs nothing: the run goes on as it was."""
    import torch

    card = isinstance(error, torch.OutOfMemoryError)
    vi, en = ("GPU", "the GPU's") if card else ("máy", "the machine's")
    twice = 2 * plan.accumulation
    sentence = TrainingError(
        f"{en} memory is full: one batch of this model does not fit. {kept['en']} "
        f"Try, in this order: (1) half the batch and accumulation {twice}: the same "
        "tokens in the same order, a run goes on from its checkpoint; (2) end other "
        "programs that use this memory; (3) a shorter context, in a new folder; "
        "(4) a smaller scale.",
        f"bộ nhớ của {vi} đã đầy: một lô của mô hình này không đủ chỗ. {kept['vi']} "
        f"Hãy thử lần lượt: (1) giảm lô còn một nửa và đặt accumulation {twice}: vẫn "
        "những token ấy theo đúng thứ tự, và chạy tiếp được từ điểm lưu; (2) tắt các "
        "chương trình khác đang dùng bộ nhớ này; (3) ngữ cảnh ngắn hơn, trong thư mục "
        "mới; (4) quy mô nhỏ hơn.",
    )
    sentence.local = True  # the other processes do not know of it
    return sentence
