"""The benchmarks describe themselves, run one by one, keep what is done, and resume."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from aulac.corpus.stories import generate
from aulac.export import from_hf
from aulac.scale import SCALES

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = sorted(
    file.stem
    for file in BENCHMARKS.glob("*.py")
    if "\ndef main(quick" in file.read_text(encoding="utf-8")
)
GOOD = '''"""Counts to {number}."""
TITLE = {{"vi": "Đếm", "en": "Counting"}}
MINUTES = 0.1
LABELS = {{"sum": {{"vi": "tổng", "en": "sum"}}}}


def main(quick):
    print("counting")
    open("{log}", "a").write("{number}")
    return {{"sum": {number}, "quick": quick}}
'''
BAD = (
    '"""Fails."""\n\n\ndef main(quick):\n    raise ValueError("so it goes")\n'
)
SLOW = '''"""Waits until it is told to stop."""
import time
from pathlib import Path


def main(quick):
    Path("{log}").write_text("here")
    while True:
        time.sleep(0.05)
'''


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a file of the benchmarks folder as its own scripts do."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Benchmarks `a` and `c`, which count, and a file that is none."""
    made = tmp_path / "benchmarks"
    made.mkdir()
    log = tmp_path / "log"
    for name, number in (("a", 1), ("c", 3)):
        text = GOOD.format(number=number, log=log)
        (made / f"{name}.py").write_text(text)
    (made / "parts.py").write_text("def helper():\n    return 1\n")
    return made


def command(folder: Path, *more: str) -> list[str]:
    script = str(BENCHMARKS / "run.py")
    out = str(folder.parent / "out")
    return [
        sys.executable,
        script,
        "--folder",
        str(folder),
        "--out",
        out,
        *more,
    ]


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *more), capture_output=True, text=True, timeout=300
    )


def report(folder: Path) -> dict[str, Any]:
    (file,) = (folder.parent / "out").glob("*.json")
    return json.loads(file.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_speaks_both_languages(
    name: str, loaded: Callable[[str], ModuleType]
) -> None:
    said = loaded("run").described(BENCHMARKS / f"{name}.py")
    assert said.summary.endswith(".") and 0 < said.minutes <= 10
    assert said.labels
    for words in (said.title, *said.labels.values()):
        assert set(words) == {"vi", "en"} and all(words.values())


def test_all_benchmarks_fit_in_twenty_minutes(
    loaded: Callable[[str], ModuleType],
) -> None:
    known = loaded("run").benchmarks()
    assert list(known) == NAMES
    assert sum(one.minutes for one in known.values()) < 20


def test_list_names_benchmarks_with_their_minutes(folder: Path) -> None:
    said = run(folder, "--list").stdout
    assert "a   0.1 min  Counts to 1." in " ".join(said.split("\n")).replace(
        "a         0.1", "a   0.1"
    )
    assert "parts" not in said and "together" in said


def test_results_are_kept_although_one_fails(folder: Path) -> None:
    (folder / "b.py").write_text(BAD)
    done = run(folder)
    found = report(folder)["benchmarks"]
    assert done.returncode == 1
    assert found["a"]["sum"] == 1 and found["c"]["sum"] == 3
    assert found["a"]["labels"] == {"sum": {"vi": "tổng", "en": "sum"}}
    assert found["a"]["title"]["vi"] == "Đếm" and found["a"]["seconds"] > 0
    assert "so it goes" in found["b"]["error"]
    assert "| sum | 3 |" in done.stdout and "counting" not in done.stdout


def test_resume_runs_only_what_is_missing_or_failed(folder: Path) -> None:
    (folder / "b.py").write_text(BAD)
    run(folder, "a", "b")
    log = folder.parent / "log"
    assert log.read_text() == "1"
    (folder / "b.py").write_text(GOOD.format(number=2, log=log))
    assert run(folder, "--resume").returncode == 0
    assert log.read_text() == "123"
    found = report(folder)["benchmarks"]
    assert {name: found[name]["sum"] for name in "abc"} == {
        "a": 1,
        "b": 2,
        "c": 3,
    }


def listen() -> None:
    """A shell that puts a command in the background lets it ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_what_is_done(folder: Path) -> None:
    here = folder.parent / "here"
    (folder / "b.py").write_text(SLOW.format(log=here))
    process = subprocess.Popen(
        command(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,
    )
    until = time.monotonic() + 120
    while not here.exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 and "kept: a" in said
    assert report(folder)["benchmarks"].keys() == {"a"}


def test_what_lasts_too_long_is_stopped_with_what_it_had(
    tmp_path: Path, loaded: Callable[[str], ModuleType]
) -> None:
    to, script = tmp_path / "found.json", tmp_path / "slow.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\n"
        "Path(sys.argv[-1]).write_text('{\"half\": 1}')\ntime.sleep(600)\n"
    )
    shown: list[float] = []

    def show(seconds: float) -> None:
        shown.append(seconds)

    watched = loaded("run").watched
    command = [sys.executable, str(script)]
    while not (found := watched(command, to, 2 + len(shown), show, 1)).get(
        "half"
    ):
        assert len(shown) < 300  # a busy machine starts Python slowly
    assert found["error"].startswith("stopped after") and shown


def test_unknown_names_are_refused_with_the_known(folder: Path) -> None:
    done = run(folder, "z")
    assert done.returncode == 1 and "choose of ['a', 'c']" in done.stderr


# ---- the parts that gpu.py is made of


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small corpus folder, named in the environment."""
    made = tmp_path / "corpus"
    made.mkdir()
    texts = [
        json.dumps(
            {
                "text": d.text,
                "source": d.source,
                "licence": d.licence,
                "id": d.id,
            }
        )
        for d in generate(400, seed=1)
    ]
    (made / "train.jsonl").write_text("\n".join(texts[40:]) + "\n")
    (made / "validation.jsonl").write_text("\n".join(texts[:40]) + "\n")
    monkeypatch.setenv("AULAC_CORPUS", str(made))
    return made


def test_the_rate_rises_and_falls_by_the_clock(
    loaded: Callable[[str], ModuleType],
) -> None:
    factor = loaded("timed").factor
    rates = [factor(done / 1000) for done in range(1001)]
    top = rates.index(1.0)
    assert 0 < rates[0] < 0.1 and top <= 20 and rates[-1] == 0
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert factor(1.2) == 0


def test_a_pretraining_ends_with_its_time_and_keeps_a_model(
    tmp_path: Path, corpus: Path, loaded: Callable[[str], ModuleType]
) -> None:
    timed = loaded("timed")
    sizes = {"depth": 2, "width": 64, "ff": 128, "vocab_size": 600}
    scale = replace(SCALES["tiny"], **sizes, context=64, batch=4)
    save = tmp_path / "kept"
    cpu = torch.device("cpu")
    job = timed.Job(scale, 4.0, cpu, tmp_path, save, 1.0)
    found = timed.pretrain(job)
    assert found["tokens"] == found["steps"] * 4 * 64
    assert 0 < found["held_out_bits_per_byte"] < 9
    assert found["curves"]["loss"][-1][0] == found["tokens"]
    model, tokenizer = from_hf(save)
    assert model.config.width == 64
    assert tokenizer.vocab_size <= model.config.vocab_size
    assert json.loads((save / "pretraining.json").read_text())["steps"]


def test_less_memory_means_a_smaller_batch_and_the_same_step(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: Callable[[str], ModuleType],
) -> None:
    timed = loaded("timed")
    seen: list[tuple[int, int]] = []

    def full(job: Any, scale: Any, *rest: Any) -> tuple[None, dict[str, int]]:
        seen.append((scale.batch, scale.accumulation))
        if scale.batch > 4:
            raise torch.OutOfMemoryError("full")
        return None, {}

    monkeypatch.setattr(timed, "attempt", full)
    job = timed.Job(
        replace(SCALES["tiny"], batch=16), 1.0, torch.device("cpu"), tmp_path
    )
    timed.train_for(job, None, None, 1.0)
    assert seen == [(16, 1), (8, 2), (4, 4)]


def test_speed_is_measured_for_growing_batches(
    monkeypatch: pytest.MonkeyPatch, loaded: Callable[[str], ModuleType]
) -> None:
    gpu = loaded("gpu")
    small = replace(SCALES["tiny"], depth=1, width=32, ff=64, context=16)
    monkeypatch.setattr(gpu, "sizes", lambda asked: replace(small, batch=8))
    found: list[dict[str, Any]] = []
    asked = argparse.Namespace(until=time.time() + 60)
    gpu.speed(
        asked, lambda so_far: found.append(json.loads(json.dumps(so_far)))
    )
    assert list(found[-1]["batches"]) == ["batch 4", "batch 8"]
    assert found[0]["batches"].keys() < found[-1]["batches"].keys()
    assert found[-1]["best_batch"] in (4, 8)
    assert all(0 < row["mfu"] < 1 for row in found[-1]["batches"].values())


def test_a_part_that_fails_leaves_its_error_and_the_next_one_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: Callable[[str], ModuleType],
) -> None:
    gpu = loaded("gpu")

    def instead(part: str, *rest: Any) -> list[str]:
        if part == "generation":
            return [sys.executable, "-c", "raise SystemExit('no such thing')"]
        text = "import sys; open(sys.argv[-1], 'w').write('{\"tokens\": 7}')"
        return [sys.executable, "-c", text]

    monkeypatch.setattr(gpu, "command_of", instead)
    file = tmp_path / "out.json"
    asked = argparse.Namespace(
        minutes=5.0, parts=["speed", "generation", "pretraining"]
    )
    gpu.all_parts(asked, file, tmp_path / "work")
    found = json.loads(file.read_text())["benchmarks"]
    assert list(found) == ["gpu_speed", "generation", "gpu_pretraining"]
    assert "no such thing" in found["generation"]["error"]
    assert found["gpu_pretraining"]["tokens"] == 7
    assert found["gpu_pretraining"]["labels"]["tokens"]["vi"]


def test_gpu_script_on_this_machine(tmp_path: Path, corpus: Path) -> None:
    out = tmp_path / "found.json"
    options = ["--minutes", "0.5", "--parts", "pretraining", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu.py"), *options],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    part = found["benchmarks"]["gpu_pretraining"]
    assert part["seconds"] < 40 and found["machine"]["cpu"]
    # a machine with other work may have no time for a step: then it says so
    assert part.get("tokens", 0) > 0 or part["error"].startswith("stopped")


def test_every_kind_of_work_of_a_step_is_counted(
    loaded: Callable[[str], ModuleType],
) -> None:
    operators = loaded("operators")
    q = torch.randn(1, 2, 8, 16, requires_grad=True)
    weight = torch.randn(64, 64, requires_grad=True)
    optimiser = torch.optim.AdamW([q, weight])

    def step() -> None:
        mixed = torch.nn.functional.scaled_dot_product_attention(
            q, q, q, is_causal=True
        )
        logits = mixed.reshape(4, 64) @ weight
        targets = torch.arange(4)
        torch.nn.functional.cross_entropy(logits, targets).backward()
        optimiser.step()

    found = operators.breakdown(step, 3)
    assert list(found) == list(operators.KINDS)
    for name in (
        "matrix products",
        "attention",
        "softmax and loss",
        "optimiser",
    ):
        assert found[name] > 0, name
