"""Which documents are for validation: decided by each document's own name.

No list, no shuffle, no seed: a document's hash says where it belongs, so its place
never changes when others are added, removed or reordered.
"""

from __future__ import annotations

from typing import Literal

from aulac.corpus.document import Document, stable_hash

Split = Literal["train", "validation"]


def split_of(document: Document, validation: float = 0.02) -> Split:
    """ "train" or "validation", by the hash of source and id.

    Args:
        document: only its `source` and `id` matter, never its neighbours.
        validation: share wanted for validation, from 0 to 1. Growing it only moves
            documents from train to validation, never back.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    if not 0 <= validation <= 1:
        raise ValueError(
            f"validation is a share from 0 to 1, not {validation}"
        )
    position = int(stable_hash(document.source, document.id), 16) / 2**64
    return "validation" if position < validation else "train"
