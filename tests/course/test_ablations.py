"""Ablations: arms that differ in what they name, runs that can stop, honest numbers."""

from __future__ import annotations

import importlib
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aulac.scale import SCALES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
VOCABULARY = 400


@pytest.fixture(scope="module")
def bench():
    """The benchmark's modules by name, found where `run.py` finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from aulac.corpus import build

    folder = tmp_path_factory.mktemp("ablations") / "corpus"
    options = {"limits": 150, "validation": 0.1, "progress": False}
    build(["stories"], folder, **options)
    return folder


@pytest.fixture(scope="module", autouse=True)
def surroundings(corpus: Path):
    """The corpus is the one asked for; a scale so small that a step takes no time."""
    small = {"depth": 1, "width": 32, "heads": 2, "kv_heads": 1, "ff": 64}
    small |= {"head_dim": 16, "batch": 2, "context": 32}
    micro = replace(SCALES["tiny"], name="micro", **small)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AULAC_CORPUS", str(corpus))
        patch.setitem(SCALES, "micro", micro)
        yield


@pytest.fixture(scope="module")
def text(bench, surroundings, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("text")
    return bench("ablation_text").Text(folder, 1.0, 2_000)


@pytest.fixture
def settings(bench):
    make = bench("ablation_runs").Settings
    return make(vocabulary=VOCABULARY, scale="micro")


@pytest.fixture
def study(bench):
    """Three arms, two seeds, forty steps of the base recipe."""
    make = bench("ablations").Study
    arms = ("adamw", "plain", "cosine")
    return make(arms, 2, 1.0, 40, 1.0, 2_000, 1, clock_steps=1)


def silent(line: str) -> None:
    """Says nothing."""


def test_every_arm_changes_only_what_it_names(bench) -> None:
    arms, scale = bench("ablation_arms"), SCALES["micro"]
    base_plan = vars(arms.new_plan(arms.Arm(), scale, 50, 3, "auto"))
    base = arms.new_model(arms.Arm(), scale, VOCABULARY, seed=3)
    for name, arm in arms.KNOWN.items():
        plan = vars(arms.new_plan(arm, scale, 50, 3, "auto"))
        changed = {k: v for k, v in plan.items() if v != base_plan[k]}
        assert changed.items() <= dict(arm.plan).items(), name
        model = arms.new_model(arm, scale, VOCABULARY, seed=3)
        sizes, usual = vars(model.config), vars(base.config)
        changed = {k: v for k, v in sizes.items() if v != usual[k]}
        assert changed == dict(arm.config), name
        if arm.std:
            assert not torch.equal(model.embed.weight, base.embed.weight)
            continue
        weights = base.state_dict()
        for key, weight in model.state_dict().items():
            if key in weights:
                assert torch.equal(weight, weights[key]), (name, key)


def test_capped_logits_are_kept_within_and_are_what_the_loss_sees(
    bench,
) -> None:
    arms, scale = bench("ablation_arms"), SCALES["micro"]
    model = arms.new_model(arms.Arm(cap=2.0), scale, VOCABULARY, seed=0)
    with torch.no_grad():
        model.embed.weight.mul_(100)
    ids = torch.randint(VOCABULARY, (2, 9))
    logits = model(ids)
    assert 1.9 < logits.abs().max() <= 2
    expected = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    )
    assert torch.allclose(model.loss(ids[:, :-1], ids[:, 1:]), expected)


def test_a_run_forked_from_a_shorter_one_ends_as_if_it_had_gone_alone(
    bench, text, settings
) -> None:
    runs = bench("ablation_runs")
    for arm in ("base", "cosine"):
        forked = runs.Run(arm, 1, {"bytes": 6, "time": 9}, text, settings)
        alone = runs.Run(arm, 1, {"bytes": 9, "time": 9}, text, settings)
        for run in (forked, alone):
            while not run.done:
                run.advance(4)
        assert [found["steps"] for found in forked.found] == [6, 9]
        assert forked.found[1]["bits"] == alone.found[0]["bits"]
        assert forked.found[0]["bits"] != forked.found[1]["bits"]


def test_stopped_and_resumed_gives_the_same_numbers_as_undisturbed(
    bench, study, settings, tmp_path: Path, monkeypatch
) -> None:
    ablations, runs = bench("ablations"), bench("ablation_runs")
    monkeypatch.setattr(runs, "PAUSE", 0.02)
    stops = []

    def interrupt(line: str) -> None:
        if "steps left" in line and len(stops) < 2:
            stops.append(line)
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            ablations.conduct(study, settings, tmp_path / "cut", interrupt)
    assert list((tmp_path / "cut").glob("*.pt"))
    ended = ablations.conduct(study, settings, tmp_path / "cut", interrupt)[0]
    assert not list((tmp_path / "cut").glob("*.pt"))
    (tmp_path / "whole").mkdir()
    for clocked in (tmp_path / "cut").glob("lengths-*.json"):
        shutil.copy(clocked, tmp_path / "whole")
    shutil.copytree(
        next((tmp_path / "cut").glob("text-*")),
        tmp_path / "whole" / next((tmp_path / "cut").glob("text-*")).name,
    )
    whole = ablations.conduct(study, settings, tmp_path / "whole", silent)[0]
    assert bits(ended) == bits(whole)
    # and a third time nothing is trained any more
    monkeypatch.setattr(runs.Run, "advance", None)
    again, told = ablations.conduct(study, settings, tmp_path / "cut", silent)
    assert bits(again) == bits(ended)
    held_to(told, study, bench)


def bits(results) -> dict:
    return {
        (measure, name): [(f["steps"], f["bits"]) for f in founds]
        for measure, arms in results.items()
        for name, founds in arms.items()
    }


def held_to(told, study, bench) -> None:
    """The report of a study says what its results hold."""
    labels = bench("ablations").LABELS
    for measure in ("bytes", "time"):
        rows = told[measure]
        assert list(rows) == ["base", *study.arms]
        assert rows["base"]["verdict"] == "the base recipe"
        for name, row in rows.items():
            assert 0 < row["bits_per_byte"] < 9
            assert set(labels[name]) == set(labels[row["verdict"]])
            assert all(column in labels for column in row)
    assert told["bytes"]["adamw"]["tokens"] == told["setting"]["tokens"]


def test_what_is_published_is_a_page_and_a_picture_in_two_languages(
    bench, study, settings, tmp_path: Path
) -> None:
    report, ablations = bench("ablation_report"), bench("ablations")
    base = [made(2.0 + 0.01 * seed) for seed in range(3)]
    arms = {
        "base": base,
        "adamw": [made(2.2 + 0.02 * seed) for seed in range(3)],
        "plain": [{"steps": 5, "diverged": 3}] * 3,
    }
    results = {"bytes": arms, "time": arms}
    rows = report.tables(results)
    found = {**rows, "charts": report.bars(results), "notes": ablations.NOTES}
    found["setting"] = {"scale": "tiny"}
    ablations.publish(results, found, "other", tmp_path)
    assert (tmp_path / "other.png").read_bytes()[:4] == b"\x89PNG"
    kept = json.loads((tmp_path / "other.json").read_text("utf-8"))
    kept = kept["benchmarks"]["other"]
    assert kept["title"]["en"].endswith("(scale tiny)")
    assert kept["picture"]["file"] == "other.png"
    assert kept["bytes"]["adamw"]["verdict"] == "worse"
    assert kept["bytes"]["plain"]["verdict"] == "diverged"
    value, low, high = kept["charts"][0]["bars"]["adamw"]
    assert 0 < low < value < high
    assert "plain" not in kept["charts"][0]["bars"]
    assert "AdamW thay Muon: +10.4 %" in kept["picture"]["alt"]["vi"]
    assert "plain BPE: diverged" in kept["picture"]["alt"]["en"]


def made(level: float, passages: int = 8) -> dict:
    """What a run might have left: about `level` bits per byte."""
    sizes = [100 + 10 * place for place in range(passages)]
    waves = [1 + 0.01 * math.sin(place) for place in range(passages)]
    found = [level * s * w for s, w in zip(sizes, waves, strict=True)]
    return {"steps": 5, "tokens": 9, "seconds": 1.0} | {
        "bits": found,
        "sizes": sizes,
    }


def test_the_interval_over_seeds_is_students(bench) -> None:
    reference = pytest.importorskip("scipy.stats")
    student = bench("ablation_report").student
    for values in ([0.1, 0.3, 0.2], [-1.0, 4.0], [0.2, 0.1, 0.3, 0.5, -0.4]):
        expected = reference.ttest_1samp(values, 0).confidence_interval(0.95)
        assert student(values) == pytest.approx(tuple(expected), rel=1e-3)
    assert student([0.1]) is None


def test_a_difference_counts_only_where_seeds_and_passages_agree(
    bench,
) -> None:
    compare = bench("ablation_report").compare
    base = [made(2.0), made(2.1), made(1.9)]
    better = compare([made(1.8), made(1.9), made(1.71)], base)
    assert better.verdict == "better"
    assert better.mean == pytest.approx(-0.197, abs=0.005)
    assert better.seeds[0] < better.mean < better.seeds[1] < 0
    assert better.passages[0] < better.mean < better.passages[1] < 0
    worse = compare([made(2.2), made(2.3), made(2.11)], base)
    assert worse.verdict == "worse"
    # one seed far off: the passages agree, the seeds do not
    unsure = compare([made(1.9), made(2.0), made(1.3)], base)
    assert unsure.passages[1] < 0 < unsure.seeds[1]
    assert unsure.verdict == "not told apart"
    # a single seed says nothing about other seeds
    assert compare(base[:1], [made(3.0)]).verdict == "not told apart"


def test_lengths_give_equal_bytes_and_equal_time(
    bench, text, settings, study, tmp_path: Path
) -> None:
    table = bench("ablation_clock").Timetable(tmp_path, text, settings, study)
    table.known = {
        "steps": 100,
        "arms": {
            "base": {"share": 1.0, "bytes": 6_000},
            "plain": {"share": 0.8, "bytes": 4_000},
            "cosine": {"share": 1.02, "bytes": 6_000},
        },
    }
    assert table.lengths("base") == {"bytes": 100, "time": 100}
    assert table.lengths("plain") == {"bytes": 150, "time": 125}
    assert table.lengths("cosine") == {"bytes": 100, "time": 100}
    # 10 steps cost 10 s, 12 x 0.8 s and so on: the whole fits the minutes
    table.study = bench("ablations").Study(seeds=1, minutes=10, workers=1)
    steps = table.affordable(step=1.0, measured=0.0, spent=60)
    stable = 1 - settings.decay
    shared = 1.5 + (1 - stable) * 1.25
    assert steps * (1 + 0.8 * shared + 1.02) == pytest.approx(432, rel=0.01)


def test_held_out_passages_are_short_and_come_in_their_sources_shares(
    bench, tmp_path: Path
) -> None:
    from aulac.corpus import Document
    from aulac.corpus.document import write

    passages = bench("ablation_text").passages
    line = "Điều này có hiệu lực từ ngày ký. " * 20 + "\n"
    short = [
        Document(f"Chuyện {i}. {line}", "stories", "x") for i in range(60)
    ]
    write([*short, Document(line * 60, "law", "x")], tmp_path / "v.jsonl")
    held = passages(tmp_path / "v.jsonl", 40_000)
    sizes = {"law": 0, "stories": 0}
    for passage in held:
        assert len(passage.text.encode()) <= 2_000
        sizes[passage.source] += len(passage.text.encode())
    assert 34_000 < sum(sizes.values()) <= 40_000
    assert sizes["law"] == pytest.approx(sizes["stories"], rel=0.2)
    assert held == passages(tmp_path / "v.jsonl", 40_000)
