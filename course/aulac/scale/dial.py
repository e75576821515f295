"""The rules of the dial: how a scale's numbers follow from its few primary ones.

A row of the dial states its depth, width, vocabulary, context, tokens per parameter
and data (`Primary`); `derive` makes everything else from them by the rules in
`RULES`, each with its source. Where a row keeps a number of its own, it stands in
`own` with the reason. `aulac scale --explain` prints all of it.

Papers: Ainslie et al. 2023 (GQA), Bi et al. 2024 (DeepSeek LLM), Brown et al. 2020
(GPT-3), Hoffmann et al. 2022 (Chinchilla), Hägele et al. 2024 (constant rate with
cooldown), Hu et al. 2024 (MiniCPM, WSD), Jordan et al. 2024 (Muon), Kaplan et al.
2020 (scaling laws), Muennighoff et al. 2023 (repeated data), Shazeer 2020 (SwiGLU),
Touvron et al. 2023 (LLaMA), Yang et al. 2022 (muP).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aulac.scale.flops import (
    Sizes,
    memory,
    muon_flops,
    parameters,
    training_flops,
)

GIGA = 10**9
CHINCHILLA = 20  # tokens per parameter


class Words(NamedTuple):
    """A sentence in both languages."""

    vi: str
    en: str


class Own(NamedTuple):
    """A number that a row keeps for itself, and why."""

    value: Any
    vi: str
    en: str


@dataclass(frozen=True)
class Primary:
    """What a row states; the rest is derived. Reasons for these stand in `why`."""

    name: str
    machine: Words
    depth: int
    width: int
    vocab_size: int
    context: int
    tokens_per_parameter: float
    documents: int
    laws: int
    conversations: int
    sft_batch: int
    sft_steps: int
    sft_lr: float
    speed: float  # FLOP/s that the machine named reaches while training
    card: int = 0  # bytes of the smallest card named; 0: a CPU
    own: Mapping[str, Own] = field(default_factory=dict)
    why: Mapping[str, Words] = field(default_factory=dict)


class Shape(NamedTuple):
    """The numbers of a model, enough to count its FLOPs."""

    depth: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    ff: int
    vocab_size: int
    context: int


def head_size(width: int) -> int:
    """64, and 32 where 64 would leave fewer than four heads."""
    return 64 if width >= 4 * 64 else 32


def key_heads(heads: int) -> int:
    """Half the query heads where their number is even, otherwise all."""
    return heads // 2 if heads % 2 == 0 else heads


def feed_forward(width: int) -> int:
    """Eight thirds of the width, rounded up to whole 64s."""
    return 64 * math.ceil(width * 8 / 3 / 64)


def adam_rate(width: int) -> float:
    """0.08 over the square root of the width."""
    return 0.08 / width**0.5


def batch_tokens(flops: float) -> int:
    """Tokens of one optimiser step for a run of so many FLOPs: a power of two."""
    return 2 ** round(math.log2(0.292 * flops**0.3271))


def rows_that_fit(
    sizes: Sizes,
    bytes_free: float,
    most: int,
    *,
    bytes_per_value: int = 2,
    cuda: bool = True,
) -> int:
    """The most rows, a power of two up to `most`, of one forward pass: at least 1.

    The predicted step may take four fifths of the memory.
    """
    rows = 1
    while 2 * rows <= most:
        need = memory(sizes, 2 * rows, bytes_per_value, cuda=cuda).total
        if need > 0.8 * bytes_free:
            break
        rows *= 2
    return rows


def derive(row: Primary) -> dict[str, Any]:
    """All numbers of a row's `Scale`, by rule or its own."""

    def own(name: str, value: Any) -> Any:
        return row.own[name].value if name in row.own else value

    head_dim = own("head_dim", head_size(row.width))
    heads = row.width // head_dim
    sizes = Shape(
        depth=row.depth,
        width=row.width,
        heads=heads,
        kv_heads=own("kv_heads", key_heads(heads)),
        head_dim=head_dim,
        ff=own("ff", feed_forward(row.width)),
        vocab_size=row.vocab_size,
        context=row.context,
    )
    tokens = row.tokens_per_parameter * parameters(sizes)
    at_once = batch_tokens(training_flops(sizes) * tokens)
    rows = max(1, at_once // row.context)
    batch = own("batch", rows_that_fit(sizes, row.card, rows))
    # a CPU gains nothing from passes that only fill a step
    passes = max(1, rows // batch) if row.card else 1
    accumulation = own("accumulation", passes)
    step = batch * accumulation * row.context
    steps = own("steps", max(100, round(tokens / step, -2)))
    return sizes._asdict() | {
        "name": row.name,
        "machine_vi": row.machine.vi,
        "machine_en": row.machine.en,
        "batch": batch,
        "accumulation": accumulation,
        "steps": int(steps),
        "muon_lr": own("muon_lr", 0.02),
        "adam_lr": own("adam_lr", adam_rate(row.width)),
        "weight_decay": own("weight_decay", 0.1),
        "warmup": own("warmup", 0.02),
        "decay": own("decay", 0.3),
        "documents": row.documents,
        "laws": row.laws,
        "conversations": row.conversations,
        "sft_batch": row.sft_batch,
        "sft_steps": row.sft_steps,
        "sft_lr": row.sft_lr,
        "minutes": minutes(sizes, step, int(steps), row.speed),
    }


def minutes(sizes: Sizes, step: int, steps: int, speed: float) -> int:
    """Minutes of `steps` steps of `step` tokens at `speed` FLOP/s, rounded up."""
    flops = steps * (training_flops(sizes) * step + muon_flops(sizes))
    taken = math.ceil(flops / speed / 60)
    return taken if taken < 10 else 5 * math.ceil(taken / 5)


RULES: dict[str, Words] = {
    "depth": Words(
        "số chính của hàng; hình dạng ảnh hưởng rất ít đến hàm mất mát, số tham số "
        "mới quyết định (Kaplan et al. 2020)",
        "a primary number of the row; the shape matters little for the loss, the "
        "number of parameters decides (Kaplan et al. 2020)",
    ),
    "width": Words(
        "số chính của hàng; ở gpu là 64 × độ sâu, như nanochat",
        "a primary number of the row; at gpu 64 × depth, as in nanochat",
    ),
    "head_dim": Words(
        "64; là 32 khi 64 để lại ít hơn bốn đầu chú ý",
        "64, and 32 where 64 would leave fewer than four heads",
    ),
    "heads": Words("độ rộng / cỡ một đầu", "width / head size"),
    "kv_heads": Words(
        "nửa số đầu truy vấn nếu số ấy chẵn, không thì bằng nhau: bộ nhớ đệm KV nhỏ "
        "đi một nửa, chất lượng gần như giữ nguyên (Ainslie et al. 2023)",
        "half the query heads where their number is even, otherwise as many: half "
        "the KV cache for nearly the same quality (Ainslie et al. 2023)",
    ),
    "ff": Words(
        "8/3 độ rộng (Shazeer 2020), làm tròn lên bội của 64 (như LLaMA, Touvron et "
        "al. 2023)",
        "8/3 of the width (Shazeer 2020), rounded up to whole 64s (as LLaMA, Touvron "
        "et al. 2023)",
    ),
    "vocab_size": Words(
        "số chính của hàng: bảng nhúng không lớn hơn phần thân; từ 16 nghìn trở lên, "
        "siêu từ rút văn bản xuống dưới một token mỗi âm tiết (đã đo, "
        "benchmarks/fertility.py)",
        "a primary number of the row: the embedding is no larger than the body; from "
        "16 thousand on, superwords bring text below one token a syllable (measured, "
        "benchmarks/fertility.py)",
    ),
    "context": Words(
        "số chính của hàng: dài hơn phần lớn truyện sinh ra; máy càng khỏe càng dài",
        "a primary number of the row: longer than most generated stories; the "
        "stronger the machine the longer",
    ),
    "batch": Words(
        "số dãy mỗi lượt tính xuôi: lũy thừa của 2 lớn nhất mà một bước, theo dự "
        "báo, chiếm không quá bốn phần năm bộ nhớ của card nhỏ nhất nêu ở hàng",
        "sequences in a forward pass: the largest power of two whose step is "
        "predicted to take four fifths of the smallest card named, or less",
    ),
    "accumulation": Words(
        "đủ lượt để một bước có số token lô tốt nhất, 0,292 · C^0,3271 với C là tổng "
        "FLOP (Bi et al. 2024), lấy lũy thừa của 2 gần nhất; quanh đó hàm mất mát "
        "gần như phẳng. Trên CPU: một lượt",
        "as many passes as give a step its best batch in tokens, 0.292 · C^0.3271 "
        "for C FLOPs in all (Bi et al. 2024), to the nearest power of two; the loss "
        "is nearly flat around it. On a CPU: one pass",
    ),
    "steps": Words(
        "token mỗi tham số × số tham số / token mỗi bước, tròn trăm; 20 token mỗi "
        "tham số là tối ưu cho lượng tính toán (Chinchilla, Hoffmann et al. 2022)",
        "tokens per parameter × parameters / tokens per step, to whole hundreds; 20 "
        "tokens per parameter are optimal for the compute (Chinchilla, Hoffmann et "
        "al. 2022)",
    ),
    "muon_lr": Words(
        "0,02 ở mọi độ rộng: cập nhật trực giao có cùng cỡ ở mọi độ rộng (Jordan et "
        "al. 2024)",
        "0.02 at every width: an orthogonal update has the same size at every width "
        "(Jordan et al. 2024)",
    ),
    "adam_lr": Words(
        "0,08 / căn bậc hai của độ rộng, cho bảng nhúng và các hệ số: tốc độ học của "
        "Adam giảm khi độ rộng tăng (hướng của muP, Yang et al. 2022; số mũ như "
        "nanochat)",
        "0.08 / square root of the width, for embeddings and gains: Adam's rate "
        "falls as width grows (the direction of muP, Yang et al. 2022; the exponent "
        "as in nanochat)",
    ),
    "weight_decay": Words(
        "0,1 như GPT-3 (Brown et al. 2020); 0,1 cũng là số đã thử ở tiny "
        "(benchmarks/LOG.md)",
        "0.1 as in GPT-3 (Brown et al. 2020); also what was tried at tiny "
        "(benchmarks/LOG.md)",
    ),
    "warmup": Words(
        "2 % số bước khởi động: đủ để trung bình động của Adam và Muon thành hình "
        "(quy ước, chưa đo riêng)",
        "2 % of the steps to warm up: enough for the running means of Adam and Muon "
        "to form (a convention, not measured apart)",
    ),
    "decay": Words(
        "30 % số bước cuối giảm dần về 0 (WSD, Hu et al. 2024; từ 10 đến 20 % đã đủ, "
        "dài hơn lợi thêm một chút, Hägele et al. 2024); ở tiny đã thử 0,3 và 0,5 "
        "(benchmarks/LOG.md)",
        "the last 30 % of the steps fall to zero (WSD, Hu et al. 2024; 10 to 20 % are "
        "enough and more helps a little, Hägele et al. 2024); 0.3 and 0.5 were tried "
        "at tiny (benchmarks/LOG.md)",
    ),
    "documents": Words(
        "số chính của hàng: số văn bản sinh ra. Lặp lại dữ liệu quá bốn lượt thì lợi "
        "ít dần (Muennighoff et al. 2023); thế giới của bộ sinh có hạn, nên từ t4 "
        "trở lên hãy đưa thêm kho ngữ liệu của bạn bằng --corpus",
        "a primary number of the row: texts to generate. Beyond four epochs repeated "
        "data pays less and less (Muennighoff et al. 2023); the generator's world is "
        "finite, so from t4 on bring a corpus of your own with --corpus",
    ),
    "laws": Words(
        "số điều luật lấy vào, 0 là tất cả",
        "articles of the law codes, 0 = all",
    ),
    "conversations": Words(
        "số hội thoại sinh ra: không ít hơn số mà tinh chỉnh đọc, nên không hội thoại "
        "nào bị đọc hai lần",
        "conversations to generate: no fewer than tuning reads, so none is read "
        "twice",
    ),
    "sft_batch": Words(
        "16 hội thoại mỗi bước trên CPU, 32 trên GPU (16 đã đo ở tiny, "
        "benchmarks/LOG.md)",
        "16 conversations a step on a CPU, 32 on a GPU (16 measured at tiny, "
        "benchmarks/LOG.md)",
    ),
    "sft_steps": Words(
        "đủ để đọc phần lớn số hội thoại một lần",
        "enough to read most of the conversations once",
    ),
    "sft_lr": Words(
        "phần của tốc độ tiền huấn luyện: mô hình càng lớn càng có nhiều thứ để quên, "
        "nên càng nhẹ tay (ngoài tiny chưa đo)",
        "part of the pretraining rates: the larger the model, the more it has to "
        "forget, so the gentler (not measured except at tiny)",
    ),
    "minutes": Words(
        "FLOP của mô hình và của Muon / tốc độ mà máy nêu ở hàng đạt được khi huấn "
        "luyện; CPU hai nhân 70 GFLOP/s (đã đo), GPU 30 đến 40 % mức đỉnh (giả định)",
        "FLOPs of the model and of Muon / the speed that the machine named reaches "
        "in training; two CPU cores 70 GFLOP/s (measured), a GPU 30 to 40 % of its "
        "peak (assumed)",
    ),
}


class Line(NamedTuple):
    """One number of a scale, with the reason for it."""

    name: str
    value: Any
    vi: str
    en: str
    own: bool  # the row's own number, against the rule


def explained(row: Primary) -> list[Line]:
    """Every number of a row: by which rule, or why it is the row's own."""
    values = derive(row)
    lines = []
    for name, rule in RULES.items():
        own, why = row.own.get(name), row.why.get(name)
        said = Words(own.vi, own.en) if own else why or rule
        lines.append(Line(name, values[name], *said, own=own is not None))
    return lines
