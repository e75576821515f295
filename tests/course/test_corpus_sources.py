"""Every source yields the same record, and every bad input a sentence."""

import gzip
import json
import lzma
import os
import random
import socket
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from aulac.corpus import (
    SOURCES,
    CorpusError,
    CorpusWarning,
    Document,
    SourceError,
    load,
    read,
    write,
)
from aulac.corpus.decode import BinaryError, decode
from aulac.corpus.sources.local import cut
from aulac.text import encode_legacy

TEXT = "Trời trong xanh, biển nhẹ nhàng dâng hơi nước vào đất liền."


def texts(path, **options):
    return [document.text for document in load(path, **options)]


# --- the record -------------------------------------------------------------------
def test_document_names_itself_by_source_and_text():
    one, same = Document("a", "s", "l"), Document("a", "s", "other")
    assert one.id == same.id
    assert one.id != Document("a", "t", "l").id
    assert Document("a", "s", "l", "mine").id == "mine"
    assert Document("ế", "s", "l").bytes == 3


def test_documents_survive_the_disk(tmp_path):
    documents = [
        Document(TEXT, "s", "l", title="Trời", meta={"kind": "story"}),
        Document("dòng\n\nkhác \u2028 \x85", "s", "l"),
    ]
    assert write(documents, tmp_path / "a.jsonl") == 2
    assert list(read(tmp_path / "a.jsonl")) == documents


def test_reading_a_corpus_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(CorpusError, match="aulac corpus build"):
        list(read(tmp_path / "none.jsonl"))


def test_reading_a_damaged_corpus_names_the_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": "b', encoding="utf-8")
    with pytest.raises(CorpusError, match="Line 2 of"):
        list(read(path))


# --- the registry -----------------------------------------------------------------
def test_each_source_says_what_it_is_in_both_languages_and_on_what_terms():
    assert set(SOURCES) == {"stories", "laws", "wikipedia", "fineweb2"}
    for source in SOURCES.values():
        assert set(source.description) == {"vi", "en"}
        assert source.licence


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        SourceError, match="stories, laws, wikipedia, fineweb2"
    ) as e:
        load("lawz")
    assert "đường dẫn" in e.value.vi


def test_laws_are_running_text_by_article():
    documents = list(load("laws"))
    assert len(documents) > 2500
    assert len({d.id for d in documents}) == len(documents)
    assert len({d.meta["code"] for d in documents}) == 6
    assert sum(d.bytes for d in documents) > 3_000_000
    assert all(d.text.startswith(("Điều", "Đi")) for d in documents)
    first = documents[0]
    assert first.text.split("\n")[1].startswith(
        "Bộ luật này quy định địa vị pháp lý"
    )
    assert first.title == "Bộ luật dân sự 2015, Điều 1. Phạm vi điều chỉnh"


def test_a_small_limit_sees_all_six_codes():
    assert len({d.meta["code"] for d in load("laws", limit=6)}) == 6


def test_stories_are_as_many_as_asked_for_and_the_same_for_a_seed():
    once = list(load("stories", limit=20, seed=3))
    assert len(once) == 20
    assert {d.source for d in once} == {"stories"}
    assert once == list(load("stories", limit=20, seed=3))
    assert once != list(load("stories", limit=20, seed=4))


# --- local files ------------------------------------------------------------------
RECORDS = [
    {"text": TEXT, "title": "một"},
    {"text": TEXT + " Hết.", "title": "hai"},
]
LINES = "".join(
    json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS
).encode()


def write_parquet(path: Path, records=RECORDS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(records), path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", LINES),
        ("a.jsonl.xz", lzma.compress(LINES)),
        ("a.jsonl.gz", gzip.compress(LINES)),
        ("a.json", json.dumps(RECORDS).encode()),
        ("a.json.gz", gzip.compress(json.dumps(RECORDS).encode())),
        ("a.JSONL", LINES.replace(b'"text"', b'"content"')),
    ],
)
def test_every_format_gives_the_same_documents(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    documents = list(load(tmp_path / name, licence="CC0"))
    assert [d.text for d in documents] == [r["text"] for r in RECORDS]
    assert [d.title for d in documents] == ["một", "hai"]
    assert {(d.source, d.licence) for d in documents} == {("a", "CC0")}


def test_parquet(tmp_path):
    write_parquet(tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == [r["text"] for r in RECORDS]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
    ],
)
def test_a_text_file_is_one_document(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    assert texts(tmp_path / "a.txt") == [TEXT]


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii", "cp1258"])
def test_a_text_file_in_an_old_encoding(tmp_path, encoding):
    data = encode_legacy((TEXT + "\n") * 3000, encoding, errors="lower")
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.warns(CorpusWarning, match=f"old encoding {encoding}"):
        (text,) = texts(tmp_path / "a.txt")
    assert text.lower() == (TEXT.lower() + "\n") * 3000


def test_a_folder_is_read_in_order_and_bad_files_are_named(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("b " + TEXT, encoding="utf-8")
    (tmp_path / "sub" / "c.jsonl").write_bytes(LINES)
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.warns(CorpusWarning, match=r"a\.txt is empty"):
        assert texts(tmp_path) == ["b " + TEXT, *[r["text"] for r in RECORDS]]


def test_a_folder_without_text(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(SourceError, match="No text was found"):
        texts(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.txt", b"", "is empty"),
        ("a.jsonl", b"", "is empty"),
        ("a.txt", random.Random(0).randbytes(50) + b"\0" * 50, "is not text"),
        ("a.jsonl", b"\x7fELF\0\0\0\0", "is not text"),
        ("a.txt", bytes(range(128, 256)) * 20, "is not text"),
        ("a.jsonl", b"plain words\nmore words\n", "no JSON record .line 1"),
        ("a.json", b"{", "not valid JSON"),
        ("a.jsonl", b'{"body2": "x"}\n', "no field 'text' or .* are 'body2'"),
        ("a.jsonl.xz", lzma.compress(LINES)[:-9], "damaged"),
        ("a.jsonl.gz", gzip.compress(LINES)[:-9], "damaged"),
        ("a.jsonl.gz", b"not gzip at all", "damaged"),
        ("a.parquet", b"PAR1 no", "not a parquet file"),
    ],
)
def test_bad_input_gets_a_sentence_in_both_languages(
    tmp_path, name, data, says
):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=says) as error:
        texts(tmp_path / name)
    assert name in str(error.value)
    assert name in error.value.vi


def test_bad_lines_are_skipped_and_counted(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        b"oops\n" + LINES + b'{"text": 5}\n["x"]\n'
    )
    with pytest.warns(CorpusWarning) as told:
        assert len(texts(tmp_path / "a.jsonl")) == 2
    said = " ".join(str(w.message) for w in told)
    assert "2 of 5 lines are not JSON" in said
    assert "line 4: the text field is not a string" in said


def test_another_text_field(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    assert texts(tmp_path / "a.jsonl", text_field="title") == ["một", "hai"]


def test_broken_bytes_are_said(tmp_path):
    data = (TEXT * 50).encode()
    (tmp_path / "a.txt").write_bytes(data[:301] + b"\xff" + data[301:])
    with pytest.warns(CorpusWarning, match="broken bytes"):
        (text,) = texts(tmp_path / "a.txt")
    assert "\ufffd" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.txt").chmod(0)
    with pytest.raises(SourceError, match="chmod"):
        texts(tmp_path / "a.txt")


def test_decode_refuses_what_is_not_text():
    with pytest.raises(BinaryError):
        decode(b"\x00\x01\x02")


# --- long lines -------------------------------------------------------------------
def test_a_text_over_the_cap_becomes_several_documents(tmp_path):
    paragraphs = [f"{i} {TEXT}" for i in range(200)]
    (tmp_path / "a.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    with pytest.warns(CorpusWarning, match="cut into several"):
        parts = texts(tmp_path / "a.txt", max_chars=1000)
    assert max(map(len, parts)) <= 1000
    assert "\n\n".join(parts).split("\n\n") == paragraphs


def test_a_record_over_the_cap_becomes_several_documents(tmp_path):
    record = json.dumps({"text": "chữ " * 1000, "id": 7})
    (tmp_path / "a.jsonl").write_text(record, encoding="utf-8")
    with pytest.warns(
        CorpusWarning, match=r"line 1 holds a text longer than 1,500"
    ):
        documents = list(load(tmp_path / "a.jsonl", max_chars=1500))
    assert [d.id for d in documents] == ["7#1", "7#2", "7#3"]
    assert (
        " ".join(d.text.strip() for d in documents).split() == ["chữ"] * 1000
    )


def test_a_json_line_over_the_cap_is_skipped_and_named(tmp_path):
    long = json.dumps({"text": "x" * 20_000}).encode()
    (tmp_path / "a.jsonl").write_bytes(LINES + long + b"\n" + LINES)
    with pytest.warns(CorpusWarning, match=r"line 3: 20,013 bytes .* skipped"):
        assert len(texts(tmp_path / "a.jsonl", max_chars=1000)) == 4


def test_a_line_of_hundreds_of_megabytes_needs_no_memory(tmp_path):
    """A sparse file: 300 MB of NUL bytes after some text, so the disk holds nothing."""
    import tracemalloc

    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    with path.open("r+b") as file:
        file.truncate(300 * 2**20)
    tracemalloc.start()
    with pytest.warns(CorpusWarning, match="bytes in one line"):
        assert len(texts(path, max_chars=10_000)) == 2
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_one_endless_line_of_text_streams(tmp_path):
    import tracemalloc

    path = tmp_path / "a.txt"
    with path.open("w", encoding="utf-8") as file:
        for _ in range(400):
            file.write("chữ " * 10_000)
    tracemalloc.start()
    with pytest.warns(CorpusWarning, match="cut into several"):
        size = sum(len(d.text) + 1 for d in load(path, max_chars=50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == pytest.approx(16_000_000, abs=400)
    assert peak < 10 * 2**20


def test_cut_prefers_a_blank_line_then_a_line_end_then_a_space():
    assert cut("aaaa aa\n\nbbb bb", 10) == ("aaaa aa", "bbb bb")
    assert cut("aaaa aaa\nbbb bb", 10) == ("aaaa aaa", "bbb bb")
    assert cut("aaaa aaaaaaaa", 6) == ("aaaa", "aaaaaaaa")
    assert cut("aaaaaaaaaa", 4) == ("aaaa", "aaaaaa")


# --- the hub ----------------------------------------------------------------------
WIKI = [
    {
        "id": str(i),
        "url": f"https://vi.wikipedia.org/wiki/{i}",
        "title": f"Bài {i}",
        "text": f"Bài số {i}. {TEXT}",
    }
    for i in range(30)
]
WEB = [
    {
        "text": f"Trang số {i}. {TEXT}",
        "id": f"<urn:uuid:{i}>",
        "dump": "CC-MAIN-2024-10",
        "url": f"https://vidu.vn/{i}",
        "date": "2024-01-01",
        "language_score": 0.99,
    }
    for i in range(6)
]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    root = tmp_path / "mirror"
    wiki = root / "wikimedia/wikipedia/20231101.vi"
    write_parquet(wiki / "train-00000-of-00002.parquet", WIKI[:20])
    write_parquet(wiki / "train-00001-of-00002.parquet", WIKI[20:])
    write_parquet(
        root / "wikimedia/wikipedia/20231101.en/train-0.parquet", WIKI[:1]
    )
    write_parquet(
        root / "HuggingFaceFW/fineweb-2/data/vie_Latn/train/000_00000.parquet",
        WEB,
    )
    return root


def test_wikipedia_from_a_mirror(mirror):
    documents = list(load("wikipedia", mirror=mirror, shuffle=False))
    assert [d.text for d in documents] == [r["text"] for r in WIKI]
    assert documents[0].id == "wikipedia/0"
    assert documents[0].title == "Bài 0"
    assert documents[0].meta == {"url": "https://vi.wikipedia.org/wiki/0"}
    assert "CC BY-SA" in documents[0].licence


def test_the_order_follows_the_seed(mirror, monkeypatch):
    monkeypatch.setenv("AULAC_HUB_MIRROR", str(mirror))
    first = texts("wikipedia", seed=1)
    assert first == texts("wikipedia", seed=1)
    assert first != texts("wikipedia", seed=2)
    assert sorted(first) == sorted(r["text"] for r in WIKI)
    assert len(texts("wikipedia", limit=7)) == 7


def test_a_mirror_may_be_the_repository_itself(mirror):
    root = mirror / "wikimedia/wikipedia"
    assert len(texts("wikipedia", mirror=root)) == 30


def test_fineweb2_from_a_mirror(mirror):
    documents = list(load("fineweb2", mirror=mirror, shuffle=False))
    assert [d.text for d in documents] == [r["text"] for r in WEB]
    assert documents[0].meta["dump"] == "CC-MAIN-2024-10"
    assert "ODC-By" in documents[0].licence


def test_a_mirror_without_the_files_says_what_was_tried(tmp_path):
    with pytest.raises(
        SourceError, match=r"20231101\.vi/\*\.parquet"
    ) as error:
        texts("wikipedia", mirror=tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["wikipedia", "fineweb2"])
def test_no_network_says_what_was_tried_and_what_works(name, monkeypatch):
    def refuse(*_args, **_options):
        raise OSError("no network in this test")

    monkeypatch.delenv("AULAC_HUB_MIRROR", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(SourceError) as error:
        texts(name, limit=1)
    for said in (str(error.value), error.value.vi):
        assert "https://huggingface.co/datasets/" in said
        assert "hf download --repo-type dataset" in said
        assert "AULAC_HUB_MIRROR" in said
        assert "stories laws" in said


def test_the_revision_is_a_full_commit():
    from aulac.corpus.sources import hub

    for source in (hub.WIKIPEDIA, hub.FINEWEB2):
        assert len(source.revision) == 40
        assert set(source.revision) <= set("0123456789abcdef")


def test_on_the_hub_the_files_are_named_at_the_pinned_revision(monkeypatch):
    """The addresses that would be streamed, with the hub's answers made up."""
    import huggingface_hub

    from aulac.corpus.sources import hub

    class Entry:
        def __init__(self, path):
            self.path = path

    asked = []

    class Api:
        def dataset_info(self, repository, revision, timeout):
            asked.append((repository, revision))

        def list_repo_tree(self, repository, folder, revision, repo_type):
            names = ("train-1.parquet", "train-0.parquet", "README.md")
            return [Entry(f"{folder}/{name}") for name in names]

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(
        huggingface_hub.constants, "is_offline_mode", lambda: False
    )
    start = "hf://datasets/wikimedia/wikipedia@b04c8d1ceb2f5cd4588862100d08de323dccfbaa"
    assert hub.WIKIPEDIA._on_hub() == [
        f"{start}/20231101.vi/train-0.parquet",
        f"{start}/20231101.vi/train-1.parquet",
    ]
    assert asked == [("wikimedia/wikipedia", hub.WIKIPEDIA.revision)]
