"""What the kernel of one verify run is told: its folders, threads and language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aulac_grader.verify.worker import TRACE, TRACE_CODE, TRACE_ID

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
# What a terminal inside Jupyter, or the reader's own settings, would bring along.
FORGET = ("JPY_SESSION_NAME", "JPY_PARENT_PID", "AULAC_SCALE", "MPLBACKEND")


def request(
    place: Path, cwd: Path, scale: str, lang: str, cores: int
) -> dict[str, Any]:
    """What a worker is asked to run: `input.ipynb` in `place`, started in `cwd`."""
    return {
        "input": str(place / "input.ipynb"),
        "output": str(place / "output.ipynb"),
        "parameters": {"scale": scale},
        "cwd": str(cwd),
        "environment": environment(place, lang, cores),
        "forget": FORGET,
    }


def environment(place: Path, lang: str, cores: int) -> dict[str, str]:
    """Variables of the kernel; every library gets as many threads as `cores`."""
    ours = {
        "AULAC_WORKSPACE": str(place / "workspace"),
        "AULAC_LANG": "both" if lang == "vi" else lang,
        "AULAC_STATIC": "1",
        "IPYTHONDIR": str(place / "ipython"),
        "HF_HUB_OFFLINE": "1",
        TRACE: str(place / "trace.json"),
    }
    return ours | dict.fromkeys(THREADS, str(cores))


def trace_cell() -> dict[str, Any]:
    """The cell put at the end of a run, which writes down what it imported."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": TRACE_ID,
        "metadata": {},
        "outputs": [],
        "source": TRACE_CODE.splitlines(keepends=True),
    }
