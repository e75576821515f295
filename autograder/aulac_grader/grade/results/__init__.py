"""The instructor's page on how a class did: one HTML file a language."""

from .build import build

__all__ = ["build"]
