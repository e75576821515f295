"""The GGUF file in llama.cpp itself: same ids, same greedy text."""

from __future__ import annotations

import json
import urllib.request

import pytest
import tokenizers

from aulac.corpus import stories
from aulac.export.gguf import to_gguf
from aulac.generate import generate_ids
from aulac.tokenizer import Tokenizer, train
from aulac.tokenizer.fast import split
from aulac.tokenizer.template import render

xllamacpp = pytest.importorskip("xllamacpp")

PAGE = [
    "Tiếng Việt giàu và đẹp: nghiêng, quyển, giếng, khuya, ươm.",
    "Năm 1945, 1.234.567 người; số 12345678 và 7½, x² = ٣٤.",
    "  hai  dấu cách\n\n\tmột thẻ, cuối dòng  ",
    "Con mèo ngồi dưới gốc đa vào buổi sáng. Bà ngoại kể chuyện.",
    '漢字, ελληνικά, 👩‍👩‍👧, <|im_end|> gõ tay, it\'s "x" (y).',
    "1" * 400,
]
PROMPTS = ["Con mèo", "Bà ngoại kể", "Năm 1945, "]


@pytest.fixture(scope="module")
def superwords():
    """A tokenizer whose tokens reach across spaces."""
    texts = [document.text for document in stories.generate(400, seed=1)]
    return train(texts, 1020, progress=False)


@pytest.fixture(scope="module")
def model():
    import torch

    from aulac.model import Config, Transformer

    torch.manual_seed(4)
    sizes = {"depth": 2, "width": 64, "heads": 4, "kv_heads": 2}
    sizes |= {"head_dim": 16, "ff": 128, "context": 128, "vocab_size": 1024}
    model = Transformer(Config(**sizes))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.2)
    return model.eval()


@pytest.fixture(scope="module")
def ask(model, superwords, tmp_path_factory):
    """POST to llama.cpp's server over the exported file: ask(path, body)."""
    file = tmp_path_factory.mktemp("gguf") / "model.gguf"
    options = xllamacpp.CommonParams()
    options.model.path = str(to_gguf(model, superwords, file, "f32"))
    options.n_ctx, options.n_parallel = 128, 1
    options.warmup, options.verbosity = False, 0
    server = xllamacpp.Server(options)

    def post(path: str, body: dict) -> dict:
        request = urllib.request.Request(
            f"{server.listening_address}/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    return post


def test_the_same_token_ids_for_a_page_of_vietnamese(ask, superwords):
    assert any(" " in piece for piece in map(str, superwords.pieces(PAGE[3])))
    for text in PAGE:
        body = {"content": text, "add_special": False, "parse_special": False}
        assert ask("tokenize", body)["tokens"] == superwords.encode(text)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_same_greedy_text(ask, model, superwords, prompt):
    ids = superwords.encode(prompt)
    body = {"prompt": ids, "n_predict": 24, "temperature": 0, "top_k": 1}
    body |= {"return_tokens": True, "ignore_eos": True, "repeat_penalty": 1.0}
    stops = (superwords.eos_id, superwords.im_end_id)
    ours = list(generate_ids(model, ids, 24, temperature=0, stop_ids=stops))
    theirs = ask("completion", body)["tokens"]
    assert theirs[: len(ours)] == ours and len(ours) > 8


def test_the_same_chat_template(ask):
    talk = [{"role": "user", "content": "Chào bạn!"}]
    found = ask("apply-template", {"messages": talk})["prompt"]
    assert found == render(talk, generation_prompt=True)


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_smaller_kinds_are_smaller_and_read_back(
    model, superwords, tmp_path, kind
):
    import gguf
    import numpy as np

    whole = to_gguf(model, superwords, tmp_path / "a.gguf", "f32")
    small = to_gguf(model, superwords, tmp_path / "b.gguf", kind)
    assert small.stat().st_size < whole.stat().st_size
    for tensor in gguf.GGUFReader(small).tensors:
        if tensor.name == "blk.0.ffn_down.weight":
            dense = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            wanted = model.blocks[0].ff.down_proj.weight.detach().numpy()
            assert np.abs(dense - wanted).max() < 0.01


def test_a_base_model_has_no_chat_template_and_a_licence_is_told(
    model, superwords, tmp_path
):
    import gguf

    def keys(file) -> set[str]:
        return set(gguf.GGUFReader(file).fields)

    chat = keys(to_gguf(model, superwords, tmp_path / "a.gguf"))
    options = {"chat": False, "licence": "apache-2.0"}
    base = keys(to_gguf(model, superwords, tmp_path / "b.gguf", **options))
    assert chat - base == {"tokenizer.chat_template"}
    assert base - chat == {"general.license"}


def test_what_cannot_be_written_is_refused(model, superwords, tmp_path, build):
    backend = tokenizers.Tokenizer.from_str(superwords.backend.to_str())
    backend.pre_tokenizer = split(by_syllable=True)
    other = Tokenizer(backend)
    file = tmp_path / "x.gguf"
    with pytest.raises(ValueError, match=r"llama\.cpp does not know"):
        to_gguf(model, other, file)
    with pytest.raises(ValueError, match="do not belong together"):
        to_gguf(build(vocab_size=300), superwords, file)
    with pytest.raises(ValueError, match="is not a kind"):
        to_gguf(model, superwords, file, "q2")
    with pytest.raises(ValueError, match="use f16"):
        to_gguf(build(vocab_size=1024, width=40), superwords, file, "q8_0")
    assert list(tmp_path.iterdir()) == []
