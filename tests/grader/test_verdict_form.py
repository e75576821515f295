"""Verdicts: one way to write them, a schema that holds, a signature that tells."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac_grader.grade.verdict import verdict
from aulac_grader.grade.verdict.keys import CourseKey, course_key, public_key
from aulac_grader.judge.submitted import CellResult, Marks, TestResult

SHA = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> CourseKey:
    return course_key(tmp_path_factory.mktemp("course") / "grading")


def compose(**changes: Any) -> dict[str, Any]:
    marks = Marks(
        tests=(
            TestResult("p1-small", 1.0, 1.0, "pass"),
            TestResult("p1-large", 0.5, 2.0, "partial", "1 ≠ 2", True),
        ),
        cells=(
            CellResult("p1-add", "answer", "ok", "", "12 it/s", (b"png",)),
        ),
        tier={"memory": "watchdog"},
        measures={"seconds": 1.25},
    )
    given = {
        "assignment": "ps99_sample",
        "lang": "vi",
        "student": "an",
        "receipt": {"received_at": "2026-01-01T00:00:00+00:00", "sha256": SHA},
        "environment": {"digest": SHA, "python": "3.11"},
        "source_sha256": SHA,
        "submission_sha256": SHA,
        "rebuilt_sha256": SHA,
        "seeds": {"p1-small": 1, "p1-large": 2},
        "limits": {"cpu_seconds": 20.0},
        "sandboxed": True,
        "repairs": [{"code": "cell_moved", "params": {"cell": "p1-add"}}],
        "marks": marks,
    }
    return verdict.verdict(**(given | changes))


def test_signed_verdict_comes_back_the_same(
    key: CourseKey, tmp_path: Path
) -> None:
    signed = verdict.sign(compose(), key)
    path = verdict.write(tmp_path, signed)
    assert verdict.read(tmp_path, "an", key.public) == signed
    assert path.read_bytes() == verdict.canonical_bytes(signed) + b"\n"
    assert (signed["points"], signed["max_points"]) == (1.5, 3)
    assert verdict.sign(signed, key) == signed


def test_nothing_that_depends_on_the_machine_is_in_it(key: CourseKey) -> None:
    text = verdict.canonical_bytes(verdict.sign(compose(), key)).decode()
    assert "it/s" not in text and "1.25" not in text and "png" not in text
    assert b'"cpu_seconds":20,' in verdict.canonical_bytes(
        {"limits": {"cpu_seconds": 20.0, "z": 1}}
    )


def test_no_verdict_is_none_and_not_an_error(tmp_path: Path) -> None:
    assert verdict.read(tmp_path, "an") is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_canonical_bytes_are_a_fixed_point(value: dict[str, Any]) -> None:
    data = verdict.canonical_bytes(value)
    assert verdict.canonical_bytes(json.loads(data)) == data


@given(st.permutations(["a", "b", "ă", "â", "đ"]))
def test_canonical_bytes_do_not_depend_on_order(names: list[str]) -> None:
    data = verdict.canonical_bytes(dict.fromkeys(names, 1))
    assert data == '{"a":1,"b":1,"â":1,"ă":1,"đ":1}'.encode()


def test_half_a_character_does_not_stop_a_verdict(key: CourseKey) -> None:
    marks = Marks(tests=(TestResult("t", 0, 1, "fail", "x\ud800"),), cells=())
    signed = verdict.sign(compose(marks=marks, seeds={"t": 3}), key)
    assert signed["tests"][0]["message"] == "x?"
    assert verdict.check_signature(signed, key.public)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1}])
def test_what_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(verdict.VerdictProblem, match="JSON cannot"):
        verdict.canonical_bytes({"value": value})


def changed(found: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(found)
    *parents, last = path.split(".")
    place: Any = found
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[last] = value
    return found


CHANGES: list[tuple[str, Any, str]] = [
    ("points", 3, r"points 3, its tests add up to 1\.5"),
    ("tests.0.points", -1, r"tests\[0\]\.points"),
    ("tests.0.status", "great", r"tests\[0\]\.status"),
    ("student", "", r"student"),
    ("sandboxed", "yes", r"sandboxed"),
    ("source_sha256", "abc", r"source_sha256"),
    ("seeds.other", 5, r"seeds and its tests"),
    ("seeds.p1-small", 2**32, r"seeds"),
    ("environment.digest", "new", r"environment\.digest"),
    ("seconds", 1.5, r"seconds"),
    ("signature.algorithm", "none", r"signature\.algorithm"),
]


@pytest.mark.parametrize(("path", "value", "told"), CHANGES)
def test_a_verdict_that_does_not_fit_is_neither_written_nor_read(
    key: CourseKey, tmp_path: Path, path: str, value: Any, told: str
) -> None:
    wrong = changed(verdict.sign(compose(), key), path, value)
    with pytest.raises(verdict.VerdictProblem, match=told):
        verdict.write(tmp_path, wrong)
    file = tmp_path / "verdicts" / "an.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(wrong))
    with pytest.raises(verdict.VerdictProblem, match="aulac grade regrade"):
        verdict.read(tmp_path, "an")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tests.1.message", "1 ≠ 3"),
        ("receipt.received_at", "2025-01-01T00:00:00+00:00"),
        ("sandboxed", False),
        ("limits.cpu_seconds", 21),
        ("signature.key", "0" * 16),
        ("signature.value", "A" * 86 + "=="),
    ],
)
def test_any_change_breaks_the_signature(
    key: CourseKey, tmp_path: Path, path: str, value: Any
) -> None:
    signed = verdict.sign(compose(), key)
    assert verdict.check_signature(signed, key.public)
    wrong = changed(signed, path, value)
    assert not verdict.check_signature(wrong, key.public)
    verdict.write(tmp_path, wrong)
    with pytest.raises(verdict.VerdictProblem, match="after it was signed"):
        verdict.read(tmp_path, "an", key.public)


def test_a_file_under_another_students_name_is_not_theirs(
    key: CourseKey, tmp_path: Path
) -> None:
    path = verdict.write(tmp_path, verdict.sign(compose(), key))
    path.rename(path.with_name("binh.json"))
    with pytest.raises(verdict.VerdictProblem, match="about an"):
        verdict.read(tmp_path, "binh", key.public)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff", b"[]"])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "verdicts" / "an.json"
    file.parent.mkdir()
    file.write_bytes(data)
    with pytest.raises(verdict.VerdictProblem, match=r"an\.json is damaged"):
        verdict.read(tmp_path, "an")


def test_openssl_agrees_about_the_signature(
    key: CourseKey, tmp_path: Path
) -> None:
    """Another implementation, and nothing of ours but the files on disk."""
    import base64
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to compare with")
    signed = verdict.sign(compose(), key)
    body = {k: v for k, v in signed.items() if k != "signature"}
    pem = key.public.key.public_bytes(*_pem())
    (tmp_path / "pub").write_bytes(pem)
    (tmp_path / "body").write_bytes(verdict.canonical_bytes(body))
    (tmp_path / "sig").write_bytes(
        base64.b64decode(signed["signature"]["value"])
    )
    done = subprocess.run(
        "openssl pkeyutl -verify -pubin -inkey pub -rawin -in body -sigfile sig",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "Verified Successfully" in done.stdout, done.stderr


def _pem() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
    )

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def test_importing_it_is_cheap() -> None:
    heavy = ["torch", "nbgrader", "distributed", "sqlalchemy", "nbformat"]
    code = (
        "import sys; import aulac_grader.grade.command.verbs, "
        "aulac_grader.grade.command.session, aulac_grader.grade.batch.local_worker, "
        f"aulac_grader.grade.verdict.verdict; print([m for m in {heavy} "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_public_key_file_is_enough_to_check(tmp_path: Path) -> None:
    key = course_key(tmp_path)
    signed = verdict.sign(compose(), key)
    assert verdict.check_signature(signed, public_key(tmp_path))
