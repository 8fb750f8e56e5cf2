"""The Keras half of training: `ncps_keras.training.Trainer`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps import registry, specs
from ncps.errors import ParameterError
from ncps.reference import run
from ncps.testing import TOLERANCES
from ncps.training import Batch
from ncps_keras import layers
from ncps_keras.training import Trainer

VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients


def batch(rows: int = 8, steps: int = 6, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, steps, 2)).astype(np.float32)
    context = rng.standard_normal((rows, 3)).astype(np.float32)
    mask = rng.random((rows, steps)) < 0.7
    target = (np.where(mask, x[..., 0], 0).sum(1, keepdims=True) + context[:, :1]).astype(
        np.float32
    )
    spans = rng.uniform(0.2, 2, (rows, steps)).astype(np.float32)
    return Batch(x, spans, mask, context, target)


def model(
    cls: str = "CfC", dtype: str | None = None, seed: int = 0, **options: Any
) -> dict[str, Any]:
    options = options or {"units": 4, "backbone_units": 5}
    spec = specs.build(cls, input_size=2, return_sequences=False, return_state=False, **options)
    recurrent = getattr(layers, cls)(spec, seed=seed, dtype=dtype)
    head = specs.Dense(input_size=spec.output_size + 3, units=1)
    return {"recurrent": recurrent, "head": layers.Dense(head, seed=seed, dtype=dtype)}


def trainer(made: Any = None, weight_decay: float = 1e-3, clip_norm: float = 1.0) -> Trainer:
    return Trainer(made or model(), weight_decay=weight_decay, clip_norm=clip_norm)


def weights(made: dict[str, Any]) -> dict[str, np.ndarray]:
    return {f"{n}.{k}": a for n, layer in made.items() for k, a in ncps.parameters(layer).items()}


def test_the_registry_offers_it():
    assert registry.trainer("keras") is Trainer


def test_training_lowers_the_loss_and_predicts_what_it_learned():
    t, data = trainer(model(units=6, backbone_units=8)), batch(16)
    first = t.step(data, 1e-2)
    for _ in range(80):
        last = t.step(data, 1e-2)
    assert last < 0.3 * first
    prediction = t.predict(data)
    assert prediction.shape == (16, 1)
    assert prediction.dtype == np.float32
    now = t.step(data, 0.0)
    np.testing.assert_allclose(np.mean((prediction - data.target) ** 2), now, **VALUES)


def test_step_returns_the_loss_before_the_update():
    t, data = trainer(), batch()
    before = np.mean((t.predict(data) - data.target) ** 2)
    np.testing.assert_allclose(t.step(data, 1e-1), before, **VALUES)
    assert abs(np.mean((t.predict(data) - data.target) ** 2) - before) > 1e-3


def test_step_is_adamw_on_the_clipped_gradient():
    """Of a head on zeros, whose gradient is known: 2 (b - y) summed over the rows."""
    rate, decay, clip, betas = 3e-2, 0.1, 0.05, (0.9, 0.999)
    made = model("RNN", units=2)
    for layer in made.values():
        layer.set_native({n: np.zeros_like(a) for n, a in layer.get_native().items()})
    data = batch()
    zeros = np.zeros_like(data.context)
    ones = np.ones_like(data.target)
    t = trainer(made, weight_decay=decay, clip_norm=clip)
    b, m, v = 0.0, 0.0, 0.0
    for count in (1, 2, 3):
        t.step(Batch(data.x, data.timespans, data.mask, zeros, ones), rate)
        gradient = 2 * (b - 1)
        assert abs(gradient) > clip
        g = np.sign(gradient) * clip
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
        step = (m / (1 - betas[0] ** count)) / np.sqrt(v / (1 - betas[1] ** count))
        b = b * (1 - rate * decay) - rate * step
        np.testing.assert_allclose(made["head"].get_native()["bias"], [b], **GRADIENTS)


def test_learning_rate_of_each_step_counts():
    made = model()
    t, data = trainer(made), batch()
    t.step(data, 1e-2)
    before = weights(made)
    t.step(data, 0.0)
    for name, array in weights(made).items():
        np.testing.assert_array_equal(array, before[name])
    t.step(data, 1e-2)
    assert any(not np.array_equal(a, before[n]) for n, a in weights(made).items())


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_resumes_exactly(dtype, used_before):
    data = [batch(seed=i) for i in range(4)]
    whole_model = model(dtype=dtype)
    whole = trainer(whole_model)
    losses = [whole.step(b, 1e-2) for b in data]

    half_model = model(dtype=dtype)
    half = trainer(half_model)
    assert [half.step(b, 1e-2) for b in data[:2]] == losses[:2]
    state, saved = half.state(), weights(half_model)
    half.step(data[0], 1.0)

    resumed_model = model(dtype=dtype, seed=9)
    for name, layer in resumed_model.items():
        own = {k.removeprefix(f"{name}."): a for k, a in saved.items() if k.startswith(f"{name}.")}
        ncps.load_parameters(layer, own)
    resumed = trainer(resumed_model)
    if used_before:
        resumed.step(data[0], 0.0)
    resumed.load_state(state)
    assert [resumed.step(b, 1e-2) for b in data[2:]] == losses[2:]
    for name, array in weights(whole_model).items():
        np.testing.assert_array_equal(weights(resumed_model)[name], array)


def test_state_is_plain_numpy_under_the_names_of_the_parameters():
    made = model(units=4, backbone_units=5)
    t = trainer(made)
    before = t.state()
    t.step(batch(), 1e-2)
    state = t.state()
    assert all(isinstance(a, np.ndarray) for a in state.values())
    assert (int(before["step"]), int(state["step"])) == (0, 1)
    names = [f"{n}.{k}" for n, layer in made.items() for k in layer.get_native()]
    moments = [f"{name}.{m}" for m in ("momentum", "velocity") for name in names]
    assert set(state) == {"step", *moments}
    for name, layer in made.items():
        for key, array in layer.get_native().items():
            assert state[f"{name}.{key}.velocity"].shape == array.shape


def test_state_of_another_model_is_refused():
    t = trainer()
    t.step(batch(), 1e-2)
    before = t.state()
    other = trainer(model(units=3, backbone_units=5))
    with pytest.raises(ParameterError, match="optimiser state of this model"):
        t.load_state(other.state())
    for name, array in t.state().items():
        np.testing.assert_array_equal(array, before[name])


def test_step_is_compiled_where_it_pays_and_traced_once_a_shape():
    made = model("LSTM", units=5)
    t, calls = trainer(made), []
    forward = type(made["recurrent"])._run

    def counting(self, *args):
        calls.append(self)
        return forward(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(made["recurrent"]), "_run", counting)
        t.step(batch(), 1e-2)
        first = len(calls)
        for i in range(3):
            t.step(batch(seed=i), 1e-2)
    again = len(calls) - first
    assert again == (3 if keras.config.backend() == "torch" else 0)


def test_dropout_is_drawn_anew_at_each_step_and_never_in_a_prediction():
    made = model(units=4, backbone_units=64, backbone_dropout=0.5)
    t, data = trainer(made), batch()
    losses = {t.step(data, 0.0) for _ in range(4)}
    assert len(losses) == 4
    np.testing.assert_array_equal(t.predict(data), t.predict(data))
    assert t.step(data, 0.0) not in losses


@pytest.mark.parametrize("cls", ["CfC", "LSTM"])
def test_predict_equals_the_reference(cls):
    made, data = model(cls, units=5), batch()
    t = trainer(made)
    t.step(data, 1e-2)
    p = {name: ncps.parameters(layer) for name, layer in made.items()}
    y, _ = run(
        made["recurrent"].spec, p["recurrent"], data.x, timespans=data.timespans, mask=data.mask
    )
    joined = np.concatenate([y, data.context], axis=1)
    expected = run(made["head"].spec, p["head"], joined)
    np.testing.assert_allclose(t.predict(data), expected, **VALUES)
