"""What ablations learn from and are measured on: text, tokenizers, shards.

- a corpus folder (`AULAC_CORPUS`, or `data/local/corpus` where it stands), or else
  the embedded stories and laws, cleaned, deduplicated and split on the spot
- a sample of its training documents, chosen by the hash of their ids
- held-out passages of at most 2,000 bytes from its validation documents, every source
  in the share it has there; of many documents the first passage, of few (the law) more
- tokenizers and shards are made once and kept in the folder given
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from aulac.corpus import build, read
from aulac.corpus.document import stable_hash
from aulac.tokenizer import Tokenizer, train
from aulac.train.shards import Shards, write_texts

LOCAL = Path(__file__).parents[1] / "data" / "local" / "corpus"
PASSAGE = 2_000  # bytes
STORIES = 8_000  # of the embedded corpus: 6 MB beside the 3 MB of laws


@dataclass(frozen=True)
class Passage:
    """A held-out piece of text and where it is from."""

    source: str
    text: str


def corpus_folder(folder: Path, megabytes: float) -> Path:
    """The corpus asked for, the local one, or the embedded one, made in `folder`."""
    if asked := os.environ.get("AULAC_CORPUS"):
        if not (Path(asked) / "validation.jsonl").is_file():
            raise SystemExit(
                f"AULAC_CORPUS={asked} holds no validation.jsonl: name a folder that "
                "`aulac corpus build` wrote."
            )
        return Path(asked)
    if (LOCAL / "validation.jsonl").is_file():
        return LOCAL
    stories = min(STORIES, max(200, round(1_000 * megabytes)))
    made = folder / f"embedded-{stories}"
    if not made.is_dir():
        laws = max(20, round(stories / 4))
        limits = {"stories": stories, "laws": laws}
        options = {"validation": 0.05, "progress": False}
        build(["stories", "laws"], made, limits=limits, **options)
    return made


class Text:
    """A corpus folder as samples, tokenizers and shards."""

    def __init__(
        self, folder: Path, megabytes: float, held_bytes: int
    ) -> None:
        """`megabytes`: of training text at most; `held_bytes`: of held-out text."""
        self.corpus = corpus_folder(folder, megabytes)
        self.held = passages(self.corpus / "validation.jsonl", held_bytes)
        self.documents = sample(self.corpus / "train.jsonl", megabytes * 1e6)
        digest = hashlib.sha256()
        for text in [*self.documents, *(p.text for p in self.held)]:
            digest.update(text.encode())
        self.key = digest.hexdigest()[:12]
        self.folder = folder / f"text-{self.key}"

    def tokenizer(self, superwords: bool, vocabulary: int) -> Tokenizer:
        """Trained on the sample, the first time that it is asked for.

        Raises VocabularyError where the text is too small for so many tokens.
        """
        kind = "superwords" if superwords else "plain"
        kept = self.folder / f"tokenizer-{kind}-{vocabulary}"
        if not kept.is_dir():
            made = train(
                self.documents, vocabulary, superwords, progress=False
            )
            part = kept.with_name(kept.name + ".part")
            made.save(part)
            part.rename(kept)
        return Tokenizer.load(kept)

    def shards(self, superwords: bool, vocabulary: int) -> Shards:
        """The sample in that tokenizer's ids."""
        kind = "superwords" if superwords else "plain"
        kept = self.folder / f"shards-{kind}-{vocabulary}"
        if not kept.is_dir():
            tokenizer = self.tokenizer(superwords, vocabulary)
            write_texts(self.documents, tokenizer, kept)
        return Shards.open(kept)


def sample(path: Path, limit: float) -> list[str]:
    """Texts of a share of documents, chosen by hash: about `limit` bytes."""
    share = limit / path.stat().st_size
    return [d.text for d in read(path) if place(d.source, d.id) < share]


def place(source: str, name: str) -> float:
    """Where in [0, 1) a document stands, whatever others there are."""
    return int(stable_hash("ablation", source, name), 16) / 2**64


def passages(path: Path, limit: int) -> list[Passage]:
    """Held-out passages, `limit` bytes or a little less, sources in their shares."""
    bytes_of: dict[str, int] = defaultdict(int)
    found: dict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for document in read(path):
        bytes_of[document.source] += document.bytes
        where = place(document.source, document.id)
        for turn, text in enumerate(cut(document.text)):
            found[document.source].append((turn, where, text))
    kept: list[Passage] = []
    for source in sorted(found):
        room = limit * bytes_of[source] / sum(bytes_of.values())
        texts = [text for _, _, text in sorted(found[source])]
        ends = accumulate(len(text.encode()) for text in texts)
        kept += [
            Passage(source, text)
            for number, (text, end) in enumerate(zip(texts, ends, strict=True))
            if end <= room or number == 0
        ]
    return kept


def cut(text: str) -> Iterator[str]:
    """A document in passages of whole lines; a line too long stands alone, cut."""
    held: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        line = line.encode()[:PASSAGE].decode(errors="ignore")
        if held and size + len(line.encode()) > PASSAGE:
            yield "".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line.encode())
    if "".join(held).strip():
        yield "".join(held)
