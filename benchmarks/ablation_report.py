"""What runs say together: differences paired by seed, intervals, verdicts, a chart."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aulac.evaluate.stats import bootstrap_ratio

# Student's t, two-sided 95 %, by degrees of freedom: three seeds leave two.
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
T95 |= {8: 2.306, 9: 2.262}
MEASURES = ("bytes", "time")
VERDICTS = ("better", "worse", "not told apart", "diverged")
Found = dict[str, Any]  # what a run left at one length
Results = dict[str, dict[str, list[Found]]]  # measure: arm: one for each seed


@dataclass(frozen=True)
class Difference:
    """An arm minus the base recipe, bits per byte: over seeds, over passages."""

    mean: float
    seeds: tuple[float, float] | None  # None: there is but one seed
    passages: tuple[float, float]

    @property
    def verdict(self) -> str:
        """A difference counts where both intervals leave 0 on the same side."""
        sides = [self.seeds, self.passages]
        if all(side and side[1] < 0 for side in sides):
            return "better"
        if all(side and side[0] > 0 for side in sides):
            return "worse"
        return "not told apart"


def per_byte(found: Found) -> float:
    """Bits per byte of all held-out passages."""
    return sum(found["bits"]) / sum(found["sizes"])


def student(values: list[float]) -> tuple[float, float] | None:
    """The 95 % t-interval of a mean (Student, 1908); None for one value."""
    if len(values) < 2:
        return None
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / len(values) ** 0.5
    reach = T95[len(values) - 1] * error
    return mean - reach, mean + reach


def compare(arm: list[Found], base: list[Found]) -> Difference:
    """Runs of an arm against those of the base recipe with the same seeds, in order."""
    pairs = list(zip(arm, base, strict=True))
    over_seeds = [per_byte(one) - per_byte(other) for one, other in pairs]
    bits = np.mean(
        [np.subtract(one["bits"], other["bits"]) for one, other in pairs],
        axis=0,
    )  # (passages,): the mean over seeds
    drawn = bootstrap_ratio(bits, base[0]["sizes"])
    return Difference(
        statistics.fmean(over_seeds),
        student(over_seeds),
        (drawn.low, drawn.high),
    )


def row(arm: list[Found], base: list[Found]) -> dict[str, Any]:
    """An arm's line in the table of one measure."""
    if diverged(arm):
        empty: dict[str, Any] = dict.fromkeys(COLUMNS)
        return empty | {"verdict": "diverged"}
    mean = statistics.fmean(map(per_byte, arm))
    values: dict[str, Any] = {
        "bits_per_byte": round(mean, 4),
        "tokens": arm[0]["tokens"],
        "seconds": round(statistics.median(f["seconds"] for f in arm), 1),
    }
    if arm is base:
        empty = dict.fromkeys(COLUMNS)
        return empty | values | {"verdict": "the base recipe"}
    found = compare(arm, base)
    level = statistics.fmean(map(per_byte, base))
    values |= {
        "difference": round(found.mean, 4),
        "seeds_interval": span(found.seeds),
        "passages_interval": span(found.passages),
        "percent": round(100 * found.mean / level, 2),
        "verdict": found.verdict,
    }
    return {name: values[name] for name in COLUMNS}


# What a narrow page shows first comes first.
COLUMNS = (
    "bits_per_byte",
    "percent",
    "verdict",
    "difference",
    "seeds_interval",
    "passages_interval",
    "tokens",
    "seconds",
)


def bars(results: Results) -> list[dict[str, Any]]:
    """Per cent of difference with the interval over seeds, as the book's charts."""
    charts = []
    for measure, title in TITLES.items():
        base = results[measure]["base"]
        level = statistics.fmean(map(per_byte, base)) / 100
        shown: dict[str, Any] = {}
        for name, arm in results[measure].items():
            if name != "base" and not diverged(arm):
                found = compare(arm, base)
                ends = [found.mean, *(found.seeds or ())]
                values = [round(end / level, 2) for end in ends]
                shown[name] = values if found.seeds else values[0]
        unit = {
            "vi": "% bit mỗi byte so với gốc (âm là tốt hơn)",
            "en": "% bits per byte against the base (below 0 is better)",
        }
        charts.append({"title": title, "unit": unit, "bars": shown})
    return charts


def diverged(arm: list[Found]) -> bool:
    """Whether a run of the arm came to no number."""
    return any("diverged" in found for found in arm)


def span(interval: tuple[float, float] | None) -> str | None:
    """An interval as text: a sign on both ends."""
    return interval and f"{interval[0]:+.4f} … {interval[1]:+.4f}"


def tables(results: Results) -> dict[str, dict[str, dict[str, Any]]]:
    """Results as {measure: {arm: row}}; the base recipe has one length for both."""
    return {
        measure: {
            name: row(founds, arms["base"]) for name, founds in arms.items()
        }
        for measure, arms in results.items()
    }


MARKS = {"better": "v", "worse": "^", "not told apart": "o"}
COLOURS = {
    "better": "#1b7837",
    "worse": "#b2182b",
    "not told apart": "#5f6b76",
}
TITLES = {
    "bytes": {"vi": "Cùng số byte văn bản", "en": "Equal bytes of text"},
    "time": {"vi": "Cùng thời gian tính", "en": "Equal computing time"},
}


def chart(
    results: Results,
    labels: dict[str, dict[str, str]],
    path: Path,
) -> None:
    """Each arm's difference and both of its intervals, per cent of the base recipe."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in results["bytes"] if name != "base"]
    size = (12, 1.6 + 0.42 * len(names))
    figure, panes = pyplot.subplots(1, 2, figsize=size, sharey=True)
    for pane, measure in zip(panes, MEASURES, strict=True):
        base = results[measure]["base"]
        level = statistics.fmean(map(per_byte, base)) / 100
        for y, name in enumerate(names):
            arm = results[measure][name]
            if not diverged(arm):
                draw(pane, y, compare(arm, base), level)
        pane.axvline(0, color="black", linewidth=0.8)
        title = "{vi} [{en}]".format(**TITLES[measure])
        pane.set_title(title, fontsize=10)
        pane.set_xlabel("% bit mỗi byte, so với gốc [% bits per byte]")
        pane.grid(axis="x", alpha=0.3)
    words = [f"{labels[n]['vi']}\n[{labels[n]['en']}]" for n in names]
    panes[0].set_yticks(range(len(names)), words, fontsize=8)
    panes[0].set_ylim(len(names) - 0.4, -0.6)  # the first on top
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def draw(pane: Any, y: int, found: Difference, level: float) -> None:
    """One arm: thin line over seeds, thick line over passages, the mean on top."""
    colour = COLOURS[found.verdict]
    for ends, width in ((found.seeds, 1.2), (found.passages, 4.5)):
        if ends:
            places = [end / level for end in ends]
            pane.plot(places, [y, y], color=colour, lw=width, alpha=0.6)
    mark = MARKS[found.verdict]
    pane.plot(found.mean / level, y, mark, color=colour, ms=7, zorder=3)


def alt(
    rows: dict[str, dict[str, dict[str, Any]]],
    labels: dict[str, dict[str, str]],
) -> dict[str, str]:
    """The chart in words, in both languages."""
    said: dict[str, list[str]] = {"vi": [], "en": []}
    for name in [name for name in rows["bytes"] if name != "base"]:
        for lang, lines in said.items():
            ends = [
                f"{other[name]['percent']:+.1f} %"
                if other[name]["percent"] is not None
                else labels["diverged"][lang]
                for other in (rows["bytes"], rows["time"])
            ]
            lines.append(f"{labels[name][lang]}: {ends[0]}, {ends[1]}")
    begins = {
        "vi": "Chênh lệch bit mỗi byte so với công thức gốc, ở cùng số byte rồi ở cùng "
        "thời gian tính; số âm là tốt hơn. ",
        "en": "Difference in bits per byte from the base recipe, at equal bytes and "
        "then at equal computing time; below 0 is better. ",
    }
    return {lang: begins[lang] + "; ".join(said[lang]) + "." for lang in said}
