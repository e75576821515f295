"""The course's key: made once, kept private, and seeds that tell nothing."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac_grader.grade.verdict.keys import (
    CourseKey,
    KeyProblem,
    course_key,
    public_key,
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> CourseKey:
    return course_key(tmp_path_factory.mktemp("grading"))


def test_made_once_private_and_the_same_from_then_on(tmp_path: Path) -> None:
    grading = tmp_path / "grading"
    first, second = course_key(grading), course_key(grading)
    assert first.public.raw == second.public.raw == public_key(grading).raw
    mode = stat.S_IMODE((grading / "course.key").stat().st_mode)
    assert mode == 0o600
    assert sorted(p.name for p in grading.iterdir()) == [
        "course.key",
        "course.pub",
    ]


def test_two_first_runs_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: course_key(tmp_path), range(8)))
    assert len({key.public.raw for key in made}) == 1


def test_lost_public_half_is_written_again(tmp_path: Path) -> None:
    key = course_key(tmp_path)
    (tmp_path / "course.pub").unlink()
    course_key(tmp_path)
    assert public_key(tmp_path).raw == key.public.raw


@pytest.mark.parametrize("data", [b"", b"nonsense", b"-----BEGIN"])
def test_damaged_key_is_named_and_not_replaced(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "course.key"
    path.write_bytes(data)
    with pytest.raises(KeyProblem, match=r"course\.key holds no Ed25519 key"):
        course_key(tmp_path)
    assert path.read_bytes() == data


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import (
        X25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "course.key").write_bytes(pem)
    with pytest.raises(KeyProblem, match="holds no Ed25519 key"):
        course_key(tmp_path)


def test_key_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    (tmp_path / "course.key").mkdir()
    with pytest.raises(KeyProblem, match="chmod 600"):
        course_key(tmp_path)


def test_no_public_key_yet(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="nothing was graded here yet"):
        public_key(tmp_path)


names = st.text(max_size=8)


@given(names, names, names, st.lists(names, unique=True, max_size=4))
def test_seeds_are_steady_and_in_range(
    key: CourseKey, name: str, student: str, sha: str, tests: list[str]
) -> None:
    seeds = key.seeds(name, student, sha, tests)
    assert list(seeds) == tests
    assert seeds == key.seeds(name, student, sha, tests)
    assert all(0 <= seed < 2**32 for seed in seeds.values())


def test_seeds_differ_wherever_anything_differs(key: CourseKey) -> None:
    asked = [
        ("a", "b", "c", "d"),
        ("ab", "", "c", "d"),
        ("a", "bc", "", "d"),
        ("a", "b", "cd", ""),
        ("a", "b", "c", "e"),
    ]
    seeds = {key.seeds(*rest, [test])[test] for *rest, test in asked}
    assert len(seeds) == len(asked)


def test_another_course_has_other_seeds(
    key: CourseKey, tmp_path: Path
) -> None:
    other = course_key(tmp_path)
    assert other.seeds("a", "b", "c", ["t"]) != key.seeds("a", "b", "c", ["t"])


def test_seeds_follow_the_standards(key: CourseKey) -> None:
    """HKDF (RFC 5869) and HMAC (RFC 2104) written out, with hashlib alone."""
    import hmac

    raw = key.key.private_bytes_raw()
    pseudo = hmac.digest(bytes(32), raw, "sha256")
    info = b"aulac grading: test seeds, version 1"
    secret = hmac.digest(pseudo, info + b"\x01", "sha256")
    message = b"".join(
        len(part).to_bytes(8, "big") + part
        for part in (b"a", b"b", b"c", b"t")
    )
    wanted = int.from_bytes(hmac.digest(secret, message, "sha256")[:4], "big")
    assert key.seeds("a", "b", "c", ["t"]) == {"t": wanted}
