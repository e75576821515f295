"""What of a test stands in a corpus."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.evaluate.contamination import overlap

ITEM = "Sông nào dài nhất chảy qua thành phố Cần Thơ ở miền Tây?"
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
    assert found.seen(0.5) == [] and found.seen(0.1) == [0]
    assert found.rate(0.1) == 1.0


def test_a_short_item_is_one_window():
    found = overlap(["Thủ đô là gì"], ["Hỏi: thủ đô là gì? Đáp: Hà Nội."])
    assert found.shares == (1.0,)


@given(
    st.lists(
        st.sampled_from(["một", "hai", "ba", "bốn", "năm", "sáu"]), min_size=1
    )
)
def test_every_text_holds_itself(words):
    text = " ".join(words)
    assert overlap([text], [text], size=3).shares == (1.0,)


def test_items_without_words_are_refused():
    with pytest.raises(ValueError, match="no item"):
        overlap([], ["x"])
    with pytest.raises(ValueError, match="no word"):
        overlap(["?!"], ["x"])
