"""The loop with objectives that are not the next token's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.course.small_run import make, weights
from tests.course.toy_objectives import (
    TOYS,
    Pairs,
    Preference,
    Reward,
    Written,
    new_model,
    toy,
    version,
)
from torch import nn

from aulac.errors import InputError
from aulac.train import Batch, NextToken, Plan, TrainingError, train
from aulac.train.loader import AHEAD, Loader, ahead_of

PLAN = Plan(steps=12, log_every=3, checkpoint_every=4, warmup=0.1)


def test_the_next_token_is_what_the_loop_learns_if_not_told(tmp_path):
    model, data = make(tmp_path)
    train(model, data, PLAN)
    other, data = make(tmp_path)
    train(other, data, PLAN, objective=NextToken(other))
    assert weights(model) == weights(other)


def test_pairs_are_told_apart():
    model = new_model()
    objective = Preference(model)
    before = weights(objective.reference)
    run = train(model, Pairs(), replace(PLAN, steps=40), objective=objective)
    assert run.history[0]["loss"] > 0.3 > 0.1 > run.loss
    assert weights(objective.reference) == before


def test_texts_of_the_models_own_are_never_older_than_the_weights(monkeypatch):
    """Where a GPU would have steps drawn ahead, by a thread."""
    cuda = torch.device("cuda")
    monkeypatch.setattr(
        "aulac.train.trainer.ahead_of",
        lambda data, device: ahead_of(data, cuda),
    )
    model = new_model()
    objective = Reward(model)
    plan = replace(PLAN, accumulation=2)
    train(model, Written(model), plan, objective=objective)
    assert objective.ages == [0] * 24
    seen = objective.versions
    assert all(a == b for a, b in zip(seen[::2], seen[1::2], strict=True))
    assert len(set(seen)) == 12  # the counter moved at every step


def test_data_say_how_far_ahead_they_may_be_drawn():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    model = new_model()
    assert ahead_of(Pairs(), cuda) == AHEAD > 0
    assert ahead_of(Written(model), cuda) == ahead_of(Pairs(), cpu) == 0
    far = Pairs()
    far.ahead = 100
    assert ahead_of(far, cuda) == AHEAD


@pytest.mark.parametrize("name", TOYS)
def test_interrupted_and_resumed_it_ends_with_the_same_bits(tmp_path, name):
    def run(out=None, steps=None):
        model = new_model()
        data, objective = toy(name, model)

        def on_step(record):
            if record["step"] == steps:
                raise KeyboardInterrupt

        train(model, data, PLAN, out, on_step, objective=objective)
        return weights(model), data.state()

    wanted = run()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 9)
    assert run(tmp_path) == wanted


def test_a_run_is_not_resumed_with_another_objective(tmp_path):
    short = replace(PLAN, steps=4)
    model = new_model()
    train(model, Pairs(), short, tmp_path, objective=Preference(model))
    with pytest.raises(TrainingError, match="objective Preference -> Reward"):
        train(model, Written(model), PLAN, tmp_path, objective=Reward(model))


def test_batches_weigh_what_they_count():
    """Passes of two, three and one pairs are one pass of six."""
    data = Pairs()
    batches = [next(data) for _ in range(3)]
    assert [batch.count for batch in batches] == [2, 3, 1]
    whole = Batch(
        tuple(
            torch.cat(x)
            for x in zip(*(b.tensors for b in batches), strict=True)
        ),
        count=6,
        tokens=sum(batch.tokens for batch in batches),
    )
    found = []
    for some in (batches, [whole]):
        model = new_model()
        stream = Fixed(some)
        plan = replace(PLAN, steps=1, accumulation=len(some), muon=False)
        run = train(model, stream, plan, objective=Preference(model.double()))
        found.append((model, run))
    (one, a), (other, b) = found
    for x, y in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(x, y)
    assert a.loss == pytest.approx(b.loss) and a.tokens == b.tokens


class Fixed(Pairs):
    def __init__(self, batches):
        self.batches = batches

    def __next__(self):
        self.position += 1
        return self.batches[(self.position - 1) % len(self.batches)]


def test_an_objective_of_other_weights_is_refused():
    model = new_model()

    class Valued(Preference):
        def __init__(self, model):
            super().__init__(model)
            self.value = nn.Linear(32, 1)

    with pytest.raises(
        InputError, match="2 weight tensors of the objective"
    ) as said:
        train(model, Pairs(), PLAN, objective=Valued(model))
    assert "không thuộc mô hình" in said.value.vi
    with pytest.raises(InputError, match=r"self\.model = model") as said:
        train(model, Pairs(), PLAN, objective=Preference(new_model()))
    assert "không" in said.value.vi
    for name, weight in model.named_parameters():  # as under LoRA
        weight.requires_grad_("proj" in name)
    train(model, Pairs(), replace(PLAN, steps=1), objective=Preference(model))


def test_what_is_the_next_tokens_alone_is_refused():
    model = new_model()
    objective = Preference(model)
    with pytest.raises(InputError, match="not to Preference") as said:
        loud = replace(PLAN, z_loss=0.1)
        train(model, Pairs(), loud, objective=objective)
    assert "hàm mục tiêu" in said.value.vi
    data = Pairs()
    data.eos_id = 0
    with pytest.raises(TrainingError, match="leave packed out"):
        train(model, data, replace(PLAN, packed=True), objective=objective)


def test_a_reward_may_fall_below_zero_and_rise_again():
    """For the next token a loss that rises by two nats is a failure."""

    class Loud(Reward):
        def forward(self, ids, advantage, at):
            swing = 20.0 * (-1) ** (version() // 8)
            return super().forward(ids, advantage, at) + swing

    model = new_model()
    data = Written(model)
    run = train(model, data, replace(PLAN, log_every=1), objective=Loud(model))
    losses = [record["loss"] for record in run.history]
    assert len(losses) == PLAN.steps and max(losses) - min(losses) > 20


def test_a_loader_hands_any_batch_on():
    loader = Loader(Pairs(), accumulation=2)
    step = next(loader)
    assert step.count == sum(batch.count for batch in step.batches) == 5
    assert loader.state() == {"position": 2}
