"""The data card: what is in a corpus, on what terms, how it was made. Both languages.

Source for the form: Gebru et al. 2021, "Datasheets for Datasets"; Pushkarna et al.
2022, "Data Cards".
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aulac.corpus.clean import REASONS


@dataclass
class SourceEntry:
    """One source's part of a corpus, after everything."""

    name: str
    licence: str
    url: str = ""
    documents: int = 0
    bytes: int = 0
    share: float = 0.0  # of the corpus, in bytes


@dataclass
class DataCard:
    """Everything a later user must know before training on, or sharing, the corpus.

    The card holds no date and no machine, so the same build gives the same card.
    """

    name: str
    sources: list[SourceEntry]
    train: dict[str, Any]
    validation: dict[str, Any]
    stages: dict[str, int]
    rejected: dict[str, int]
    pii: dict[str, int]
    settings: dict[str, Any]
    version: str = ""
    notes: list[dict[str, str]] = field(default_factory=list)

    @property
    def licences(self) -> list[str]:
        """Every licence in the corpus, sorted, once each."""
        return sorted({entry.licence for entry in self.sources})

    def to_json(self) -> str:
        """The whole card, machine-readable."""
        return json.dumps(
            {**asdict(self), "licences": self.licences},
            ensure_ascii=False,
            indent=2,
        )

    @classmethod
    def load(cls, folder: str | Path) -> DataCard:
        """Read `card.json` of a corpus folder."""
        record = json.loads(
            (Path(folder) / "card.json").read_text(encoding="utf-8")
        )
        record.pop("licences", None)
        record["sources"] = [
            SourceEntry(**entry) for entry in record["sources"]
        ]
        return cls(**record)

    def to_markdown(self) -> str:
        """The card for people: Vietnamese first, then English."""
        return "\n".join(
            [*self._page("vi"), "", "---", "", *self._page("en"), ""]
        )

    def _page(self, lang: str) -> list[str]:
        word = _WORDS[lang]
        number = _vietnamese if lang == "vi" else "{:,}".format
        rows = [
            f"| {entry.name} | {entry.licence} | {number(entry.documents)} "
            f"| {number(entry.bytes)} | {_percent(entry.share, lang)} | {entry.url} |"
            for entry in self.sources
        ]
        stages = [
            f"| {word[stage]} | {number(count)} |"
            for stage, count in self.stages.items()
        ]
        dropped = [
            f"- {REASONS.get(reason, {lang: reason})[lang]}: {number(count)}"
            for reason, count in self.rejected.items()
        ]
        hidden = [
            f"- {kind}: {number(count)}" for kind, count in self.pii.items()
        ]
        parts = [
            f"- {word[part]}: {number(data['documents'])} {word['documents']}, "
            f"{number(data['bytes'])} {word['bytes']}, sha256 `{data['sha256']}`"
            for part, data in (
                ("train", self.train),
                ("validation", self.validation),
            )
        ]
        made = [f"- `{key}`: {value}" for key, value in self.settings.items()]
        return [
            f"# {word['title']}: {self.name}",
            "",
            word["intro"],
            "",
            f"## {word['sources']}",
            "",
            word["head"],
            "|---|---|---:|---:|---:|---|",
            *rows,
            "",
            word["terms"],
            "",
            f"## {word['how']}",
            "",
            word["pipeline"],
            "",
            f"| {word['stage']} | {word['documents']} |",
            "|---|---:|",
            *stages,
            "",
            *([word["rejected"], "", *dropped, ""] if dropped else []),
            *([word["pii"], "", *hidden, ""] if hidden else []),
            f"## {word['parts']}",
            "",
            *parts,
            "",
            f"## {word['settings']}",
            "",
            *made,
            "",
            f"## {word['limits']}",
            "",
            *(f"- {limit}" for limit in word["limit_list"]),
            *(f"- {note[lang]}" for note in self.notes),
        ]


def _vietnamese(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _percent(share: float, lang: str) -> str:
    text = f"{100 * share:.1f} %"
    return text.replace(".", ",") if lang == "vi" else text


_WORDS: dict[str, dict[str, Any]] = {
    "vi": {
        "title": "Phiếu dữ liệu",
        "intro": "Kho ngữ liệu tiếng Việt để huấn luyện mô hình ngôn ngữ. Phiếu này do "
        "`aulac corpus build` ghi ra cùng lúc với dữ liệu.",
        "sources": "Nguồn và giấy phép",
        "head": "| nguồn | giấy phép | văn bản | byte | tỉ lệ | địa chỉ |",
        "terms": "Mô hình huấn luyện trên kho này phải tuân theo **mọi** giấy phép "
        "trong bảng, và ghi tên các nguồn trong phiếu mô hình.",
        "how": "Cách làm",
        "pipeline": "Nạp, làm sạch (NFC, bảng mã cũ, ký tự điều khiển, dòng thừa), "
        "đánh giá chất lượng, che dữ liệu cá nhân, bỏ bản trùng (băm chính xác rồi "
        "MinHash), sau đó mới chia tập theo mã băm của từng văn bản.",
        "stage": "bước",
        "documents": "văn bản",
        "bytes": "byte",
        "loaded": "đã nạp",
        "accepted": "đạt chất lượng",
        "unique": "sau khi bỏ trùng",
        "train": "tập huấn luyện",
        "validation": "tập kiểm định",
        "rejected": "Bị loại, theo lý do:",
        "pii": "Dữ liệu cá nhân đã che, theo loại:",
        "parts": "Các tập",
        "settings": "Thiết lập",
        "limits": "Giới hạn",
        "limit_list": [
            "Mẫu tìm dữ liệu cá nhân không nhận ra tên người và thông tin nhạy cảm "
            "viết bằng lời; rủi ro giảm đi chứ không hết.",
            "Bản gần trùng dưới ngưỡng vẫn có thể nằm ở cả hai tập.",
            "Chất lượng được đo bằng quy tắc, không bằng người đọc.",
        ],
    },
    "en": {
        "title": "Data card",
        "intro": "A Vietnamese corpus for training language models. This card is "
        "written by `aulac corpus build` together with the data.",
        "sources": "Sources and licences",
        "head": "| source | licence | documents | bytes | share | address |",
        "terms": "A model trained on this corpus is bound by **every** licence in the "
        "table and names the sources in its model card.",
        "how": "How it was made",
        "pipeline": "Load, clean (NFC, old encodings, control characters, boilerplate "
        "lines), judge quality, redact personal data, remove duplicates (exact hash, "
        "then MinHash), and only then split by the hash of each document.",
        "stage": "stage",
        "documents": "documents",
        "bytes": "bytes",
        "loaded": "loaded",
        "accepted": "passed the quality rules",
        "unique": "after deduplication",
        "train": "train",
        "validation": "validation",
        "rejected": "Turned down, by reason:",
        "pii": "Personal data redacted, by kind:",
        "parts": "Parts",
        "settings": "Settings",
        "limits": "Limits",
        "limit_list": [
            "The patterns for personal data do not see names, nor sensitive facts "
            "told in words; the risk is lowered, not gone.",
            "Near-duplicates below the threshold may stand in both parts.",
            "Quality is judged by rules, not by readers.",
        ],
    },
}
