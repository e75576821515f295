"""The book: lessons as they ran, and the pages around them, in two languages.

`aulac book build` takes the committed notebooks, puts in the outputs of the verify
run, writes a source tree for each language under `build/book`, and lets Jupyter Book
(Sphinx) make static pages of it: no execution, no outside address, warnings as
errors.
"""

from aulac_grader.book.command import app

__all__ = ["app"]
