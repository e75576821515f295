"""The first cell of a lesson: `here = setup("03", scale)`."""

from __future__ import annotations

import random
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aulac.lesson.language import _shell, choose, emit, language, spans

if TYPE_CHECKING:
    import numpy

    from aulac.scale import Scale

SEED = 2025


@dataclass
class Here:
    """Where a lesson runs: its scale, its language, its workspace, its seed."""

    lesson: str
    scale: Scale
    lang: str
    """"vi" or "en"; "vi" in a verify run, whose outputs serve both languages."""
    workspace: Path
    seed: int
    rng: numpy.random.Generator

    def need(self, name: str) -> Path:
        """The folder of an artefact of an earlier lesson, made now if it is missing."""
        from aulac.lesson.recipes import need

        return need(name, self.scale.name)

    def makes(
        self, name: str, resume: bool = False
    ) -> AbstractContextManager[Path]:
        """A folder to write an artefact into; `resume` keeps an interrupted attempt.

        Nobody sees it until the `with` block ends well; then it replaces the old one
        in one step. A cell that fails leaves the old one as it was::

            with here.makes("tokenizer") as folder:
                tokenizer.save(folder)
        """
        from aulac.lesson import artefacts

        return artefacts.making(name, self.scale.name, resume)

    def reseed(self) -> None:
        """Set every random generator that is loaded back to the lesson's seed."""
        self.rng = _seed(self.seed)


def setup(lesson: str, scale: str | None = None, seed: int = SEED) -> Here:
    """Prepare a lesson and say, in one line, at which scale it runs and why.

    lesson: its number, "00" to "17".
    scale: "tiny", "laptop", "t4" or "gpu"; None asks AULAC_SCALE, then the hardware.
    seed: for Python's, NumPy's and torch's random numbers. torch is not loaded for
        it: it is seeded now if it is loaded, else before the first cell that runs
        after torch was imported.

    Raises ValueError for a scale that does not exist.
    """
    from aulac import scale as scales
    from aulac.lesson import artefacts

    chosen, reason = scales.choose(scale)
    here = Here(
        lesson=lesson,
        scale=chosen,
        lang="en" if language() == "en" else "vi",
        workspace=artefacts.workspace(),
        seed=seed,
        rng=_seed(seed),
    )
    _announce(here, reason)
    return here


def _announce(here: Here, reason: dict[str, str]) -> None:
    vi = f"Bài {here.lesson} · quy mô {here.scale.name}: {reason['vi']} · hạt giống {here.seed}"
    en = f"Lesson {here.lesson} · scale {here.scale.name}: {reason['en']} · seed {here.seed}"
    html = f'<div class="aulac-setup">{spans(escape(vi), escape(en))}</div>'
    emit({"text/html": html, "text/plain": choose(vi, en)})


def _seed(seed: int) -> numpy.random.Generator:
    """Seed every generator that is loaded; gives a new one of NumPy's."""
    import numpy

    random.seed(seed)
    numpy.random.seed(seed)
    if "torch" in sys.modules:
        _seed_torch(seed)
    else:
        _seed_torch_later(seed)
    return numpy.random.default_rng(seed)


def _seed_torch(seed: int) -> None:
    torch: Any = sys.modules["torch"]
    torch.manual_seed(seed)


def _seed_torch_later(seed: int) -> None:
    """Before each cell, look whether torch has arrived; seed it once."""
    shell = _shell()
    if shell is None:
        return

    def look(*_: Any) -> None:
        if "torch" in sys.modules and hasattr(
            sys.modules["torch"], "manual_seed"
        ):
            shell.events.unregister("pre_run_cell", look)
            _seed_torch(seed)

    earlier = shell.user_ns.pop("__aulac_seed__", None)
    if earlier in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", earlier)
    shell.events.register("pre_run_cell", look)
    shell.user_ns["__aulac_seed__"] = look
