"""One language through Sphinx, in a process of its own.

    python -m aulac_grader.book.sphinx_run SOURCE OUTPUT DOCTREES

Jupyter Book patches docutils globally, so two languages cannot share a process; apart
they also use both cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

# What Jupyter Book would load, less what reaches for the network (thebe,
# intersphinx), plus ours. Comments stay off; their extension must be there.
EXTENSIONS = [
    "sphinx_togglebutton",
    "sphinx_copybutton",
    "myst_nb",
    "jupyter_book",
    "sphinx_comments",
    "sphinx_external_toc",
    "sphinx_design",
    "sphinx_exercise",
    "sphinxcontrib.bibtex",
    "sphinx_book_theme",
    "aulac_grader.book.extension",
]


def run(source: Path, output: Path, doctrees: Path) -> int:
    """Build one edition; warnings are errors and all of them are shown."""
    from jupyter_book.sphinx import build_sphinx

    result = build_sphinx(
        source,
        output,
        noconfig=True,
        path_config=source / "_config.yml",
        confoverrides={
            "extensions": EXTENSIONS,
            "external_toc_path": "_toc.yml",
            "latex_individualpages": False,
        },
        doctreedir=doctrees,
        builder="html",
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    return result if isinstance(result, int) else 2


if __name__ == "__main__":
    sys.exit(run(*(Path(argument) for argument in sys.argv[1:4])))
