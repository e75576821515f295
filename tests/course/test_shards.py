"""Shards on disk and the order in which they are read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aulac.train.shards import (
    Batches,
    ShardError,
    Shards,
    write_shards,
    write_texts,
)

DOCUMENTS = [[5, 6, 7], [8], list(range(1, 60))] * 5


def folder_of(tmp_path, **options):
    write_shards(DOCUMENTS, tmp_path / "s", vocab_size=64, **options)
    return Shards.open(tmp_path / "s")


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_the_stream_is_the_documents_whatever_the_file_size(tmp_path, size):
    shards = folder_of(tmp_path, shard_tokens=size)
    wanted = [token for ids in DOCUMENTS for token in [*ids, 0]]
    assert shards.window(0, len(shards)).tolist() == wanted
    assert shards.window(3, 70).tolist() == wanted[3:73]
    assert (
        shards.window(len(wanted) - 2, 4).tolist() == wanted[-2:] + wanted[:2]
    )
    assert shards.index.documents == len(DOCUMENTS)


def test_large_vocabularies_use_four_bytes(tmp_path):
    write_shards([[70_000]], tmp_path / "s", vocab_size=100_000)
    assert Shards.open(tmp_path / "s").window(0, 2).tolist() == [70_000, 0]


def test_texts_are_counted_in_bytes_of_nfc(tmp_path, tokenizer, sentences):
    import unicodedata

    decomposed = [unicodedata.normalize("NFD", text) for text in sentences]
    index = write_texts(decomposed, tokenizer, tmp_path / "s")
    shards = Shards.open(tmp_path / "s")
    assert index.bytes == sum(len(text.encode()) for text in sentences)
    text_tokens = len(shards) - len(sentences)
    assert shards.bytes_per_token() == pytest.approx(index.bytes / text_tokens)
    text = tokenizer.decode(
        shards.window(0, len(shards)).tolist(), skip_special=True
    )
    assert text == "".join(sentences)


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=2, max_size=20),
    context=st.integers(2, 25),
    data=st.data(),
)
def test_windows_begin_with_documents_and_miss_nothing(
    tmp_path_factory, lengths, context, data
):
    folder = tmp_path_factory.mktemp("shards")
    write_shards([[5] * n for n in lengths], folder / "s", vocab_size=9)
    shards = Shards.open(folder / "s")
    first = data.draw(st.integers(0, len(lengths) - 1))
    places = shards.starts(context, first).tolist()
    begins, total = set(shards.documents.tolist()), len(shards)
    read = {
        (place + i) % total for place in places for i in range(context + 1)
    }
    assert read == set(range(total))
    assert (
        len(set(places)) == len(places)
        and places[0] == shards.documents[first]
    )
    for begin, length in zip(shards.documents.tolist(), lengths, strict=True):
        if length + 1 <= context:  # whole in one window, its end-of-text too
            assert any(
                (begin - p) % total + length < context + 1 for p in places
            )
    for place in places:  # only a long document is continued
        if place not in begins:
            begin = max(b for b in begins if b < place)
            assert lengths[sorted(begins).index(begin)] + 1 > context


def test_every_epoch_has_a_new_order(tmp_path):
    data = Batches(folder_of(tmp_path), 1, 8, seed=1)
    first = data.order.tolist()
    data.restore({"epoch": 1, "position": 0})
    assert data.order.tolist() != first


def test_targets_are_the_ids_moved_by_one(tmp_path):
    ids, targets = next(Batches(folder_of(tmp_path), 3, 10))
    assert ids.shape == targets.shape == (3, 10)
    assert (ids[:, 1:] == targets[:, :-1]).all()


@settings(max_examples=20)
@given(
    before=st.integers(0, 90), batch=st.integers(1, 7), seed=st.integers(0, 5)
)
def test_order_goes_on_after_a_stop_at_any_place(
    tmp_path_factory, before, batch, seed
):
    shards = folder_of(tmp_path_factory.mktemp("shards"))
    one = Batches(shards, batch, 8, seed=seed)
    for _ in range(before):
        next(one)
    other = Batches(shards, batch, 8, seed=seed)
    other.restore(one.state())
    for _ in range(5):
        assert next(one)[0].tolist() == next(other)[0].tolist()


def test_order_does_not_depend_on_the_batch(tmp_path):
    shards = folder_of(tmp_path)
    small, large = Batches(shards, 2, 8, seed=4), Batches(shards, 6, 8, seed=4)
    rows = [row for _ in range(30) for row in next(small)[0].tolist()]
    assert rows == [row for _ in range(10) for row in next(large)[0].tolist()]


def test_what_cannot_be_used_is_said(tmp_path):
    with pytest.raises(ShardError, match="corpus is empty"):
        write_shards([], tmp_path / "none", vocab_size=10)
    with pytest.raises(ShardError, match="another tokenizer"):
        write_shards([[3, 11]], tmp_path / "outside", vocab_size=10)
    with pytest.raises(ShardError, match="no shards"):
        Shards.open(tmp_path)
    write_shards([[1, 2]], tmp_path / "short", vocab_size=10)
    with pytest.raises(ShardError, match="smaller context"):
        Batches(Shards.open(tmp_path / "short"), 1, 8)
    (tmp_path / "short" / "00000.bin").write_bytes(b"1")
    with pytest.raises(ShardError, match="cut off"):
        Shards.open(tmp_path / "short")
    (tmp_path / "short" / "index.json").write_text("{")
    with pytest.raises(ShardError, match="cannot be read"):
        Shards.open(tmp_path / "short")
    assert not (tmp_path / "none").exists()
