"""Files that an answer leaves: read whole, or refused in a sentence."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import pickle
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from aulac_grader.judge.judge.artefacts import load, name_fault

_spec = importlib.util.spec_from_file_location(
    "judge_pair", Path(__file__).with_name("judge_pair.py")
)
assert _spec and _spec.loader
judge_pair = importlib.util.module_from_spec(_spec)
sys.modules["judge_pair"] = judge_pair
_spec.loader.exec_module(judge_pair)
cell, paper_of = judge_pair.cell, judge_pair.paper_of


def npy(array: Any, **options: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, array, **options)
    return target.getvalue()


def npz(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez_compressed(target, **arrays)
    return target.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return target.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """A .npy file with a header of one's own."""
    raw = text.encode()
    return b"\x93NUMPY\1\0" + len(raw).to_bytes(2, "little") + raw + data


def tensors(table: dict, data: bytes = b"") -> bytes:
    raw = json.dumps(table).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def png(width: int, height: int) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(target, "png")
    return target.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(True),
        np.array([1, 2], ">i4"),
        np.empty((0, 3), "f4"),
        np.array([np.nan, np.inf]),
        np.array([1j], "c16"),
    ],
    ids=str,
)
def test_arrays_are_read(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "p.npy"
    path.write_bytes(npy(array))
    got = load(path)
    assert got.shape == array.shape
    assert np.array_equal(got, array, equal_nan=True)
    path = tmp_path / "p.npz"
    path.write_bytes(npz(a=array, b=array))
    assert sorted(load(path)) == ["a", "b"]


def test_tensors_text_tables_and_pictures_are_read(tmp_path: Path) -> None:
    files: dict[str, tuple[bytes, Any]] = {
        "m.json": (b'{"a": [1, null]}', {"a": [1, None]}),
        "m.jsonl": ('{"a": "ế"}\n\n[1]\n'.encode(), [{"a": "ế"}, [1]]),
        "m.txt": ("\ufeffxin chào".encode(), "xin chào"),
        "m.csv": (b'a,b\r\n"1,5",2\n', [["a", "b"], ["1,5", "2"]]),
    }
    for name, (data, wanted) in files.items():
        (tmp_path / name).write_bytes(data)
        assert load(tmp_path / name) == wanted
    weights = {
        "w": torch.ones(2, 3, dtype=torch.bfloat16),
        "b": torch.zeros(2),
    }
    (tmp_path / "m.safetensors").write_bytes(save(weights, {"note": "x"}))
    got = load(tmp_path / "m.safetensors")
    assert all(torch.equal(got[name], weights[name]) for name in weights)
    (tmp_path / "m.png").write_bytes(png(3, 2))
    image = load(tmp_path / "m.png")
    assert (image.shape, image[0, 0].tolist()) == ((2, 3, 4), [255, 0, 0, 255])


class Evil:
    def __reduce__(self) -> Any:
        return (os.mkdir, ("owned",))


SHAPE = "{'descr': '<f8', 'fortran_order': False, 'shape': %s}"
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "pickle": ("m.pkl", pickle.dumps(Evil()), "pickle"),
    "torch": ("m.pt", b"x", "pickle"),
    "joblib": ("m.joblib", b"x", "pickle"),
    "unknown": ("m.exe", b"x", "only"),
    "no suffix": ("m", b"x", "only"),
    "objects": (
        "m.npy",
        npy(np.array([Evil()]), allow_pickle=True),
        "numbers",
    ),
    "objects in npz": ("m.npz", npz(a=np.array([Evil()])), "numbers"),
    "record": ("m.npy", npy(np.zeros(1, "i4,f8")), "numbers"),
    "lying shape": ("m.npy", header(SHAPE % "(10**9,)"), ""),
    "huge shape": ("m.npy", header(SHAPE % f"({10**18},)"), "shape"),
    "short": ("m.npy", header(SHAPE % "(4,)", bytes(8)), "size"),
    "long": ("m.npy", header(SHAPE % "(1,)", bytes(80)), "size"),
    "negative": ("m.npy", header(SHAPE % "(-1, -1)", bytes(8)), "shape"),
    "code": ("m.npy", header("__import__('os').mkdir('owned')"), ""),
    "nested": ("m.npy", header("(" * 9000 + ")" * 9000), ""),
    "long header": ("m.npy", b"\x93NUMPY\2\0\xff\xff\xff\xff", "header"),
    "not npy": ("m.npy", pickle.dumps([1]), "npy"),
    "zip bomb": ("m.npz", zipped("a.npy", bytes(300 << 20)), "large"),
    "pickle in npz": ("m.npz", zipped("a.pkl", b"x"), "another kind"),
    "not a zip": ("m.npz", b"PK\3\4nope", ""),
    "header length": ("m.safetensors", b"\xff" * 8 + b"{}", "header"),
    "large header": (
        "m.safetensors",
        (1 << 26).to_bytes(8, "little") + bytes(1 << 26),
        "header",
    ),
    "overlap": (
        "m.safetensors",
        tensors({"a": ENTRY, "b": ENTRY}, bytes(8)),
        "offsets",
    ),
    "gap": (
        "m.safetensors",
        tensors({"a": ENTRY | {"data_offsets": [8, 16]}}, bytes(16)),
        "offsets",
    ),
    "short data": (
        "m.safetensors",
        tensors({"a": ENTRY}, bytes(4)),
        "offsets",
    ),
    "shape of tensors": (
        "m.safetensors",
        tensors({"a": ENTRY | {"shape": [2**40]}}, bytes(8)),
        "",
    ),
    "odd header": ("m.safetensors", tensors({"a": 1}), ""),
    "deep json": ("m.json", b"[" * 100_000, "deep"),
    "broken json": ("m.json", b"{", "not a .json"),
    "long number": ("m.json", b"9" * 100_000, ""),
    "not utf-8": ("m.txt", b"\xff\xfe\x00", ""),
    "long field": ("m.csv", b'"' + b"x" * 10**6, ""),
    "large picture": (
        "m.png",
        png(1, 1)[:16] + (60_000).to_bytes(4, "big") * 2 + png(1, 1)[24:],
        "large",
    ),
    "broken picture": ("m.png", png(9, 9)[:50], "PNG"),
    "not a picture": ("m.png", b"GIF89a", "PNG"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(
    tmp_path: Path, name: str
) -> None:
    file, data, says = HOSTILE[name]
    (tmp_path / file).write_bytes(data)
    start = time.process_time()
    with pytest.raises(ValueError, match=f"(?s){file}.*{says}") as caught:
        load(tmp_path / file, max_mb=100)
    assert len(str(caught.value)) < 2_000
    assert time.process_time() - start < 5
    assert not Path("owned").exists()


def test_only_a_regular_file_of_the_right_size_is_opened(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link.txt").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.txt").mkdir()
    for name in ("link.txt", "pipe.txt", "folder.txt", "gone.txt"):
        with pytest.raises(ValueError, match="no such file"):
            load(tmp_path / name)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="over 64 MB"):
        load(tmp_path / "large.txt")


@given(
    st.sampled_from(["npy", "npz", "safetensors", "json", "png"]), st.data()
)
def test_a_file_changed_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    whole = {
        "npy": npy(np.arange(3)),
        "npz": npz(a=np.arange(3)),
        "safetensors": save({"a": torch.ones(2)}),
        "json": b'{"a": [1, 2, "x"]}',
        "png": png(2, 2),
    }[kind]
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"fuzzed.{kind}"
    path.write_bytes(bytes(broken[: data.draw(st.integers(0, len(broken)))]))
    try:
        load(path)
    except ValueError as error:
        assert str(error).startswith("fuzzed.")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        *(("p.npy", ""), ("a-b.v2.json", ""), ("../p.npy", "plain file name")),
        *(
            ("/p.npy", "plain file name"),
            ("p.pt", "pickles"),
            ("p.exe", "can be read"),
        ),
        *(("tệp.txt", "plain file name"), ("p..npy", "plain file name")),
    ],
)
def test_which_names_can_be_declared(name: str, says: str) -> None:
    fault = name_fault(name)
    assert says in fault
    assert bool(fault) is bool(says)


@pytest.fixture(scope="module")
def pair() -> Iterator[Any]:
    pair = judge_pair.Pair(preload="numpy")
    yield pair
    pair.close()


@pytest.mark.parametrize(
    ("declared", "points", "status"),
    [(["p.npy"], 1, "pass"), (["q.npy"], 0, "error")],
)
def test_a_test_reads_declared_files_only(
    pair: Any, tmp_path: Path, declared: list[str], points: int, status: str
) -> None:
    test = "from aulac.lesson.checks import artefact\nassert artefact('p.npy').sum() == 3"
    assignment = paper_of(
        cell("answer", "a", "x = 1", files=declared), cell("test", "t", test)
    )
    (tmp_path / "p.npy").write_bytes(npy(np.arange(3)))
    outcome = pair.judge(assignment, {}, "t", folder=tmp_path)
    assert (outcome.points, outcome.status) == (points, status)
    gone = pair.judge(assignment, {}, "t", folder=tmp_path / "gone")
    assert gone.points == 0
