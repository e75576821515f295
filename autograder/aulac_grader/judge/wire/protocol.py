"""A socket that carries values, a message at a time.

    frame    4 bytes, big-endian: the length of what follows
    body     `encode`d value

The other end may be hostile: frames are capped before anything is read, a deadline
holds for a whole message (not for each byte of it), and descriptors are taken only
where they are expected.
"""

from __future__ import annotations

import array
import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from .decode import decode
from .encode import encode
from .wire import MAX_BYTES, KeepHandle, MakeHandle, Refused

_MAX_FDS = 8


class Ended(Exception):  # noqa: N818 (a state, and not always an error)
    """The other process is gone, or has closed its end."""


class Flood(Refused):
    """A message longer than any may be."""


class Channel:
    """One end of a connection between two processes.

    `keep_handle` and `make_handle` say what stands for objects that stay where they
    are, see `encode` and `decode`; without them only plain values pass. Where `arrays`
    is off, NumPy and torch are not touched on receiving.

    With `take_fds`, descriptors sent along a message are put into `fds`; otherwise the
    kernel drops them.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        keep_handle: KeepHandle | None = None,
        make_handle: MakeHandle | None = None,
        arrays: bool = True,
        take_fds: bool = False,
    ) -> None:
        self.sock = sock
        self.keep_handle = keep_handle
        self.make_handle = make_handle
        self.arrays = arrays
        self.take_fds = take_fds
        self.fds: list[int] = []

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two connected ends."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    @classmethod
    def from_fd(cls, fd: int, **options: Any) -> Channel:
        """A channel over an inherited or received descriptor, which it then owns."""
        return cls(socket.socket(fileno=fd), **options)

    def send(
        self,
        message: Any,
        fds: Sequence[int] = (),
        timeout: float | None = None,
    ) -> None:
        """Send a value, and duplicates of `fds` with it.

        Raises:
            Refused: `message` cannot be encoded; nothing was sent.
            Ended: nobody is there to read it.
            TimeoutError: it was not read within `timeout` seconds.
        """
        body = encode(message, self.keep_handle)
        self.send_bytes(body, fds, timeout)

    def send_bytes(
        self,
        body: bytes,
        fds: Sequence[int] = (),
        timeout: float | None = None,
    ) -> None:
        """Send what `encode` has made."""
        data = memoryview(len(body).to_bytes(4, "big") + body)
        rights = [
            (
                socket.SOL_SOCKET,
                socket.SCM_RIGHTS,
                array.array("i", list(fds)),
            )
        ]
        deadline = _deadline(timeout)
        try:
            self._wait(deadline)
            sent = self.sock.sendmsg([data], rights if fds else [])
            while sent < len(data):
                self._wait(deadline)
                sent += self.sock.send(data[sent:])
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise Ended(f"nobody reads: {error}") from None

    def receive(self, timeout: float | None = None) -> Any:
        """The next value, within `timeout` seconds.

        Raises:
            Refused: the bytes are no message. `Flood` where they are too many: nothing
                that follows can be understood then.
            Ended: the other end was closed.
            TimeoutError: the message was not complete in time.
        """
        return decode(
            self.receive_bytes(timeout), self.make_handle, arrays=self.arrays
        )

    def receive_bytes(self, timeout: float | None = None) -> bytearray:
        """The next message as it came."""
        deadline = _deadline(timeout)
        head = self._read(4, deadline, self.take_fds)
        size = int.from_bytes(head, "big")
        if size > MAX_BYTES:
            raise Flood(f"a message of {size:,} bytes is too long")
        return self._read(size, deadline, False)

    def _read(self, size: int, deadline: float | None, fds: bool) -> bytearray:
        """Exactly `size` bytes. Memory is taken as they come, not as announced."""
        data = bytearray()
        try:
            while len(data) < size:
                self._wait(deadline)
                want = min(size - len(data), 1 << 20)
                if fds:
                    part, got, _, _ = socket.recv_fds(
                        self.sock, want, _MAX_FDS
                    )
                    self.fds += got
                else:
                    part = self.sock.recv(want)
                if not part:
                    raise Ended("the other process has ended")
                data += part
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise Ended(f"the other process has ended: {error}") from None
        return data

    def _wait(self, deadline: float | None) -> None:
        """Let the next call to the socket take until `deadline`, no longer."""
        if deadline is None:
            self.sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the other process took too long")
        self.sock.settimeout(left)

    def take_fd(self) -> int:
        """The oldest descriptor that came with a message.

        Raises:
            Refused: none came.
        """
        if not self.fds:
            raise Refused("the message should have brought a descriptor")
        return self.fds.pop(0)

    def close(self) -> None:
        """Close this end and the descriptors that nobody took."""
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()
        self.sock.close()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
