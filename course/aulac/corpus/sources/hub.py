"""Data sets of the Hugging Face hub, streamed, with the revision pinned.

The parquet files are named directly, `hf://datasets/REPO@REVISION/GLOB`, so nothing
depends on the repository's README, and a folder that copies the hub's layout (a
mirror) is read by the very same code. A mirror is looked for in option `mirror`, then
in the environment variable AULAC_HUB_MIRROR.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from aulac.corpus.document import Document
from aulac.corpus.errors import SourceError

#: Seconds the hub gets to answer before we say that it cannot be reached.
PATIENCE = 10.0


@dataclass(frozen=True)
class HubSource:
    """A folder of parquet files in a data set repository.

    Attributes:
        name: the source's name here.
        repository: "owner/name" on the hub.
        revision: full commit hash, so that the same call reads the same bytes for ever.
        glob: the files, inside the repository.
        licence, url: for the data card.
    """

    name: str
    repository: str
    revision: str
    glob: str
    licence: str

    @property
    def url(self) -> str:
        return f"https://huggingface.co/datasets/{self.repository}"

    def load(
        self,
        limit: int | None = None,
        seed: int = 0,
        mirror: str | Path | None = None,
        shuffle: bool = True,
        **_: Any,
    ) -> Iterator[Document]:
        """Documents in an order that `seed` decides (a buffer of 1,000 is shuffled).

        Args:
            limit: only a hint here; the caller stops reading.
            seed: order; `shuffle=False` keeps the files' own.
            mirror: folder that copies the repository, or that holds
                owner/name/… for several repositories.

        Raises:
            SourceError: hub not reachable, or no such file in the mirror.
        """
        mirror = mirror or os.environ.get("AULAC_HUB_MIRROR")
        files = self._in_mirror(Path(mirror)) if mirror else self._on_hub()
        if shuffle:
            random.Random(seed).shuffle(files)
        rows = self._rows(files)
        for row in shuffled(rows, seed) if shuffle else rows:
            text = row.get("text")
            if isinstance(text, str):
                yield self._document(row, text)

    def _rows(self, files: list[str]) -> Iterator[dict[str, Any]]:
        from datasets import load_dataset
        from datasets.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            yield from load_dataset(
                "parquet", data_files=files, split="train", streaming=True
            )
        except (OSError, ConnectionError, RuntimeError) as error:
            # datasets and huggingface_hub wrap broken connections in all three.
            raise self._unreachable(error) from error

    def _document(self, row: dict[str, Any], text: str) -> Document:
        name = str(row.get("id") or "")
        kept = ("url", "date", "dump", "language_score")
        return Document(
            text=text,
            source=self.name,
            licence=self.licence,
            id=f"{self.name}/{name}" if name else "",
            title=str(row.get("title") or ""),
            meta={key: row[key] for key in kept if row.get(key) is not None},
        )

    def _in_mirror(self, mirror: Path) -> list[str]:
        mirror = mirror.expanduser()
        roots = (
            mirror / self.repository,
            mirror / "datasets" / self.repository,
            mirror,
        )
        for root in roots:
            files = sorted(str(path) for path in root.glob(self.glob))
            if files:
                return files
        tried = "; ".join(str(root / self.glob) for root in roots)
        raise SourceError(
            f"The mirror {mirror} holds no file of {self.repository}. Tried: {tried}. "
            f"Copy the files {self.glob} of {self.url} there, keeping their folders.",
            f"Bản sao {mirror} không có tệp nào của {self.repository}. Đã tìm: {tried}. "
            f"Hãy chép các tệp {self.glob} từ {self.url} vào đó, giữ nguyên thư mục.",
        )

    def _on_hub(self) -> list[str]:
        """The files' addresses at the pinned revision.

        One quick question first, because `datasets` itself would retry for minutes.
        """
        from huggingface_hub import HfApi, constants

        if constants.is_offline_mode():
            raise self._unreachable("HF_HUB_OFFLINE is set")
        folder = self.glob.rpartition("/")[0]
        try:
            api = HfApi()
            api.dataset_info(
                self.repository, revision=self.revision, timeout=PATIENCE
            )
            tree = api.list_repo_tree(
                self.repository,
                folder,
                revision=self.revision,
                repo_type="dataset",
            )
            paths = sorted(entry.path for entry in tree)
        except Exception as error:  # any failure here means: not readable now
            raise self._unreachable(error) from error
        start = f"hf://datasets/{self.repository}@{self.revision}"
        return [
            f"{start}/{path}" for path in paths if fnmatch(path, self.glob)
        ]

    def _unreachable(self, why: object) -> SourceError:
        folder = self.glob.rsplit("/", 1)[0]
        reason = " ".join(str(why).split())[:200] or type(why).__name__
        fetch = (
            f"hf download --repo-type dataset {self.repository} "
            f"--revision {self.revision} --include '{self.glob}' "
            f"--local-dir mirror/{self.repository}"
        )
        return SourceError(
            f"Source '{self.name}' could not be read from the hub. "
            f"Tried: {self.url} at revision {self.revision[:12]}, files {self.glob} "
            f"({reason}). By hand, where there is a network: {fetch} ; then carry the "
            f"folder here so that mirror/{self.repository}/{folder} exists and set "
            "AULAC_HUB_MIRROR=mirror (or --mirror mirror). "
            "With no network at all, use the default: stories laws.",
            f"Không đọc được nguồn '{self.name}' từ Hugging Face. "
            f"Đã thử: {self.url}, bản {self.revision[:12]}, tệp {self.glob} ({reason}). "
            f"Tải bằng tay ở máy có mạng: {fetch} ; rồi chép thư mục về đây sao cho có "
            f"mirror/{self.repository}/{folder} và đặt AULAC_HUB_MIRROR=mirror "
            "(hoặc --mirror mirror). "
            "Nếu không có mạng, hãy dùng mặc định: stories laws.",
        )


def shuffled(
    rows: Iterable[dict[str, Any]], seed: int, size: int = 1_000
) -> Iterator[dict[str, Any]]:
    """A stream in another order: each row waits its turn in a buffer of `size`.

    `datasets` has the same, but it opens every shard at once, each in a thread, and
    sleeps five seconds at the end.
    """
    rng = random.Random(seed)
    buffer: list[dict[str, Any]] = []
    for row in rows:
        if len(buffer) < size:
            buffer.append(row)
            continue
        place = rng.randrange(size)
        yield buffer[place]
        buffer[place] = row
    rng.shuffle(buffer)
    yield from buffer


WIKIPEDIA = HubSource(
    "wikipedia",
    "wikimedia/wikipedia",
    "b04c8d1ceb2f5cd4588862100d08de323dccfbaa",
    "20231101.vi/*.parquet",
    "CC BY-SA 3.0 and GFDL (Wikipedia's authors)",
)
FINEWEB2 = HubSource(
    "fineweb2",
    "HuggingFaceFW/fineweb-2",
    "af9c13333eb981300149d5ca60a8e9d659b276b9",
    "data/vie_Latn/train/*.parquet",
    "ODC-By 1.0; the pages themselves stay their owners' (Common Crawl terms)",
)
