"""Any Jupyter kernel behind the walls: the kernel provisioner `aulac-sandbox`.

    JUPYTER_DEFAULT_PROVISIONER_NAME=aulac-sandbox nbgrader autograde ps01

or, for one kernel, `"metadata": {"kernel_provisioner": {"provisioner_name":
"aulac-sandbox", "config": {"memory_mb": 4096}}}` in its kernelspec. Papermill, nbclient,
nbgrader and JupyterLab start kernels through jupyter_client and so through this.

The kernel and its client speak over sockets in a folder of their own (`transport=ipc`,
for there is no network inside), the only thing of the host that the kernel can write
to. Its working folder is a copy in memory of the files beside the notebook. Output that
the kernel sends is for the client to bound: it passes by no wall.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Float, Integer, List, Unicode

from .bubblewrap import command
from .limits import Limits
from .process import SLOTS, box_user
from .walls import Walls, default_variables, environment_paths, given_files
from .watchdog import Watchdog, kill_tree, payload

_LONGEST_SOCKET = 107  # sun_path less its last byte: unix(7)
_TAIL = 4096
_PREFIX = "aulac-kernel-"
_YOUNG = 60.0  # seconds


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel under bubblewrap, watches it, and ends all of it.

    The kernel dies with the thread that started it (PR_SET_PDEATHSIG, prctl(2)): start
    it from one that lives as long as the kernel is to.

    Raises:
        SandboxUnavailable: from `pre_launch` and `launch_kernel`, where this machine
            cannot isolate or the working folder holds too much to copy.
    """

    memory_mb = Integer(4096, min=1, help="MiB, for all processes").tag(
        config=True
    )
    cpu_seconds = Float(3600.0, help="processor time of one kernel").tag(
        config=True
    )
    wall_seconds = Float(86400.0, help="life of one kernel").tag(config=True)
    processes = Integer(256, min=1, help="processes and threads").tag(
        config=True
    )
    file_mb = Integer(256, min=1, help="MiB, each folder in memory").tag(
        config=True
    )

    kept_variables = List(
        Unicode(),
        ["NBGRADER_EXECUTION", "NBGRADER_VALIDATING"],
        help="of the caller's environment, these variables get in",
    ).tag(config=True)

    watchdog: Watchdog | None = None
    _folder: Path | None = None
    _lock = -1
    _slot = 0
    _errors = b""

    @property
    def limits(self) -> Limits:
        return Limits(
            memory_mb=self.memory_mb,
            cpu_seconds=self.cpu_seconds,
            wall_seconds=self.wall_seconds,
            processes=self.processes,
            file_mb=self.file_mb,
            open_files=1024,
        )

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Point the manager at sockets in a private folder, then wall the command in."""
        manager = self.parent
        if self._folder is None:
            self._folder, self._lock = _private_folder()
            self._slot = secrets.randbelow(SLOTS)
            if manager:
                manager.transport = "ipc"
                manager.ip = str(self._folder / "kernel")
                manager.connection_file = str(self._folder / "kernel.json")
        kwargs = await super().pre_launch(**kwargs)
        if os.getuid() == 0:  # the box is another user, who has to be let in
            _hand_over(self._folder, box_user(self._slot))
        folder = Path(kwargs.pop("cwd", None) or Path.cwd())
        for file in given_files(
            folder, self.limits
        ):  # refuse now, and say why
            os.close(file.fd)
        kwargs["cmd"] = command(
            self._walls(folder, kwargs["cmd"], kwargs["env"]),
            kwargs["cmd"],
            uid_slot=self._slot,
        )
        self.cwd = str(folder)
        return kwargs

    def _walls(
        self, folder: Path, words: list[str], caller: dict[str, str]
    ) -> Walls:
        kept = {n: caller[n] for n in self.kept_variables if n in caller}
        readable = environment_paths()
        resources = self.kernel_spec.resource_dir
        if resources and any(resources in word for word in words):
            readable.append(Path(resources))
        assert self._folder is not None
        return Walls(
            readable=tuple(readable),
            writable=folder,
            limits=self.limits,
            variables=default_variables() | self.kernel_spec.env | kept,
            shared=(self._folder,),
            loopback=True,
        )

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        folder = self.cwd
        # A file of the host's could be opened anew through /proc/self/fd.
        kwargs |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        info = await super().launch_kernel(cmd, **kwargs)
        self.cwd = folder
        process = self.process
        assert process is not None and self._folder is not None
        self._errors = b""
        threading.Thread(
            target=self._drain, args=[process], daemon=True
        ).start()
        self.watchdog = Watchdog(
            process.pid,
            self.limits,
            shared=[self._folder],
            seconds=0.1,
            on_kill=self._say_why,
        ).start()
        return info

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the end of what the kernel says on standard error."""
        assert process.stderr is not None
        with (
            contextlib.suppress(OSError, ValueError),
            process.stderr as stream,
        ):
            while block := os.read(stream.fileno(), 1 << 16):
                self._errors = (self._errors + block)[-_TAIL:]

    def _say_why(self, why: str) -> None:
        self.log.error(
            "The sandbox ended kernel %s: it passed its limit on %s (%s).",
            self.kernel_id,
            why,
            self.limits,
        )

    async def poll(self) -> int | None:
        """None while the kernel lives; its exit status once it has ended."""
        status = await super().poll()
        wanted = getattr(self.parent, "shutting_down", False)
        if status and self._errors and not wanted:
            # repr: a kernel's words must not steer the terminal of who reads the log.
            self.log.warning("The kernel's last words: %r", self._errors)
            self._errors = b""
        return status

    async def send_signal(self, signum: int) -> None:
        """A signal for the kernel's processes; SIGTERM and SIGKILL end the box."""
        if self.process is None:
            return
        if signum in (signal.SIGKILL, signal.SIGTERM):
            kill_tree(self.process.pid)
            return
        inner = payload(self.process.pid)
        if inner is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(inner), signum)

    async def cleanup(self, restart: bool = False) -> None:
        """End what is left, and remove the folder of sockets unless to restart."""
        if self.process is not None:
            kill_tree(self.process.pid)
        if self.watchdog is not None:
            self.watchdog.stop()
            self.watchdog = None
        await super().cleanup(restart=restart)
        if self._folder is not None:
            _empty(self._folder, keep="kernel.json" if restart else None)
            if not restart:
                os.close(self._lock)
                self._folder = None


def _private_folder() -> tuple[Path, int]:
    """A new folder, with a name short enough for sockets in it, and a lock on it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if len(os.fsencode(folder / "kernel-65535")) > _LONGEST_SOCKET:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))
    lock = _locked(folder)
    assert lock is not None
    _sweep(folder.parent)
    return folder, lock


def _sweep(place: Path) -> None:
    """Remove folders whose owner was killed: they are old, and nobody holds a lock."""
    for folder in place.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG:
                continue  # perhaps so new that it is not locked yet
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, or None where another one does."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(folder, flags)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _hand_over(folder: Path, user: int) -> None:
    """Give the folder and its connection file to the box's user, following no link."""
    for path in (*folder.iterdir(), folder):
        os.chown(path, user, user, follow_symlinks=False)


def _empty(folder: Path, keep: str | None) -> None:
    """Remove what is in a folder, but `keep`; with nothing to keep, the folder too."""
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.name == keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
