"""Multiple choice by log-likelihood: the sums, the four rules, the files."""

from __future__ import annotations

import json

import pytest
import torch

from aulac.evaluate.choice import (
    Choices,
    Question,
    QuestionError,
    choose,
    score,
)
from aulac.evaluate.files import load, load_vmlu, load_xcopa
from aulac.evaluate.likelihood import Continuation, continuations

SKY = Question("1", "nature", "Trời màu gì?", ("xanh", "đỏ", "tím than"), 0)


def test_a_continuation_is_a_sum_by_hand(build, tokenizer):
    model = build()
    (found,) = continuations(model, tokenizer, [("Con mèo", " ngồi")])
    head, tail = tokenizer.encode("Con mèo"), tokenizer.encode(" ngồi")
    ids = torch.tensor([[tokenizer.eos_id, *head, *tail]])
    odds = model(ids).detach().log_softmax(-1)[0]
    at = range(len(head), len(head) + len(tail))
    wanted = -sum(float(odds[i, ids[0, i + 1]]) for i in at)
    assert found.nats == pytest.approx(wanted, rel=1e-5)
    assert (found.bytes, found.tokens) == (len(" ngồi".encode()), len(tail))


def test_batches_and_order_do_not_matter(build, tokenizer, sentences):
    model = build()
    pairs = [(text[:9], text[9:]) for text in sentences[:9]]
    one = continuations(model, tokenizer, pairs, batch=1)
    other = continuations(model, tokenizer, pairs[::-1], batch=4)[::-1]
    assert [c.nats for c in one] == pytest.approx(
        [c.nats for c in other], rel=1e-5
    )


def test_a_long_context_loses_its_beginning(build, tokenizer, sentences):
    model = build()
    long = " ".join(sentences)
    (found,) = continuations(model, tokenizer, [(long, " ngồi")])
    head, tail = map(tokenizer.encode, (long, " ngồi"))
    assert found.nats > 0
    assert found.cut == len(head) + len(tail) - model.config.context > 0
    (short,) = continuations(model, tokenizer, [("Con mèo", " ngồi")])
    assert short.cut == 0
    with pytest.raises(ValueError, match="do not fit"):
        continuations(model, tokenizer, [("", long)])
    with pytest.raises(ValueError, match="empty"):
        continuations(model, tokenizer, [("Con mèo", "")])


def test_the_four_rules_divide_as_they_say():
    found, alone = Continuation(6.0, 12, 3), Continuation(9.0, 12, 3)
    rules = ("sum", "token", "byte", "pmi")
    assert [score(rule, found, alone) for rule in rules] == [-6, -2, -0.5, 3]


def test_choosing_takes_the_likeliest(build, tokenizer):
    model = build()
    found = choose(model, tokenizer, [SKY, SKY])
    asked = [
        ("Câu hỏi: Trời màu gì?\nTrả lời:", f" {option}")
        for option in SKY.options
    ]
    rows = continuations(model, tokenizer, asked)
    sizes = [len(option.encode()) for option in SKY.options]
    wanted = min(range(3), key=lambda i: rows[i].nats / sizes[i])
    assert found.picked["byte"] == (wanted, wanted)
    assert found.chance == pytest.approx(1 / 3)
    assert sum(found.positions()) == 2


def test_results_by_subject_with_intervals():
    other = Question("2", "art", "Ai vẽ?", ("An", "Bình"), 1)
    found = Choices((SKY, other, SKY), {"byte": (0, 1, 2)}, (0, 0, 0))
    assert found.right() == [1, 1, 0]
    assert found.accuracy().value == pytest.approx(2 / 3)
    assert found.by_subject()["art"].value == 1
    assert found.by_subject()["nature"].low == 0
    assert found.positions() == [1, 1, 1]


def write(path, *rows):
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_vmlu_files_are_read(tmp_path):
    row = {
        "id": "28-0021",
        "question": "Thủ đô của Việt Nam là gì?",
        "choices": ["A. Huế", "B. Hà Nội", "C. Đà Nẵng", "D. Cần Thơ"],
        "answer": "B",
    }
    (question,) = load_vmlu(write(tmp_path / "vmlu.jsonl", row))
    assert question.subject == "28"
    assert question.options[question.answer] == "Hà Nội"


def test_xcopa_files_are_read(tmp_path):
    row = {
        "premise": "Trời mưa to.",
        "choice1": "Đường ngập nước.",
        "choice2": "Trời nắng.",
        "question": "effect",
        "label": 0,
        "idx": 4,
    }
    (question,) = load_xcopa(write(tmp_path / "xcopa.jsonl", row))
    sentence = question.prompt.format(stem=question.stem)
    assert f"{sentence} {question.options[0]}" == (
        "Trời mưa to vì vậy đường ngập nước."
    )


def test_pmi_leaves_xcopas_connective_standing(build, tokenizer, tmp_path):
    row = {"premise": "Trời mưa.", "question": "cause", "label": 1}
    row |= {"choice1": "Đường khô.", "choice2": "Gió to."}
    questions = load_xcopa(write(tmp_path / "xcopa.jsonl", row))
    model = build()
    rows = [
        continuations(model, tokenizer, [(c, " đường khô."), (c, " gió to.")])
        for c in ("Trời mưa bởi vì", "bởi vì")
    ]
    gains = [b.nats - a.nats for a, b in zip(*rows, strict=True)]
    (picked,) = choose(model, tokenizer, questions).picked["pmi"]
    assert picked == gains.index(max(gains))


def test_windows_files_and_odd_line_ends_are_read(tmp_path):
    row = {"id": 1, "subject": "văn", "question": "Ai\u2028hát\u0085?"}
    row |= {"options": ["An", "Bình"], "answer": 1}
    line = json.dumps(row, ensure_ascii=False)
    file = tmp_path / "own.jsonl"
    file.write_bytes(f"\ufeff{line}\r\n\r\n{line}\r\n".encode())
    first, second = load(file)
    assert first == second
    assert first.stem == "Ai\u2028hát\u0085?"


def test_own_files_are_read(tmp_path):
    row = {"id": "a1", "subject": "toán", "question": "1 + 1 = ?"}
    row |= {"options": ["2", "3"], "answer": 0}
    (question,) = load(write(tmp_path / "own.jsonl", row))
    assert question.options == ("2", "3")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"answer": None}, "line 1: .*split without answers"),
        ({"answer": "F"}, "line 1: .*none of its 2 options"),
        ({"choices": ["A. x", "B. x"]}, "line 1: .*equal"),
        ({"choices": ["A. x"]}, "line 1: .*two options or more"),
        ({"choices": None}, "line 1: "),
    ],
)
def test_a_bad_row_is_named(tmp_path, change, says):
    row = {"id": "1-1", "question": "?", "choices": ["A. x", "B. y"]}
    file = write(tmp_path / "bad.jsonl", row | {"answer": "A"} | change)
    with pytest.raises(QuestionError, match=says):
        load_vmlu(file)


@pytest.mark.parametrize(
    ("load_", "change", "says"),
    [
        (load, {"options": "2;3"}, "not a list of texts"),
        (load, {"options": [2, 3]}, "not a list of texts"),
        (load, {"answer": 7}, "answer 7 is none of its 2 options"),
        (load, {"answer": -1}, "answer -1 is none of its 2 options"),
        (load, {"answer": True}, "not the number of an option"),
        (load, {"answer": 0.5}, "not the number of an option"),
        (load, {"question": ["?"]}, "not a text"),
        (load, {"question": "  "}, "asks nothing"),
        (load_xcopa, {"question": "why"}, "neither cause nor effect"),
        (load_xcopa, {"label": "0"}, "not the number of an option"),
        (load_xcopa, {"label": 2}, "answer 2 is none of its 2 options"),
        (load_xcopa, {"choice2": ""}, "none empty"),
        (load_vmlu, {"answer": "1"}, "not a letter"),
    ],
)
def test_a_bad_row_in_the_middle_is_named_in_both_languages(
    tmp_path, load_, change, says
):
    row = {"id": "1-1", "subject": "toán", "question": "1 + 1 = ?"}
    row |= {"options": ["2", "3"], "choices": ["A. 2", "B. 3"], "answer": 0}
    if load_ is load_xcopa:
        row |= {"premise": "Mưa.", "choice1": "Ướt.", "choice2": "Khô."}
        row |= {"question": "effect", "label": 0}
    if load_ is load_vmlu:
        row["answer"] = "A"
    file = write(tmp_path / "bad.jsonl", row, row | change, row)
    with pytest.raises(QuestionError, match=f"bad.jsonl, line 2: .*{says}"):
        load_(file)
    with pytest.raises(QuestionError) as caught:
        load_(file)
    assert "bad.jsonl, dòng 2: " in caught.value.vi


def test_a_bad_file_is_named(tmp_path):
    (tmp_path / "cut.jsonl").write_text('{"id": 1')
    with pytest.raises(QuestionError, match=r"cut\.jsonl, line 1: not JSON"):
        load(tmp_path / "cut.jsonl")
    (tmp_path / "list.jsonl").write_text("[1]")
    with pytest.raises(QuestionError, match="line 1: not an object"):
        load(tmp_path / "list.jsonl")
    with pytest.raises(QuestionError, match="cannot be read"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(QuestionError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "old.jsonl").write_bytes('{"id": "é"}'.encode("latin-1"))
    with pytest.raises(QuestionError, match="byte 9 is not UTF-8"):
        load(tmp_path / "old.jsonl")
    with pytest.raises(QuestionError, match="no 'subject'"):
        load(write(tmp_path / "part.jsonl", {"id": 1}))
