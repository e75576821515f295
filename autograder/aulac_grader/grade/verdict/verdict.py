"""A verdict: what a submission earned, from what, under which walls; signed.

A verdict is plain JSON that `verdict.schema.json` describes. It holds no time but the
receipt's, so the same submission gives the same bytes on one worker or on forty, today
or at an appeal. "The same bytes" means `canonical_bytes`: keys sorted, UTF-8, no
spaces, whole numbers without a point (the canonical form of RFC 8785 for the values
that occur here). The signature is Ed25519 over those bytes without `signature`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aulac_grader.grade.verdict.grading_folder import verdict_path, write_whole
from aulac_grader.grade.verdict.keys import CourseKey, PublicKey
from aulac_grader.judge.submitted import Marks

SCHEMA = "aulac/verdict/1"
SCHEMA_FILE = Path(__file__).with_name("verdict.schema.json")
TEXT_CAP = 4000  # characters of a message or an error


class VerdictProblem(ValueError):  # noqa: N818  a sentence for the instructor
    """A verdict is damaged, does not fit its schema, or was not signed by the course."""


def verdict(
    *,
    assignment: str,
    lang: str,
    student: str,
    receipt: Mapping[str, Any],
    environment: Mapping[str, Any],
    source_sha256: str,
    submission_sha256: str,
    rebuilt_sha256: str,
    seeds: Mapping[str, int],
    limits: Mapping[str, Any],
    sandboxed: bool,
    repairs: Iterable[Mapping[str, Any]],
    marks: Marks,
) -> dict[str, Any]:
    """The verdict, not yet signed.

    Args:
        receipt: `received_at` (UTC, ISO 8601), `sha256`, `late_seconds` or None.
        environment: what marked, with its `digest` (`batch.environment`).
        repairs: `{"code": …, "params": {…}}`, in the order they were made.
        marks: what `judge.control.marking.mark` gave; its `measures` are left out.

    Raises:
        VerdictProblem: the values do not fit the schema: a fault of the grader.
    """
    cells = [
        {
            "id": cell.id,
            "kind": cell.kind,
            "status": cell.status,
            "error": _short(cell.error),
        }
        for cell in marks.cells
    ]
    tests = [
        {
            "id": test.id,
            "points": test.points,
            "max_points": test.max_points,
            "status": test.status,
            "message": _short(test.message),
            "visible_failed": test.visible_failed,
        }
        for test in marks.tests
    ]
    found = {
        "schema": SCHEMA,
        "assignment": assignment,
        "lang": lang,
        "student": student,
        "receipt": dict(receipt),
        "environment": dict(environment),
        "source_sha256": source_sha256,
        "submission_sha256": submission_sha256,
        "rebuilt_sha256": rebuilt_sha256,
        "seeds": dict(seeds),
        "limits": dict(limits),
        "tier": dict(marks.tier),
        "sandboxed": sandboxed,
        "repairs": [dict(repair) for repair in repairs],
        "cells": cells,
        "tests": tests,
        "points": math.fsum(test.points for test in marks.tests),
        "max_points": math.fsum(test.max_points for test in marks.tests),
    }
    plain = _plain(found)
    validate(plain, signed=False)
    return plain


def _short(text: str) -> str:
    return text if len(text) <= TEXT_CAP else text[: TEXT_CAP - 1] + "…"


def _plain(value: Any) -> Any:
    """As it comes back from JSON: lists, str that UTF-8 can carry, whole ints."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def canonical_bytes(found: Mapping[str, Any]) -> bytes:
    """The one way to write a verdict; two verdicts are the same iff these are.

    Raises:
        VerdictProblem: a value that JSON does not have (NaN, bytes, …).
    """
    try:
        return json.dumps(
            _plain(found),
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        ).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise VerdictProblem(
            f"The verdict holds what JSON cannot: {error}."
        ) from error


@cache
def _validators() -> tuple[Any, Any]:
    """For signed verdicts, and for those about to be signed."""
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    unsigned = dict(schema)
    unsigned["required"] = [
        name for name in schema["required"] if name != "signature"
    ]
    return Draft202012Validator(schema), Draft202012Validator(unsigned)


def validate(found: Mapping[str, Any], *, signed: bool = True) -> None:
    """Hold a verdict against the schema (JSON Schema 2020-12) and its own sums.

    Raises:
        VerdictProblem: with the first thing that does not fit and where.
    """
    validator = _validators()[0 if signed else 1]
    error = next(iter(validator.iter_errors(found)), None)
    if error is not None:
        raise VerdictProblem(
            f"The verdict does not fit its schema at {error.json_path}: "
            f"{error.message[:300]}"
        )
    for name in ("points", "max_points"):
        total = math.fsum(test[name] for test in found["tests"])
        if found[name] != total:
            raise VerdictProblem(
                f"The verdict says {name} {found[name]:g}, its tests add up to "
                f"{total:g}."
            )
    if set(found["seeds"]) != {test["id"] for test in found["tests"]}:
        raise VerdictProblem(
            "The verdict's seeds and its tests name different tests."
        )


def _body(found: Mapping[str, Any]) -> bytes:
    return canonical_bytes(
        {key: value for key, value in found.items() if key != "signature"}
    )


def sign(found: Mapping[str, Any], key: CourseKey) -> dict[str, Any]:
    """The verdict with its signature; signing again changes nothing."""
    signature = {
        "algorithm": "Ed25519",
        "key": key.public.name,
        "value": key.sign(_body(found)),
    }
    return {**found, "signature": signature}


def check_signature(found: Mapping[str, Any], key: PublicKey) -> bool:
    """Did the course sign exactly this?"""
    signature = found.get("signature")
    if not isinstance(signature, Mapping) or signature.get("key") != key.name:
        return False
    return key.check(_body(found), str(signature.get("value")))


def digest(found: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical bytes, hexadecimal."""
    return hashlib.sha256(canonical_bytes(found)).hexdigest()


def write(folder: Path, found: Mapping[str, Any]) -> Path:
    """Put a signed verdict into an assignment's grading folder.

    Raises:
        VerdictProblem: it does not fit the schema.
        OSError: the disk is full or read-only; the earlier verdict stands.
    """
    validate(found)
    path = verdict_path(folder, found["student"])
    write_whole(path, canonical_bytes(found) + b"\n")
    return path


def read(
    folder: Path, student: str, key: PublicKey | None = None
) -> dict[str, Any] | None:
    """The verdict on `student`, or None where none was written.

    Args:
        key: when given, the signature is checked too.

    Raises:
        VerdictProblem: the file is damaged, does not fit, is on somebody else, or was
            not signed with the course's key.
    """
    path = verdict_path(folder, student)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    advice = f"`aulac grade regrade {folder.name} {student}` marks again."
    try:
        found = json.loads(data)
        validate(found)
    except (ValueError, RecursionError) as error:
        raise VerdictProblem(f"{path} is damaged: {error} {advice}") from error
    if found["student"] != student:
        raise VerdictProblem(
            f"{path} is about {found['student']}: somebody moved it. {advice}"
        )
    if key is not None and not check_signature(found, key):
        raise VerdictProblem(
            f"{path} was changed after it was signed, or signed with another "
            f"course's key. {advice}"
        )
    return found
