"""The model that comes with the course: it knows Vietnamese from the first minute.

    from aulac.lesson import shipped

    model, tokenizer = shipped.load()        # base: continues a text
    model, tokenizer = shipped.load("chat")  # chat: answers

`base` is a Hugging Face folder in fp16 that plain `transformers` loads, with its model
card (README.md) and the numbers behind it (facts.json). `chat` is what instruction
tuning changed, packed in few bits, on top of `base` (see `aulac.lesson.shipped.difference`):
two models in little more than the room of one. `python -m aulac.cli.release.make` fills
both folders from a training run.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from aulac.errors import BilingualError

if TYPE_CHECKING:
    from aulac.model import Transformer
    from aulac.tokenizer import Tokenizer

PLACE = Path(__file__).parent
# The file that holds the weights of each kind.
WEIGHTS = {"base": "model.safetensors", "chat": "difference.safetensors"}


class NotShippedError(BilingualError, FileNotFoundError):
    """The weights are not in this installation."""

    def __init__(self, kind: str, place: Path) -> None:
        super().__init__(
            f"the model that comes with the course ({kind}) is not in {place}: copy "
            "that folder from the course's repository, or train a model of your own "
            "with `aulac train`.",
            f"không có mô hình đi kèm khóa học ({kind}) trong {place}: hãy chép thư "
            "mục ấy từ kho mã của khóa học, hoặc tự huấn luyện một mô hình bằng "
            "`aulac train`.",
        )


def there(kind: str = "base", place: Path | None = None) -> bool:
    """Whether the weights of a kind are in this installation."""
    return ((place or PLACE) / kind / WEIGHTS[kind]).is_file()


def folder(kind: str = "base") -> Path:
    """The folder of a kind, `base` or `chat`.

    Raises NotShippedError when it holds no weights, KeyError for another kind.
    """
    if not there(kind):
        raise NotShippedError(kind, PLACE / kind)
    return PLACE / kind


def load(kind: str = "base") -> tuple[Transformer, Tokenizer]:
    """Model and tokenizer of a kind, `base` or `chat`, in fp32 on the CPU.

    Raises NotShippedError when the weights are not there, ValueError when files are
    damaged or do not belong together.
    """
    from aulac.export import from_hf
    from aulac.lesson.shipped.difference import add

    place = folder(kind)
    model, tokenizer = from_hf(folder("base"))
    if kind == "chat":
        add(model, place / WEIGHTS[kind], sha256(place.parent / "base"))
    return model, tokenizer


def sha256(base: Path) -> str:
    """The SHA-256 of the weights in a folder, in hexadecimal."""
    data = (base / WEIGHTS["base"]).read_bytes()
    return hashlib.sha256(data).hexdigest()


def write(what: str, out: Path) -> None:
    """Write `base`, `chat` or `tokenizer` to `out`, as any program loads them.

    Raises what `load` raises.
    """
    if what == "base":
        shutil.copytree(folder(what), out, dirs_exist_ok=True)
    elif what == "tokenizer":
        from aulac.tokenizer import Tokenizer

        Tokenizer.load(folder()).save(out)
    else:
        from aulac.export import to_hf

        to_hf(*load(what), out)
