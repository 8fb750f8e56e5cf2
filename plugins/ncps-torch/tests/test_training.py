"""The trainer: it learns, and goes on from a saved state as if it had never stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps.errors import ParameterError
from ncps.training import Batch
from ncps_torch.training import Trainer


def model() -> dict[str, Any]:
    options = {"return_sequences": False, "return_state": False, "backbone_units": 8}
    recurrent = ncps.create("CfC", technology="torch", input_size=2, units=6, seed=0, **options)
    head = ncps.create("Dense", technology="torch", input_size=7, units=1, seed=1)
    return {"recurrent": recurrent, "head": head}


def trainer(layers: dict[str, Any]) -> Trainer:
    return Trainer(layers, weight_decay=0.01, clip_norm=1.0)


def batch() -> Batch:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 5, 2)).astype(np.float32)
    return Batch(
        x=x,
        timespans=rng.uniform(0.1, 1.0, (8, 5)).astype(np.float32),
        mask=rng.random((8, 5)) < 0.8,
        context=x[:, -1, :1],
        target=x[:, :, :1].sum(1),
    )


def test_trainer_learns() -> None:
    one, data = trainer(model()), batch()
    losses = [one.step(data, 1e-2) for _ in range(60)]
    assert losses[-1] < 0.3 * losses[0]
    after = float(np.mean((one.predict(data) - data.target) ** 2))
    assert after == pytest.approx(one.step(data, 0.0), rel=1e-5)


def test_saved_state_goes_on_as_if_never_stopped() -> None:
    layers, data = model(), batch()
    one = trainer(layers)
    for _ in range(3):
        one.step(data, 1e-2)
    saved = {name: np.array(value) for name, value in one.state().items()}
    again = model()
    for name, layer in layers.items():
        again[name].set_native(layer.get_native())
    two = trainer(again)
    two.load_state(saved)
    assert [one.step(data, 1e-2) for _ in range(3)] == [two.step(data, 1e-2) for _ in range(3)]


def test_state_of_another_model_changes_nothing() -> None:
    one = trainer(model())
    one.step(batch(), 1e-2)
    before = one.state()
    with pytest.raises(ParameterError, match="Nothing was changed"):
        one.load_state({name: value for name, value in before.items() if "head" not in name})
    for name, value in one.state().items():
        np.testing.assert_array_equal(value, before[name])
