"""A corpus: where text comes from, what is kept of it, and on what terms.

    from aulac import corpus
    report = corpus.build(["stories", "laws"], "my-corpus", limits={"stories": 1000})
    for document in corpus.read("my-corpus/train.jsonl"):
        ...

Rooms: `sources` (a registry), `clean` (form and quality), `pii` (personal data),
`dedup` (near copies), `split` (train or validation, by hash), `card` (the data card),
`pipeline` (all of it in order), `stories` (the generator).
"""

from aulac.corpus.card import DataCard
from aulac.corpus.document import Document, read, write
from aulac.corpus.errors import CorpusError, CorpusWarning, SourceError
from aulac.corpus.pipeline import Report, build
from aulac.corpus.sources import SOURCES, Source, load
from aulac.corpus.split import split_of

__all__ = [
    "SOURCES",
    "CorpusError",
    "CorpusWarning",
    "DataCard",
    "Document",
    "Report",
    "Source",
    "SourceError",
    "build",
    "load",
    "read",
    "split_of",
    "write",
]
