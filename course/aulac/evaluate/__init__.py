"""Measuring models: bits per byte."""

from aulac.evaluate.bits import Bits, bits_per_byte, measure

__all__ = ["Bits", "bits_per_byte", "measure"]
