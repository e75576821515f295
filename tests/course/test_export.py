"""The exported folder in plain transformers, and back."""

from __future__ import annotations

import json

import pytest
import torch

from aulac.chat import encode, render
from aulac.export import from_hf, to_hf

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
