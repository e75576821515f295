"""The course's key: it signs verdicts, and test seeds are drawn from it.

    COURSE/grading/course.key   Ed25519 private key, PEM, readable by its owner only
    COURSE/grading/course.pub   the public half: whoever holds it can check a verdict

The key stays with the command that grades. Workers are sent seeds, and a seed tells
nothing about the key nor about another test's seed: seeds come from a secret of their
own (HKDF, RFC 5869) through HMAC-SHA256 (RFC 2104).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aulac_grader.grade.verdict.grading_folder import part_of, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE = "course.key"
PUBLIC = "course.pub"
SEED_BITS = 32  # the most that numpy's global generator takes
_SEED_CONTEXT = b"aulac grading: test seeds, version 1"


class KeyProblem(RuntimeError):  # noqa: N818  a sentence for the instructor
    """The course's key is missing, damaged, or may not be read."""


@dataclass(frozen=True)
class PublicKey:
    """Checks signatures."""

    key: Ed25519PublicKey

    @property
    def raw(self) -> bytes:
        """32 bytes."""
        return self.key.public_bytes_raw()

    @property
    def name(self) -> str:
        """Which key it is: 16 hexadecimal digits of the SHA-256 of its bytes."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def check(self, message: bytes, signature: str) -> bool:
        """Is `signature` (base64) this key's, over exactly `message`?"""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(
                base64.b64decode(signature, validate=True), message
            )
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class CourseKey:
    """Signs, and draws seeds. Never leaves the process that grades."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.key.public_key())

    def sign(self, message: bytes) -> str:
        """The signature in base64; the same at every call (RFC 8032)."""
        return base64.b64encode(self.key.sign(message)).decode("ascii")

    def seeds(
        self,
        assignment: str,
        student: str,
        submission_sha256: str,
        tests: Iterable[str],
    ) -> dict[str, int]:
        """One seed per test, below 2**32, that nobody without the key can foretell."""
        secret = self._seed_secret()
        return {
            test: _seed(secret, assignment, student, submission_sha256, test)
            for test in tests
        }

    def _seed_secret(self) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        kdf = HKDF(SHA256(), length=32, salt=None, info=_SEED_CONTEXT)
        return kdf.derive(self.key.private_bytes_raw())


def _seed(secret: bytes, *parts: str) -> int:
    # Lengths in front: ("ab", "c") and ("a", "bc") must not meet.
    fields = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(len(f).to_bytes(8, "big") + f for f in fields)
    digest = hmac.digest(secret, message, "sha256")
    return int.from_bytes(digest[: SEED_BITS // 8], "big")


def course_key(grading: Path) -> CourseKey:
    """The key of the course whose grading folder this is; made on first use.

    Raises:
        KeyProblem: it cannot be read or written, or is no Ed25519 key.
    """
    path = grading / PRIVATE
    try:
        if not path.exists():
            _create(grading)
        data = path.read_bytes()
        key = CourseKey(_load(path, data))
        _publish(grading, key)
    except OSError as error:
        raise KeyProblem(
            f"The course's key {path} cannot be used "
            f"({error.strerror or error}): give the account that grades the right "
            f"to read it (chmod 600) and to write in {grading}, or restore it from "
            "your backup."
        ) from error
    return key


def existing_key(grading: Path) -> CourseKey | None:
    """The course's key, None where there is none or it cannot be used."""
    if not (grading / PRIVATE).exists():
        return None
    try:
        return course_key(grading)
    except KeyProblem:
        return None


def public_key(grading: Path) -> PublicKey:
    """The public half, for those who only check.

    Raises:
        KeyProblem: there is none, or it is no Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        load_pem_public_key,
    )

    path = grading / PUBLIC
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise KeyProblem(
            f"The course's public key {path} cannot be read "
            f"({error.strerror}): nothing was graded here yet, or the file was "
            "moved."
        ) from error
    except ValueError as error:
        raise KeyProblem(_not_a_key(path)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyProblem(_not_a_key(path))
    return PublicKey(key)


def _not_a_key(path: Path) -> str:
    return (
        f"{path} holds no Ed25519 key in PEM form: restore it from your backup. "
        "With a new key, old verdicts can no longer be checked and every seed "
        "changes."
    )


def _load(path: Path, data: bytes) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyProblem(_not_a_key(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(_not_a_key(path))
    return key


def _create(grading: Path) -> None:
    """Write a new private key, whole or not at all; the first of two writers wins."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    grading.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    part = part_of(grading / PRIVATE)
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, grading / PRIVATE)
    finally:
        part.unlink(missing_ok=True)


def _publish(grading: Path, key: CourseKey) -> None:
    """Keep course.pub equal to the private key's other half."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
    )

    pem = key.public.key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    path = grading / PUBLIC
    if not path.is_file() or path.read_bytes() != pem:
        write_whole(path, pem)
