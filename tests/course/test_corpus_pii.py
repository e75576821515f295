"""Personal data: what is found, what must not be, and what redaction leaves."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac.corpus import load
from aulac.corpus.pii import PLACEHOLDERS, find, redact
from aulac.corpus.pii.patterns import PROVINCES, is_citizen_number

# All numbers here are made up.
FOUND = [
    ("phone", "Gọi cho mình số 0912 345 678 nhé.", "0912 345 678"),
    ("phone", "Hotline: 0912.345.678", "0912.345.678"),
    ("phone", "Zalo 0387-654-321 (chị Mai)", "0387-654-321"),
    ("phone", "+84 912 345 678", "+84 912 345 678"),
    ("phone", "(+84) 912345678", "(+84) 912345678"),
    ("phone", "0084912345678", "0084912345678"),
    ("phone", "Số cũ là 01234 567 890.", "01234 567 890"),
    ("phone", "số cũ 0168.765.4321", "0168.765.4321"),
    ("phone", "Điện thoại bàn: 024 3825 1234", "024 3825 1234"),
    ("phone", "văn phòng (028) 3822 1234", "(028) 3822 1234"),
    ("phone", "0236 3822 123", "0236 3822 123"),
    ("phone", "ĐT: (04) 3825 1234", "(04) 3825 1234"),
    (
        "email",
        "Thư: nguyen.van-a+hoc@truong.edu.vn.",
        "nguyen.van-a+hoc@truong.edu.vn",
    ),
    ("email", "ten (at) vidu.com", "ten (at) vidu.com"),
    ("cccd", "mã 001099012345 được cấp", "001099012345"),
    ("cccd", "CCCD số 079 203 001 234", "079 203 001 234"),
    ("cccd", "căn cước công dân: 999999999999", "999999999999"),
    ("cmnd", "CMND số 201410933 do Công an cấp", "201410933"),
    ("cmnd", "Giấy chứng minh nhân dân số: 012 345 678", "012 345 678"),
    ("passport", "Hộ chiếu số C1234567", "C1234567"),
    ("bank_account", "STK 0011 0022 33445 Vietcombank", "0011 0022 33445"),
    ("bank_account", "số tài khoản 8312205104166 mở tại", "8312205104166"),
    ("plate", "xe biển số 29A-123.45", "29A-123.45"),
    ("plate", "mang BKS 51F 678.90 chạy", "51F 678.90"),
    ("plate", "xe máy 59X1-234.56", "59X1-234.56"),
    ("plate", "xe cũ 30H-1234", "30H-1234"),
    ("plate", "xe 29LD-012.34", "29LD-012.34"),
    (
        "address",
        "Địa chỉ: số 12 ngõ 34 phố Huế, quận Hai Bà Trưng, Hà Nội.",
        "số 12 ngõ 34 phố Huế, quận Hai Bà Trưng, Hà Nội",
    ),
    (
        "address",
        "trú tại thôn La Xá, xã Thạch Lâm, huyện Thạch Thành bị bắt",
        "thôn La Xá, xã Thạch Lâm, huyện Thạch Thành",
    ),
    (
        "address",
        "Giao hàng đến 45/6 Lê Lợi, phường 4",
        "45/6 Lê Lợi, phường 4",
    ),
]

NOT_PERSONAL = [
    "Điều 12, khoản 3, điểm a, Luật số 91/2015/QH13 ngày 24 tháng 11 năm 2015",
    "phạt tiền từ 100.000.000 đồng đến 500.000.000 đồng",
    "phạt 0912345678 đồng",
    "Giá là 912.345.678 VND và 3,14159265358",
    "Năm 2015 có 93.571.567 người",
    "Hồ sơ 123456789 được lưu",
    "mã đơn 999999999999",
    "Tổng đài 19001234 và 18001234 là số của cơ quan",
    "Quyết định 33/2005/QH11, Nghị định 137/2015/NĐ-CP",
    "sống ở Hà Nội từ nhỏ",
    "cư trú tại xã, phường, thị trấn",
    "Luật Cư trú số 81/2006/QH11",
    "hạch toán vào tài khoản 1331 và 331",
    "công thức 12A-34 và phòng 30H",
    "9/11/2001, 30-4-1975, 2-9-1945",
    "sách số ISBN 978-604-1-12345-6",
]


@pytest.mark.parametrize(("kind", "text", "what"), FOUND)
def test_found(kind, text, what):
    assert [(f.kind, f.text) for f in find(text)] == [(kind, what)]


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_left_alone(text):
    assert find(text) == []
    assert redact(text) == (text, [])


def test_no_finding_in_three_megabytes_of_law():
    assert [f for d in load("laws") for f in find(d.text)] == []


def test_redaction_names_the_kind():
    text = "Chị Mai, 0912 345 678, mai@vidu.vn, STK 0011002233445."
    clean, findings = redact(text)
    assert clean == (
        "Chị Mai, [SỐ ĐIỆN THOẠI], [THƯ ĐIỆN TỬ], STK [SỐ TÀI KHOẢN]."
    )
    assert [f.kind for f in findings] == ["phone", "email", "bank_account"]
    assert all(text[f.start : f.end] == f.text for f in findings)


def test_structure_of_the_citizen_number():
    assert len(PROVINCES) == 63
    assert is_citizen_number("001 099 012345")  # Hà Nội, man, 1900s, born 1999
    assert is_citizen_number(
        "079303001234"
    )  # HCM City, woman, 2000s, born 2003
    assert not is_citizen_number("003099012345")  # no province 003
    assert not is_citizen_number("001299012345")  # born 2099
    assert not is_citizen_number("00109901234")  # 11 digits


digits = st.text("0123456789", min_size=7, max_size=7)


@given(st.sampled_from(["032", "056", "070", "089", "098"]), digits, st.data())
def test_a_number_is_hidden_however_it_is_spaced(prefix, rest, data):
    sep = data.draw(st.sampled_from(["", " ", ".", "-"]))
    number = sep.join([prefix + rest[0], rest[1:4], rest[4:]])
    clean, findings = redact(f"số của tôi: {number}, nhớ nhé")
    assert [f.kind for f in findings] == ["phone"]
    assert not any(char.isdigit() for char in clean)


@given(st.text("0123456789 .,-/()@abđĐ[]ỐỆ:", max_size=60))
def test_redacting_twice_changes_nothing_more(text):
    once, _ = redact(text)
    assert redact(once)[0] == once


@given(st.text(max_size=200))
def test_findings_are_in_order_and_apart(text):
    findings = find(text)
    assert all(a.end <= b.start for a, b in pairwise(findings))


def test_placeholders_are_vietnamese_and_typed():
    assert len(set(PLACEHOLDERS.values())) == len(PLACEHOLDERS) == 8
    assert all(
        p.startswith("[") and p.isupper() for p in PLACEHOLDERS.values()
    )


@pytest.mark.parametrize(
    "text",
    [
        "địa chỉ " + "Aa " * 200 + "/1",
        "địa chỉ " + "Số 1 " * 60 + "/1",
        "địa chỉ " + "1/" * 500 + "x",
        "trú tại " * 5_000,
        "0" * 50_000,
        "09 " * 20_000,
        "+84 " * 10_000,
        "a.a" * 20_000,
        "a@" + "a." * 20_000,
        "cmnd" + " 1" * 10_000,
        "stk " + "1 " * 10_000,
        "29A-" * 10_000,
    ],
)
def test_no_text_makes_the_patterns_run_away(text):
    start = time.perf_counter()
    find(text)
    assert time.perf_counter() - start < 5
