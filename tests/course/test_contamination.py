"""What of a test stands in a corpus."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.corpus.dedup import shingles
from aulac.evaluate.contamination import OWN_SETS, Search, overlap

ITEM = "Sông nào dài nhất chảy qua thành phố Cần Thơ ở miền Tây?"
WORDS = st.lists(
    st.sampled_from(["một", "hai", "ba", "bốn", "năm", "sáu"]), min_size=1
)
OTHER = "Đỉnh núi nào cao nhất nước ta và nằm ở dãy Hoàng Liên Sơn?"


def test_a_copied_item_is_found_whatever_its_form():
    inside = f"Lời dẫn. {ITEM} Lời kết."
    for text in (inside, inside.upper(), unicodedata.normalize("NFD", inside)):
        assert overlap([ITEM, OTHER], ["khác", text]).shares == (1.0, 0.0)


def test_half_a_copy_counts_its_windows():
    words = ITEM.rstrip("?").split()
    corpus = [" ".join(words[:9])]
    found = overlap([ITEM], corpus, size=8)
    assert found.shares[0] == pytest.approx(2 / (len(words) - 7))
    assert found.contaminated(0.5) == [] and found.contaminated(0.1) == [0]
    assert found.rate(0.1) == 1.0


def test_a_short_item_is_one_window():
    found = overlap(["Thủ đô là gì"], ["Hỏi: thủ đô là gì? Đáp: Hà Nội."])
    assert found.shares == (1.0,)


@given(WORDS)
def test_every_text_holds_itself(words):
    text = " ".join(words)
    assert overlap([text], [text], size=3).shares == (1.0,)


@given(st.lists(WORDS, min_size=1), st.lists(WORDS), st.integers(1, 9))
def test_shares_are_those_of_sets_of_strings(items, corpus, size):
    texts = [" ".join(words) for words in items]
    found = overlap(texts, [" ".join(words) for words in corpus], size)
    for words, text, share in zip(items, texts, found.shares, strict=True):
        width = min(size, len(words))
        held = {
            " ".join(seen[at : at + width])
            for seen in corpus
            for at in range(len(seen) - width + 1)
        }
        windows = shingles(text, size)
        assert share == pytest.approx(len(windows & held) / len(windows))


def test_several_sets_are_looked_for_in_one_pass():
    search = Search([[ITEM, "Thủ đô là gì"], [OTHER]])
    search.read(f"{ITEM} Thủ đô là gì?")
    first, second = search.found()
    assert first.shares == (1.0, 1.0) and second.shares == (0.0,)
    assert first.short() == [1] and second.short() == []
    search.read(OTHER)
    assert [found.rate() for found in search.found()] == [1.0, 1.0]
    none = second.interval()
    assert (none.value, none.low) == (0.0, 0.0) and none.high > 0.5


@pytest.mark.parametrize("name", OWN_SETS)
def test_our_own_sets_are_found_in_themselves(name):
    items = OWN_SETS[name]()
    found = overlap(items.texts, items.texts)
    record = items.record(found)
    assert record["n"] == record["seen"] == len(items.texts) > 300
    assert record["size"] == 8


def test_items_without_words_are_refused():
    with pytest.raises(ValueError, match="no item"):
        overlap([], ["x"])
    with pytest.raises(ValueError, match="no word"):
        overlap(["?!"], ["x"])
