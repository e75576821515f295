"""Dask workers: processes on this machine, or a cluster at an address.

Local workers are processes of one thread each, watched by Dask's nannies, and reached
over TLS with a certificate made for this run, so that nobody else who is logged in on
this machine can send them work. A cluster at an address is trusted as it stands; for
`tls://` Dask's own configuration names the certificates
(https://docs.dask.org/en/stable/how-to/deploy-dask/tls.html).

https://distributed.dask.org/en/stable/resilience.html: what is lost when what dies.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aulac_grader.grade.batch import detach, registry
from aulac_grader.grade.batch.environment import environment

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

AHEAD = 2  # tasks sent to a worker: the one it runs and the next
CONNECT_SECONDS = 10.0
COUNT_SECONDS = 2.0  # between two looks at how many workers there are
LONELY_SECONDS = 45.0  # how long a cluster may be without workers
WORKER_MEMORY = "2 GiB"  # of the worker itself; boxes have their own limits

CONFIG = {
    # Dask reports what it survives; the batch says what matters, in its own words.
    "logging": dict.fromkeys(
        (
            "distributed",
            "distributed.client",
            "distributed.nanny",
            "distributed.scheduler",
            "distributed.worker",
            "tornado",
            "tornado.application",
            "asyncio",
        ),
        "critical",
    ),
    # How often a submission may fail is counted by the batch, for every kind of worker.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.large-graph-warning-threshold": "1 GB",
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class ClusterError(RuntimeError):
    """There is no such scheduler, or it is gone."""


class NoWorkers(ClusterError):  # noqa: N818  a sentence for the instructor
    """The scheduler is there and has had nobody to give work to for too long."""


@dataclass
class Cluster:
    """Workers that Dask manages. Not thread-safe.

    Args:
        workers: processes to start on this machine; not used with an address.
        address: of a running scheduler (tcp://host:8786, tls://…).
    """

    workers: int = 0
    address: str = ""
    _client: Client | None = None
    _local: LocalCluster | None = None
    _futures: dict[str, Any] = field(default_factory=dict)
    _slots: int = 0
    _counted: float = 0.0
    _lonely: float | None = None
    _thread: threading.Thread | None = None
    _trouble: str = ""
    _scratch: tempfile.TemporaryDirectory[str] | None = None

    # -- beginning and end -----------------------------------------------------

    def start(self) -> None:
        """Start the local workers in the background; `slots` tells when they are there."""
        self._thread = threading.Thread(target=self._start_local, daemon=True)
        self._thread.start()

    def started(self) -> None:
        """Wait until the local workers are there, or cannot be."""
        if self._thread is not None:
            self._thread.join()
        self.poll()

    def _start_local(self) -> None:
        try:
            _configure()
            import dask
            from distributed import Client, LocalCluster

            self._scratch = tempfile.TemporaryDirectory(
                prefix="aulac-dask-", ignore_cleanup_errors=True
            )
            dask.config.set(
                {
                    "temporary-directory": self._scratch.name,
                    "distributed.worker.preload": [detach.__name__],
                }
            )
            with detach.interrupts_blocked():
                local = LocalCluster(
                    local_directory=self._scratch.name,
                    n_workers=self.workers,
                    threads_per_worker=1,
                    processes=True,
                    protocol="tls://",
                    security=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # serves nothing: see CONFIG
                    memory_limit=WORKER_MEMORY,
                    silence_logs=logging.CRITICAL,
                )
            self._client, self._local = Client(local), local
        except Exception as error:
            self._trouble = (
                f"The local workers could not start ({error}): marking goes on "
                "with one."
            )

    def connect(self, seconds: float = 0.0) -> None:
        """Connect to the scheduler at `address`, within CONNECT_SECONDS if unsaid.

        Raises:
            ClusterError: nothing answers there, or it is no address.
        """
        _configure()
        from distributed import Client

        try:
            self._client = Client(
                self.address, timeout=seconds or CONNECT_SECONDS
            )
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {self.address} ({_short(error)}): "
                "check the address (tcp://host:8786), and that `dask scheduler` "
                "runs there and this machine may reach it."
            ) from error
        self._lonely = time.monotonic()
        self._count()

    def close(self) -> None:
        """Let go of the workers; local ones end, and all they have forked."""
        if self._thread is not None:
            self._thread.join()
        client, self._client = self._client, None
        local, self._local = self._local, None
        futures, self._futures = list(self._futures.values()), {}
        with contextlib.suppress(Exception):
            for future in futures:
                future.cancel()
        with contextlib.suppress(Exception):
            if client is not None and client.status == "running":
                client.run(registry.release, on_error="ignore")
        with contextlib.suppress(Exception):
            if client is not None:
                client.close(timeout=2)
        with contextlib.suppress(Exception):
            if local is not None:
                local.close(timeout=10)
        if self._scratch is not None:
            self._scratch.cleanup()

    # -- work ------------------------------------------------------------------

    @property
    def trouble(self) -> str:
        """Why the local workers never came, once; "" while nothing is wrong."""
        trouble, self._trouble = self._trouble, ""
        return trouble

    @property
    def busy(self) -> bool:
        return bool(self._futures)

    @property
    def free(self) -> bool:
        """May another payload be sent?"""
        return self._client is not None and len(self._futures) < (
            AHEAD * self._slots
        )

    def submit(self, key: str, task: str, payload: bytes) -> None:
        """Send a registered task; the key comes back with the answer."""
        assert self._client is not None
        self._futures[key] = self._client.submit(
            registry.run, task, payload, pure=False
        )

    def poll(self) -> list[tuple[str, bytes | None, str]]:
        """(key, answer, "") of what has ended, or (key, None, why) of what failed.

        Raises:
            ClusterError: the scheduler is gone or has had no workers for too long.
                `reclaim` gives the keys of what was under way.
        """
        if self._client is None:
            return []
        if time.monotonic() - self._counted > COUNT_SECONDS:
            self._count()
        ended = [
            (key, future)
            for key, future in self._futures.items()
            if future.status != "pending"
        ]
        lost = {
            key
            for key, future in ended
            if future.status in ("cancelled", "lost")
        }
        # Answers that came are given first: raising would lose them.
        if lost and len(lost) == len(ended):
            raise ClusterError(self._gone())
        replies = []
        for key, future in ended:
            if key not in lost:
                del self._futures[key]
                replies.append((key, *_outcome(future)))
        return replies

    def reclaim(self) -> list[str]:
        """The keys of what was under way; nothing is any more."""
        keys = list(self._futures)
        self._futures.clear()
        return keys

    def _count(self) -> None:
        """See how many workers there are; workers may come and go."""
        assert self._client is not None
        self._counted = time.monotonic()
        if self._client.status != "running":
            raise ClusterError(self._gone())
        try:
            self._slots = sum(self._client.nthreads().values())
        except Exception as error:
            raise ClusterError(self._gone()) from error
        if self._slots:
            self._lonely = None
        elif self._lonely is None:
            self._lonely = self._counted
        elif self._counted - self._lonely > LONELY_SECONDS:
            raise NoWorkers(self._no_workers())

    def _gone(self) -> str:
        where = self.address or "of the local workers"
        return f"The connection to the Dask scheduler {where} is lost."

    def _no_workers(self) -> str:
        where = self.address or "of this machine"
        return (
            f"The Dask scheduler {where} has had no workers for "
            f"{LONELY_SECONDS:.0f} s: start some with `dask worker "
            f"{self.address or 'ADDRESS'}` in an environment that has this course."
        )


def marking_environment(address: str = "") -> dict[str, str]:
    """What would mark now: here, or on a worker of the scheduler at an address.

    Raises:
        ClusterError: no scheduler answers, or no worker does.
    """
    if not address:
        return environment()
    cluster = Cluster(address=address)
    cluster.connect()
    try:
        assert cluster._client is not None
        future = cluster._client.submit(environment, pure=False)
        return future.result(timeout=LONELY_SECONDS)
    except TimeoutError as error:
        raise NoWorkers(cluster._no_workers()) from error
    finally:
        cluster.close()


def _outcome(future: Any) -> tuple[bytes | None, str]:
    """A finished future's answer, or why there is none."""
    from distributed import KilledWorker

    try:
        return future.result(timeout=30), ""
    except KilledWorker:
        return None, "the worker process died while it had this submission"
    except ModuleNotFoundError as error:
        return (
            None,
            f"the worker has no module {error.name}: install the course",
        )
    except Exception as error:
        return None, f"{type(error).__name__}: {_short(error)}"


def _short(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


def _configure() -> None:
    """Before distributed is imported: it sets up its logging then."""
    import dask

    dask.config.set(CONFIG)
