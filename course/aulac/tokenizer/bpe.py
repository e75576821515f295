"""Byte-level BPE by hand: training, encoding and decoding in pure Python.

- the base is the 256 bytes, so no text is ever unknown;
- text is cut into pieces first (a syllable with the space before it, punctuation,
  numbers in threes) and merges never cross a cut;
- training counts each distinct piece once and, after a merge, touches only the pieces
  that held the merged pair; a lazy heap finds the next pair (Sennrich et al., 2016);
- a tie goes to the pair with the smaller ids, so the merges are those of Hugging
  Face's `tokenizers`, in the same order.

Read it in one sitting; `aulac.tokenizer.Tokenizer` is the same thing, in Rust.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import regex

from aulac.tokenizer.alphabet import BYTES

Pair = tuple[int, int]

# A syllable with the space before it; punctuation with the newlines after it;
# newlines; any other space by itself. \p{M} keeps a combining mark with its letter.
# Two spaces never merge: that is what lets stage one of a superword tokenizer mean
# the same when nothing is cut at syllables any more.
SYLLABLES = r" ?[\p{L}\p{M}]+| ?[^\s\p{L}\p{M}\p{N}]+\n*|\n+|\s"
PIECE = regex.compile(r"\p{N}+|" + SYLLABLES)
THREES = regex.compile(r"(?=(?:\d{3})+(?!\d))")


def pieces(text: str) -> Iterator[str]:
    """Cut NFC(text) into the pieces inside which merges may happen.

    >>> list(pieces("Năm 1945, cả nước"))
    ['Năm', ' ', '1', '945', ',', ' cả', ' nước']
    """
    for piece in PIECE.findall(unicodedata.normalize("NFC", text)):
        if piece[0].isnumeric():
            yield from filter(None, THREES.split(piece))
        else:
            yield piece


def count_pairs(
    words: list[list[int]], times: list[int]
) -> tuple[Counter[Pair], defaultdict[Pair, set[int]]]:
    """How often each adjacent pair occurs, and in which words."""
    counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for place, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += times[place]
            where[pair].add(place)
    return counts, where


def merge_word(
    word: list[int], pair: Pair, new: int
) -> list[tuple[Pair, int]]:
    """Replace `pair` by `new` in `word`, in place, from left to right.

    Returns what that changed: (pair, -1) for a neighbourhood lost and
    (pair, +1) for one gained.
    """
    changes: list[tuple[Pair, int]] = []
    left, right = pair
    place = 0
    while place < len(word) - 1:
        if word[place] == left and word[place + 1] == right:
            if place > 0:
                before = word[place - 1]
                changes += [((before, left), -1), ((before, new), +1)]
            if place + 2 < len(word):
                after = word[place + 2]
                changes += [((right, after), -1), ((new, after), +1)]
            word[place : place + 2] = [new]
        place += 1
    return changes


class BPE:
    """A byte-level BPE tokenizer, which is nothing but its merge list.

    merges: pairs of byte strings, the earliest first. cut: how a text falls into
    pieces; `pieces` unless you try another. Ids: the 256 bytes in the order of
    `alphabet.BYTES`, then one for each new token.
    """

    def __init__(
        self,
        merges: Iterable[tuple[bytes, bytes]] = (),
        cut: Callable[[str], Iterable[str]] = pieces,
    ) -> None:
        self.cut = cut
        self.merges: list[tuple[bytes, bytes]] = []
        self.tokens: list[bytes] = list(BYTES)
        self.ids: dict[bytes, int] = {
            byte: place for place, byte in enumerate(BYTES)
        }
        self.ranks: dict[
            Pair, tuple[int, int]
        ] = {}  # pair: its rank, its new id
        self._known: dict[str, list[int]] = {}
        for left, right in merges:
            self.add((self.ids[left], self.ids[right]))

    def add(self, pair: Pair) -> int:
        """Append a merge; returns the id of what it makes."""
        left, right = self.tokens[pair[0]], self.tokens[pair[1]]
        if left + right not in self.ids:
            self.ids[left + right] = len(self.tokens)
            self.tokens.append(left + right)
        self.ranks[pair] = len(self.merges), self.ids[left + right]
        self.merges.append((left, right))
        return self.ids[left + right]

    @property
    def vocab_size(self) -> int:
        """Number of tokens: 256 bytes and what the merges made."""
        return len(self.tokens)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        progress: bool = False,
        least: int = 2,
        cut: Callable[[str], Iterable[str]] = pieces,
    ) -> BPE:
        """Learn merges until there are `vocab_size` tokens.

        Stops early, with fewer tokens, when no pair occurs `least` times any more.
        """
        bpe = cls(cut=cut)
        counted = Counter(piece for text in texts for piece in cut(text))
        words = [bpe.start(piece) for piece in counted]
        times = list(counted.values())
        counts, where = count_pairs(words, times)
        heap = [(-count, pair) for pair, count in counts.items()]
        heapq.heapify(heap)
        while heap and bpe.vocab_size < vocab_size:
            count, pair = heapq.heappop(heap)
            if (
                -count != counts[pair]
            ):  # an old entry: the pair is rarer by now
                heapq.heappush(heap, (-counts[pair], pair))
                continue
            if -count < max(1, least):
                break
            new = bpe.add(pair)
            gained = set()
            for place in where.pop(pair):
                for changed, sign in merge_word(words[place], pair, new):
                    counts[changed] += sign * times[place]
                    if sign > 0:
                        where[changed].add(place)
                        gained.add(changed)
            for changed in gained:
                heapq.heappush(heap, (-counts[changed], changed))
            if progress and bpe.vocab_size % 500 == 0:
                print(f"{bpe.vocab_size:>6} {bpe.tokens[-1]!r}")
        return bpe

    def start(self, piece: str) -> list[int]:
        """A piece as single bytes: the ids before any merge."""
        return [self.ids[bytes([byte])] for byte in piece.encode()]

    def encode(self, text: str) -> list[int]:
        """Ids of NFC(text): in each piece, the earliest merge first."""
        ids: list[int] = []
        for piece in self.cut(unicodedata.normalize("NFC", text)):
            if piece not in self._known:
                self._known[piece] = self.encode_piece(piece)
            ids += self._known[piece]
        return ids

    def encode_piece(self, piece: str) -> list[int]:
        """Merge by rank until no adjacent pair is in the merge list."""
        word = self.start(piece)
        while True:
            pairs = set(pairwise(word)) & self.ranks.keys()
            if not pairs:
                return word
            first = min(pairs, key=self.ranks.__getitem__)
            merge_word(word, first, self.ranks[first][1])

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of a list of ids."""
        return b"".join(self.tokens[token] for token in ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; bytes that form no whole character become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")
