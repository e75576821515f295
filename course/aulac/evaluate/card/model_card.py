"""The model card: what a model is for, what it comes from, how good it is.

In the form of Hugging Face (README.md with YAML front matter) and in both languages.
Every number comes from `facts`, a dictionary that a program gathered from the run's
log, the data card and files of measurements (see `aulac.cli.release.make`): nobody types
one, and a number that was not measured is not in the card.

Source for the form: Mitchell et al. 2019, "Model Cards for Model Reporting".

    facts["name"]           of the model
    facts["model"]          parameters and sizes
    facts["data"]           the corpus's card.json
    facts["training"]       steps, tokens, seconds, precision, machine …
    facts["rows"]           what `aulac evaluate --json` wrote, for this model
    facts["others"]         name -> rows of the same kind: what to compare with
    facts["contamination"]  of evaluation sets: vi, en, n, seen, size of a window
    facts["memorisation"]   rows: part, split, n, value, low, high
    facts["chat"]           rows and training of the chat model, or absent
    facts["files"]          name -> bytes and sha256
    facts["commands"]       lines that make it again
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from aulac.corpus.credit import LICENCES, credit, strictest
from aulac.evaluate.card.words import WORDS
from aulac.evaluate.stats import hit_rate

Facts = dict[str, Any]
Row = dict[str, Any]


def card(facts: Facts) -> str:
    """README.md: front matter, the card in Vietnamese, the card in English.

    Raises KeyError when a fact is missing that every model has (name, model, data,
    training, rows, files, commands), ValueError for a source of the data that
    nobody has said how to credit.
    """
    head = yaml.safe_dump(front(facts), allow_unicode=True, sort_keys=False)
    pages = ["\n".join(Page(facts, lang).lines()) for lang in ("vi", "en")]
    return f"---\n{head}---\n\n" + "\n\n---\n\n".join(pages) + "\n"


def front(facts: Facts) -> dict[str, Any]:
    """What a model hub reads. The strictest licence of the data is the model's."""
    sources = [entry["name"] for entry in facts["data"]["sources"]]
    data = [d for name in sources for d in credit(name)["datasets"]]
    return {
        "language": ["vi"],
        "license": strictest(facts["data"]["licences"]),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["vietnamese", "qwen3", "small", "education"],
        "datasets": data,
    }


class Page:
    """The card in one language."""

    def __init__(self, facts: Facts, lang: str) -> None:
        self.facts, self.lang, self.word = facts, lang, WORDS[lang]
        licence = LICENCES[strictest(facts["data"]["licences"])]
        self.values = {
            "millions": self.number(facts["model"]["parameters"] / 1e6, 1),
            "context": self.number(facts["model"]["context"]),
            "licence": licence["name"],
            "terms": licence[lang],
            "redacted": self.redacted(),
        }

    def lines(self) -> list[str]:
        """All of it. A part without facts is left out."""
        return [
            f"# {self.word['title']}: {self.facts['name']}",
            "",
            *(text.format(**self.values) for text in self.word["opening"]),
            *self.data(),
            *self.training(),
            *self.bits(),
            *self.measures("measures", self.rows(), "measures_note"),
            *self.contamination(),
            *self.memorisation(),
            *self.chat(),
            *self.again(),
        ]

    # what is in it

    def redacted(self) -> str:
        """How many pieces of personal data of which kind, where that is known."""
        found = self.facts["data"].get("pii") or {}
        kinds = [
            f"{self.number(count)} {self.word['pii'].get(kind, kind)}"
            for kind, count in found.items()
        ]
        return f" ({', '.join(kinds)})" if kinds else ""

    def data(self) -> list[str]:
        data = self.facts["data"]
        rows = [
            (
                entry["name"],
                self.label(entry["licence"]),
                self.number(entry["documents"]),
                self.number(entry["bytes"]),
                self.share(entry["share"]),
            )
            for entry in data["sources"]
        ]
        sources = [entry["name"] for entry in data["sources"]]
        named = [f"- {credit(name)[self.lang]}" for name in sources]
        parts = [
            f"- {self.word[part]}: {self.number(data[part]['documents'])} "
            f"{self.word['documents']}, {self.number(data[part]['bytes'])} "
            f"{self.word['bytes']}, "
            f"sha256 `{data[part]['sha256']}`"
            for part in ("train", "validation")
        ]
        return self.part("data", self.table("data_head", rows), named, parts)

    def training(self) -> list[str]:
        """Sizes and the run, one line each, those that are known."""
        known = self.facts["model"] | self.facts["training"]
        missing = [
            note
            for key, note in self.word["not_known"].items()
            if known.get(key) is None
        ]
        table = self.known("training_rows", known)
        return self.part("training", table, self.note(known), missing)

    def known(self, names: str, values: Facts) -> list[str]:
        """A table of the values that are known, by their names in `word`."""
        rows = [
            (label, self.any(key, values[key]))
            for key, label in self.word[names].items()
            if values.get(key) is not None
        ]
        return self.table("key_head", rows)

    def note(self, known: Facts) -> list[str]:
        """What whoever trained it has to say; `vi / en` is one half for each."""
        halves = (known.get("note") or "").split(" / ")
        mine = halves[self.lang == "en"] if len(halves) == 2 else halves[0]
        return [self.word["note"] + mine] if mine else []

    # what it can do

    def bits(self) -> list[str]:
        """Bits per byte of each domain, beside what else was measured on it."""
        own = [r for r in self.facts["rows"] if r["task"] == "bits"]
        others: dict[str, list[Row]] = self.facts.get("others", {})
        rows = []
        for row in own:
            cells = [row["part"] or self.word["all"], self.interval(row)]
            for name in others:
                found = [r for r in others[name] if _same(r, row)]
                cells.append(self.interval(found[0]) if found else "")
            rows.append((*cells, self.number(row["n"])))
        head = [self.word["domain"], self.facts["name"], *others]
        rules = sorted({self.rule(row["rule"]) for row in own})
        notes = [f"- {self.word['bits_rule']}{'; '.join(rules)}."]
        cut = [row["part"] for row in own if row["of"] == "sections"]
        if cut:
            said = self.word["counted"].format(parts=", ".join(cut))
            notes.append(f"- {said}")
        notes += [self.beside(name, others[name], own) for name in others]
        read = {source["name"] for source in self.facts["data"]["sources"]}
        unseen = [r["part"] for r in own if r["part"] not in read | {""}]
        if unseen:
            notes.append(f"- {self.word['unseen']}{', '.join(unseen)}.")
        return self.part("bits", _table([*head, "n"], rows), notes)

    def beside(self, name: str, found: list[Row], own: list[Row]) -> str:
        """How another's numbers were found, and which on other documents.

        The table's n is this model's: another sample is another n.
        """
        rules = sorted({self.rule(row["rule"]) for row in found})
        apart = [
            f"{r['part']} ({self.number(r['n'])} {self.word[r['of']]})"
            for row in own
            for r in found
            if _same(r, row) and r["n"] != row["n"]
        ]
        said = f"- {name}: {', '.join(rules)}"
        if apart:
            said += f"; {self.word['elsewhere']}{', '.join(apart)}"
        return f"{said}."

    def rows(self) -> list[Row]:
        """Rows for the table of measures: the main ones that are not bits."""
        return [r for r in self.facts["rows"] if _main(r) and not _bits(r)]

    def measures(self, title: str, found: list[Row], note: str) -> list[str]:
        if not found:
            return []
        rows = [
            (
                self.label(row[self.lang]),
                self.rule(row["rule"]),
                self.interval(row),
                self.number(row["n"]),
                "" if row["chance"] is None else self.share(row["chance"]),
            )
            for row in found
        ]
        table = self.table("measures_head", rows)
        return self.part(title, table, [self.word[note]], self.wilson(found))

    def wilson(self, rows: list[Row]) -> list[str]:
        return [self.word["wilson"]] if any(map(_alike, rows)) else []

    def contamination(self) -> list[str]:
        found = self.facts.get("contamination", [])
        rows = [
            (row[self.lang], self.number(row["n"]), self.number(row["seen"]))
            for row in found
        ]
        if not found:
            return []
        rule = self.word["seen"].format(size=found[0]["size"])
        table = self.table("contamination_head", rows)
        return self.part("contamination", table, [rule])

    def memorisation(self) -> list[str]:
        found = self.facts.get("memorisation", [])
        rows = [
            (
                row["part"],
                self.word[row["split"]],
                self.interval(row | {"unit": "share"}),
                self.number(row["n"]),
            )
            for row in found
        ]
        if not found:
            return []
        table = self.table("memorisation_head", rows)
        shares = [row | {"unit": "share"} for row in found]
        return self.part("memorisation", table, self.wilson(shares))

    def chat(self) -> list[str]:
        """The chat model beside it: how it was made and what that cost."""
        chat = self.facts.get("chat")
        if not chat:
            return []
        about = dict(chat["training"])
        if "mix" in about:
            about["mix"] = self.share(about["mix"])
        before = {row["part"]: row for row in self.facts["rows"] if _bits(row)}
        forgot = [
            (
                row["part"] or self.word["all"],
                self.interval(before[row["part"]]),
                self.interval(row),
            )
            for row in chat["rows"]
            if _bits(row) and row["part"] in before
        ]
        can = [row for row in chat["rows"] if _main(row) and not _bits(row)]
        return [
            *self.part("chat", self.known("chat_rows", about)),
            *self.measures("chat_can", can, "chat_note"),
            *self.part("chat_forgot", self.table("forgot_head", forgot)),
        ]

    def again(self) -> list[str]:
        commands = ["```sh", *self.facts["commands"], "```"]
        files = [
            (name, self.number(file["bytes"]), f"`{file['sha256']}`")
            for name, file in self.facts["files"].items()
        ]
        return self.part("again", commands, self.table("files_head", files))

    # how it is written

    def part(self, name: str, *blocks: Iterable[str]) -> list[str]:
        """A heading, what there is to say, and blocks with air between them."""
        title, *told = self.word["parts"][name]
        lines = ["", f"## {title}"]
        said = [text.format(**self.values) for text in told]
        for block in (said, *blocks):
            lines += ["", *block] if (block := list(block)) else []
        return lines

    def table(self, head: str, rows: Sequence[Sequence[str]]) -> list[str]:
        return _table(self.word[head], rows)

    def label(self, name: str) -> str:
        """A name in this language; a part of what stands above it is set apart."""
        apart = "– " * name.startswith(" ")
        name = name.strip()
        return apart + self.word["labels"].get(name, name)

    def rule(self, rule: str) -> str:
        """How a number was found, in words where there are some."""
        for pattern, said in self.word["rules"].items():
            if found := re.fullmatch(pattern, rule):
                mark = "," if self.lang == "vi" else "."
                numbers = [n.replace(".", mark) for n in found.groups()]
                return said.format(*numbers)
        return rule

    def any(self, key: str, value: Any) -> str:
        """A fact of any kind, as a reader of this language writes it."""
        if key == "seconds":
            hours, minutes = divmod(round(value / 60), 60)
            form = self.word["hours" if hours else "minutes"]
            took = form.format(hours=hours, minutes=minutes)
            return f"{self.number(value)} ({took})"
        if isinstance(value, float):
            return self.number(value, _digits(value))
        return self.number(value) if isinstance(value, int) else str(value)

    def number(self, value: float, digits: int = 0) -> str:
        text = f"{value:,.{digits}f}"
        if self.lang == "vi":
            text = text.translate(str.maketrans(",.", ".,"))
        return text

    def share(self, value: float) -> str:
        return f"{self.number(100 * value, 1)} %"

    def interval(self, row: Row) -> str:
        """`1.234 [1.200, 1.270]`, or in per cent.

        Resamples of items that are all alike have no width: see `hit_rate`.
        """
        share = row["unit"] == "share"
        if _alike(row):
            found = hit_rate([row["value"]] * row["n"], resamples=1)
            row = row | {"low": found.low, "high": found.high}
        factor, digits = (100, 1) if share else (1, 3)
        value, low, high = (
            self.number(row[key] * factor, digits)
            for key in ("value", "low", "high")
        )
        between = "; " if self.lang == "vi" else ", "
        return f"{value}{' %' * share} [{low}{between}{high}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown; columns of numbers stand at the right."""
    rows = list(rows)
    columns = list(zip(*rows, strict=True)) or [()] * len(head)
    sides = ["---:" if all(map(_numeric, c)) else "---" for c in columns[1:]]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], f"|{'|'.join(['---', *sides])}|", *lines[1:]]


def _numeric(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell[0] == "-"


def _digits(value: float) -> int:
    """Decimals that show two figures of a small number, and none of a large."""
    if abs(value) >= 100:
        return 0
    if value == 0 or abs(value) >= 0.01:
        return 2
    return 1 - math.floor(math.log10(abs(value)))


def _alike(row: Row) -> bool:
    """Whether all items of a share came out alike, and its interval is a point."""
    share = row["unit"] == "share" and row["value"] in (0, 1)
    return share and row["low"] == row["high"]


def _main(row: Row) -> bool:
    return bool(row.get("main", True))


def _bits(row: Row) -> bool:
    return row["task"] == "bits"


def _same(other: Row, row: Row) -> bool:
    return (other["part"], other["unit"]) == (row["part"], row["unit"])
