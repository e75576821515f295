"""MinHash against exact Jaccard and datasketch; what deduplication keeps and drops."""

import random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.corpus import Document, load
from aulac.corpus.dedup import (
    Clusters,
    bands_for,
    deduplicate,
    jaccard,
    match_probability,
    minhash,
    shingle_hashes,
    shingles,
    similarity,
)
from aulac.text import decompose

WORDS = [d.text.split() for d in load("laws", limit=40)]
POOL = sorted({word for text in WORDS for word in text})


def doc(text: str, name: str = "") -> Document:
    return Document(text, "test", "none", name)


def changed(words: list[str], changes: int, seed: int) -> str:
    """The text with `changes` words replaced."""
    rng = random.Random(seed)
    words = list(words)
    for at in rng.sample(range(len(words)), changes):
        words[at] = rng.choice(POOL)
    return " ".join(words)


def test_shingles_are_windows_of_syllables():
    assert shingles("Trăng sáng quá, trăng ơi!", 2) == {
        "trăng sáng", "sáng quá", "quá trăng", "trăng ơi",
    }  # fmt: skip
    assert shingles("Chào", 5) == {"chào"}
    assert shingles("…", 5) == set()


def test_spelling_form_case_and_punctuation_do_not_matter():
    text = "Bộ luật này quy định địa vị pháp lý của cá nhân"
    other = decompose(text.upper().replace(" ", "  ,"))
    assert shingles(text) == shingles(other)
    assert (minhash(text) == minhash(other)).all()


def test_numbers_matter():
    assert shingles("Lan có 3 quả", 3) != shingles("Lan có 5 quả", 3)


@given(st.lists(st.sampled_from(POOL[:50]), max_size=60), st.integers(1, 6))
def test_hashed_shingles_are_the_same_set(words, size):
    text = " ".join(words)
    assert len(shingle_hashes(text, size)) == len(shingles(text, size))


@settings(max_examples=40)
@given(st.integers(0, 39), st.integers(0, 30), st.integers(0, 10**6))
def test_estimate_is_near_exact_jaccard(which, changes, seed):
    words = WORDS[which][:300]
    other = changed(words, min(changes, len(words)), seed)
    text = " ".join(words)
    exact = jaccard(shingles(text), shingles(other))
    estimate = similarity(minhash(text, 512), minhash(other, 512))
    # 5 standard errors of a share of 512 positions, at the worst J
    assert abs(estimate - exact) < 5 * 0.5 / np.sqrt(512)


def test_estimate_is_unbiased_and_as_tight_as_theory():
    errors = []
    for seed in range(60):
        words = WORDS[seed % 40][:200]
        other = changed(words, 6, seed)
        text = " ".join(words)
        exact = jaccard(shingles(text), shingles(other))
        errors.append(similarity(minhash(text), minhash(other)) - exact)
    assert abs(np.mean(errors)) < 3 * 0.044 / np.sqrt(60)
    assert np.std(errors) < 1.5 * 0.044


def test_agrees_with_datasketch():
    ours, theirs = [], []
    for seed in range(30):
        text = " ".join(WORDS[seed])
        other = changed(WORDS[seed], len(WORDS[seed]) // 20, seed)
        ours.append(similarity(minhash(text, 256), minhash(other, 256)))
        pair = []
        for side in (text, other):
            m = MinHash(256)
            m.update_batch([s.encode() for s in shingles(side)])
            pair.append(m)
        theirs.append(pair[0].jaccard(pair[1]))
    assert np.abs(np.subtract(ours, theirs)).mean() < 0.05
    assert abs(np.mean(ours) - np.mean(theirs)) < 0.02


def test_a_huge_text_is_hashed_in_chunks_to_the_same_signature():
    items = (
        np.random.default_rng(0).integers(0, 2**63, 20_000).astype(np.uint64)
    )
    parts = [minhash(part) for part in np.array_split(items, 7)]
    assert (minhash(items) == np.minimum.reduce(parts)).all()


def test_signature_of_nothing():
    assert (minhash("") == 2**32 - 1).all()


@given(st.floats(0.1, 1.0), st.sampled_from([16, 64, 128, 256]))
def test_bands_find_pairs_at_the_threshold(threshold, num):
    bands, rows = bands_for(threshold, num)
    assert bands * rows <= num
    assert match_probability(threshold, bands, rows) >= 0.95 or rows == 1


@pytest.mark.parametrize("threshold", [0, -1, 1.2])
def test_a_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        bands_for(threshold)


def test_the_s_curve():
    bands, rows = bands_for(0.8)
    curve = match_probability(np.linspace(0, 1, 50), bands, rows)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= 0).all()
    assert match_probability(0.4, bands, rows) < 0.05


def corpus_with_copies() -> list[Document]:
    base = [
        doc(" ".join(words[:200]), f"base{i}") for i, words in enumerate(WORDS)
    ]
    near = [
        doc(changed(words[:200], 2, i), f"near{i}")
        for i, words in enumerate(WORDS)
        if len(words) >= 150
    ]
    exact = [doc(d.text.upper(), f"exact{i}") for i, d in enumerate(base[:5])]
    return base + near + exact


def test_deduplicate_keeps_the_first_of_each_kind():
    documents = corpus_with_copies()
    report = Clusters()
    kept = [d.id for d in deduplicate(documents, report=report)]
    assert kept == [f"base{i}" for i in range(40)]
    assert report.exact == 5
    assert report.near == len(documents) - 45
    for name, (first, share) in report.dropped.items():
        assert first == name.replace("near", "base").replace("exact", "base")
        assert share >= 0.8
    assert (
        sum(map(len, report.clusters.values())) == report.near + report.exact
    )
    assert report.to_dict()["seen"] == len(documents)


def test_finds_what_exact_comparison_finds():
    documents = corpus_with_copies()[:80]
    kept = list(deduplicate(documents))
    sets = [shingles(d.text) for d in kept]
    left = [
        (i, j)
        for i in range(len(sets))
        for j in range(i)
        if jaccard(sets[i], sets[j]) > 0.9
    ]
    assert left == []


def test_finds_what_datasketch_lsh_finds():
    documents = corpus_with_copies()[:80]
    lsh = MinHashLSH(threshold=0.8, num_perm=128)
    theirs = []
    for document in documents:
        m = MinHash(128)
        m.update_batch([s.encode() for s in shingles(document.text)])
        if not lsh.query(m):
            lsh.insert(document.id, m)
            theirs.append(document.id)
    ours = [d.id for d in deduplicate(documents)]
    assert len(set(ours) ^ set(theirs)) <= 2  # pairs right at the threshold


def test_a_stream_gives_what_a_list_gives():
    documents = corpus_with_copies()
    assert list(deduplicate(iter(documents))) == list(deduplicate(documents))


def test_a_chain_of_small_changes_is_thinned_not_thrown_away():
    words = WORDS[0][:60] + WORDS[1][:60]
    chain = [doc(" ".join(words), "0")]
    for step in range(1, 40):
        words[3 * step % 120] = POOL[step]
        chain.append(doc(" ".join(words), str(step)))
    kept = [d.id for d in deduplicate(chain)]
    assert 1 < len(kept) < 20
    assert kept[0] == "0"


def test_many_identical_signatures_stay_fast():
    text = " ".join(WORDS[0][:100])
    documents = [doc(f"{text} .{'.' * i}", str(i)) for i in range(1500)]
    assert [d.id for d in deduplicate(documents)] == ["0"]


def test_one_document_and_none():
    assert list(deduplicate([])) == []
    assert len(list(deduplicate([doc("một")]))) == 1
