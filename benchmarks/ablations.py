"""What each part of the recipe is worth: bits per byte, at equal bytes and equal time.

    python benchmarks/ablations.py [--minutes 40] [--arms adamw plain …] [--publish]
    python benchmarks/ablations.py --scale shipped --vocabulary 16384 --megabytes 40 \\
        --steps 150 --arms adamw plain --publish ablations_shipped

The base recipe (superwords, Muon, tied output layer, QK-norm, warm-up/stable/decay)
against arms that each change what they name, three seeds each, on held-out text.

- Equal bytes: every arm reads as much text as the base recipe (with the same tokenizer
  these are equal tokens). Equal time: every arm computes as long. The decay ends at
  each length: the stable part is shared, and the run forks where the rate begins to
  fall (see `ablation_runs`).
- The clock: seconds of the thread's own CPU time, so other work on the machine does not
  count. Before the runs all arms take steps in turn; the quickest of each says how many
  steps an arm has in the time of the base recipe. Arms within 3 % share one run.
- A difference is paired by seed, with a t-interval (two degrees of freedom: wide), and
  by passage of held-out text, with a bootstrap interval. It is called better or worse
  where both intervals leave 0 on the same side. No correction for many comparisons.
- A step has the same number of tokens in all arms but those of the batch, so an arm with
  shorter tokens takes more steps for the same bytes.
- Results lie in `build/ablations`, one file for each arm and seed, named by a hash of
  settings, text and training code; a run that was cut off goes on where it was.

`AULAC_ABLATION_MINUTES` is the time for all on two idle cores (4), `AULAC_CORPUS` the
corpus folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ablation_arms import ARMS, CORE, KNOWN
from ablation_clock import Timetable
from ablation_report import MEASURES, Results, alt, bars, chart, tables
from ablation_runs import Run, Settings, Together, key
from ablation_text import Text

from aulac.tokenizer.stages import VocabularyError

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "ablations"
RESULTS = HERE / "results"
MINUTES = 4.0
TITLE = {
    "vi": "Từng phần của công thức đáng giá bao nhiêu",
    "en": "What each part of the recipe is worth",
}
LABELS = {
    "base": {"vi": "công thức gốc", "en": "the base recipe"},
    "adamw": {"vi": "AdamW thay Muon", "en": "AdamW for Muon"},
    "adamw 0.002": {"vi": "AdamW, 0,002", "en": "AdamW, 0.002"},
    "adamw 0.004": {"vi": "AdamW, 0,004", "en": "AdamW, 0.004"},
    "adamw 0.008": {"vi": "AdamW, 0,008", "en": "AdamW, 0.008"},
    "adamw 0.016": {"vi": "AdamW, 0,016", "en": "AdamW, 0.016"},
    "muon 0.01": {"vi": "Muon, 0,01", "en": "Muon, 0.01"},
    "muon 0.04": {"vi": "Muon, 0,04", "en": "Muon, 0.04"},
    "gpt2": {
        "vi": "kiểu GPT-2: AdamW, cosine, BPE thường, không QK-norm",
        "en": "GPT-2 style: AdamW, cosine, plain BPE, no QK-norm",
    },
    "plain": {"vi": "BPE thường", "en": "plain BPE"},
    "untied": {"vi": "lớp ra riêng", "en": "untied output layer"},
    "no_qk_norm": {"vi": "không QK-norm", "en": "no QK-norm"},
    "z_loss": {"vi": "z-loss 0,0001", "en": "z-loss 0.0001"},
    "cap": {"vi": "chặn logit ở 30", "en": "logits capped at 30"},
    "packed": {
        "vi": "chú ý không vượt văn bản",
        "en": "attention within documents",
    },
    "half_batch": {"vi": "nửa lô", "en": "half the batch"},
    "double_batch": {"vi": "gấp đôi lô", "en": "twice the batch"},
    "cosine": {"vi": "lịch cosine", "en": "cosine schedule"},
    "plain_double": {
        "vi": "BPE thường, gấp đôi từ vựng",
        "en": "plain BPE, twice the vocabulary",
    },
    "superwords_double": {
        "vi": "siêu từ, gấp đôi từ vựng",
        "en": "superwords, twice the vocabulary",
    },
    "plain_fourfold": {
        "vi": "BPE thường, từ vựng gấp bốn",
        "en": "plain BPE, four times the vocabulary",
    },
    "superwords_fourfold": {
        "vi": "siêu từ, từ vựng gấp bốn",
        "en": "superwords, four times the vocabulary",
    },
    "bytes": {"vi": "cùng số byte", "en": "equal bytes"},
    "time": {"vi": "cùng thời gian tính", "en": "equal computing time"},
    "bits_per_byte": {"vi": "bit mỗi byte", "en": "bits per byte"},
    "difference": {"vi": "chênh lệch", "en": "difference"},
    "seeds_interval": {
        "vi": "khoảng 95 % theo hạt giống",
        "en": "95 % interval over seeds",
    },
    "passages_interval": {
        "vi": "khoảng 95 % theo đoạn văn",
        "en": "95 % interval over passages",
    },
    "percent": {"vi": "%", "en": "%"},
    "tokens": {"vi": "token", "en": "tokens"},
    "seconds": {"vi": "giây", "en": "seconds"},
    "verdict": {"vi": "kết luận", "en": "verdict"},
    "better": {"vi": "tốt hơn", "en": "better"},
    "worse": {"vi": "kém hơn", "en": "worse"},
    "not told apart": {"vi": "chưa phân biệt được", "en": "not told apart"},
    "diverged": {"vi": "phân kỳ", "en": "diverged"},
    "the base recipe": {"vi": "công thức gốc", "en": "the base recipe"},
    "setting": {"vi": "bối cảnh", "en": "setting"},
    "text": {"vi": "văn bản", "en": "text"},
    "held_out_bytes": {"vi": "byte để riêng", "en": "held-out bytes"},
    "passages": {"vi": "đoạn để riêng", "en": "held-out passages"},
    "steps": {"vi": "bước của gốc", "en": "steps of the base"},
    "seeds": {"vi": "hạt giống", "en": "seeds"},
    "vocabulary": {"vi": "từ vựng của gốc", "en": "base vocabulary"},
    "precision": {"vi": "định dạng số", "en": "number format"},
    "scale": {"vi": "quy mô", "en": "scale"},
    "seconds_a_step": {
        "vi": "giây CPU mỗi bước, so với gốc",
        "en": "CPU seconds a step, against the base",
    },
    "arms": {"vi": "các nhánh", "en": "arms"},
    "bytes_a_step": {"vi": "byte mỗi bước", "en": "bytes a step"},
    "bytes_read": {"vi": "byte đã đọc", "en": "bytes read"},
    "parameters": {"vi": "tham số", "en": "parameters"},
}
NOTES = {
    "vi": "Số âm là tốt hơn công thức gốc. Cùng byte: mỗi nhánh đọc chừng ấy văn bản; "
    "cùng thời gian: mỗi nhánh tính chừng ấy giây CPU của chính nó. Mỗi bước có cùng "
    "số token, nên nhánh có token ngắn đi nhiều bước hơn cho cùng số byte. Khoảng theo "
    "hạt giống là khoảng t của ba cặp (hai bậc tự do, nên rất rộng); khoảng theo đoạn "
    "văn là bootstrap. Chỉ gọi là tốt hơn hay kém hơn khi cả hai khoảng nằm về một phía "
    "của 0; không hiệu chỉnh cho nhiều phép so sánh. Đây là những mô hình rất nhỏ, đọc "
    "rất ít văn bản: ở quy mô lớn, thứ tự có thể khác.",
    "en": "Below 0 is better than the base recipe. Equal bytes: every arm reads as much "
    "text; equal time: every arm computes for as many CPU seconds of its own. A step has "
    "the same number of tokens, so an arm with short tokens takes more steps for the "
    "same bytes. The interval over seeds is a t-interval of three pairs (two degrees of "
    "freedom, so very wide); over passages it is a bootstrap. Better and worse are said "
    "only where both leave 0 on the same side, without correction for many comparisons. "
    "These are very small models that read very little: at a larger scale the order may "
    "differ.",
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Study:
    """How much to do, beside what the runs share."""

    arms: tuple[str, ...] = CORE
    seeds: int = 3
    minutes: float = MINUTES
    steps: int | None = (
        None  # of the base recipe; None: what the minutes allow
    )
    megabytes: float = 12.0  # of training text at most
    held_bytes: int = 60_000
    workers: int = 2
    clock_steps: int = 5  # of each arm, timed in turn


QUICK = Study(
    ("base", "adamw", "plain"), 3, 0.4, None, 1.0, 8_000, clock_steps=3
)


def conduct(
    study: Study, settings: Settings, folder: Path = WORK, say: Say = print
) -> tuple[Results, dict[str, Any]]:
    """Run what is not in `folder` yet: what the runs left, and what it says."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    say("text and tokenizers")
    text = Text(folder, study.megabytes, study.held_bytes)
    names = possible(study.arms, text, settings)
    table = Timetable(folder, text, settings, study)
    table.clock(names, time.perf_counter() - began, say)
    results: Results = {measure: {} for measure in MEASURES}
    for seed in range(study.seeds):
        files = {
            name: folder
            / f"{key(name, seed, table.lengths(name), text, settings)}.json"
            for name in names
        }
        missing = {n: f for n, f in files.items() if not f.is_file()}
        finish(missing, seed, table, study, say)
        for name, file in files.items():
            founds = {f["steps"]: f for f in json.loads(file.read_text())}
            for measure, steps in table.lengths(name).items():
                arm = results[measure].setdefault(name, [])
                arm.append(founds[steps])
    return results, told(results, table, study)


def possible(arms: Iterable[str], text: Text, settings: Settings) -> list[str]:
    """The base recipe and those arms whose vocabulary the text can fill."""
    names = []
    for name in dict.fromkeys(["base", *arms]):
        arm = KNOWN[name]
        size = round(settings.vocabulary * arm.vocabulary)
        try:
            text.shards(arm.superwords, size)
        except VocabularyError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        names.append(name)
    if "base" not in names:
        raise SystemExit("the text is too small for the base recipe's tokens.")
    return names


def finish(
    files: dict[str, Path],
    seed: int,
    table: Timetable,
    study: Study,
    say: Say,
) -> None:
    """Run arms side by side to their ends; each result goes to its file."""
    runs: dict[Path, Run] = {}
    for name, file in files.items():
        lengths = table.lengths(name)
        run = Run(name, seed, lengths, table.text, table.settings)
        if (half := file.with_suffix(".pt")).is_file():
            run.load(half)
        runs[file] = run
    title = f"seed {seed + 1} of {study.seeds}: "
    Together(runs, study.workers, lambda line: say(title + line)).finish()


def told(results: Results, table: Timetable, study: Study) -> dict[str, Any]:
    """What all runs say, for a table, a page and a chart."""
    rows, held = tables(results), table.text.held
    base = results["bytes"]["base"][0]
    sources = sorted({passage.source for passage in held})
    arms = table.known["arms"]
    return {
        **rows,
        "setting": {
            "text": ", ".join(sources),
            "scale": table.settings.scale,
            "vocabulary": table.settings.vocabulary,
            "precision": table.settings.precision,
            "seeds": study.seeds,
            "steps": base["steps"],
            "tokens": base["tokens"],
            "bytes_read": base["bytes"],
            "held_out_bytes": sum(base["sizes"]),
            "passages": len(held),
        },
        "arms": {
            name: {
                "seconds_a_step": round(arms[name]["share"], 3),
                "bytes_a_step": round(arms[name]["bytes"]),
                "parameters": arms[name]["parameters"],
            }
            for name in rows["bytes"]
        },
        "charts": bars(results),
        "notes": NOTES,
    }


class Progress:
    """Lines on standard error, not more than one in ten seconds."""

    def __init__(self) -> None:
        self.last = -10.0

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if now - self.last >= 10:
            print(f"  {line}", file=sys.stderr, flush=True)
            self.last = now


def publish(
    results: Results,
    found: dict[str, Any],
    name: str = "ablations",
    folder: Path = RESULTS,
) -> None:
    """`NAME.json` and `NAME.png`, for the book."""
    from run import machine

    chart(results, LABELS, folder / f"{name}.png")
    scale = found["setting"]["scale"]
    title = {
        "vi": f"{TITLE['vi']} (quy mô {scale})",
        "en": f"{TITLE['en']} (scale {scale})",
    }
    found = found | {"title": title, "labels": LABELS}
    found["curves"] = curves(results)
    found["picture"] = {"file": f"{name}.png", "alt": alt(found, LABELS)}
    report = {"date": date.today().isoformat(), "machine": machine()}
    report["benchmarks"] = {name: found}
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main(quick: bool) -> dict[str, Any]:
    """All arms in the time given; three of them and little text when `quick`."""
    if quick:
        study, settings = QUICK, Settings(vocabulary=1_024)
        return conduct(study, settings, WORK / "quick", Progress())[1]
    minutes = float(os.environ.get("AULAC_ABLATION_MINUTES", MINUTES))
    study = Study(minutes=minutes, workers=min(2, os.cpu_count() or 1))
    return conduct(study, Settings(), WORK, Progress())[1]


def curves(results: Results) -> dict[str, dict[str, list[list[float]]]]:
    """Training loss of the first seed: [steps, CPU seconds, bits per byte]."""
    return {
        measure: {
            name: founds[0].get("curve", [])[
                :: max(1, len(founds[0].get("curve", [])) // 50)
            ]
            for name, founds in arms.items()
        }
        for measure, arms in results.items()
    }


def command() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add(
        "--arms",
        nargs="+",
        default=CORE,
        choices=["all", *KNOWN],
        metavar="ARM",
        help=f"of {', '.join(KNOWN)}; all: all but the rates tried once",
    )
    add("--seeds", type=int, default=3)
    add("--minutes", type=float, default=MINUTES, help="for everything")
    add("--steps", type=int, help="of the base recipe, whatever the minutes")
    add("--scale", default="tiny", help="body, batch, context and rates")
    add("--vocabulary", type=int, default=4_096, help="of the base recipe")
    add("--megabytes", type=float, default=12.0, help="of training text")
    add("--held-out", type=int, default=60_000, help="bytes of held-out text")
    add("--precision", default="auto", help="auto, fp32 or bf16")
    add("--workers", type=int, default=2, help="runs at the same time")
    add("--folder", type=Path, default=WORK, help="where results are kept")
    add(
        "--clock-steps",
        type=int,
        default=5,
        help="steps of each arm that are timed",
    )
    add("--fresh", action="store_true", help="forget what is kept there")
    add(
        "--publish",
        nargs="?",
        const="ablations",
        metavar="NAME",
        help=f"into {RESULTS.name}/, under this name (ablations)",
    )
    asked = parser.parse_args()
    if asked.fresh:
        shutil.rmtree(asked.folder, ignore_errors=True)
    study = Study(
        tuple(ARMS if "all" in asked.arms else asked.arms),
        asked.seeds,
        asked.minutes,
        asked.steps,
        asked.megabytes,
        asked.held_out,
        asked.workers,
        asked.clock_steps,
    )
    settings = Settings(asked.vocabulary, asked.scale, asked.precision)
    try:
        results, found = conduct(study, settings, asked.folder, Progress())
    except KeyboardInterrupt:
        raise SystemExit(
            f"stopped; the same command goes on from {asked.folder}"
        ) from None
    print(json.dumps(found, indent=1, ensure_ascii=False))
    if asked.publish:
        publish(results, found, asked.publish)


if __name__ == "__main__":
    command()
