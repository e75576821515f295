"""The model card: what a model is for, made of, and worth, from its own files."""

from aulac.evaluate.card.model_card import card

__all__ = [
    "card",
]
