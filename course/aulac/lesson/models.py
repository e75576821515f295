"""The model that somebody means: a folder, one of the course's own, or the newest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from aulac.errors import InputError
from aulac.lesson import artefacts, shipped
from aulac.scale import get

if TYPE_CHECKING:
    from aulac.model import LanguageModel, Transformer
    from aulac.tokenizer import Tokenizer

# Names that mean a model without a folder: the one that comes with the course, of the
# kind that is wanted, or of the kind named.
NAMES = ("shipped", "base", "chat")
CONFIG = "config.json"
TEMPLATE_FILES = ("tokenizer_config.json", "chat_template.jinja")


class ModelError(InputError):
    """There is no such model, or its folder cannot be read."""


def find(
    model: Path | None, scale: str | None = None, kind: str = "base"
) -> Path:
    """The folder to load.

    model: a folder, what `aulac train --out` filled, one of NAMES, or None for the
        newest of the workspace.
    kind: which of the course's own models is wanted, `base` or `chat`. It is also
        what a user gets who has no model of his own.

    Raises ModelError when there is none, NotShippedError (`aulac.lesson.shipped`)
    when the course's own is not in this installation, ScaleError for a scale that
    does not exist.
    """
    if model and str(model) in NAMES and not model.exists():
        return shipped.folder(kind if str(model) == "shipped" else str(model))
    if model and not (model / CONFIG).exists():
        inside = model / "model"
        model = inside if (inside / CONFIG).exists() else model
    folder = model or artefacts.newest(scale and get(scale).name)
    if folder:
        return folder
    if shipped.there(kind) and scale in (None, "shipped"):
        return shipped.folder(kind)
    raise ModelError(
        "there is no model yet: run lesson 00 (make lab) or "
        "`make course`, then try again.",
        "chưa có mô hình nào. Hãy chạy bài 00 (make lab), hoặc lệnh "
        "`make course`, rồi thử lại.",
    )


def load(folder: Path) -> tuple[LanguageModel, Tokenizer]:
    """As `aulac.export.load`, and the course's own chat model.

    Raises ModelError when the folder holds no model, or a damaged one.
    """
    from aulac.export import load as load_folder

    try:
        if folder == shipped.PLACE / "chat":
            return shipped.load("chat")
        return load_folder(folder)
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(folder, error) from error


def load_transformer(folder: Path) -> tuple[Transformer, Tokenizer]:
    """As `load`, for what only a transformer can do: to talk, to be exported.

    Raises ModelError for a table of counts, too.
    """
    from aulac.model import Transformer

    model, tokenizer = load(folder)
    if isinstance(model, Transformer):
        return model, tokenizer
    raise ModelError(
        f"{folder} holds a table of counts, which can be measured (aulac evaluate) "
        "but neither talks nor is exported: give a transformer's folder.",
        f"{folder} chứa một bảng đếm. Bảng đếm chỉ dùng để đánh giá (aulac evaluate), "
        "không trò chuyện được và cũng không xuất được: hãy đưa thư mục của một mô "
        "hình transformer.",
    )


def answers(folder: Path) -> bool:
    """Whether the model was taught to answer: its folder has a chat template.

    A base model continues a text; the Hugging Face sign of one is a tokenizer
    without a chat template.
    """
    if folder == shipped.PLACE / "chat":
        return True
    config, template = (folder / name for name in TEMPLATE_FILES)
    if template.exists():
        return True
    try:
        return "chat_template" in json.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return True  # loading says what is wrong with the folder


def unreadable(folder: Path, error: Exception) -> ModelError:
    why = (
        "thư mục này không phải là một mô hình, hoặc bị thiếu, bị hỏng tệp (xem "
        "dòng dưới). Hãy chép lại, hoặc huấn luyện lại bằng `make course`."
    )
    vi = getattr(error, "vi", why)
    return ModelError(str(error), f"không nạp được mô hình ở {folder}: {vi}")
