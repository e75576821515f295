"""The model card: what a model is for, what it comes from, how good it is.

In the form of Hugging Face (README.md with YAML front matter) and in both languages.
Every number comes from `facts`, a dictionary that a program gathered from the run's
log, the data card and files of measurements (see `aulac.shipped.make`): nobody types
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

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from aulac.responsible.words import ATTRIBUTION, WORDS

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
    licences = " ".join(facts["data"]["licences"])
    return {
        "language": ["vi"],
        "license": "cc-by-sa-3.0" if "BY-SA 3.0" in licences else "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["vietnamese", "qwen3", "small", "education"],
        "datasets": data,
    }


def credit(source: str) -> dict[str, Any]:
    """How a source wants to be named."""
    if source not in ATTRIBUTION:
        raise ValueError(
            f"nobody has said how the source {source!r} is to be credited: add it to "
            "aulac.responsible.words.ATTRIBUTION."
        )
    return ATTRIBUTION[source]


class Page:
    """The card in one language."""

    def __init__(self, facts: Facts, lang: str) -> None:
        self.facts, self.lang, self.word = facts, lang, WORDS[lang]

    def lines(self) -> list[str]:
        """All of it. A part without facts is left out."""
        word, facts = self.word, self.facts
        values = {
            "name": facts["name"],
            "millions": self.number(facts["model"]["parameters"] / 1e6, 1),
            "context": self.number(facts["model"]["context"]),
        }
        return [
            f"# {word['title']}: {facts['name']}",
            "",
            *(text.format(**values) for text in word["opening"]),
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

    def data(self) -> list[str]:
        data = self.facts["data"]
        rows = [
            (
                entry["name"],
                entry["licence"],
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
        rows = [
            (label, self.any(known[key]))
            for key, label in self.word["training_rows"].items()
            if known.get(key) is not None
        ]
        missing = [
            note
            for key, note in self.word["not_known"].items()
            if known.get(key) is None
        ]
        return self.part("training", self.table("key_head", rows), missing)

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
        rules = sorted({f"{r['rule']} ({r['of']})" for r in own})
        notes = [self.word["bits_rule"] + "; ".join(rules) + "."]
        for name, found in others.items():
            rules = sorted({row["rule"] for row in found})
            # The table's n is this model's: another sample is another n.
            for row in own:
                rules += [
                    f"{r['part']} n = {self.number(r['n'])} ({r['of']})"
                    for r in found
                    if _same(r, row) and r["n"] != row["n"]
                ]
            notes.append(f"{name}: {', '.join(rules)}.")
        return self.part("bits", _table([*head, "n"], rows), notes)

    def rows(self) -> list[Row]:
        """Rows for the table of measures: the main ones that are not bits."""
        return [r for r in self.facts["rows"] if _main(r) and not _bits(r)]

    def measures(self, title: str, found: list[Row], note: str) -> list[str]:
        if not found:
            return []
        rows = [
            (
                row[self.lang].strip(),
                row["rule"],
                self.interval(row),
                self.number(row["n"]),
                "" if row["chance"] is None else self.share(row["chance"]),
            )
            for row in found
        ]
        return self.part(
            title, self.table("measures_head", rows), [self.word[note]]
        )

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
        table = self.table("memorisation_head", rows)
        return self.part("memorisation", table) if found else []

    def chat(self) -> list[str]:
        """The chat model beside it: how it was made and what that cost."""
        chat = self.facts.get("chat")
        if not chat:
            return []
        rows = [
            (label, self.any(chat["training"][key]))
            for key, label in self.word["chat_rows"].items()
            if key in chat["training"]
        ]
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
            *self.part("chat", self.table("key_head", rows)),
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
        lines = ["", f"## {self.word['parts'][name][0]}"]
        for block in (self.word["parts"][name][1:], *blocks):
            lines += ["", *block] if (block := list(block)) else []
        return lines

    def table(self, head: str, rows: Sequence[Sequence[str]]) -> list[str]:
        return _table(self.word[head], rows)

    def any(self, value: Any) -> str:
        """A fact of any kind, as a reader of this language writes it."""
        if isinstance(value, float):
            return self.number(value, 0 if abs(value) >= 100 else 2)
        return self.number(value) if isinstance(value, int) else str(value)

    def number(self, value: float, digits: int = 0) -> str:
        text = f"{value:,.{digits}f}"
        if self.lang == "vi":
            text = text.translate(str.maketrans(",.", ".,"))
        return text

    def share(self, value: float) -> str:
        return f"{self.number(100 * value, 1)} %"

    def interval(self, row: Row) -> str:
        """`1.234 [1.200, 1.270]`, or in per cent."""
        share = row["unit"] == "share"
        factor, digits = (100, 1) if share else (1, 3)
        value, low, high = (
            self.number(row[key] * factor, digits)
            for key in ("value", "low", "high")
        )
        between = "; " if self.lang == "vi" else ", "
        return f"{value}{' %' * share} [{low}{between}{high}]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], "|---" + "|---:" * (len(head) - 1) + "|", *lines[1:]]


def _main(row: Row) -> bool:
    return bool(row.get("main", True))


def _bits(row: Row) -> bool:
    return row["task"] == "bits"


def _same(other: Row, row: Row) -> bool:
    return (other["part"], other["unit"]) == (row["part"], row["unit"])
