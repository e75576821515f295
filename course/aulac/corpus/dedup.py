"""Near-duplicates: MinHash signatures by hand in numpy, and banding to find pairs.

    shingles → minhash (128 numbers a document) → bands → candidate pairs → keep one

Two passes over the documents. Memory holds per document one signature (512 bytes) and
one 64-bit key a band, never the texts; a list is walked twice, any other iterable is
spooled to a temporary file. Exact copies are found first, by hash, and cost 16 bytes.

Source: Broder 1997, "On the resemblance and containment of documents"; banding as in
Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3.
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from aulac.corpus.document import Document, read, stable_hash, write
from aulac.text import normalise

# The Jaccard estimate's standard error is at most 1 / (2 sqrt(128)) = 0.044.
NUM_HASHES = 128
SHINGLE = 5  # syllables in a window
_CHUNK = 4096  # shingles hashed at a time: bounds memory for a huge document
_NEIGHBOURS = (
    64  # kept documents compared with, at most, in one crowded bucket
)


_WORDS = re.compile(r"\w+")


def syllables_and_numbers(text: str) -> list[str]:
    """Lower-case syllables and numbers in order, without punctuation, in NFC."""
    return _WORDS.findall(normalise(text).lower())


def shingles(text: str, size: int = SHINGLE) -> set[str]:
    """The set of windows of `size` consecutive syllables (or numbers), lower case.

    A text shorter than one window is its own single shingle; an empty one has none.
    """
    words = syllables_and_numbers(text)
    if len(words) < size:
        return {" ".join(words)} if words else set()
    return {
        " ".join(words[i : i + size]) for i in range(len(words) - size + 1)
    }


def jaccard(a: set[Any], b: set[Any]) -> float:
    """Shared elements over all elements, 0 to 1; two empty sets count as equal."""
    return len(a & b) / len(a | b) if a or b else 1.0


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers so that neighbours end up anywhere (splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def word_codes(text: str) -> np.ndarray:
    """A number for each syllable of a text, in order: (n,) uint64."""
    words = syllables_and_numbers(text)
    return np.array([zlib.crc32(word.encode()) for word in words], np.uint64)


def rolling_hashes(codes: np.ndarray) -> Iterator[np.ndarray]:
    """Hashes of all windows of 1, 2, 3, … of the codes (n,), in order.

    Returns:
        (n,) uint64, then (n - 1,), … to (1,); nothing where there is no code.
    """
    total = np.zeros(len(codes), np.uint64)
    for place in range(len(codes)):
        total = _mix(
            total[: len(codes) - place]
            + codes[place:]
            + np.uint64(0x9E3779B97F4A7C15)
        )
        yield total


def window_hashes(codes: np.ndarray, size: int) -> np.ndarray:
    """Distinct hashes of windows of `size` codes (n,), or of all n where n is less.

    Returns:
        (S,) uint64, sorted, S the number of distinct windows.
    """
    last = deque(islice(rolling_hashes(codes), size), maxlen=1)
    return np.unique(last.pop()) if last else np.empty(0, np.uint64)


def shingle_hashes(text: str, size: int = SHINGLE) -> np.ndarray:
    """The same set as `shingles`, as sorted distinct uint64, without the strings.

    Returns:
        (S,) uint64, S the number of distinct windows.
    """
    return window_hashes(word_codes(text), size)


@lru_cache(maxsize=16)
def hash_functions(num: int = NUM_HASHES, seed: int = 1) -> np.ndarray:
    """`num` random hash functions x → (a·x + b) mod 2⁶⁴, as (2, num) uint64, a odd."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 2**64, (2, num), np.uint64)
    table[0] |= np.uint64(1)  # an odd factor loses no bit
    table.setflags(write=False)  # the cache hands out this very array
    return table


def minhash(
    text: str | np.ndarray,
    num: int = NUM_HASHES,
    size: int = SHINGLE,
    seed: int = 1,
) -> np.ndarray:
    """The signature: for each hash function, the smallest value over all shingles.

    The share of equal positions in two signatures estimates the Jaccard similarity of
    the two sets, with standard error √(J(1−J)/num): at most 0.044 for 128.

    Args:
        text: a text, or the (S,) array from `shingle_hashes`.

    Returns:
        (num,) uint32; all ones (2³²−1) for an empty text.
    """
    items = shingle_hashes(text, size) if isinstance(text, str) else text
    a, b = hash_functions(num, seed)
    signature = np.full(num, 2**32 - 1, np.uint32)
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK, None]  # (C, 1)
        values = (chunk * a + b) >> np.uint64(32)  # (C, num), wraps mod 2⁶⁴
        signature = np.minimum(signature, values.min(axis=0).astype(np.uint32))
    return signature


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Estimated Jaccard: the share of positions where two signatures agree."""
    return float(np.mean(a == b))


def match_probability(
    similarity: float | np.ndarray, bands: int, rows: int
) -> float | np.ndarray:
    """Chance that two documents share at least one whole band: 1 − (1 − sʳ)ᵇ."""
    return 1 - (1 - np.asarray(similarity, float) ** rows) ** bands


def bands_for(threshold: float, num: int = NUM_HASHES) -> tuple[int, int]:
    """(bands, rows) with the steepest point of the S-curve at or below `threshold`.

    A pair missed stays in the corpus for ever; a pair proposed in vain costs one
    comparison. So among the choices that find a pair at the threshold itself with
    at least 95 % probability, the one with the most rows is taken.

    Raises:
        ValueError: threshold outside (0, 1], or no hash functions.
    """
    if not 0 < threshold <= 1 or num < 1:
        raise ValueError(
            f"threshold must lie in (0, 1] and num be at least 1: {threshold}, {num}"
        )
    for rows in range(num, 1, -1):
        if match_probability(threshold, num // rows, rows) >= 0.95:
            return num // rows, rows
    return num, 1


@dataclass
class Clusters:
    """What deduplication found.

    Attributes:
        seen, exact, near: documents read, dropped as copies, dropped as near copies.
        dropped: id of each dropped document → (id of the kept one, similarity).
        bands, rows: how the signatures were cut.
    """

    threshold: float = 0.8
    bands: int = 0
    rows: int = 0
    seen: int = 0
    exact: int = 0
    near: int = 0
    dropped: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def clusters(self) -> dict[str, list[str]]:
        """Kept id → ids dropped in its favour, largest first."""
        groups: dict[str, list[str]] = {}
        for name, (kept, _) in self.dropped.items():
            groups.setdefault(kept, []).append(name)
        return dict(sorted(groups.items(), key=lambda item: -len(item[1])))

    def to_dict(self, largest: int = 20) -> dict[str, Any]:
        """Numbers and the `largest` clusters, for report.json."""
        top = list(self.clusters.items())[:largest]
        return {
            "threshold": self.threshold,
            "bands": self.bands,
            "rows": self.rows,
            "seen": self.seen,
            "exact_duplicates": self.exact,
            "near_duplicates": self.near,
            "clusters": len(self.clusters),
            "largest": [
                {"kept": kept, "dropped": names} for kept, names in top
            ],
        }


class Index:
    """First pass: `add` each document. Then `drops()` says which ones go.

    A document goes when it resembles an *earlier one that stays*; so no two survivors
    are near-duplicates of each other (up to what banding misses), and a long chain of
    slight changes is thinned out rather than thrown away whole.
    """

    def __init__(
        self,
        threshold: float = 0.8,
        num: int = NUM_HASHES,
        size: int = SHINGLE,
        seed: int = 1,
    ) -> None:
        self.threshold, self.num, self.size, self.seed = (
            threshold,
            num,
            size,
            seed,
        )
        self.bands, self.rows = bands_for(threshold, num)
        self.report = Clusters(threshold, self.bands, self.rows)
        self._exact: dict[bytes, int] = {}
        self._copies: dict[
            int, int
        ] = {}  # position of a copy → of its original
        self._signatures: list[np.ndarray] = []
        self._position: list[
            int
        ] = []  # of each signature, among all documents
        self._names: list[str] = []

    def add(self, document: Document) -> None:
        """Remember one document; its text is not kept."""
        position = len(self._names)
        self._names.append(document.id)
        plain = " ".join(document.text.casefold().split())
        key = bytes.fromhex(stable_hash(plain, size=16))
        first = self._exact.setdefault(key, position)
        if first != position:
            self._copies[position] = first
            return
        self._signatures.append(
            minhash(document.text, self.num, self.size, self.seed)
        )
        self._position.append(position)

    def drops(self) -> set[int]:
        """Positions (in the order of `add`) to leave out; fills `report`."""
        report = self.report = Clusters(self.threshold, self.bands, self.rows)
        report.seen, report.exact = len(self._names), len(self._copies)
        near = self._near()
        report.near = len(near)
        gone = {
            self._position[i]: (self._position[j], s)
            for i, (j, s) in near.items()
        }
        for position in sorted(gone | self._copies.keys()):
            first, share = gone.get(position) or (self._copies[position], 1.0)
            # A copy of something that itself went belongs to what stayed instead.
            kept = gone[first][0] if first in gone else first
            report.dropped[self._names[position]] = (self._names[kept], share)
        return set(gone) | set(self._copies)

    def _near(self) -> dict[int, tuple[int, float]]:
        """Signature index of each near copy → (index kept, estimated Jaccard)."""
        if not self._signatures:
            return {}
        crowded, buckets = self._buckets()
        kept: dict[tuple[int, int], list[int]] = {}
        near: dict[int, tuple[int, float]] = {}
        for i in crowded:
            mine = [
                (band, int(b)) for band, b in enumerate(buckets[i]) if b >= 0
            ]
            others = sorted(
                {j for bucket in mine for j in kept.get(bucket, ())}
            )
            if others:
                block = np.stack(
                    [self._signatures[j] for j in others]
                )  # (K, num)
                shares = (block == self._signatures[i]).mean(axis=1)  # (K,)
                best = int(shares.argmax())
                if shares[best] >= self.threshold:
                    near[i] = (others[best], float(shares[best]))
                    continue
            for bucket in mine:
                members = kept.setdefault(bucket, [])
                if len(members) < _NEIGHBOURS:
                    members.append(i)
        return near

    def _buckets(self) -> tuple[list[int], np.ndarray]:
        """Documents that share a band with another, and their bucket in each band.

        Returns:
            indices in order, and (N, bands) int32 with −1 where a bucket holds one.
        """
        n = len(self._signatures)
        weights = hash_functions(self.rows, seed=2)[0]
        used = self.bands * self.rows
        keys = np.empty((n, self.bands), np.uint64)
        for start in range(0, n, _CHUNK):
            block = np.stack(
                self._signatures[start : start + _CHUNK]
            )  # (B, num)
            parts = block[:, :used].reshape(len(block), self.bands, self.rows)
            keys[start : start + _CHUNK] = _mix(parts * weights).sum(axis=2)
        table = np.full((n, self.bands), -1, np.int32)
        for band in range(self.bands):
            _, bucket, size = np.unique(
                keys[:, band], return_inverse=True, return_counts=True
            )
            table[:, band] = np.where(size[bucket] > 1, bucket, -1)
        crowded = np.flatnonzero((table >= 0).any(axis=1))
        return crowded.tolist(), table


def deduplicate(
    documents: Iterable[Document],
    threshold: float = 0.8,
    num: int = NUM_HASHES,
    size: int = SHINGLE,
    report: Clusters | None = None,
) -> Iterator[Document]:
    """The documents without exact and near copies; the first of its kind stays.

    Args:
        documents: a sequence (walked twice) or any iterable (spooled to disk).
        threshold: estimated Jaccard similarity from which two are "the same".
        num: hash functions in a signature.
        size: syllables in a shingle.
        report: an empty `Clusters`, filled when given.
    """
    index = Index(threshold, num, size)
    if isinstance(documents, Sequence):
        for document in documents:
            index.add(document)
        yield from _survivors(documents, index, report)
        return
    with tempfile.TemporaryDirectory(prefix="aulac-dedup-") as folder:
        spool = Path(folder) / "documents.jsonl"
        write(_indexed(documents, index), spool)
        yield from _survivors(read(spool), index, report)


def _indexed(
    documents: Iterable[Document], index: Index
) -> Iterator[Document]:
    for document in documents:
        index.add(document)
        yield document


def _survivors(
    documents: Iterable[Document], index: Index, report: Clusters | None
) -> Iterator[Document]:
    gone = index.drops()
    if report is not None:
        report.__dict__.update(index.report.__dict__)
    for position, document in enumerate(documents):
        if position not in gone:
            yield document
