"""Whoever works in this run: one interface over the local worker and Dask's.

On one machine the first of N workers is local, and marks from the first second on;
the other N - 1 are Dask's. Importing Dask and starting its processes and their zygotes
costs several seconds of every core, so they are started when it has shown that
it would need longer than that by itself. With a scheduler's address, all work goes
there.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

from aulac_grader.grade.batch.cluster import Cluster, ClusterError, NoWorkers
from aulac_grader.grade.batch.local_worker import LocalWorker

WORTH = 10.0  # seconds of its work that are worth starting Dask for
RECONNECT_SECONDS = 30.0
RESTARTS = 3
TICK = 0.05  # seconds between two looks at the cluster


@dataclass(frozen=True)
class Reply:
    """What came of one payload.

    `answer` is None where there is none, `reason` then says why. `counts`: the
    submission may have something to do with it; a lost scheduler, never.
    """

    key: str
    answer: bytes | None
    reason: str = ""
    counts: bool = True


class Crew:
    """Takes tasks by name with payloads, gives replies. Use from the main thread; a context manager.

    Args:
        workers: on this machine, at least 1; not used with an address.
        address: of a Dask scheduler, "" for this machine.
        say: takes a sentence for the instructor.
    """

    def __init__(self, workers: int, address: str, say: Callable[[str], None]):
        self._say = say
        self._inbox: queue.Queue[tuple[str, bytes | None]] = queue.Queue()
        self._address = address
        self._workers = workers
        self._local = None if address else LocalWorker(self._inbox)
        self._cluster: Cluster | None = None
        self._restarts = 0
        self._lost: float | None = None

    def __enter__(self) -> Crew:
        """Raises ClusterError if nothing answers at the address."""
        if self._address:
            self._cluster = Cluster(address=self._address)
            self._cluster.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of this machine's, and what those have forked."""
        if self._local is not None:
            self._local.close()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    @property
    def free(self) -> bool:
        """May a payload be submitted now?"""
        local = self._local is not None and self._local.free
        return local or (self._cluster is not None and self._cluster.free)

    @property
    def busy(self) -> bool:
        """Is a payload under way?"""
        local = self._local is not None and not self._local.free
        return local or (self._cluster is not None and self._cluster.busy)

    def submit(self, key: str, task: str, payload: bytes) -> None:
        """Have `payload` worked on by the task registered as `task`."""
        if self._local is not None and self._local.free:
            self._local.submit(key, task, payload)
        else:
            assert self._cluster is not None
            self._cluster.submit(key, task, payload)

    def hire(self, left: int) -> None:
        """Start Dask's workers if `left` submissions are worth it. Call often."""
        if (
            self._workers > 1
            and self._local is not None
            and self._cluster is None
            and self._restarts <= RESTARTS
            and self._local.pace * left > WORTH
        ):
            self.start_cluster()

    def start_cluster(self, wait: bool = False) -> None:
        """Start Dask's workers on this machine; `wait` until they are there."""
        self._cluster = Cluster(workers=self._workers - 1)
        self._cluster.start()
        if wait:
            self._cluster.started()

    def next(self) -> list[Reply]:
        """What has come in; waits a moment if nothing has.

        Raises:
            ClusterError: the scheduler at the address is gone for good, or idle for
                want of workers.
        """
        replies = self._from_cluster()
        try:
            key, answer = self._inbox.get(timeout=0 if replies else TICK)
        except queue.Empty:
            return replies
        assert self._local is not None
        self._local.done()
        reason = "" if answer else "the marking process died over it"
        return [*replies, Reply(key, answer, reason)]

    def _from_cluster(self) -> list[Reply]:
        cluster = self._cluster
        if cluster is None:
            return []
        if trouble := cluster.trouble:
            self._say(trouble)
        try:
            if self._lost is not None:
                self._reconnect(cluster)
            return [Reply(*found) for found in cluster.poll()]
        except ClusterError as error:
            return self._without(cluster, error)

    def _without(self, cluster: Cluster, error: ClusterError) -> list[Reply]:
        """The cluster is gone: give back what it had, and find another."""
        reason = str(error)
        replies = [
            Reply(key, None, reason, counts=False) for key in cluster.reclaim()
        ]
        if self._address:
            if isinstance(error, NoWorkers):  # waited for long enough
                raise error
            now = time.monotonic()
            if self._lost is None:
                self._lost = now
                self._say(
                    f"{reason} Waiting for it to come back for "
                    f"{RECONNECT_SECONDS:.0f} s."
                )
            elif now - self._lost > RECONNECT_SECONDS:
                raise error
        else:
            self._restarts += 1
            self._say(f"{reason} Starting others.")
            cluster.close()
            self._cluster = None
        return replies

    def _reconnect(self, cluster: Cluster) -> None:
        cluster.close()
        cluster.connect(seconds=2)
        self._lost = None
        self._say("The Dask scheduler is back.")
