"""The words of the feedback page: key → (Vietnamese, English)."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "feedback": ("Phản hồi bài làm", "Feedback"),
    "student": ("Sinh viên", "Student"),
    "handed_in": ("Nhận bài lúc", "Received"),
    "points": ("điểm", "points"),
    "total": ("Tổng điểm", "Total"),
    "problem": ("Bài", "Problem"),
    "overview": ("Điểm từng bài", "Points by problem"),
    "late": ("Nộp muộn", "Handed in late"),
    "taken": ("trừ", "taken off"),
    "waiting": (
        "Có phần còn chờ người chấm; điểm dưới đây chưa phải điểm cuối.",
        "Part of this still waits for a person to grade it; the points below "
        "are not final.",
    ),
    "waits": ("chờ chấm", "not graded yet"),
    "again": (
        "Bạn đã đổi bài làm sau khi được chấm; người chấm sẽ xem lại.",
        "You changed this after it was graded; it will be looked at again.",
    ),
    "all_full": (
        "Trọn điểm mọi bài. Chúc mừng bạn!",
        "Full points everywhere. Well done!",
    ),
    "full": ("Trọn điểm: bài {}.", "Full points: problem {}."),
    "review": ("Nên xem lại: bài {}.", "Worth another look: problem {}."),
    "repairs": ("Những chỗ đã sửa giúp bạn", "What was put right for you"),
    "repairs_why": (
        "Câu trả lời của bạn được ghép vào đề gốc rồi mới chấm. Những chỗ sau "
        "đã được chỉnh lại; chỗ nào ảnh hưởng đến điểm thì có ghi rõ.",
        "Your answers are put into the original assignment before they are "
        "marked. This is what was adjusted; where it touches your points, it "
        "says so.",
    ),
    "your_answer": ("Bài làm của bạn", "Your answer"),
    "no_answer": (
        "Bạn chưa viết gì ở đây.",
        "You left this as it was.",
    ),
    "printed": ("In ra khi chạy", "Printed when it ran"),
    "result": ("Kết quả", "Result"),
    "visible_test": ("Xem phép thử", "Show the test"),
    "has_hidden": ("có phép thử ẩn", "with hidden tests"),
    "by_hand": ("Đã có người chấm", "Graded by a person"),
    "override": (
        "Người chấm đã sửa điểm này",
        "A person changed these points",
    ),
    "extra": ("điểm thưởng", "extra points"),
    "comment": ("Lời nhắn của người chấm", "Comment"),
    "own_cells": ("Những ô bạn thêm", "Cells you added"),
    "nothing": (
        "Không thấy câu trả lời nào trong bài nộp, nên không có gì để chấm.",
        "No answers were found in what you handed in, so there was nothing to "
        "mark.",
    ),
    "receipt": ("Mã biên nhận", "Receipt"),
    "receipt_why": (
        "Khi cần hỏi lại, hãy gửi kèm mã biên nhận này.",
        "If you have a question about this, quote the receipt.",
    ),
    "not_sandboxed": (
        "Bài này được chấm mà không có tường cách ly.",
        "This was marked without a sandbox.",
    ),
}
