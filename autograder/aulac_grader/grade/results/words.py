"""The words of the results page, Vietnamese and English, and how numbers look."""

from __future__ import annotations

import re
from typing import Any

LANGUAGES = ("vi", "en")

WORDS: dict[str, tuple[str, str]] = {
    "results": ("Kết quả chấm", "Results"),
    "other_language": ("English", "Tiếng Việt"),
    "skip": ("Đến nội dung", "Skip to content"),
    "contents": ("Trong trang này", "On this page"),
    "overview": ("Tổng quan", "Overview"),
    "marked": ("bài đã chấm", "marked"),
    "waiting": ("bài chưa chấm xong", "not marked yet"),
    "mean": ("điểm trung bình", "mean"),
    "median": ("trung vị", "median"),
    "deviation": ("độ lệch chuẩn", "standard deviation"),
    "of": ("trên", "of"),
    "full": ("trọn điểm", "full marks"),
    "late": ("nộp muộn", "late"),
    "repaired": ("bài phải sửa lại cấu trúc", "repaired"),
    "machine_only": (
        "Đây là điểm do máy chấm. Điểm chấm tay, điểm trừ vì nộp muộn nằm trong "
        "sổ điểm (formgrader) và trong tệp điểm xuất ra.",
        "These are the points that machines gave. Points given by hand and late "
        "penalties are in the gradebook (formgrader) and in exported marks.",
    ),
    "nobody": (
        "Chưa có bài nào được chấm. Hãy chạy `aulac grade run`.",
        "Nothing has been marked yet. Run `aulac grade run`.",
    ),
    "unsandboxed": (
        "Có bài được chấm KHÔNG có hộp cát: mã của sinh viên đã chạy với quyền của "
        "người chấm. Đừng dùng các điểm này cho kỳ thi quan trọng.",
        "Some submissions were marked WITHOUT a sandbox: student code ran with the "
        "grader's own rights. Do not use these marks where much depends on them.",
    ),
    "damaged": (
        "Không đọc được kết quả của các sinh viên sau; họ không có mặt trong các "
        "con số trên trang.",
        "The verdicts of these students cannot be read; they are missing from every "
        "number on this page.",
    ),
    "total": ("Phân bố tổng điểm", "Distribution of totals"),
    "total_alt": (
        "Biểu đồ cột: số sinh viên theo từng khoảng mười phần trăm số điểm. "
        "Bảng ngay dưới có cùng các con số.",
        "Bar chart: students for each tenth of the points. The table below holds "
        "the same numbers.",
    ),
    "share_of_points": ("phần trăm số điểm", "share of the points"),
    "students": ("sinh viên", "students"),
    "numbers": ("Các con số", "The numbers"),
    "questions": ("Từng câu", "Each question"),
    "question": ("Câu", "Question"),
    "part_0": ("không điểm", "nothing"),
    "part_1": ("dưới một nửa", "under half"),
    "part_2": ("từ một nửa", "half or more"),
    "part_3": ("trọn điểm", "full marks"),
    "points": ("điểm", "points"),
    "mean_share": ("trung bình", "mean"),
    "tests": ("Từng phép thử", "Each test"),
    "test": ("Phép thử", "Test"),
    "tests_note": (
        "“Sai ở phần ẩn” là qua được phần mà sinh viên nhìn thấy nhưng không qua "
        "phần ẩn: dấu hiệu của lời giải chỉ khớp với ví dụ, hoặc của đề viết chưa "
        "rõ. “Bị dừng” là quá giờ, quá bộ nhớ, tiến trình chết, hoặc trả về thứ "
        "không so sánh được.",
        "“Hidden part” means that the part students can see passes and the hidden "
        "part does not: a sign of answers fitted to the examples, or of a question "
        "that says too little. “Stopped” means out of time or memory, a process "
        "that died, or a value that cannot be compared.",
    ),
    "fate_pass": ("đạt", "passed"),
    "fate_partial": ("được một phần", "partly"),
    "fate_hidden": ("sai ở phần ẩn", "hidden part"),
    "fate_visible": ("sai ở phần thấy được", "visible part"),
    "fate_stopped": ("bị dừng", "stopped"),
    "rest": ("tương quan", "correlation"),
    "rest_note": (
        "“Tương quan” là hệ số tương quan giữa điểm của phép thử này và tổng điểm "
        "của các phép thử còn lại (item-rest correlation). Từ 0,3 trở lên: phép thử "
        "phân biệt được người làm tốt; gần 0 hay âm: nên đọc lại phép thử. Chỉ tính "
        "khi có từ {enough} bài, và chỉ có nghĩa khi kết quả không giống hệt nhau.",
        "“Correlation” is that of a test's points with the points of all other "
        "tests (item-rest correlation). From 0.3 up the test tells stronger work "
        "from weaker; near 0 or below it, read the test again. It is given from "
        "{enough} submissions on, where results differ at all.",
    ),
    "hardest": ("Khó nhất", "Hardest"),
    "hardest_none": (
        "Mọi bài đều qua mọi phép thử.",
        "Every submission passes every test.",
    ),
    "repairs": ("Sửa chữa khi nhận bài", "Repairs"),
    "repairs_note": (
        "Trước khi chấm, bài nộp được dựng lại từ bản gốc: chỉ lấy các ô trả lời. "
        "Chỗ nào phải sửa thì ghi ở đây và trong nhận xét của sinh viên ấy. Sửa "
        "không trừ điểm.",
        "Before marking, a submission is rebuilt from the trusted source: only its "
        "answer cells are taken. What had to be put right stands here and in that "
        "student's feedback. A repair costs no points.",
    ),
    "no_repairs": ("Không có gì phải sửa.", "Nothing had to be repaired."),
    "kind": ("Loại", "Kind"),
    "how_many": ("Số bài", "Submissions"),
    "who": ("Của ai", "Whose"),
    "trouble": ("Trục trặc", "Trouble"),
    "no_trouble": (
        "Không có trục trặc nào.",
        "There was no trouble.",
    ),
    "stopped_cells": (
        "Ô bị dừng khi chạy",
        "Cells that were stopped",
    ),
    "stopped_tests": ("Phép thử bị dừng", "Tests that were stopped"),
    "extra_cell": ("ô thêm của sinh viên", "a cell of the student's own"),
    "retried": (
        "Chấm lại vì lỗi của máy chấm (không tính vào điểm)",
        "Marked again after a failure of the grader's own (no mark was touched)",
    ),
    "walls": ("Hộp cát và môi trường", "Sandbox and environment"),
    "walls_note": (
        "Mỗi kết quả ghi nó được chấm sau những bức tường nào và bằng môi trường "
        "nào. Cùng bài nộp, cùng môi trường và bản đề thì chấm lại phải ra đúng từng byte "
        "(`aulac grade audit`). Nhiều hơn một dòng nghĩa là lớp được chấm trên các "
        "máy, phiên bản hay bản đề khác nhau.",
        "Every verdict says behind which walls and with which environment it was "
        "made. The same submission, environment and assignment must give the same "
        "bytes again (`aulac grade audit`). More than one row means that the class "
        "was marked on different machines, versions or editions of the assignment.",
    ),
    "environment": ("Môi trường", "Environment"),
    "source": ("Bản đề", "Assignment"),
    "limits_held": ("Giới hạn được giữ bằng", "Limits held by"),
    "sandbox": ("Hộp cát", "Sandbox"),
    "yes": ("có", "yes"),
    "no": ("KHÔNG", "NO"),
    "tier_cgroup": (
        "cgroup: nhân hệ điều hành đếm bộ nhớ và tiến trình của cả cây, không có "
        "khoảng hở",
        "cgroup: the kernel counts memory and processes of the whole tree, with no "
        "gap",
    ),
    "tier_watchdog": (
        "rlimit và bộ canh chừng: từng tiến trình bị nhân chặn, tổng của cả cây "
        "được canh theo nhịp, nên một cú tăng đột ngột có thể vượt mức trong giây "
        "lát",
        "rlimits and a watchdog: the kernel stops each process, the sum over the "
        "tree is watched at intervals, so a sudden burst may pass the limit for a "
        "moment",
    ),
    "timing": ("Thời gian chấm", "Timing"),
    "timing_note": (
        "Đo ở lần chấm gần nhất, trên máy đã chấm; chấm lại sẽ ra số khác. Mọi thứ "
        "còn lại trên trang này không phụ thuộc vào máy nhanh hay chậm.",
        "Taken at the last marking on the machine that did it; another run gives "
        "other numbers. Nothing else on this page depends on how fast a machine is.",
    ),
    "no_timing": (
        "Không có số đo thời gian nào được lưu.",
        "No timings are on record.",
    ),
    "seconds": ("giây", "seconds"),
    "memory": ("bộ nhớ cao nhất (MB)", "peak memory (MB)"),
    "boxes": ("số hộp cát đã dùng", "boxes used"),
    "quantity": ("Đại lượng", "Quantity"),
    "middle": ("trung vị", "median"),
    "ninety": ("90 % bài dưới mức", "90 % are below"),
    "most": ("lớn nhất", "largest"),
    "sum": ("tổng", "sum"),
    "similar": ("Bài giống nhau", "Similar answers"),
    "similar_warning": (
        "Đây chỉ là gợi ý xem chỗ nào nên đọc, KHÔNG phải kết luận. Hai bài giống "
        "nhau có thể vì đề chỉ có một cách giải tự nhiên, vì cùng học một nguồn, vì "
        "được phép làm chung. Hãy tự đọc hai bài, nói chuyện với sinh viên, rồi mới "
        "kết luận. Không có con số nào ở đây được tính vào điểm.",
        "This points to what a person should read. It is NOT a verdict. Answers may "
        "be alike because the question has one natural solution, because of a "
        "common source, or because working together was allowed. Read both, talk to "
        "the students, and only then conclude. Nothing here enters a mark.",
    ),
    "similar_how": (
        "Cách so: mã được cắt thành token, tên biến coi như nhau, chú thích và cách "
        "trình bày bỏ qua; mỗi dấu vân tay là {gram} token liền nhau, chọn theo "
        "thuật toán winnowing (Schleimer, Wilkerson, Aiken 2003), nên mọi đoạn chung "
        "dài từ {run} token đều bị thấy. Bỏ qua mã có sẵn trong đề và mã mà hơn "
        "{common} lớp (và hơn {common_students} người) cùng viết. Liệt kê khi từ "
        "{threshold} dấu vân tay riêng của một bên có trong bài kia, hoặc từ "
        "{one_answer} trong riêng một câu. So {compared} trên {students} bài; các "
        "bài còn lại có quá ít mã của riêng mình. Bài tự luận không được so.",
        "How: code is cut into tokens, names count as equal, comments and layout are "
        "left out; a fingerprint is {gram} tokens in a row, chosen by winnowing "
        "(Schleimer, Wilkerson, Aiken 2003), so every shared run of {run} tokens is "
        "seen. Code that the assignment gives, and code that more than {common} of "
        "the class (and more than {common_students} students) wrote, is left out. "
        "Pairs are listed when at least {threshold} of either side's own "
        "fingerprints stand in the other, or {one_answer} in one answer alone. "
        "{compared} of {students} submissions were compared; the others hold too "
        "little code of their own. Essays are not compared.",
    ),
    "no_pairs": (
        "Không có cặp nào vượt ngưỡng.",
        "No pair reaches the threshold.",
    ),
    "pairs_cut": (
        "Chỉ hiện {shown} cặp giống nhất trong {over} cặp vượt ngưỡng.",
        "The {shown} most alike of {over} pairs over the threshold are shown.",
    ),
    "tokens": ("Token", "Tokens"),
    "own_of": ("dấu vân tay riêng của", "of the own fingerprints of"),
    "in_other": ("có trong bài của", "stand in the work of"),
    "same": (
        "Câu trả lời trùng hẳn nhau (chỉ khác tên biến, chú thích, trình bày)",
        "Answers that are the same but for names, comments and layout",
    ),
    "cell": ("Ô", "Cell"),
    "answers_alike": ("câu giống nhau", "alike in"),
    "list": ("Sinh viên", "Students"),
    "student": ("Mã sinh viên", "Student"),
    "received": ("Nhận lúc (UTC)", "Received (UTC)"),
    "lateness": ("Muộn", "Late by"),
    "notes": ("Ghi chú", "Notes"),
    "feedback": ("Nhận xét", "Feedback"),
    "read": ("xem", "read"),
    "not_marked": ("chưa chấm", "not marked"),
    "repairs_short": ("chỗ sửa", "repaired"),
    "stopped_short": ("lần bị dừng", "stopped"),
    "legend": ("Chú giải", "Legend"),
    "not_sent": (
        "Trang này có mã và tên của sinh viên: đừng gửi cho lớp.",
        "This page holds students' code and names: do not pass it on to the class.",
    ),
}


def word(key: str, lang: str, **values: Any) -> str:
    """The words for `key` in `lang`, with values put in their places."""
    text = WORDS[key][LANGUAGES.index(lang)]
    return text.format(**values) if values else text


def number(value: float, lang: str, places: int = 2) -> str:
    """1234.5 as each language writes it: 1.234,5 or 1,234.5; no empty decimals."""
    text = f"{value:,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text == "-0":
        text = "0"
    return text.translate(str.maketrans(",.", ".,")) if lang == "vi" else text


def percent(share: float, lang: str) -> str:
    """A share between 0 and 1, in whole per cent, with a space that holds."""
    return f"{number(share * 100, lang, 0)}\u00a0%"


def duration(seconds: float, lang: str) -> str:
    """How late something came: the two largest units."""
    minutes = int(seconds) // 60
    if minutes < 1:
        return {"vi": "dưới 1 phút", "en": "under 1 minute"}[lang]
    units = {
        "vi": ("ngày", "giờ", "phút"),
        "en": ("d", "h", "min"),
    }[lang]
    sizes = (minutes // 1440, minutes // 60 % 24, minutes % 60)
    parts = [
        f"{size}\u00a0{unit}"
        for size, unit in zip(sizes, units, strict=True)
        if size
    ]
    return " ".join(parts[:2])


# Characters that could hide or reorder what a reader sees: C0 and C1 controls,
# bidirectional overrides and isolates (Trojan Source, CVE-2021-42574), zero widths.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069"
    "\ufeff\ud800-\udfff]"
)


def visible_text(text: str) -> str:
    """Text of a student's with every invisible control written out."""
    text = text.replace("\r\n", "\n")
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
