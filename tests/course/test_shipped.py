"""The model that comes with the course: a small stand-in, then the real one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import unicodedata

import pytest
import torch
from typer.testing import CliRunner

from aulac.cli import chat as chat_command
from aulac.cli.evaluate import command as evaluate_command
from aulac.cli.release.make import app as make_app
from aulac.export import from_hf, to_hf
from aulac.lesson import artefacts, recipes, shipped
from aulac.lesson.models import answers
from aulac.lesson.shipped import difference
from aulac.scale import SCALES, Scale

RUN = CliRunner()


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv(artefacts.WORKSPACE, str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture
def tuned(build):
    """A model a little way from build()."""
    model = build()
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())
            weight += 0.01 * torch.randn_like(weight)
    return model


@pytest.fixture
def small(tmp_path, monkeypatch, build, tuned, tokenizer):
    """Stands in for what ships: folders of the same form, a model of no size."""
    place = tmp_path / "shipped"
    place.mkdir()
    monkeypatch.setattr(shipped, "PLACE", place)
    options = {"dtype": torch.float16, "chat": False}
    base = to_hf(build(), tokenizer, place / "base", **options)
    (place / "chat").mkdir()
    file = place / "chat" / shipped.WEIGHTS["chat"]
    difference.save(from_hf(base)[0], tuned, file, shipped.sha256(base))
    return place


def weights(model):
    return torch.cat([weight.flatten() for weight in model.parameters()])


def test_asking_loads_no_torch():
    code = (
        "import sys, aulac.lesson.shipped as s; s.there(); s.there('chat'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_nothing_ships_two_languages_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "PLACE", tmp_path)
    for kind in ("base", "chat"):
        assert not shipped.there(kind)
        with pytest.raises(FileNotFoundError, match="`aulac train`") as said:
            shipped.load(kind)
        assert "không có mô hình đi kèm" in said.value.vi
    with pytest.raises(FileNotFoundError, match="aulac train"):
        recipes.need("base", "shipped")
    result = RUN.invoke(chat_command.app, ["--model", "shipped"])
    assert result.exit_code == 1 and "Lỗi: không có mô hình" in result.output


def test_base_is_the_exported_model(small, build):
    model, tokenizer = shipped.load()
    assert torch.equal(weights(model), weights(build()).half().float())
    assert tokenizer.decode(tokenizer.encode("Hà Nội")) == "Hà Nội"


@pytest.mark.parametrize("bits", [4, 8])
def test_chat_is_the_tuned_model_but_for_the_rounding(small, tuned, bits):
    base, _ = shipped.load()
    file = small / "chat" / shipped.WEIGHTS["chat"]
    difference.save(base, tuned, file, shipped.sha256(small / "base"), bits)
    away = weights(shipped.load("chat")[0]) - weights(tuned)
    largest = (weights(tuned) - weights(base)).abs().max()
    assert away.abs().max() <= largest / (7 if bits == 4 else 127) * 0.52
    assert away.abs().mean() < 0.1 * 0.01


def test_a_change_is_for_one_base_only(small, build, tokenizer):
    to_hf(build(seed=5), tokenizer, small / "base", torch.float16)
    with pytest.raises(ValueError, match="other base weights"):
        shipped.load("chat")


def test_damage_is_said(small):
    file = small / "chat" / shipped.WEIGHTS["chat"]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        shipped.load("chat")
    result = RUN.invoke(chat_command.app, ["--prompt", "Chào"])
    assert result.exit_code == 1 and "không nạp được mô hình" in result.output


def test_models_of_unlike_sizes_have_no_difference(small, build, tmp_path):
    with pytest.raises(ValueError, match="differ in size"):
        difference.save(build(), build(depth=1), tmp_path / "x", "")


def test_lessons_at_this_scale_copy_and_train_nothing(small, workspace):
    base = recipes.need("base", "shipped")
    assert base == workspace / "shipped" / "base" and not answers(base)
    assert torch.equal(weights(from_hf(base)[0]), weights(shipped.load()[0]))
    talker, tokenizer = from_hf(recipes.need("sft", "shipped"))
    assert answers(artefacts.path("sft", "shipped"))
    assert torch.equal(weights(talker), weights(shipped.load("chat")[0]))
    held = recipes.need("tokenizer", "shipped")
    assert type(tokenizer).load(held).vocab_size == tokenizer.vocab_size
    assert not artefacts.path("corpus", "shipped").exists()


def test_other_weights_make_the_copies_stale(small, build, tokenizer):
    recipes.need("base", "shipped")
    to_hf(build(seed=5), tokenizer, small / "base", torch.float16)
    assert not artefacts.exists("base", "shipped")


def test_chat_takes_it_where_there_is_no_other_and_says_so(small, build):
    asked = ["--prompt", "Chào bạn", "--max-tokens", "4"]
    result = RUN.invoke(chat_command.app, asked)
    assert result.exit_code == 0, result.output
    (said,) = result.stderr.splitlines()
    assert "mô hình đi kèm khóa học" in said and "comes with" in said
    assert "Bạn: Chào bạn\nÂu Lạc: " in result.stdout
    _, tokenizer = shipped.load()
    with artefacts.making("welcome", "tiny") as folder:
        to_hf(build(), tokenizer, folder)
    result = RUN.invoke(chat_command.app, asked)
    assert result.exit_code == 0 and "comes with" not in result.stderr


def test_a_base_model_continues_and_says_so(small):
    options = ["--model", "base", "--max-tokens", "6", "--seed", "3"]
    result = RUN.invoke(chat_command.app, [*options, "--prompt", "Hà Nội"])
    assert result.exit_code == 0, result.output
    assert "là mô hình nền" in result.stderr
    assert "Bạn: Hà Nội\nÂu Lạc: Hà Nội" in result.stdout
    result = RUN.invoke(chat_command.app, options, input="Hà\n\n/thoát\n")
    assert result.exit_code == 0 and result.stdout.count("Âu Lạc: Hà") == 1


def test_ctrl_c_ends_one_answer_only(small, monkeypatch):
    def talk(text):
        yield f"{text} nhé, "
        if text == "Một":
            raise KeyboardInterrupt
        yield "xong."

    monkeypatch.setattr(chat_command, "conversation", lambda *_: talk)
    options = ["--model", "chat"]
    result = RUN.invoke(chat_command.app, options, input="Một\nHai\n")
    assert result.exit_code == 0, result.output
    assert "Âu Lạc: Một nhé, \n" in result.stdout
    assert "Âu Lạc: Hai nhé, xong.\n" in result.stdout


def test_a_folder_of_ones_own_may_be_called_base(
    small, build, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    to_hf(build(), tokenizer, tmp_path / "base")
    options = ["--model", "base", "--max-tokens", "3", "--prompt", "Chào"]
    result = RUN.invoke(chat_command.app, options)
    assert result.exit_code == 0 and "mô hình nền" not in result.stderr


def test_evaluate_knows_it_by_name(small, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("Con mèo ngồi dưới gốc đa.\n")
    options = ["--task", "bits", "--text", str(text), "--model"]
    for name in ("shipped", "chat"):
        result = RUN.invoke(evaluate_command.app, [*options, name])
        assert result.exit_code == 0, result.output


# from a run to what ships


@pytest.fixture
def run(tmp_path, monkeypatch, tokenizer, sentences):
    """A finished run of a scale that trains in a second: run, corpus, tokenizer."""
    sizes = {"depth": 1, "width": 32, "heads": 2, "kv_heads": 1, "ff": 32}
    sizes |= {"head_dim": 16, "context": 64, "batch": 2, "sft_batch": 2}
    steps = {"name": "small", "steps": 6, "sft_steps": 4, "vocab_size": 300}
    values = SCALES["tiny"].describe() | sizes | steps
    row = Scale(**values | {"conversations": 20})
    monkeypatch.setitem(SCALES, "small", row)
    corpus = tmp_path / "kho"
    corpus.mkdir()
    texts = [" ".join(sentences[i : i + 12]) for i in range(0, 72, 6)]
    part = {"documents": 6, "bytes": 1000, "sha256": "00"}
    entry = {"name": "stories", "licence": "Apache-2.0", "documents": 12}
    entry |= {"bytes": 2000, "share": 0.5, "url": ""}
    card = {"sources": [entry, entry | {"name": "laws"}]}
    card |= {"licences": ["Apache-2.0"], "train": part, "validation": part}
    card |= {"settings": {"sources": "stories", "limits": "stories=12"}}
    (corpus / "card.json").write_text(json.dumps(card))
    for split, some in (("train", texts[:6]), ("validation", texts[6:])):
        records = [
            {"id": str(i), "source": source, "licence": "", "text": text}
            for i, text in enumerate(some)
            for source in (("stories", "laws")[i % 2],)
        ]
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (corpus / f"{split}.jsonl").write_text(lines)
    folder = tmp_path / "lần chạy"
    recipes.pretrain(texts[:6], tokenizer, row, folder / "work")
    tokenizer.save(tmp_path / "tok")
    return [
        "--run",
        folder,
        "--corpus",
        corpus,
        "--tokenizer",
        tmp_path / "tok",
    ]


@pytest.mark.slow
def test_one_command_fills_the_folder(
    run, tmp_path, monkeypatch, build, tokenizer
):
    monkeypatch.setattr(shipped, "PLACE", tmp_path / "out")
    mine = to_hf(build(context=64), tokenizer, tmp_path / "mine")
    found = {"task": "compressor", "part": "stories", "unit": "bits/byte"}
    found |= {
        "rule": "ppmd7 order 12",
        "value": 0.5,
        "low": 0.4,
        "high": 0.625,
        "n": 6,
    }
    rows = tmp_path / "compressor.json"
    rows.write_text(json.dumps({"compressor": {"rows": [found]}}))
    options = ["--out", tmp_path / "out", "--work", tmp_path / "work"]
    options += ["--scale", "small", "--items", "3", "--documents", "3"]
    options += ["--beside", f"other={mine}", "--compressor", rows]
    news = tmp_path / "báo.txt"
    news.write_text("Hôm nay trời mưa to ở miền Trung.\n")
    options += ["--also", news]
    asked = [str(word) for word in (*run, *options)]
    result = RUN.invoke(make_app, asked)
    assert result.exit_code == 0, (result.output, result.exception)
    base, _ = shipped.load("base")
    chat, _ = shipped.load("chat")
    assert not torch.equal(weights(base), weights(chat))
    facts = json.loads((tmp_path / "out/base/facts.json").read_text())
    data = (tmp_path / "out/base/model.safetensors").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert facts["files"]["base/model.safetensors"]["sha256"] == digest
    readme = (tmp_path / "out/base/README.md").read_text()
    assert digest in readme and "0.500 [0.400, 0.625]" in readme
    assert "| báo | " in readme
    assert str(tmp_path) not in readme + json.dumps(facts)
    assert "aulac train --scale small --corpus kho" in readme
    assert " --mix 0.2 --documents 3 --items 3\n" in readme
    # A second time nothing is measured or trained again.
    before = {f: f.stat().st_mtime_ns for f in tmp_path.glob("work/*.json")}
    assert RUN.invoke(make_app, asked).exit_code == 0
    assert before == {f: f.stat().st_mtime_ns for f in before}
    assert (tmp_path / "out/base/README.md").read_text() == readme


# the real one


def test_it_is_small_enough_for_a_repository_and_as_its_card_says():
    files = [
        f for kind in shipped.WEIGHTS for f in shipped.folder(kind).iterdir()
    ]
    assert sum(file.stat().st_size for file in files) <= 32_000_000
    facts = json.loads((shipped.folder() / "facts.json").read_text("utf-8"))
    readme = (shipped.folder() / "README.md").read_text("utf-8")
    for name, told in facts["files"].items():
        data = (shipped.PLACE / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == told["sha256"]
        assert told["sha256"] in readme


def test_it_beats_the_compressor_on_every_domain_it_was_measured_on():
    facts = json.loads((shipped.folder() / "facts.json").read_text("utf-8"))
    own = {r["part"]: r for r in facts["rows"] if r["task"] == "bits"}
    rows = facts["others"]["ppmd7"]
    assert {row["part"] for row in rows} == own.keys() - {""}
    for row in rows:
        assert own[row["part"]]["value"] < row["value"]


def test_unpacking_the_difference_costs_little_beside_loading():
    """A ratio, the quickest of three in turn: no matter how fast the machine is."""
    spent: dict[str, list[float]] = {"base": [], "chat": []}
    for kind in ("base", "chat") * 4:  # the first of each only warms
        began = time.process_time()
        shipped.load(kind)
        spent[kind].append(time.process_time() - began)
    base, chat = (min(spent[kind][1:]) for kind in ("base", "chat"))
    assert chat < 4 * base


def test_plain_transformers_computes_the_same():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(
        shipped.folder(), dtype=torch.float32
    ).eval()
    ours, tokenizer = shipped.load()
    text = "Sông Hồng chảy qua Hà Nội rồi đổ ra vịnh Bắc Bộ."
    auto = AutoTokenizer.from_pretrained(shipped.folder())
    ids = auto(text, return_tensors="pt").input_ids
    assert ids[0].tolist() == tokenizer.encode(text)
    with torch.inference_mode():
        away = theirs(ids).logits - ours(ids)
    assert away.abs().max() < 1e-4
    assert auto.chat_template is None


def test_it_writes_vietnamese():
    from aulac.generate import generate
    from aulac.text import is_syllable, syllables

    model, tokenizer = shipped.load()
    texts = [
        generate(model, tokenizer, prompt, max_tokens=48, temperature=0.6)
        for prompt in ("Hà Nội là", "Ngày xưa", "Điều 1.", "Năm 1945,")
    ]
    assert all(unicodedata.is_normalized("NFC", text) for text in texts)
    found = syllables(" ".join(texts))
    assert len(found) > 60
    assert sum(map(is_syllable, found)) / len(found) > 0.85


def test_it_tells_right_from_wrong_better_than_chance():
    from aulac.evaluate.pairs import generate, prefer

    assert prefer(*shipped.load(), generate()[::4]).accuracy().low > 0.5


def test_the_chat_model_knows_its_name():
    from aulac.chat import Conversation

    said = Conversation(*shipped.load("chat"), temperature=0).say("Bạn là ai?")
    assert "Âu Lạc" in said
