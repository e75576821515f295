"""What was aimed at, beside what was measured: missed targets are said plainly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from aulac.lesson.outcome import written
from aulac_grader.book.words import table

Values = dict[str, Any]
Find = Callable[[Values], float | None]


@dataclass(frozen=True)
class Target:
    """A number to reach; `least` or else `most`. `benchmark` measures it."""

    vi: str
    en: str
    benchmark: str
    find: Find
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        if self.least is not None:
            return value >= self.least
        return self.most is not None and value <= self.most


def at(*keys: str) -> Find:
    """The number at a place in a nested result; None where there is none."""

    def find(values: Values) -> float | None:
        found: Any = values
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return found if isinstance(found, int | float) else None

    return find


def lowest(key: str, *inside: str) -> Find:
    """The smallest number under `key` in any of a result's parts.

    inside: where it stands in a part.
    """

    def find(values: Values) -> float | None:
        found = [
            at(*inside, key)(part)
            for part in values.values()
            if isinstance(part, dict)
        ]
        return min((v for v in found if v is not None), default=None)

    return find


def highest(group: str, key: str) -> Find:
    """The largest number under `key` in the rows of a table."""

    def find(values: Values) -> float | None:
        rows = values.get(group, {}).values()
        return max((row[key] for row in rows), default=None)

    return find


def superwords(size: int) -> Find:
    """Fertility of our superword tokenizer with so many ids."""

    def find(values: Values) -> float | None:
        wanted = "ours, superwords", size
        for row in values.get("rows", []):
            if (row.get("tokenizer"), row.get("vocabulary")) == wanted:
                return row["fertility"]
        return None

    return find


TARGETS = (
    Target(
        "Huấn luyện trên CPU, cùng AdamW: nhanh gấp transformers.Trainer (lần; "
        "cấu hình chậm nhất)",
        "Training on a CPU, AdamW on both sides: times transformers.Trainer "
        "(the slowest setting)",
        "training",
        lowest("ours_adamw / trainer"),
        least=1.2,
    ),
    Target(
        "Huấn luyện trên CPU như khóa học làm, với Muon: nhanh gấp Trainer (lần; "
        "cấu hình chậm nhất)",
        "Training on a CPU as the course does, with Muon: times Trainer "
        "(the slowest setting)",
        "training",
        lowest("ours / trainer"),
        least=1.2,
    ),
    Target(
        "Huấn luyện trên H100, 120 triệu tham số trở lên: MFU",
        "Training on an H100, 120 M parameters or more: MFU",
        "gpu_speed",
        highest("batches", "mfu"),
        least=0.5,
    ),
    Target(
        "Sinh văn bản có bộ nhớ đệm: nhanh gấp transformers (lần; một văn bản, cấu "
        "hình chậm nhất)",
        "Cached generation: times transformers' generate (one text, the slower "
        "model)",
        "generation",
        lowest("ours / transformers", "batch 1"),
        least=1.0,
    ),
    Target(
        "Thiết lập kiểu GPT-2 với AdamW, cùng số byte: bit mỗi byte cao hơn (%)",
        "GPT-2-style defaults with AdamW, equal bytes: more bits per byte (%)",
        "ablations",
        at("bytes", "gpt2", "percent"),
        least=0.0,
    ),
    Target(
        "BPE thường thay siêu từ ở mô hình đi kèm, 16 nghìn từ vựng, cùng thời gian: "
        "bit mỗi byte cao hơn (%)",
        "Plain BPE for superwords in the model that ships, vocabulary 16 k, equal "
        "time: more bits per byte (%)",
        "ablations_shipped",
        at("time", "plain", "percent"),
        least=0.0,
    ),
    Target(
        "Token mỗi âm tiết trên Wikipedia để riêng, 16 nghìn từ vựng",
        "Tokens a syllable on held-out Wikipedia, vocabulary 16 k",
        "fertility",
        superwords(16_384),
        most=0.92,
    ),
    Target(
        "Token mỗi âm tiết trên Wikipedia để riêng, 32 nghìn từ vựng",
        "Tokens a syllable on held-out Wikipedia, vocabulary 32 k",
        "fertility",
        superwords(32_768),
        most=0.84,
    ),
    Target(
        "Huấn luyện BPE bằng Python thuần, 1 MB, 4 nghìn phép gộp (giây)",
        "Training BPE in pure Python, 1 MB, 4 k merges (seconds)",
        "bpe_trainer",
        at("medians", "by hand"),
        most=15,
    ),
    Target(
        "Chấm thêm một bài rất nhẹ (giây)",
        "Grading one more trivial submission (seconds)",
        "grading",
        at("trivial_seconds"),
        most=0.3,
    ),
    Target(
        "Khởi động việc chấm (giây)",
        "Start-up of grading (seconds)",
        "grading",
        at("start_seconds"),
        most=2,
    ),
    Target(
        "Chấm bài có nạp torch trên 2 nhân: nhanh gấp nbgrader (lần)",
        "Grading work that imports torch on 2 cores: times nbgrader",
        "grading",
        at("runs", "ours, 2 workers", "times_nbgrader"),
        least=8,
    ),
)
WORDS = {
    "vi": (
        "Mục tiêu",
        "Cần đạt",
        "Đo được",
        "Kết quả",
        "đạt",
        "chưa đạt",
        "chưa đo",
    ),
    "en": (
        "Aim",
        "Target",
        "Measured",
        "Outcome",
        "met",
        "missed",
        "not measured",
    ),
}


def beside(measured: list[tuple[str, Values]], lang: str) -> str:
    """The table; `measured`: (benchmark, values), what counts most first."""
    words = WORDS[lang]
    rows = []
    for target in TARGETS:
        value = first(target, measured)
        sign = "≥" if target.least is not None else "≤"
        bound = target.least if target.least is not None else target.most
        state = words[6] if value is None else words[5 - target.met(value)]
        rows.append(
            [
                escape(target.vi if lang == "vi" else target.en),
                f"{sign} {written(bound, lang)}",
                "–" if value is None else written(value, lang),
                state,
            ]
        )
    return table(words[:4], rows, "aulac-targets")


def first(target: Target, measured: list[tuple[str, Values]]) -> float | None:
    """The value of the first measurement that has it."""
    for name, values in measured:
        if name == target.benchmark:
            value = target.find(values)
            if value is not None:
                return value
    return None
