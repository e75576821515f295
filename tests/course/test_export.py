"""The exported folder in plain transformers, and back."""

from __future__ import annotations

import contextlib
import json
import resource

import pytest
import torch
from safetensors.torch import load_file

from aulac.export import from_hf, to_hf
from aulac.export.gguf import to_gguf
from aulac.export.packed import save
from aulac.generate.quantize import quantize
from aulac.tokenizer.template import encode, render

TALK = [
    {"role": "user", "content": "Bà ngoại kể chuyện gì?"},
    {"role": "assistant", "content": "Chuyện ngày xưa."},
]


@pytest.fixture
def folder(tmp_path, build, tokenizer):
    return to_hf(build(seed=3), tokenizer, tmp_path / "hf")


def test_transformers_loads_it_with_equal_logits(folder, build):
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder)
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    ids = torch.randint(0, 300, (2, 60))
    with torch.no_grad():
        difference = (theirs(ids).logits - build(seed=3)(ids)).abs().max()
    assert difference < 1e-4
    assert theirs.generation_config.eos_token_id == [0, 2]
    assert theirs.num_parameters() == build().count()


def test_auto_tokenizer_tokenises_and_renders_the_same(
    folder, tokenizer, sentences
):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder)
    for text in [*sentences[:10], "a\u0302\u0301", "  2  dòng\n\n", "1234567"]:
        assert theirs.encode(
            text, add_special_tokens=False
        ) == tokenizer.encode(text)
    for prompt in (True, False):
        options = {"add_generation_prompt": prompt}
        text = theirs.apply_chat_template(TALK, tokenize=False, **options)
        assert text == render(TALK, prompt)
        ids = theirs.apply_chat_template(TALK, return_dict=False, **options)
        assert ids == encode(TALK, tokenizer, prompt)[0]
    assert theirs.eos_token_id == 0


def test_back_again_is_the_same_model(folder, build, tokenizer):
    model, again = from_hf(folder)
    assert model.config == build().config
    for ours, theirs in zip(
        model.parameters(), build(3).parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert again.encode("Con mèo") == tokenizer.encode("Con mèo")


def test_an_output_layer_of_its_own_travels_too(tmp_path, build, tokenizer):
    from transformers import AutoModelForCausalLM

    model = build(seed=3, tied=False)
    folder = to_hf(model, tokenizer, tmp_path / "hf")
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    again, _ = from_hf(folder)
    ids = torch.randint(0, 300, (1, 30))
    with torch.no_grad():
        assert torch.equal(again(ids), model(ids))
        assert (theirs(ids).logits - model(ids)).abs().max() < 1e-4
    with pytest.raises(ValueError, match="no QK-norm"):
        to_hf(build(qk_norm=False), tokenizer, tmp_path / "x")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_halves_the_file_and_loads_as_such(
    folder, tmp_path, build, tokenizer, dtype
):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    small = to_hf(build(3), tokenizer, tmp_path / "half", dtype=dtype)
    sizes = [(f / "model.safetensors").stat().st_size for f in (folder, small)]
    assert sizes[1] < 0.6 * sizes[0]
    theirs = AutoModelForCausalLM.from_pretrained(small, dtype="auto")
    assert theirs.dtype == dtype
    reader = AutoTokenizer.from_pretrained(small)
    text = reader.apply_chat_template(TALK, tokenize=False)
    assert text == render(TALK)
    ids = torch.tensor([reader.encode(text, add_special_tokens=False)])
    model, _ = from_hf(small)
    with torch.no_grad():
        ours = model(ids)
        assert (ours - theirs.float()(ids).logits).abs().max() < 1e-4
        assert (ours - build(3)(ids)).abs().max() < 0.5


def test_a_base_model_has_no_chat_template_and_texts_lie_beside_it(
    tmp_path, build, tokenizer
):
    from transformers import AutoTokenizer

    files = {"README.md": "# Thẻ mô hình\n", "LICENSE": "Apache-2.0\n"}
    base = to_hf(
        build(), tokenizer, tmp_path / "base", chat=False, files=files
    )
    for name, text in files.items():
        assert (base / name).read_text(encoding="utf-8") == text
    reader = AutoTokenizer.from_pretrained(base)
    assert reader.chat_template is None
    assert reader.encode("Con mèo") == tokenizer.encode("Con mèo")
    from_hf(base)


def test_an_old_folder_is_replaced_whole(folder, build, tokenizer):
    (folder / "stray.txt").write_text("old")
    to_hf(build(seed=8), tokenizer, folder)
    assert not (folder / "stray.txt").exists()
    assert torch.equal(from_hf(folder)[0].norm.weight, build(8).norm.weight)


def test_what_is_no_model_folder_is_named(tmp_path, folder, build, tokenizer):
    with pytest.raises(
        FileNotFoundError, match=r"no config\.json and no model"
    ):
        from_hf(tmp_path)
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(values | {"model_type": "gpt2"})
    )
    with pytest.raises(ValueError, match="gpt2 model: only Qwen3"):
        from_hf(folder)
    with pytest.raises(ValueError, match="do not belong together"):
        to_hf(build(vocab_size=100), tokenizer, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@contextlib.contextmanager
def a_full_disk(room: int):
    """No file grows beyond `room` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=["folder", "packed", "gguf"])
def write(request, build, tokenizer, monkeypatch):
    """Something that writes a model to a path, and what it calls the result."""
    model = build(width=64, heads=8, ff=128)
    if request.param == "folder":
        return lambda out: to_hf(model, tokenizer, out)
    if request.param == "packed":
        return lambda out: save(quantize(model), tokenizer, out)
    cuts = tokenizer.backend.pre_tokenizer
    monkeypatch.setattr("aulac.export.gguf.split", lambda: cuts)
    return lambda out: to_gguf(model, tokenizer, out, "f32")


@pytest.mark.parametrize("room", [100, 20_000])
def test_a_full_disk_leaves_what_was_there(tmp_path, write, room):
    """Neither half a model nor a folder that looks whole; the old one stays."""
    out = tmp_path / "model"
    with a_full_disk(room), pytest.raises(OSError, match="free some space"):
        write(out)
    assert list(tmp_path.iterdir()) == []
    write(out)
    before = {f: f.stat().st_mtime_ns for f in [out, *out.rglob("*")]}
    with a_full_disk(room), pytest.raises(OSError, match=str(out)):
        write(out)
    assert before == {f: f.stat().st_mtime_ns for f in [out, *out.rglob("*")]}
    assert list(tmp_path.iterdir()) == [out]


def test_ctrl_c_leaves_nothing_half_written(tmp_path, write, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    for what in (
        "aulac.export.huggingface.save_file",
        "aulac.export.packed.save_file",
        "gguf.GGUFWriter.write_tensors_to_file",
    ):
        monkeypatch.setattr(what, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_nothing_foreign_is_ever_replaced(tmp_path, write):
    """A folder with a user's own files stays, though a model was to go there."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("thơ.txt", "config.json", ".bashrc"):
        (home / name).write_text("của tôi")
        with pytest.raises(FileExistsError, match=r"choose|give a file"):
            write(home)
        assert (home / name).read_text() == "của tôi"
    assert list(tmp_path.iterdir()) == [home]


def test_a_file_in_the_way_is_named(tmp_path, build, tokenizer):
    note = tmp_path / "note"
    note.write_text("của tôi")
    with pytest.raises(FileExistsError, match="is a file"):
        to_hf(build(), tokenizer, note)
    with pytest.raises(OSError, match="could not write"):
        to_hf(build(), tokenizer, note / "in" / "it")
    assert note.read_text() == "của tôi"


def test_a_dtype_that_nobody_loads_is_refused(tmp_path, build, tokenizer):
    with pytest.raises(ValueError, match="use float32, float16, bfloat16"):
        to_hf(build(), tokenizer, tmp_path / "x", torch.int8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attention_bias": True}, "asks for attention_bias = True"),
        ({"hidden_act": "gelu"}, "asks for hidden_act = 'gelu'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type = 'yarn'"),
        ({"hidden_size": None}, "cut short or does not fit"),
        ({"hidden_size": 48}, "cut short or does not fit"),
        ({"vocab_size": 40}, "cut short or does not fit"),
    ],
)
def test_a_config_that_is_not_ours_is_no_other_model(folder, changes, said):
    """What would load and compute something else is refused, by its name."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(ValueError, match=said):
        from_hf(folder)


def test_damage_of_every_file_is_a_sentence(folder, build):
    whole = json.loads((folder / "config.json").read_text())
    for text, said in (("[1, 2]", "is not JSON"), ("{", "is not JSON")):
        (folder / "config.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            from_hf(folder)
    del whole["num_hidden_layers"]
    (folder / "config.json").write_text(json.dumps(whole))
    with pytest.raises(ValueError, match="says nothing of 'num_hidden_lay"):
        from_hf(folder)


def test_a_tokenizer_of_another_model_is_refused(folder, build, tokenizer):
    to_hf(build(vocab_size=320), tokenizer, folder)
    weights = load_file(folder / "model.safetensors")
    assert len(weights["model.embed_tokens.weight"]) == 320
    from_hf(folder)  # rows to spare do no harm
    words = json.loads((folder / "tokenizer.json").read_text())
    words["added_tokens"] += [
        words["added_tokens"][0] | {"id": place, "content": f"<{place}>"}
        for place in range(tokenizer.vocab_size, 330)
    ]
    (folder / "tokenizer.json").write_text(json.dumps(words))
    with pytest.raises(ValueError, match="330 ids and the model 320 rows"):
        from_hf(folder)
