"""The whole pipeline: what a build leaves behind, and what it leaves when it fails."""

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from aulac.cli.corpus import app, parse_limits
from aulac.corpus import (
    CorpusError,
    DataCard,
    Document,
    build,
    load,
    read,
    split_of,
    write,
)
from aulac.corpus.dedup import jaccard, shingles
from aulac.corpus.staging import staged

LAWS = [d.text for d in load("laws", limit=120)]


def texts_file(path: Path, texts: list[str]) -> Path:
    write((Document(text, "mine", "CC0") for text in texts), path)
    return path


def names(path: Path) -> list[str]:
    return [d.id for d in read(path)]


# --- the split --------------------------------------------------------------------
ids = st.text(min_size=1, max_size=20)


@given(ids, st.floats(0, 1), st.floats(0, 1))
def test_a_bigger_share_only_moves_documents_to_validation(name, a, b):
    document = Document("x", "s", "l", name)
    low, high = sorted((a, b))
    if split_of(document, low) == "validation":
        assert split_of(document, high) == "validation"
    assert split_of(document, 0) == "train"


def test_the_split_never_changes():
    """Fixed for ever: a change here would leak validation into training."""
    sides = "".join(
        split_of(Document("x", "s", "l", str(i)), 0.3)[0] for i in range(40)
    )
    assert sides == "tttvtttttvttvttttvttvtttvtttttttttvttvtt"


def test_the_share_is_met():
    held = [
        split_of(Document("x", "s", "l", str(i)), 0.1) for i in range(5000)
    ]
    assert 400 < held.count("validation") < 600


def test_a_share_is_a_share():
    with pytest.raises(ValueError, match="share"):
        split_of(Document("x", "s", "l"), 2)


# --- a build ----------------------------------------------------------------------
def test_the_default_sources_give_a_whole_corpus(tmp_path):
    start = time.perf_counter()
    out = tmp_path / "corpus"
    report = build(
        ["stories", "laws"], out, limits={"stories": 300, "laws": 300}
    )
    assert time.perf_counter() - start < 30
    assert sorted(p.name for p in out.iterdir()) == [
        "card.json", "card.md", "report.json", "train.jsonl", "validation.jsonl",
    ]  # fmt: skip
    assert report.loaded == {"stories": 300, "laws": 300}
    train, held_out = (
        list(read(out / f"{s}.jsonl")) for s in ("train", "validation")
    )
    assert len(train) == report.train
    assert len(held_out) == report.validation
    assert {d.source for d in train} == {"stories", "laws"}
    assert report.bytes["train"] == sum(d.bytes for d in train)
    assert all(split_of(d) == "train" for d in train)
    assert all(split_of(d) == "validation" for d in held_out)
    assert list(read(out)) == train
    assert (
        json.loads((out / "report.json").read_text())["stages"]
        == report.stages
    )


def test_the_same_build_gives_the_same_bytes(tmp_path):
    for name in ("a/corpus", "b/corpus"):
        build(["laws"], tmp_path / name, limits=80, seed=5)
    for file in (tmp_path / "a/corpus").iterdir():
        assert (
            file.read_bytes()
            == (tmp_path / "b/corpus" / file.name).read_bytes()
        )


def test_documents_keep_their_side_when_data_is_added(tmp_path):
    for limit in (60, 120):
        build(["laws"], tmp_path / str(limit), limits=limit, validation=0.3)
    small = set(names(tmp_path / "60/validation.jsonl"))
    large = set(names(tmp_path / "120/validation.jsonl"))
    assert small
    assert small <= large
    assert large.isdisjoint(names(tmp_path / "60/train.jsonl"))


def test_no_near_duplicate_straddles_the_split(tmp_path):
    rng = random.Random(0)
    copies = []
    for text in LAWS:
        words = text.split()
        if len(words) > 120:
            words[rng.randrange(len(words))] = "khác"
            copies.append(" ".join(words))
    source = texts_file(tmp_path / "mine.jsonl", LAWS + copies)
    report = build([source], tmp_path / "out", validation=0.3)
    assert report.duplicates["near_duplicates"] >= len(copies)
    train = [shingles(d.text) for d in read(tmp_path / "out/train.jsonl")]
    for document in read(tmp_path / "out/validation.jsonl"):
        mine = shingles(document.text)
        assert max(jaccard(mine, other) for other in train) < 0.9


def test_what_is_dropped_is_counted_by_reason(tmp_path):
    law = LAWS[0]
    source = texts_file(
        tmp_path / "mine.jsonl",
        [
            law,
            law,
            "ngắn",
            "the quick brown fox jumps over the lazy dog " * 9,
            f"{LAWS[5]} Gọi 0912 345 678 hoặc viết cho ban@vidu.vn.",
        ],
    )
    report = build([source], tmp_path / "out")
    assert report.rejected == {"too short": 1, "not Vietnamese": 1}
    assert report.pii == {"phone": 1, "email": 1}
    assert report.duplicates["exact_duplicates"] == 1
    assert report.stages["unique"] == 2
    text = (tmp_path / "out/train.jsonl").read_text(encoding="utf-8")
    assert "0912" not in text
    assert "[SỐ ĐIỆN THOẠI]" in text


def test_personal_data_is_kept_only_when_asked_for(tmp_path):
    source = texts_file(
        tmp_path / "mine.jsonl", [f"{LAWS[5]} Gọi 0912 345 678."]
    )
    build([source], tmp_path / "out", hide_pii=False)
    assert "0912 345 678" in (tmp_path / "out/train.jsonl").read_text(
        encoding="utf-8"
    )
    assert "`pii`: kept" in (tmp_path / "out/card.md").read_text(
        encoding="utf-8"
    )


def test_mixed_encodings_become_one_document(tmp_path):
    from aulac.text import decompose, encode_legacy

    text = " ".join(LAWS[3].split())
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.txt").write_text(text, encoding="utf-8")
    (folder / "b.txt").write_text(decompose(text), encoding="utf-8")
    (folder / "c.txt").write_bytes(
        encode_legacy(text, "tcvn3", errors="lower")
    )
    report = build([folder], tmp_path / "out")
    assert report.duplicates["exact_duplicates"] == 2
    assert report.stages["unique"] == 1
    assert any("tcvn3" in notice for notice in report.notices)


def test_the_card_says_terms_counts_and_making_in_both_languages(tmp_path):
    source = texts_file(tmp_path / "mine.jsonl", LAWS[:20])
    report = build(
        ["laws", source], tmp_path / "out", limits={"laws": 30}, seed=9
    )
    card = DataCard.load(tmp_path / "out")
    assert card.licences == sorted({e.licence for e in card.sources})
    assert any("MIT" in licence for licence in card.licences)
    assert sum(e.documents for e in card.sources) == report.unique
    assert sum(e.share for e in card.sources) == pytest.approx(1)
    assert card.settings["seed"] == 9
    page = (tmp_path / "out/card.md").read_text(encoding="utf-8")
    assert "# Phiếu dữ liệu: out" in page
    assert "# Data card: out" in page
    assert page == card.to_markdown()


def test_a_corpus_of_one_document_says_that_a_part_is_empty(tmp_path):
    for number, text in enumerate(LAWS[:4]):  # whichever side the hash says
        source = texts_file(tmp_path / "mine.jsonl", [text])
        out = tmp_path / str(number)
        report = build([source], out, validation=0.5)
        assert (report.train, report.validation) == (1, 0)
        assert any(
            "validation part is empty" in notice for notice in report.notices
        )
        assert len(names(out / "train.jsonl")) == 1
        assert names(out / "validation.jsonl") == []
        data = (out / "train.jsonl").read_bytes()
        assert (
            DataCard.load(out).train["sha256"]
            == hashlib.sha256(data).hexdigest()
        )


# --- failures leave nothing half-made ---------------------------------------------
def test_nothing_left_says_why(tmp_path):
    source = texts_file(tmp_path / "mine.jsonl", ["ngắn", "hai"])
    with pytest.raises(CorpusError, match="too short: 2"):
        build([source], tmp_path / "out")
    assert list(tmp_path.iterdir()) == [source]


def test_no_sources_and_a_limit_for_nobody(tmp_path):
    with pytest.raises(CorpusError, match="stories laws"):
        build([], tmp_path / "out")
    with pytest.raises(CorpusError, match="'law'"):
        build(["laws"], tmp_path / "out", limits={"law": 5})


@pytest.fixture
def old(tmp_path):
    """A corpus that is already there, and its files' content."""
    out = tmp_path / "out"
    build(["laws"], out, limits=20)
    return out, {p.name: p.read_bytes() for p in out.iterdir()}


def same(out: Path, content: dict[str, bytes]) -> bool:
    now = {p.name: p.read_bytes() for p in out.iterdir()}
    return now == content and [p.name for p in out.parent.iterdir()] == [
        out.name
    ]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "No space left"),
        (errno.EACCES, "No permission"),
        (errno.EROFS, "No permission"),
        (errno.EIO, "Could not write"),
    ],
)
def test_a_failing_disk_gets_a_sentence_and_the_old_corpus_stays(
    old, monkeypatch, code, says
):
    def fail(*_args, **_options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("aulac.corpus.pipeline._write_card", fail)
    with pytest.raises(CorpusError, match=says) as error:
        build(["laws"], old[0], limits=30)
    assert error.value.vi
    assert same(*old)


def test_a_disk_that_is_really_full():
    """/dev/full answers ENOSPC to every write: no simulation."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with pytest.raises(OSError) as caught, open("/dev/full", "wb") as full:  # noqa: PTH123
        full.write(b"x" * 100_000)
    from aulac.corpus.staging import explain

    assert "Free some space" in str(explain(caught.value, Path("out")))
    assert "hết chỗ" in explain(caught.value, Path("out")).vi


def test_ctrl_c_leaves_the_old_corpus(old, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("aulac.corpus.pipeline._write_parts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(["laws"], old[0], limits=30)
    assert same(*old)


def test_a_killed_build_is_simply_started_again(old):
    out, content = old
    code = (
        "import os, signal, sys\n"
        "from aulac.corpus import pipeline\n"
        "kill = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "pipeline._write_card = kill\n"
        "pipeline.build(['laws'], sys.argv[1], limits=30)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert {p.name: p.read_bytes() for p in out.iterdir()} == content
    assert out.with_name("out.part").exists()
    assert build(["laws"], out, limits=30).train > 20
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_two_builds_of_one_corpus_do_not_mix(tmp_path):
    with staged(tmp_path / "out") as part:
        with pytest.raises(CorpusError, match="is building this corpus now"):
            build(["laws"], tmp_path / "out", limits=5)
        assert part.exists()
        (part / "card.json").write_text("{}")
    assert build(["laws"], tmp_path / "out", limits=30).train > 20


def test_a_dead_builder_whose_number_lives_on_is_nobody(tmp_path):
    """Killed with -9 and not yet collected, or its number given to another."""
    part = tmp_path / "out.part"
    part.mkdir()
    (part / "pid").write_text(str(os.getppid()))
    assert build(["laws"], tmp_path / "out", limits=30).train > 20
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nothing_left_says_why_in_both_languages(tmp_path):
    line = "Ngày xưa có một cô bé sống với bà ngoại bên bờ sông vắng.\n"
    (tmp_path / "same.txt").write_text(line * 9, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"repeated lines: 1") as caught:
        build([str(tmp_path / "same.txt")], tmp_path / "out")
    assert "lặp dòng: 1" in caught.value.vi


def test_a_folder_with_other_things_is_not_overwritten(tmp_path):
    (tmp_path / "letters.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(CorpusError, match="not overwritten"):
        build(["laws"], tmp_path, limits=5)
    with pytest.raises(CorpusError, match="is a file"):
        build(["laws"], tmp_path / "letters.txt", limits=5)
    assert (tmp_path / "letters.txt").read_text(encoding="utf-8") == "dear"


def test_a_place_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with (
        pytest.raises(CorpusError, match="Check the path"),
        staged(tmp_path / "file" / "sub" / "out"),
    ):
        pass


# --- the command line -------------------------------------------------------------
def run(*args: str):
    return CliRunner().invoke(app, list(args), env={"COLUMNS": "200"})


def test_cli_build_and_show(tmp_path):
    out = str(tmp_path / "out")
    result = run(
        "build", "laws", "-n", "laws=40", "-o", out, "--validation", "0.2"
    )
    assert result.exit_code == 0, result.output
    assert "huấn luyện / train" in result.output
    result = run("show", out, "-n", "1")
    assert result.exit_code == 0
    assert "Điều" in result.output
    assert "đã nạp / loaded" in result.output
    assert "Điều 1" in run("show", "laws", "-n", "1").output


def test_cli_sources_lists_licences():
    output = run("sources").output
    for word in (
        "stories",
        "laws",
        "wikipedia",
        "fineweb2",
        "CC BY-SA",
        "ODC-By",
    ):
        assert word in output


def test_cli_failure_is_a_sentence_in_both_languages(tmp_path):
    result = run("build", "nowhere", "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "Lỗi: 'nowhere'" in result.stderr
    assert "Error: 'nowhere'" in result.stderr
    assert run("build", "laws", "-n", "many").exit_code == 1


def test_limits_as_typed():
    assert parse_limits([]) is None
    assert parse_limits(["500"]) == 500
    assert parse_limits(["laws=5", "a=b.txt=7"]) == {"laws": 5, "a=b.txt": 7}


def test_nothing_heavy_is_imported():
    code = (
        "import sys, aulac.cli.corpus, aulac.corpus\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'py3langid'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_cli_each_file_may_have_its_own_licence(tmp_path):
    for name in ("ca-dao", "bai-bao", "ghi-chep"):
        lines = (f"{name} dòng thứ {i} có đủ chữ để giữ." for i in range(9))
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n" * 2)
    files = [str(path) for path in sorted(tmp_path.glob("*.txt"))]
    out = tmp_path / "out"
    terms = ("--licence", "ca-dao=public domain", "--licence", "CC BY 4.0")
    result = run("build", *files, "-o", str(out), *terms)
    assert result.exit_code == 0, result.output
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert {s["name"]: s["licence"] for s in card["sources"]} == {
        "ca-dao": "public domain",
        "bai-bao": "CC BY 4.0",
        "ghi-chep": "CC BY 4.0",
    }
    wrong = run("build", *files, "-o", str(out), "--licence", "báo=mine")
    assert wrong.exit_code == 1
    assert "không có nguồn 'báo'" in wrong.stderr
    assert "no source 'báo'" in wrong.stderr
