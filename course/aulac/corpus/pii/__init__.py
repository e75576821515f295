"""Personal data in Vietnamese text: find it, and put a typed placeholder instead.

What is looked for: telephone numbers (prefixes before and after 2018), e-mail, the
12-digit citizen number with its real structure, and, only after words that announce
them, 9-digit identity cards, passports, bank accounts and home addresses; licence
plates by province code. What is *not* looked for, because a pattern cannot: names,
faces, health, opinions. So this lowers a risk and never removes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aulac.corpus.pii.patterns import DETECTORS, PLACEHOLDERS, normal_digits

__all__ = ["PLACEHOLDERS", "Finding", "find", "normal_digits", "redact"]


@dataclass(frozen=True)
class Finding:
    """One piece of personal data: `text[start:end]`.

    `kind` is a key of `PLACEHOLDERS`: phone, email, cccd, cmnd, passport,
    bank_account, plate, address.
    """

    kind: str
    start: int
    end: int
    text: str


def find(text: str) -> list[Finding]:
    """All findings in `text`, left to right, never overlapping.

    Where two kinds claim the same characters the more specific wins: detectors run
    in the order of `DETECTORS`, and what is taken stays taken.
    """
    found: list[Finding] = []
    for kind, detect in DETECTORS.items():
        for start, end in detect(text):
            if all(end <= f.start or f.end <= start for f in found):
                found.append(Finding(kind, start, end, text[start:end]))
    return sorted(found, key=lambda finding: finding.start)


def redact(text: str) -> tuple[str, list[Finding]]:
    """`text` with each finding replaced by its placeholder, and the findings.

    The placeholders hold nothing a detector reacts to, so redacting twice changes
    nothing more. Offsets in the findings refer to the text that came in.
    """
    findings = find(text)
    parts, at = [], 0
    for finding in findings:
        parts += [text[at : finding.start], PLACEHOLDERS[finding.kind]]
        at = finding.end
    return "".join(parts) + text[at:], findings
