"""The MLX half of training: `ncps_mlx.training.Trainer`."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps import registry, specs
from ncps.errors import ParameterError
from ncps.testing import TOLERANCES
from ncps.training import Batch
from ncps.wirings import AutoNCP
from ncps_mlx import layers
from ncps_mlx.training import Trainer

VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients


def batch(rows=8, steps=6, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, steps, 2)).astype(np.float32)
    context = rng.standard_normal((rows, 3)).astype(np.float32)
    mask = rng.random((rows, steps)) < 0.7
    target = (np.where(mask, x[..., 0], 0).sum(1, keepdims=True) + context[:, :1]).astype(
        np.float32
    )
    spans = rng.uniform(0.2, 2, (rows, steps)).astype(np.float32)
    return Batch(x, spans, mask, context, target)


def model(cls="CfC", dtype=None, seed=0, **options):
    options = options or {"units": AutoNCP(12, 3, seed=1)}
    spec = specs.build(cls, input_size=2, return_sequences=False, return_state=False, **options)
    recurrent = getattr(layers, cls)(spec, seed=seed, dtype=dtype)
    head = specs.Dense(input_size=spec.output_size + 3, units=1)
    return {"recurrent": recurrent, "head": layers.Dense(head, seed=seed, dtype=dtype)}


def trainer(made=None, weight_decay=1e-3, clip_norm=1.0):
    return Trainer(made or model(), weight_decay=weight_decay, clip_norm=clip_norm)


def weights(made):
    return {f"{n}.{k}": a for n, layer in made.items() for k, a in ncps.parameters(layer).items()}


def test_the_registry_offers_it():
    assert registry.trainer("mlx") is Trainer


def test_training_lowers_the_loss_and_predicts_what_it_learned():
    t, data = trainer(), batch(32)
    first = t.step(data, 1e-2)
    for _ in range(150):
        last = t.step(data, 1e-2)
    assert last < 0.2 * first
    prediction = t.predict(data)
    assert prediction.shape == (32, 1)
    assert prediction.dtype == np.float32
    now = t.step(data, 0.0)
    np.testing.assert_allclose(np.mean((prediction - data.target) ** 2), now, **VALUES)


def test_step_returns_the_loss_before_the_update():
    made, data = model(), batch()
    t = trainer(made)
    before = np.mean((t.predict(data) - data.target) ** 2)
    np.testing.assert_allclose(t.step(data, 1e-1), before, **VALUES)
    assert abs(np.mean((t.predict(data) - data.target) ** 2) - before) > 1e-3


def test_steps_are_adamw_with_bias_correction_on_the_clipped_gradient():
    made, data = model(units=4, backbone_units=5), batch()
    rate, decay, clip, betas, eps = 3e-2, 0.1, 0.05, (0.9, 0.999), 1e-8
    layer, head = made["recurrent"], made["head"]
    net = nn.Module()
    net.recurrent, net.head = layer, head

    def loss():
        y = layer(mx.array(data.x), timespans=mx.array(data.timespans), mask=mx.array(data.mask))
        prediction = head(mx.concatenate([y, mx.array(data.context)], axis=-1))
        return mx.mean(mx.square(prediction - mx.array(data.target)))

    t = trainer(made, weight_decay=decay, clip_norm=clip)
    values = {k: np.array(a, np.float64) for k, a in _flat(net.parameters()).items()}
    moments = {k: (np.zeros_like(a), np.zeros_like(a)) for k, a in values.items()}
    for count in (1, 2, 3):
        gradients = _flat(nn.value_and_grad(net, loss)()[1])
        norm = np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in gradients.values()))
        assert norm > clip
        for name, gradient in gradients.items():
            g = gradient * (clip / norm)
            m, v = moments[name]
            m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
            moments[name] = m, v
            step = (m / (1 - betas[0] ** count)) / (np.sqrt(v / (1 - betas[1] ** count)) + eps)
            values[name] = values[name] * (1 - rate * decay) - rate * step
        t.step(data, rate)
        for name, array in _flat(net.parameters()).items():
            np.testing.assert_allclose(array, values[name], **GRADIENTS, err_msg=name)


def _flat(tree):
    from mlx.utils import tree_flatten

    return {name: np.array(a) for name, a in tree_flatten(tree)}


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
    data = [batch(seed=i) for i in range(6)]
    whole_model = model(dtype=dtype)
    whole = trainer(whole_model)
    losses = [whole.step(b, 1e-2) for b in data]

    half_model = model(dtype=dtype)
    half = trainer(half_model)
    assert [half.step(b, 1e-2) for b in data[:3]] == losses[:3]
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
    assert [resumed.step(b, 1e-2) for b in data[3:]] == losses[3:]
    for name, array in weights(whole_model).items():
        np.testing.assert_array_equal(weights(resumed_model)[name], array)


def test_state_is_plain_numpy_under_flat_names():
    t = trainer()
    t.step(batch(), 1e-2)
    state = t.state()
    assert all(isinstance(a, np.ndarray) for a in state.values())
    assert int(state["step"]) == 1
    assert "learning_rate" not in state
    assert len(state) == 1 + 2 * len(_flat(t._net.parameters()))


def test_state_of_another_model_is_refused():
    t = trainer()
    t.step(batch(), 1e-2)
    before = t.state()
    other = trainer(model(units=4, backbone_units=5))
    with pytest.raises(ParameterError, match="optimiser state of this model"):
        t.load_state(other.state())
    for name, array in t.state().items():
        np.testing.assert_array_equal(array, before[name])


def test_compiled_step_equals_the_plain_one_and_traces_once_a_shape():
    made, twin = model("LSTM", units=5), model("LSTM", units=5)
    compiled, plain = trainer(made), trainer(twin)
    plain._update = plain._plain_update
    traces = []
    forward = type(made["recurrent"])._run

    def counting(self, *args):
        traces.append(self)
        return forward(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(made["recurrent"]), "_run", counting)
        for i in range(4):
            data = batch(seed=i)
            np.testing.assert_allclose(compiled.step(data, 1e-2), plain.step(data, 1e-2), **VALUES)
        compiled.step(batch(rows=5), 0.0)
        compiled.step(batch(), 0.0)
    assert sum(one is made["recurrent"] for one in traces) == 2
    assert sum(one is twin["recurrent"] for one in traces) == 4


def test_dropout_is_drawn_anew_at_each_step_and_never_in_a_prediction():
    made = model(units=4, backbone_units=64, backbone_dropout=0.5)
    t, data = trainer(made), batch()
    losses = {t.step(data, 0.0) for _ in range(4)}
    assert len(losses) == 4
    np.testing.assert_array_equal(t.predict(data), t.predict(data))
    assert t.step(data, 0.0) not in losses


@pytest.mark.parametrize("cls", ["CfC", "LSTM"])
def test_predict_equals_the_reference(cls):
    from ncps.reference import run

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
