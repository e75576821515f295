"""The syllable grammar: parts, spelling rules, tone placement, rhyme."""

import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.text import (
    Syllable,
    Tone,
    compose_syllable,
    decompose,
    inventory,
    is_flat,
    is_syllable,
    normalise,
    parse_syllable,
    place_tone,
    rhyme,
    strip_marks,
    strip_tone,
    syllables,
    tone_styles,
)

SPELLINGS = list(inventory())
STOPS = ("p", "t", "c", "ch")


def legal_syllables():
    """Parts of every syllable the grammar has, drawn at random."""

    def with_tone(spelling):
        stopped = spelling.endswith(STOPS)
        tones = [Tone.SAC, Tone.NANG] if stopped else list(Tone)
        seed = parse_syllable(spelling + "") if not stopped else None
        base = seed or parse_syllable(_sac(spelling))
        return st.sampled_from(tones).map(
            lambda tone: Syllable(
                base.onset, base.glide, base.nucleus, base.coda, tone
            )
        )

    return st.sampled_from(SPELLINGS).flatmap(with_tone)


def _sac(spelling):
    """The spelling with an acute on its last vowel: style does not matter here."""
    at = max(i for i, c in enumerate(spelling) if strip_marks(c) in "aeiouy")
    return normalise(spelling[: at + 1] + "\u0301" + spelling[at + 1 :])


@given(legal_syllables(), st.sampled_from(["new", "old"]))
def test_parse_undoes_compose(syllable, style):
    assert parse_syllable(compose_syllable(syllable, style)) == syllable


@given(legal_syllables(), st.sampled_from(["new", "old"]))
def test_compose_undoes_parse_up_to_style(syllable, style):
    written = compose_syllable(syllable, style)
    for form in "NFC", "NFD":
        given_form = unicodedata.normalize(form, written.upper())
        assert compose_syllable(parse_syllable(given_form), style) == written


@pytest.mark.parametrize(
    ("word", "parts", "tone"),
    [
        ("nghiêng", ("ngh", "", "iê", "ng"), Tone.NGANG),
        ("Quyết", ("q", "u", "yê", "t"), Tone.SAC),
        ("quốc", ("q", "u", "ô", "c"), Tone.SAC),
        ("cuốc", ("c", "", "uô", "c"), Tone.SAC),
        ("gì", ("gi", "", "i", ""), Tone.HUYEN),
        ("già", ("gi", "", "a", ""), Tone.HUYEN),
        ("giếng", ("gi", "", "iê", "ng"), Tone.SAC),
        ("giềnh", ("gi", "", "ê", "nh"), Tone.HUYEN),
        ("khuya", ("kh", "u", "ya", ""), Tone.NGANG),
        ("thuở", ("th", "u", "ơ", ""), Tone.HOI),
        ("mía", ("m", "", "ia", ""), Tone.SAC),
        ("yêu", ("", "", "yê", "u"), Tone.NGANG),
        ("ỷ", ("", "", "y", ""), Tone.HOI),
        ("ngoằn", ("ng", "o", "ă", "n"), Tone.HUYEN),
        ("khuỷu", ("kh", "u", "y", "u"), Tone.HOI),
        ("XOONG", ("x", "", "oo", "ng"), Tone.NGANG),
        ("rượu", ("r", "", "ươ", "u"), Tone.NANG),
        ("đẹp", ("đ", "", "e", "p"), Tone.NANG),
    ],
)
def test_known_anatomies(word, parts, tone):
    assert parse_syllable(word) == Syllable(*parts, tone)


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "king",
        "internet",
        "Đắk",
        "cac",
        "càc",
        "hằc",
        "iêu",
        "tuan",
        "ngi",
        "nghà",
        "gheo ",
        "ka",
        "kà",
        "ceo",
        "quu",
        "ww",
        "ñ",
        "naïve",
        "mấ́y",
        "a1",
        "hello",
        "fa",
        "ja",
        "za",
        "tê-lê",
        "aa",
        "ươ",
        "ḿa",
        "gya",
        "a b",
        "123",
    ],
)
def test_what_is_no_syllable(word):
    if word == "gheo ":  # spaces around a word are not part of it
        assert is_syllable(word)
    else:
        assert parse_syllable(word) is None


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        (("c", "", "i", "", Tone.HUYEN), "kì"),
        (("k", "o", "a", "", Tone.SAC), "quá"),
        (("k", "", "a", "", Tone.SAC), "cá"),
        (("ng", "", "iê", "ng", Tone.NGANG), "nghiêng"),
        (("ngh", "", "a", "", Tone.NGANG), "nga"),
        (("g", "", "ê", "", Tone.SAC), "ghế"),
        (("", "", "iê", "n", Tone.NGANG), "yên"),
        (("t", "u", "iê", "n", Tone.HUYEN), "tuyền"),
        (("m", "", "iê", "", Tone.SAC), "mía"),
        (("kh", "u", "ia", "", Tone.NGANG), "khuya"),
        (("gi", "", "iê", "t", Tone.SAC), "giết"),
        (("m", "", "ua", "n", Tone.SAC), "muốn"),
    ],
)
def test_compose_spells_the_sound_by_todays_rules(parts, written):
    assert compose_syllable(Syllable(*parts)) == written


@pytest.mark.parametrize(
    "parts",
    [
        ("b", "", "a", "t", Tone.HUYEN),  # a stop takes sắc or nặng only
        ("b", "", "ơ", "ng", Tone.NGANG),
        ("f", "", "a", "", Tone.NGANG),
    ],
)
def test_compose_refuses_what_cannot_be_written(parts):
    with pytest.raises(ValueError, match="breaks the rules"):
        compose_syllable(Syllable(*parts))


def test_stop_codas_take_two_tones():
    for spelling in ("đep", "biêt", "khac", "sach", "nươc"):
        at = _sac(spelling)
        tones = [
            t
            for t in Tone
            if is_syllable(decompose(at).replace("\u0301", t.mark))
        ]
        assert tones == [Tone.SAC, Tone.NANG]


def test_tones_know_their_names_and_verse_classes():
    assert [t.vi for t in Tone] == [
        "ngang",
        "huyền",
        "ngã",
        "hỏi",
        "sắc",
        "nặng",
    ]
    assert [t.flat for t in Tone] == [True, True, False, False, False, False]
    assert [normalise("a" + t.mark) for t in Tone] == list("aàãảáạ")
    assert all(parse_syllable("a" + t.mark).tone is t for t in Tone)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("qua", "hoa"),
        ("yên", "tiên"),
        ("giêng", "riêng"),
        ("lý", "bí"),
        ("quen", "xoèn"),
        ("quý", "luỹ"),
        ("mía", "chia"),
        ("quắt", "loắt"),
        ("gì", "đi"),
        ("hoa", "ta"),  # the glide is no part of it
        ("quê", "về"),
        ("nguyên", "tiên"),
        ("thúy", "đi"),
        ("khuya", "chia"),
        ("xuân", "ân"),
        ("thuở", "bơ"),
        ("quốc", "thuốc"),
    ],
)
def test_words_that_rhyme(one, other):
    assert rhyme(one) == rhyme(other)


def test_rhyme_keeps_different_vowels_apart():
    kinds = [
        "ta",
        "xa",
        "tà",
        "hoa",
        "tâm",
        "tăm",
        "tam",
        "hương",
        "hươu",
        "thương",
        "tai",
        "tay",
        "tau",
        "tao",
    ]
    assert Counter(rhyme(w) for w in kinds) == Counter(
        {"a": 4, "âm": 1, "ăm": 1, "am": 1, "ương": 2, "ươu": 1}
        | {"ai": 1, "ay": 1, "au": 1, "ao": 1}
    )
    with pytest.raises(
        ValueError, match="'king' is not a Vietnamese syllable"
    ):
        rhyme("king")


def test_flat_and_sharp():
    assert [is_flat(w) for w in ["trăm", "năm", "trong", "cõi", "người", "ta"]] == [
        True, True, True, False, True, True,
    ]  # fmt: skip


STYLE_PAIRS = [
    "hoà hòa",
    "khoẻ khỏe",
    "thuý thúy",
    "loè lòe",
    "Huỷ Hủy",
    "TOÀ TÒA",
]


@pytest.mark.parametrize("pair", STYLE_PAIRS)
def test_styles_convert_both_ways(pair):
    new, old = pair.split()
    for word in pair.split():
        assert place_tone(word, "new") == new
        assert place_tone(word, "old") == old


@pytest.mark.parametrize(
    "word",
    [
        "quý",
        "quà",
        "hoàn",
        "huỳnh",
        "thuở",
        "huệ",
        "già",
        "giữa",
        "của",
        "mía",
        "tiền",
    ],
)
def test_words_on_which_the_styles_agree(word):
    assert place_tone(word, "new") == place_tone(word, "old") == word


def test_misplaced_marks_move_and_the_rest_stays():
    text = (
        "Bạn Hóan hỏi qúy vị: gìa rồi? così fan tutte, Đắk Lắk, tel. 0912_hoà2"
    )
    fixed = (
        "Bạn Hoán hỏi quý vị: già rồi? così fan tutte, Đắk Lắk, tel. 0912_hòa2"
    )
    assert place_tone(text, "old") == fixed
    assert tone_styles("hoà hòa hòa Hóan quý") == Counter(
        new=1, old=2, misplaced=1
    )


running_text = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "hoà",
                "Hòa",
                "THÚY",
                "thuỷ",
                "quý,",
                "gìa",
                "đẹp.",
                "king",
                "Đắk",
                "café",
                "ñ",
                "ế́",
                "1",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=12,
).map(" ".join)


@given(running_text, st.sampled_from(["new", "old"]))
def test_place_tone_is_idempotent_and_invertible(text, style):
    other = "old" if style == "new" else "new"
    placed = place_tone(text, style)
    assert place_tone(placed, style) == placed
    assert place_tone(place_tone(text, other), style) == placed
    assert strip_tone(placed) == strip_tone(text)


def test_unknown_style_is_refused():
    with pytest.raises(ValueError, match="'modern' is unknown"):
        place_tone("xin chào", "modern")


@given(st.text())
def test_unicode_forms(text):
    assert normalise(normalise(text)) == normalise(text)
    assert normalise(decompose(text)) == normalise(text)
    assert strip_marks(strip_tone(text)) == strip_marks(text)


def test_stripping_marks():
    text = "Đường về Huế, ngõ nhỏ ưỡn ẹo"
    assert strip_tone(text) == "Đương vê Huê, ngo nho ươn eo"
    assert strip_marks(decompose(text)) == "Duong ve Hue, ngo nho uon eo"


def test_running_text_is_cut_into_syllables():
    text = decompose("“Tiếng Việt”, giàu – đẹp; gọi 113! PyTorch?")
    assert syllables(text) == [
        "Tiếng",
        "Việt",
        "giàu",
        "đẹp",
        "gọi",
        "PyTorch",
    ]
    assert syllables(text, only_valid=True)[-1] == "gọi"


def test_the_inventory_is_what_the_parser_accepts():
    assert len(SPELLINGS) == len(set(SPELLINGS)) > 3000
    assert {"nghiêng", "quyêt", "gi", "giêng", "khuya"} <= set(SPELLINGS)
    assert not {"iê", "ngi", "ka", "tuan", "quen "} & set(SPELLINGS)


def test_import_is_light():
    code = "import sys, aulac.text; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"torch", "numpy", "transformers", "regex"} & set(loaded)
