"""Kill -9 at every moment that matters: the run ends as if nothing had happened.

One process imports torch and forks victims; each trains until it is killed, the next
goes on, and the last one finishes. Forking makes a victim cost milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

PLAN = {"steps": 36, "log_every": 2, "checkpoint_every": 3, "warmup": 0.1}
PLANS = {
    "plain": PLAN,
    "accumulated": PLAN | {"accumulation": 3, "packed": True},
    "kept": PLAN | {"keep": 3, "best": True},
    "pairs": PLAN | {"accumulation": 2},
    "rewards": PLAN,  # of texts that the model in training writes
}
# What a victim does when it dies, and how often it has done it before.
MOMENTS = [
    ("step", 2),  # nothing is saved yet
    ("half", 1),  # inside the first checkpoint
    ("log", 2),  # inside a line of the log
    ("watched", 1),  # the parent sees half a checkpoint, and kills
    ("flushed", 1),  # the new one is whole, the old one still in its place
    ("renamed", 1),  # the new one is in its place
    ("step", 5),
    ("half", 2),
    ("linked", 1),  # the old one is about to get a second name
    ("pruned", 1),  # an older one is about to be removed
    ("renamed", 2),
]


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(times: int, act: Callable[..., None]) -> Callable[..., None]:
    """`act` at the call number `times`, nothing at the others."""
    left = [times]

    def count(*args: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            act(*args)

    return count


def before(owner: Any, name: str, act: Callable[..., None]) -> None:
    """Have `act` called with what a function is about to be called with."""
    real = getattr(owner, name)

    def replaced(*args: Any, **options: Any) -> Any:
        act(*args)
        return real(*args, **options)

    setattr(owner, name, replaced)


def half_a_line(log: Any, record: dict[str, Any]) -> None:
    with log.path.open("a") as file:
        file.write(json.dumps(record)[:40])
    die()


def halves(act: Callable[..., None]) -> None:
    """Write checkpoints in two halves, and `act` in between."""
    import torch

    real = torch.save

    def save(state: Any, file: Any) -> None:
        whole = BytesIO()
        real(state, whole)
        content = whole.getvalue()
        file.write(content[: len(content) // 2])
        file.flush()
        act()
        file.write(content[len(content) // 2 :])

    torch.save = save


def arm(kind: str, times: int) -> None:
    """Make this process kill itself, or wait to be killed, at a moment."""
    from aulac import train
    from aulac.train import checkpoint, log

    now = after(times, die)
    if kind == "step":
        before(train.Trainer, "step", now)
    elif kind == "half":
        halves(now)
    elif kind == "watched":
        halves(after(times, lambda: signal.pause()))
    elif kind == "log":
        before(log.Log, "write", after(times, half_a_line))
    elif kind == "flushed":
        before(os, "fsync", now)
    elif kind == "linked":
        before(checkpoint, "duplicate", now)
    elif kind == "renamed":
        rename = Path.replace

        def renamed(path: Path, target: Path) -> Path:
            found = rename(path, target)
            if target.name == checkpoint.NAME:
                now()
            return found

        Path.replace = renamed  # type: ignore[method-assign]
    elif kind == "pruned":
        numbered = checkpoint.EARLIER
        before(Path, "unlink", lambda path: path.match(numbered) and now())


def make(folder: Path) -> tuple[Any, Any]:
    import numpy as np
    import torch

    from aulac.model import Config, Transformer
    from aulac.train.shards import Batches, Shards, write_shards

    if not (folder / "shards").exists():
        draw = np.random.default_rng(7)
        texts = [draw.integers(1, 64, 9).tolist() for _ in range(90)]
        write_shards(texts, folder / "shards", vocab_size=64)
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "depth": 2, "width": 32, "heads": 2}
    sizes |= {"kv_heads": 1, "head_dim": 16, "ff": 64, "context": 16}
    return Transformer(Config(**sizes)), Batches(
        Shards.open(folder / "shards"), 4, 16, seed=3
    )


def finish(folder: Path, name: str) -> str:
    """Train to the end in `folder`; a fingerprint of the weights."""
    from tests.course.toy_objectives import TOYS, new_model, toy

    from aulac.train import Plan, train

    if name in TOYS:
        model = new_model()
        data, objective = toy(name, model)
    else:
        (model, data), objective = make(folder), None
    plan = Plan(**PLANS[name])
    train(model, data, plan, folder / "run", objective=objective)
    weights = (w.detach().numpy().tobytes() for w in model.parameters())
    return hashlib.sha256(b"".join(weights)).hexdigest()


def killed(folder: Path, name: str, kind: str, times: int) -> bool:
    """A victim that trains until it is killed; False when it came to the end."""
    child = os.fork()
    if child == 0:
        arm(kind, times)
        finish(folder, name)
        os._exit(0)
    part = folder / "run" / "checkpoint.part"
    while kind == "watched":
        if part.exists() and part.stat().st_size:
            os.kill(child, signal.SIGKILL)
            break
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def reached(folder: Path) -> int:
    """The step of the newest checkpoint, which must be whole; 0 without one."""
    import torch

    path = folder / "run" / "checkpoint.pt"
    return torch.load(path)["step"] if path.exists() else 0


def main(folder: Path, name: str) -> dict[str, Any]:
    for run in ("killed", "whole"):
        (folder / run).mkdir(parents=True)
    seen: dict[str, Any] = {"deaths": [], "reached": []}
    seen["wanted"] = finish(folder / "whole", name)  # and torch is warm
    for kind, times in MOMENTS:
        if kind in ("linked", "pruned") and "keep" not in PLANS[name]:
            continue
        died = killed(folder / "killed", name, kind, times)
        seen["deaths"].append([kind, died])
        seen["reached"].append(reached(folder / "killed"))
    seen["weights"] = finish(folder / "killed", name)
    for run in ("killed", "whole"):
        files = sorted(p.name for p in (folder / run / "run").iterdir())
        log = (folder / run / "run" / "log.jsonl").read_text().splitlines()
        seen[run] = {"files": files, "log": [json.loads(x) for x in log]}
    return seen


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path_factory.mktemp("kill"))],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", sorted(PLANS))
def test_killed_at_any_moment_the_run_ends_the_same(outcomes, name):
    seen = outcomes[name]
    assert seen["weights"] == seen["wanted"]
    assert len(seen["deaths"]) >= 9 and all(d for _, d in seen["deaths"])
    reached = seen["reached"]
    assert reached == sorted(reached) and len(set(reached)) > 3
    logs = [
        [[r["step"], r["loss"], r["lr"], r["norm"], r["tokens"]] for r in log]
        for log in (seen["killed"]["log"], seen["whole"]["log"])
    ]
    assert logs[0] == logs[1] and len(logs[0]) == PLAN["steps"] // 2
    assert seen["killed"]["files"] == seen["whole"]["files"]


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    where = Path(sys.argv[1])
    print(json.dumps({name: main(where / name, name) for name in PLANS}))
