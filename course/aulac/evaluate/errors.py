"""What cannot be measured."""

from __future__ import annotations

from aulac.errors import InputError


class EvaluationError(InputError):
    """Something cannot be measured, or not as was asked."""
