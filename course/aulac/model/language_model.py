"""What every language model can be asked, whatever it is made of."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class LanguageModel(Protocol):
    """Anything that says how likely each next token is, in the library's token ids.

    A transformer, a table of counts: `aulac.evaluate` measures both with the same
    functions.
    """

    @property
    def context(self) -> int:
        """Tokens it reads at most; a longer text is cut into windows of so many."""

    def log_probabilities(self, ids: Tensor) -> Tensor:
        """ln p of each next token: ids (B, T) on the CPU -> (B, T, V), anywhere.

        Rows may be padded on the right: a place depends on what stands before it
        alone.
        """
