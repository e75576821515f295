"""What a step reads: packed documents, batches drawn ahead, no value asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tests.course.small_run import PLAN, Foreign, StopHereError, make, weights
from torch.utils._python_dispatch import TorchDispatchMode

from aulac.train import Trainer, TrainingError, train
from aulac.train.loader import Loader
from aulac.train.shards import Batches, Shards, documents, write_shards


def test_a_packed_row_has_the_gradient_of_its_documents_alone(build):
    texts = [[5, 6, 7, 8], [9], [10, 11, 12, 13, 14, 15], [16, 17]]
    row = [token for text in texts for token in [*text, 0]]
    ids, targets = torch.tensor([row[:-1]]), torch.tensor([row[1:]])
    together, alone = build(), build()
    where = documents(ids, 0)
    loss = together.loss(ids, targets, documents=where)
    (loss * targets.numel()).backward()
    for number, text in enumerate(texts):
        # an end-of-text token begins every document but the first of the row
        whole = [*([0] if number else []), *text, 0]
        one = torch.tensor([whole])
        part = alone.loss(one[:, :-1], one[:, 1:]) * (len(whole) - 1)
        part.backward()
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    crossing = build()
    (crossing.loss(ids, targets) * targets.numel()).backward()
    moved = (crossing.embed.weight.grad - together.embed.weight.grad).norm()
    assert moved > 0.01


def test_the_loop_packs_by_the_shards_own_token(tmp_path):
    texts = [[5, 6, 7], [8, 9]] * 20
    write_shards(texts, tmp_path / "s", vocab_size=64, eos_id=3)
    model, _ = make(tmp_path)
    data = Batches(Shards.open(tmp_path / "s"), 2, 16)
    plan = replace(PLAN, steps=3, packed=True)
    batch = next(Trainer(model, data, plan).loader).batches[0]
    ids, _, where = batch.tensors
    assert torch.equal(where, documents(ids, 3)) and where.max() > 3
    train(model, data, plan)
    index = tmp_path / "s" / "index.json"
    old = json.loads(index.read_text())
    del old["eos_id"]  # as shards were written before
    index.write_text(json.dumps(old))
    assert Batches(Shards.open(tmp_path / "s"), 2, 16).eos_id == 0


def test_packed_needs_to_know_where_documents_end(tmp_path):
    model, data = make(tmp_path)
    with pytest.raises(TrainingError, match="Foreign does not") as caught:
        train(model, Foreign(data), replace(PLAN, packed=True))
    assert "Foreign thì không" in caught.value.vi
    train(model, Foreign(data), PLAN)


@pytest.mark.parametrize("used", [0, 1, 5])
def test_a_loader_that_draws_ahead_stops_where_it_was_used(tmp_path, used):
    plain = Loader(make(tmp_path)[1], 2)
    loader = Loader(data := make(tmp_path)[1], 2, ahead=3)
    for _ in range(used):
        assert torch.equal(
            next(loader).batches[1].tensors[0],
            next(plain).batches[1].tensors[0],
        )
    assert loader.state() == plain.state()
    loader.close()
    assert data.state() == plain.state()
    again = Loader(make(tmp_path)[1], 2, ahead=1)
    again.restore(loader.state())
    assert torch.equal(
        next(again).batches[0].tensors[0], next(plain).batches[0].tensors[0]
    )
    again.close()


def test_drawn_ahead_the_run_ends_the_same_resumed_or_not(
    tmp_path, monkeypatch
):
    model, data = make(tmp_path)
    train(model, data, PLAN)
    place = data.state()
    drawing = lambda *args: Loader(*args[:-1], 3)  # noqa: E731
    monkeypatch.setattr("aulac.train.trainer.Loader", drawing)

    def stop(record):
        if record["step"] == 12:
            raise StopHereError

    other, data = make(tmp_path)
    with pytest.raises(StopHereError):
        train(other, data, PLAN, tmp_path / "run", on_step=stop)
    again, data = make(tmp_path, seed=5)
    train(again, data, PLAN, tmp_path / "run")
    assert weights(again) == weights(model) and data.state() == place


class Asked(TorchDispatchMode):
    """Notes every operation that must know a tensor's values to go on."""

    names = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in self.names:
            self.found.append(func)
        return func(*args, **kwargs or {})


def test_no_step_asks_for_a_value(tmp_path):
    """So a GPU is never waited for. In fp64 the output layer is the GPU's path."""
    model, data = make(tmp_path)
    plan = replace(PLAN, packed=True, accumulation=2)
    trainer = Trainer(model.double(), data, plan)
    trainer.loader.ahead = 1  # counts are taken by the thread, on the CPU
    with Asked() as asked:
        for _ in range(3):
            trainer.step(1.0)
    assert asked.found == []
    with asked:
        trainer.mean_loss()
    assert len(asked.found) == 1
    trainer.loader.close()


def test_an_error_of_the_data_reaches_the_caller(tmp_path):
    _, data = make(tmp_path)

    class Broken(Foreign):
        def __next__(self):
            raise OSError("the disk is gone")

    for ahead in (0, 2):
        loader = Loader(Broken(data), ahead=ahead)
        with pytest.raises(OSError, match="the disk is gone"):
            next(loader)
        loader.close()
