"""Encodings from before Unicode, against known bytes and each other."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.text import (
    ENCODINGS,
    Tone,
    decode_legacy,
    decompose,
    detect_legacy,
    encode_legacy,
    normalise,
)

LETTERS = [
    normalise(letter + tone.mark)
    for letter in ["a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y"]
    for tone in Tone
] + ["đ"]
SENTENCES = [
    "Tiếng Việt giàu và đẹp.",
    "Người dân thành phố chờ chuyến xe buýt cuối ngày.",
    "Hôm nay trời nhẹ lên cao, tôi buồn không hiểu vì sao tôi buồn.",
    "Quốc hội ban hành Bộ luật Dân sự, có hiệu lực từ ngày 01 tháng 01.",
]
PANGRAM = {  # the bytes of "Tiếng Việt" in each, from the published tables
    "tcvn3": "54 69 d5 6e 67 20 56 69 d6 74",
    "vni": "54 69 65 e1 6e 67 20 56 69 65 e4 74",
    "viscii": "54 69 aa 6e 67 20 56 69 ae 74",
    "cp1258": "54 69 ea ec 6e 67 20 56 69 ea f2 74",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_known_bytes(encoding):
    data = encode_legacy("Tiếng Việt", encoding)
    assert data.hex(" ") == PANGRAM[encoding]
    assert decode_legacy(data, encoding) == "Tiếng Việt"


@pytest.mark.parametrize(
    ("seen", "encoding", "meant"),
    [
        ("TiÕng ViÖt giµu vµ ®Ñp", "tcvn3", "Tiếng Việt giàu và đẹp"),
        ("Tieáng Vieät giaøu vaø ñeïp", "vni", "Tiếng Việt giàu và đẹp"),
        ("Coäng hoøa xaõ hoäi chuû nghóa", "vni", "Cộng hòa xã hội chủ nghĩa"),
        ("Ngöôøi Vieät ÑÒNH", "vni", "Người Việt ĐỊNH"),
        ("céng hßa x· héi chñ nghÜa", "tcvn3", "cộng hòa xã hội chủ nghĩa"),
        ("Aùo daøi", "vni", "Áo dài"),
    ],
)
def test_text_as_seen_on_a_screen(seen, encoding, meant):
    assert decode_legacy(seen, encoding) == meant
    assert detect_legacy(seen) == encoding


def test_every_letter_survives_every_encoding():
    for encoding in ENCODINGS:
        small = " ".join(LETTERS)
        assert decode_legacy(encode_legacy(small, encoding), encoding) == small
    for encoding in set(ENCODINGS) - {"tcvn3"}:
        big = " ".join(LETTERS).upper()
        assert decode_legacy(encode_legacy(big, encoding), encoding) == big


@given(
    st.text(
        st.sampled_from([*LETTERS, *"bcdghklmnpqrstvxBHT .,;!?0123456789\n"])
    ),
    st.sampled_from(ENCODINGS),
)
def test_round_trip(text, encoding):
    data = encode_legacy(text, encoding)
    assert decode_legacy(data, encoding) == normalise(text)
    assert decode_legacy(data.decode("latin-1"), encoding) == normalise(text)
    assert encode_legacy(decompose(text), encoding) == data


@given(st.text(st.sampled_from(LETTERS)))
def test_cp1258_agrees_with_python(text):
    data = encode_legacy(text, "cp1258")
    assert normalise(codecs.decode(data, "cp1258")) == text


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_decodes_and_what_encodes_comes_back(text, encoding):
    decode_legacy(text, encoding)
    try:
        data = encode_legacy(text, encoding)
    except UnicodeEncodeError as error:
        assert "has no code in" in str(error)
    else:
        assert decode_legacy(data, encoding) == normalise(text)


def test_tcvn3_has_no_capitals_with_tones():
    with pytest.raises(UnicodeEncodeError, match="'Ế' has no code in tcvn3"):
        encode_legacy("TIẾNG", "tcvn3")
    assert encode_legacy("TIẾNG", "tcvn3", "lower") == b"TI\xd5NG"
    assert encode_legacy("漢 TIẾNG", "tcvn3", "replace") == b"? TI\xd5NG"


def test_word_processors_quotes_survive_where_the_encoding_leaves_them_room():
    for encoding in "tcvn3", "vni", "cp1258":
        data = encode_legacy("“Việt” – Nam…", encoding)
        assert decode_legacy(data, encoding) == "“Việt” – Nam…"
        assert (
            decode_legacy(data.decode("latin-1"), encoding) == "“Việt” – Nam…"
        )
    with pytest.raises(UnicodeEncodeError, match="'–' has no code in viscii"):
        encode_legacy("–", "viscii")


def test_unknown_encoding_is_named():
    with pytest.raises(
        ValueError, match=r"'vps' is unknown: use one of tcvn3"
    ):
        decode_legacy(b"x", "vps")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_detection(sentence, encoding):
    data = encode_legacy(sentence, encoding)
    assert detect_legacy(data) == encoding
    assert detect_legacy(data.decode("latin-1")) == encoding
    if encoding != "viscii":  # some of its bytes are holes in cp1252
        assert (
            detect_legacy(data.decode("cp1252", errors="replace")) == encoding
        )


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        *map(decompose, SENTENCES),
        "",
        "plain ASCII only",
        "Größe, für, schön",
        "Le café est déjà fermé, où êtes-vous ?",
        "El niño está aquí también",
        "漢字仮名",
        "Привет, мир",
        "“quoted” – dashes",
    ],
)
def test_nothing_is_detected_where_nothing_is_legacy(text):
    assert detect_legacy(text) is None
    assert detect_legacy(text.encode()) is None
