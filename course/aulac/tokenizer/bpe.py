"""Byte-level BPE by hand."""

from __future__ import annotations


class BPE:
    """Byte-level BPE by hand."""
