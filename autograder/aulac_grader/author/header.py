"""The header of a lesson: what it teaches, needs, makes, and which outcomes it owes."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aulac_grader.author.source import LANGUAGES, Problem, Source

FILE_NAME = re.compile(r"^(?P<number>\d\d)_[a-z0-9_]+$")
SCALES = ("tiny", "laptop", "t4", "gpu")
Texts = dict[str, str]

_ARTEFACT = re.compile(r"^[a-z][a-z0-9_-]*$")


@dataclass(frozen=True)
class Band:
    """Where an outcome must land at scale `tiny`; both ends belong to the band."""

    low: float | None = None
    high: float | None = None
    means: Texts = field(default_factory=dict)

    def holds(self, value: Any) -> bool:
        """Is `value` a number inside? A text or NaN never is; True counts as 1."""
        if not isinstance(value, int | float):
            return False
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return above and below and value == value

    def __str__(self) -> str:
        if self.low is None:
            return f"≤ {self.high:g}"
        if self.high is None:
            return f"≥ {self.low:g}"
        if self.low == self.high:
            return f"{self.low:g}"
        return f"{self.low:g} – {self.high:g}"


@dataclass(frozen=True)
class Header:
    """A lesson's header, checked."""

    lesson: str
    name: str
    title: Texts
    summary: Texts
    objectives: dict[str, list[str]]
    prerequisites: list[str]
    needs: list[str]
    makes: list[str]
    cores: int
    minutes: dict[str, float]
    bands: dict[str, Band]
    timeout: float
    """Seconds at `tiny` after which a run counts as hung."""


def header_of(source: Source) -> tuple[Header | None, list[Problem]]:
    """Check a lesson's header; the Header is None when anything is wrong."""
    reader = _Reader(source)
    header = reader.header()
    return (None if reader.problems else header), reader.problems


class _Reader:
    """Reads one key after the other and keeps what is wrong."""

    def __init__(self, source: Source):
        self.source = source
        self.problems: list[Problem] = []
        block = source.front.get("aulac")
        self.block: dict[str, Any] = block if isinstance(block, dict) else {}
        if not self.block and source.front:
            self.wrong(
                "aulac", "is missing; put the lesson's keys under `aulac:`"
            )

    def wrong(self, key: str, what: str) -> None:
        self.problems.append(
            self.source.problem(
                f"header key `{key}` {what}.", line=self._line(key)
            )
        )

    def _line(self, key: str) -> int:
        name = re.escape(key.rsplit(".", 1)[-1])
        wanted = re.compile(rf"""(^|[\s{{,])["']?{name}["']?\s*:""")
        for number, line in enumerate(_lines(self.source.path), start=1):
            if wanted.search(line):
                return number
            if line.strip() == "---" and number > 1:
                break
        return 1

    def header(self) -> Header | None:
        if not self.source.front or not self.block:
            return None
        self._unknown()
        name = self.source.path.stem
        return Header(
            lesson=self._number(name),
            name=name,
            title=self._texts("title"),
            summary=self._texts("summary"),
            objectives=self._objectives(),
            prerequisites=self._list("prerequisites", re.compile(r"^\d\d$")),
            needs=self._list("needs", _ARTEFACT),
            makes=self._list("makes", _ARTEFACT),
            cores=self._cores(),
            minutes=self._minutes(),
            bands=self._bands(),
            timeout=self._timeout(),
        )

    def _unknown(self) -> None:
        known = {*Header.__dataclass_fields__} - {"name"}
        for key in self.block:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean `{near[0]}`?" if near else "delete it"
                self.wrong(str(key), f"is not one the course knows; {hint}")

    def _number(self, name: str) -> str:
        match = FILE_NAME.match(name)
        value = self.block.get("lesson")
        if match is None:
            text = (
                f"the file is named {name}.md; name it NN_name.md with two digits and "
                "small letters."
            )
            self.problems.append(self.source.problem(text))
        elif value != match["number"]:
            self.wrong(
                "lesson", f'is {value!r}; write "{match["number"]}", in quotes'
            )
        return str(value)

    def _texts(self, key: str, value: Any = None, path: str = "") -> Texts:
        path = path or key
        value = self.block.get(key) if value is None else value
        if not isinstance(value, dict):
            self.wrong(path, "must hold both languages: `{vi: …, en: …}`")
            return {}
        for lang in LANGUAGES:
            if not isinstance(value.get(lang), str) or not value[lang].strip():
                self.wrong(path, f"has no text for `{lang}`; write it")
        return {lang: str(value.get(lang, "")).strip() for lang in LANGUAGES}

    def _objectives(self) -> dict[str, list[str]]:
        value = self.block.get("objectives")
        if not isinstance(value, dict) or any(
            not isinstance(value.get(lang), list)
            or not value[lang]
            or not all(
                isinstance(item, str) and item.strip() for item in value[lang]
            )
            for lang in LANGUAGES
        ):
            self.wrong(
                "objectives",
                "must be `{vi: [texts], en: [texts]}`, none empty",
            )
            return {lang: [] for lang in LANGUAGES}
        if len(value["vi"]) != len(value["en"]):
            self.wrong(
                "objectives",
                f"has {len(value['vi'])} in Vietnamese and {len(value['en'])} in "
                "English; give both the same",
            )
        return {lang: value[lang] for lang in LANGUAGES}

    def _list(self, key: str, form: re.Pattern[str]) -> list[str]:
        value = self.block.get(key, [])
        if not isinstance(value, list) or not all(
            isinstance(item, str) and form.match(item) for item in value
        ):
            example = '["00"]' if key == "prerequisites" else "[corpus]"
            self.wrong(key, f"must be a list such as `{example}`")
            return []
        return value

    def _cores(self) -> int:
        value = self.block.get("cores", 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.wrong("cores", "must be a whole number from 1 up")
            return 1
        return value

    def _minutes(self) -> dict[str, float]:
        value = self.block.get("minutes")
        if not isinstance(value, dict) or set(value) != set(SCALES):
            self.wrong(
                "minutes",
                f"must give a number for each of {', '.join(SCALES)}",
            )
            return {}
        for scale, minutes in value.items():
            if not _number(minutes) or minutes <= 0:
                self.wrong(
                    "minutes",
                    f"has {minutes!r} for {scale}; give a number > 0",
                )
        return value

    def _timeout(self) -> float:
        minutes = self.block.get("minutes")
        tiny = minutes.get("tiny", 1) if isinstance(minutes, dict) else 1
        # Ten times what the author measured: a busy machine is slow, not hung.
        usual = max(600.0, 600.0 * tiny) if _number(tiny) else 600.0
        value = self.block.get("timeout", usual)
        if not _number(value) or value <= 0:
            self.wrong("timeout", "must be a number of seconds")
            return 600.0
        return float(value)

    def _bands(self) -> dict[str, Band]:
        value = self.block.get("bands", {})
        if not isinstance(value, dict):
            self.wrong(
                "bands",
                "must map each outcome to `{min: …, max: …, means: …}`",
            )
            return {}
        return {
            str(name): self._band(str(name), band)
            for name, band in value.items()
        }

    def _band(self, name: str, band: Any) -> Band:
        path = f"bands.{name}"
        if not isinstance(band, dict) or not ({"min", "max"} & set(band)):
            self.wrong(path, "needs `min`, `max` or both")
            return Band()
        if extra := set(band) - {"min", "max", "means"}:
            self.wrong(
                path,
                f"has {', '.join(sorted(extra))}; only min, max and means",
            )
        low, high = band.get("min"), band.get("max")
        if any(x is not None and not _number(x) for x in (low, high)):
            self.wrong(path, "has an end that is not a number")
            return Band()
        if low is not None and high is not None and low > high:
            self.wrong(path, f"has min {low} above max {high}; swap them")
        means = self._texts("means", band.get("means", {}), f"{path}.means")
        return Band(low, high, means)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
