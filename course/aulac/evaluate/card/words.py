"""What a model card says around its numbers, in both languages."""

from __future__ import annotations

from typing import Any

_VI: dict[str, Any] = {
    "title": "Phiếu mô hình",
    "opening": [
        "Một mô hình ngôn ngữ tiếng Việt nhỏ, {millions} triệu tham số, đi kèm khóa "
        "học Âu Lạc LLM. Nó được huấn luyện từ đầu, để người học không có GPU cũng có "
        "trong tay một mô hình biết tiếng Việt. Mô hình nền này **viết tiếp** văn bản; "
        "bản biết trả lời là `chat`, ở cuối phiếu. Giấy phép: {licence}.",
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("base")  # thư mục này',
        'model = AutoModelForCausalLM.from_pretrained("base")',
        'ids = tokenizer("Ngày xưa", return_tensors="pt").input_ids',
        "out = model.generate(ids, max_new_tokens=60, repetition_penalty=1.2)",
        "print(tokenizer.decode(out[0]))",
        "```",
        "",
        "Trong khóa học: `aulac.lesson.shipped.load()`, `aulac chat`, "
        "`aulac evaluate --model shipped`.",
        "",
        "## Dùng vào việc gì",
        "",
        "- Học và dạy: xem một mô hình nhỏ biết gì, đo nó, tinh chỉnh nó, nén nó.",
        "- Làm mốc so sánh cho mô hình bạn tự huấn luyện.",
        "",
        "## Không dùng vào việc gì",
        "",
        "- **Đừng tin những điều nó kể.** Một mô hình cỡ này bịa tên người, năm tháng "
        "và con số bằng giọng rất chắc chắn.",
        "- **Đừng để nó góp phần vào quyết định** về con người, sức khỏe, pháp luật hay "
        "tiền bạc. Nó đã đọc luật nhưng không hiểu luật.",
        "- Nó chỉ biết tiếng Việt, đọc nhiều nhất {context} token một lượt, không biết "
        "lập trình, tính toán hay sai.",
        "- Không có bộ lọc nào: nó có thể viết điều sai trái hay xúc phạm, và lặp lại "
        "thiên lệch của văn bản nó đã đọc. Cả hai chưa được đo. Khi dùng với trẻ em, "
        "người lớn nên có mặt.",
        "",
        "Thấy nó viết điều gây hại, hay để lộ thông tin của một người thật, xin báo ở "
        "kho mã của khóa học.",
        "",
        "## Người dùng phải biết mình đang nói chuyện với AI",
        "",
        "Luật Trí tuệ nhân tạo 134/2025/QH15, có hiệu lực từ 1-3-2026, đòi hỏi người "
        "dùng biết mình đang trao đổi với hệ thống AI (Điều 11). Chúng tôi ghi theo "
        "thông tin đã công bố; trước khi đưa mô hình ra phục vụ, hãy đối chiếu với "
        "Công báo. Ai tinh chỉnh mô hình này cũng nên viết một phiếu như thế này cho "
        "bản của mình.",
    ],
    "parts": {
        "data": (
            "Dữ liệu và giấy phép",
            "Mô hình được phát hành theo giấy phép chặt nhất trong các nguồn: {licence}. "
            "{terms} Trọng số của một mô hình có phải là tác phẩm phái sinh của văn bản "
            "huấn luyện hay không, pháp luật chưa nói rõ; ở đây chọn cách hiểu chặt.",
            "",
            "Dữ liệu cá nhân có khuôn mẫu đã được che{redacted}; tên người và những gì "
            "không theo khuôn mẫu thì không. Bản trùng đã bỏ, rồi mới chia tập theo mã "
            "băm của từng văn bản.",
        ),
        "training": ("Huấn luyện",),
        "bits": (
            "Số bit trên mỗi byte",
            "Trên văn bản để riêng, mô hình chưa thấy bao giờ; càng thấp càng tốt; "
            "trong ngoặc vuông là khoảng tin cậy 95 %. Bên cạnh là một trình nén đã "
            "đọc trước cùng văn bản huấn luyện và những mô hình khác, nếu có đo. "
            "Khoảng tin cậy nói về việc chọn văn bản để đo, không nói về một lần huấn "
            "luyện khác.",
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
            '`aulac.lesson.shipped.load("chat")` cộng nó vào mô hình nền.',
        ),
        "chat_can": ("Bản trò chuyện làm được gì",),
        "chat_forgot": (
            "Bản trò chuyện quên bao nhiêu",
            "Số bit trên mỗi byte, trước và sau khi tinh chỉnh.",
        ),
        "again": (
            "Làm lại",
            "Từng lệnh một. Cùng quy trình, nhưng trên máy khác, bản torch khác hay số "
            "luồng khác, trọng số không trùng từng bit.",
        ),
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
    "unseen": "Không có trong dữ liệu huấn luyện: ",
    "elsewhere": "mẫu khác, hoặc cùng văn bản cắt đoạn khác: ",
    "wilson": "Nơi mọi mục ra cùng một kết quả, trong ngoặc vuông là khoảng Wilson.",
    "note": "Ghi chú: ",
    "domain": "lĩnh vực",
    "all": "tất cả",
    "documents": "văn bản",
    "sections": "đoạn",
    "bytes": "byte",
    "hours": "{hours} giờ {minutes} phút",
    "minutes": "{minutes} phút",
    "counted": "n đếm văn bản; riêng {parts} có quá ít văn bản nên đếm đoạn.",
    # names that a measurement gives in English alone
    "labels": {
        "tone": "thanh điệu",
        "classifier": "loại từ",
        "adjective": "tính từ đứng sau danh từ",
        "demonstrative": "này, kia, ấy đứng cuối",
        "marker": "đã, đang, sẽ đứng trước động từ",
        "number": "số từ, loại từ, danh từ",
        "pronoun": "xưng hô",
        "correlative": "vì … nên, tuy … nhưng",
        "not under copyright (legal documents, Law on Intellectual Property, "
        "Article 15)": "không thuộc phạm vi bảo hộ quyền tác giả",
        "Apache-2.0 / CC BY 4.0 (the project's own)": "Apache-2.0 / CC BY 4.0 "
        "(của khóa học)",
    },
    # how a number was found: a pattern, and what it means
    "rules": {
        r"NFC bytes, context (\d+), stride (\d+)": "byte của văn bản NFC, cửa sổ {0} "
        "token, bước {1}",
        r"ppmd7 order (\d+), (\d+) MiB, primed with ([\d.]+) MB": "Ppmd7 bậc {0}, bộ "
        "nhớ {1} MiB, đọc trước {2} MB",
        "sum": "xác suất cả câu",
        "byte": "xác suất trên mỗi byte",
        "greedy": "luôn chọn token chắc nhất",
        r"syllables, beam (\d+)": "từng âm tiết, chùm {0}",
        r"exact, beam (\d+)": "cả câu, chùm {0}",
    },
    "pii": {
        "address": "địa chỉ",
        "email": "email",
        "phone": "số điện thoại",
        "plate": "biển số xe",
        "cccd": "số căn cước",
        "cmnd": "số chứng minh nhân dân",
        "passport": "số hộ chiếu",
        "bank_account": "số tài khoản",
    },
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
        "**continues** text; the one that answers is `chat`, at the end of the card. "
        "Licence: {licence}.",
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("base")  # this folder',
        'model = AutoModelForCausalLM.from_pretrained("base")',
        'ids = tokenizer("Ngày xưa", return_tensors="pt").input_ids',
        "out = model.generate(ids, max_new_tokens=60, repetition_penalty=1.2)",
        "print(tokenizer.decode(out[0]))",
        "```",
        "",
        "In the course: `aulac.lesson.shipped.load()`, `aulac chat`, "
        "`aulac evaluate --model shipped`.",
        "",
        "## What it is for",
        "",
        "- Learning and teaching: see what a small model knows, measure it, tune it, "
        "compress it.",
        "- A yardstick for a model of your own.",
        "",
        "## What it is not for",
        "",
        "- **Do not believe what it tells.** A model of this size makes up names, years "
        "and numbers in a very sure voice.",
        "- **Give it no part in decisions** about people, health, law or money. It has "
        "read laws; it does not understand them.",
        "- It knows only Vietnamese, reads at most {context} tokens at a time, cannot "
        "write programs and is often wrong at sums.",
        "- There is no filter: it may write what is wrong or offensive, and repeat the "
        "biases of the texts that it read. Neither has been measured. With children, "
        "a grown-up should be there.",
        "",
        "If it writes something harmful, or gives away something about a real person, "
        "please report it at the course's repository.",
        "",
        "## People must know that they are talking to AI",
        "",
        "Vietnam's Law on Artificial Intelligence 134/2025/QH15, in force from 1 March "
        "2026, asks that people know when they deal with an AI system (Article 11). "
        "This follows published accounts; check the Official Gazette before you put "
        "the model to service. Whoever tunes this model should write such a card for "
        "their own.",
    ],
    "parts": {
        "data": (
            "Data and licences",
            "The model is under the strictest licence among its sources: {licence}. "
            "{terms} Whether the weights of a model are an adaptation of the text it "
            "was trained on, the law does not clearly say; the strict reading is taken "
            "here.",
            "",
            "Personal data that follows a pattern was redacted{redacted}; names, and "
            "what follows no pattern, were not. Duplicates were removed before the "
            "split, which is by the hash of each document.",
        ),
        "training": ("Training",),
        "bits": (
            "Bits per byte",
            "On held-out documents that the model never saw; lower is better; 95 % "
            "intervals in brackets. Beside it a compressor that read the same training "
            "text first, and other models, where they were measured. An interval "
            "speaks of other documents, not of another training run.",
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
            '`aulac.lesson.shipped.load("chat")` adds it to the base.',
        ),
        "chat_can": ("What the chat model can do",),
        "chat_forgot": (
            "What the chat model forgot",
            "Bits per byte, before and after tuning.",
        ),
        "again": (
            "Making it again",
            "Command by command. The same procedure, but on another machine, with "
            "another torch or another number of threads, the weights differ in their "
            "bits.",
        ),
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
    "unseen": "Not in the training data: ",
    "elsewhere": "another sample, or the same text cut otherwise: ",
    "wilson": "Where every item came out alike, the brackets hold Wilson's interval.",
    "note": "Note: ",
    "domain": "domain",
    "all": "all",
    "documents": "documents",
    "sections": "sections",
    "bytes": "bytes",
    "hours": "{hours} h {minutes} min",
    "minutes": "{minutes} min",
    "counted": "n counts documents; {parts} has too few, so n counts sections there.",
    "labels": {
        "tone": "tone",
        "classifier": "classifier",
        "adjective": "adjectives after the noun",
        "demonstrative": "này, kia, ấy at the end",
        "marker": "đã, đang, sẽ before the verb",
        "number": "numeral, classifier, noun",
        "pronoun": "forms of address",
        "correlative": "vì … nên, tuy … nhưng",
        "not under copyright (legal documents, Law on Intellectual Property, "
        "Article 15)": "not under copyright",
        "Apache-2.0 / CC BY 4.0 (the project's own)": "Apache-2.0 / CC BY 4.0 "
        "(the course's own)",
    },
    "rules": {
        r"NFC bytes, context (\d+), stride (\d+)": "bytes of NFC text, a window of "
        "{0} tokens, in steps of {1}",
        r"ppmd7 order (\d+), (\d+) MiB, primed with ([\d.]+) MB": "Ppmd7 of order {0}, "
        "{1} MiB, which read {2} MB first",
        "sum": "probability of the sentence",
        "byte": "probability per byte",
        "greedy": "always the likeliest token",
        r"syllables, beam (\d+)": "each syllable, beam of {0}",
        r"exact, beam (\d+)": "whole sentences, beam of {0}",
    },
    "pii": {
        "address": "addresses",
        "email": "e-mail addresses",
        "phone": "telephone numbers",
        "plate": "licence plates",
        "cccd": "citizen numbers",
        "cmnd": "identity cards",
        "passport": "passports",
        "bank_account": "bank accounts",
    },
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
