"""Âu Lạc: build a small Vietnamese language model yourself.

Importing the package is cheap on purpose: no torch, no network, no GPU is touched
until a module that needs one is imported.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aulac")
except (
    PackageNotFoundError
):  # read straight from a checkout that was not installed
    __version__ = "0.0.0"
