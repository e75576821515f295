"""A folder that appears whole or not at all.

Work happens in `NAME.part` beside the target; only when everything is written is it
renamed. Ctrl-C, `kill -9`, a full disk: the target keeps what it had before.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aulac.corpus.errors import CorpusError
from aulac.files import replace_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: A folder without this file was not made by us, so we do not replace it.
MARK = "card.json"


@contextmanager
def staged(out: str | Path) -> Iterator[Path]:
    """Yields the folder to write in; on success it becomes `out`, else it vanishes.

    Raises:
        CorpusError: no space, no permission, a foreign folder in the way, or another
            process building the same corpus now.
    """
    out = Path(out).expanduser().absolute()
    part = out.with_name(out.name + ".part")
    try:
        _check_target(out)
        claim = _claim(part)
    except OSError as error:
        raise explain(error, out) from error
    try:
        yield part
        claim.close()
        (part / "pid").unlink()
        replace_folder(part, out)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise explain(error, out) from error
    except (
        BaseException
    ):  # Ctrl-C too: leave nothing half-made, then go on raising
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        claim.close()


def _check_target(out: Path) -> None:
    if out.is_file():
        raise CorpusError(
            f"{out} is a file; a corpus is a folder. Choose another place.",
            f"{out} là một tệp, còn kho ngữ liệu là một thư mục. Hãy chọn chỗ khác.",
        )
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).exists():
        raise CorpusError(
            f"{out} holds other things (no {MARK}), so it is not overwritten. "
            "Choose an empty or new folder.",
            f"{out} đang chứa thứ khác (không có {MARK}) nên không bị ghi đè. "
            "Hãy chọn một thư mục mới hoặc rỗng.",
        )


def _claim(part: Path) -> TextIO:
    """Make `part` ours until the file returned is closed.

    What a killed run left there is thrown away.
    """
    pid = part / "pid"
    if pid.exists() and (owner := _owner(pid)):
        raise CorpusError(
            f"Process {owner} is building this corpus now ({part}). "
            "Wait for it, or end it and run again.",
            f"Tiến trình {owner} đang dựng chính kho này ({part}). "
            "Hãy chờ, hoặc dừng nó rồi chạy lại.",
        )
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    claim = pid.open("w")
    _lock(claim)
    claim.write(str(os.getpid()))
    claim.flush()
    return claim


def _owner(pid: Path) -> str:
    """Who builds here now, "" for nobody.

    The lock says so and not the number: a process killed with -9 may stay in the table
    until somebody collects it, and another one may get its number.
    """
    number = pid.read_text().strip()
    if fcntl is None:
        known = number.isdigit() and int(number) != os.getpid()
        return number if known and _alive(int(number)) else ""
    with pid.open() as file:
        return "" if _lock(file) else number or "?"


def _lock(file: TextIO) -> bool:
    """Take the lock that the system frees when the process ends, however it ends."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network disk that knows no locks
        return True
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def explain(error: OSError, out: Path) -> CorpusError:
    """The sentence for a failed write: what is wrong and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CorpusError(
            f"No space left on the disk that holds {out}. Free some space or choose "
            "another disk; nothing half-written was left behind.",
            f"Đĩa chứa {out} đã hết chỗ. Hãy dọn bớt hoặc chọn đĩa khác; không có gì "
            "dang dở bị bỏ lại.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CorpusError(
            f"No permission to write {out}. Choose a folder of yours, or change its "
            "rights.",
            f"Không có quyền ghi vào {out}. Hãy chọn thư mục của bạn hoặc đổi quyền.",
        )
    return CorpusError(
        f"Could not write {out}: {error.strerror or error}. Check the path and the disk.",
        f"Không ghi được {out}: {error.strerror or error}. Hãy kiểm tra đường dẫn và "
        "đĩa.",
    )
