"""Errors speak both languages wherever they are met."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from aulac.corpus.errors import SourceError
from aulac.errors import BilingualError, InputError
from aulac.evaluate.choice import QuestionError
from aulac.generate.sampling import Sampling
from aulac.lesson.shipped import NotShippedError
from aulac.model import Config
from aulac.scale import ScaleError
from aulac.scale.curve import LogError
from aulac.tokenizer.template import encode
from aulac.train.failure import TrainingError
from aulac.train.shards import ShardError

KINDS = (
    InputError,
    LogError,
    QuestionError,
    ScaleError,
    ShardError,
    SourceError,
    TrainingError,
)


class Bytes:
    @staticmethod
    def encode(text: str) -> list[int]:
        return list(text.encode())


EN, VI = "there is no scale.", "không có quy mô nào."


@pytest.mark.parametrize("kind", KINDS)
def test_a_traceback_shows_both_languages(kind):
    error = kind(EN, VI)
    assert (str(error), error.vi) == (EN, VI)
    shown = "".join(traceback.format_exception(error))
    assert shown.endswith(f"{EN}\nLỗi: {VI}\n")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_goes_whole_from_process_to_process(kind):
    error = pickle.loads(pickle.dumps(kind(EN, VI)))
    assert type(error) is kind
    assert (str(error), error.vi) == (EN, VI)
    assert error.__notes__ == [f"Lỗi: {VI}"]


def test_without_a_translation_nothing_is_said_twice():
    error = BilingualError(EN)
    assert error.vi == "" and not hasattr(error, "__notes__")


def test_a_missing_model_is_a_missing_file_too():
    error = NotShippedError("base", Path("nowhere"))
    assert isinstance(error, FileNotFoundError)
    assert "not in nowhere" in str(error) and "nowhere" in error.vi


@pytest.mark.parametrize(
    ("code", "vi"),
    [
        ("from aulac.model import Config; Config(heads=3)", "phải là ước"),
        ("from aulac.scale import get; get('vast')", "quy mô"),
    ],
)
def test_a_notebook_shows_both_languages(code, vi, tmp_path):
    """As a kernel does it: the traceback of IPython itself."""
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=nocolor", "-c", code],
        env=os.environ | {"IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    shown = done.stdout + done.stderr
    assert "Error" in shown and "Lỗi: " in shown and vi in shown


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Config(head_dim=31),
        lambda: Sampling(top_p=0),
        lambda: encode([{"role": "king", "content": "Chào"}], Bytes),
    ],
)
def test_a_value_without_sense_is_a_value_error(wrong):
    with pytest.raises(ValueError) as caught:
        wrong()
    assert isinstance(caught.value, InputError) and caught.value.vi
