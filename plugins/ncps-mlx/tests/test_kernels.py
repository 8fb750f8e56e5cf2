"""Every restructured kernel against its plain twin: a loop that reads like the equation."""

from __future__ import annotations

from functools import partial

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from ncps import specs
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP, Random
from ncps_mlx import kernels, layers

SIZES = (1, 31, 32, 33, 65)
VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients


def plain_cfc(p, spec, x, h, dt):
    """All heads apart, masks at every step, no projection ahead, slices of x."""
    phi = kernels.ACTIVATIONS[spec.activation]
    parts = np.cumsum([b.units for b in spec.blocks])[:-1].tolist()
    hs = mx.split(h, parts, axis=-1)
    history = []
    for t in range(x.shape[1]):
        signal = x[:, t]
        for i, block in enumerate(spec.blocks):
            z = mx.concatenate([signal, hs[i]], axis=-1)
            for j in range(len(block.backbone)):
                name = f"{block.prefix}backbone.{j}"
                z = phi(z @ p[f"{name}.kernel"] + p[f"{name}.bias"])

            def head(name, mask=None, block=block, z=z):
                kernel = p[f"{block.prefix}{name}.kernel"]
                kernel = kernel if mask is None else kernel * mx.array(mask)
                return z @ kernel + p[f"{block.prefix}{name}.bias"]

            f = head("ff1", block.mask)
            if spec.mode == "pure":
                w, a = p[f"{block.prefix}w_tau"], p[f"{block.prefix}A"]
                signal = a - a * mx.exp(-dt[:, t, None] * (mx.abs(w) + mx.abs(f))) * f
            else:
                g = mx.tanh(head("ff2", block.mask))
                time = partial(head, mask=block.time_mask)
                s = mx.sigmoid(time("time_a") * dt[:, t, None] + time("time_b"))
                keep = 1 - s if spec.mode == "default" else 1
                signal = keep * mx.tanh(f) + s * g
            hs[i] = signal
        history.append(mx.concatenate(hs, axis=-1))
    return mx.stack(history, axis=1)


def plain_lstm(p, spec, x, h, dt):
    """One gate after the other, slices of x."""
    c = mx.zeros_like(h)
    history = []
    for t in range(x.shape[1]):

        def gate(name, x=x[:, t], h=h):
            return x @ p[f"{name}.kernel"] + h @ p[f"{name}.recurrent_kernel"] + p[f"{name}.bias"]

        c = mx.sigmoid(gate("forget_gate")) * c + mx.sigmoid(gate("input_gate")) * mx.tanh(
            gate("cell_gate")
        )
        h = mx.sigmoid(gate("output_gate")) * mx.tanh(c)
        history.append(h)
    return mx.stack(history, axis=1)


def plain_rnn(p, spec, x, h, dt):
    """h' = φ(x W + h R + b)."""
    phi = kernels.ACTIVATIONS[spec.activation]
    history = []
    for t in range(x.shape[1]):
        h = phi(x[:, t] @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"])
        history.append(h)
    return mx.stack(history, axis=1)


def plain_gru(p, spec, x, h, dt):
    """The reset gate after the candidate's product, or before it."""
    history = []
    for t in range(x.shape[1]):

        def inner(gate, x=x[:, t]):
            return x @ p[f"{gate}.kernel"] + p[f"{gate}.bias"]

        r = mx.sigmoid(inner("reset_gate") + h @ p["reset_gate.recurrent_kernel"])
        z = mx.sigmoid(inner("update_gate") + h @ p["update_gate.recurrent_kernel"])
        R = p["new_gate.recurrent_kernel"]
        after = h @ R + p.get("new_gate.recurrent_bias", 0)
        recurrent = r * after if spec.reset_after else (r * h) @ R
        n = mx.tanh(inner("new_gate") + recurrent)
        h = (1 - z) * n + z * h
        history.append(h)
    return mx.stack(history, axis=1)


def plain_ctrnn(p, spec, x, h, dt):
    """N steps of h ← (h + δ φ(x W + h R + b)) / (1 + δ / τ)."""
    phi = kernels.ACTIVATIONS[spec.activation]
    W, R = p["kernel"], p["recurrent_kernel"]
    if spec.masks is not None:
        W, R = W * mx.array(spec.masks.sensory), R * mx.array(spec.masks.inner)
    history = []
    for t in range(x.shape[1]):
        delta = dt[:, t, None] / spec.ode_unfolds
        for _ in range(spec.ode_unfolds):
            drive = delta * phi(x[:, t] @ W + h @ R + p["bias"])
            h = (h + drive) / (1 + delta / mx.exp(p["log_tau"]))
        history.append(h)
    return mx.stack(history, axis=1)


def plain_ltc(p, spec, x, v, dt):
    """v' = (c v + Δt (g v_l + Σ w s E)) / (c + Δt (g + Σ w s + ε)), all pairs of neurons."""
    implicit = spec.implicit_param_constraints

    def positive(name):
        return mx.log(1 + mx.exp(p[name])) if implicit else mx.maximum(p[name], 0)

    def synapses(prefix, sources, mask):
        s = mx.sigmoid(p[f"{prefix}sigma"] * (sources[:, :, None] - p[f"{prefix}mu"]))
        ws = positive(f"{prefix}w") * mx.array(mask) * s
        return mx.sum(ws * p[f"{prefix}erev"], axis=1), mx.sum(ws, axis=1)

    g, c = positive("gleak"), positive("cm") * spec.ode_unfolds
    history = []
    for t in range(x.shape[1]):
        u, elapsed = x[:, t] * p["input_w"] + p["input_b"], dt[:, t, None]
        d_in, q_in = synapses("sensory_", u, spec.masks.sensory)
        for _ in range(spec.ode_unfolds):
            d, q = synapses("", v, spec.masks.inner)
            above = c * v + elapsed * (d + d_in + g * p["vleak"])
            v = above / (c + elapsed * (q + q_in + g + spec.epsilon))
        history.append(v)
    return mx.stack(history, axis=1)


def compare(layer, plain, batch, steps, dt):
    """Outputs, and gradients by parameter, x, h and Δt, of a layer and its twin."""
    rng = np.random.default_rng(batch * 100 + steps)
    spec = layer.spec
    x = mx.array(rng.standard_normal((batch, steps, spec.input_size)).astype(np.float32))
    h = mx.array(rng.standard_normal((batch, *spec.state_shapes()[0][1])).astype(np.float32))
    weights = mx.array(rng.standard_normal((batch, steps, h.shape[1])).astype(np.float32))
    named = layer.parameter_map(spec).to_canonical(layer.get_native())
    p = {name: mx.array(np.ascontiguousarray(a)) for name, a in named.items()}

    def twin(p, x, h, dt):
        return mx.sum(weights * plain(p, spec, x, h, mx.broadcast_to(dt, (batch, steps))))

    def ours(native, x, h, dt):
        layer.update(native)
        state = h if len(spec.state_shapes()) == 1 else (h, mx.zeros_like(h))
        run = layer._run(x, state if isinstance(state, tuple) else (state,), dt)
        return mx.sum(weights * run[0])

    native = layer.parameters()
    every = (0, 1, 2, 3) if dt is not None else (0, 1, 2)
    given = mx.ones(()) if dt is None else dt
    expected, (dp, *din) = mx.value_and_grad(twin, argnums=every)(p, x, h, given)
    got, (dnative, *dgot) = mx.value_and_grad(ours, argnums=every)(native, x, h, dt)
    layer.update(native)
    np.testing.assert_allclose(np.array(got), np.array(expected), **VALUES)
    flat = {name: np.array(a) for name, a in tree_flatten(dnative)}
    mapped = layer.parameter_map(spec).to_canonical(flat)
    assert mapped.keys() == dp.keys()
    for name, gradient in dp.items():
        _close(name, mapped[name], np.array(gradient))
    for name, a, b in zip(("x", "h", "dt"), dgot, din, strict=False):
        _close(name, np.array(a), np.array(b))


def _close(name, got, expected):
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    bound = GRADIENTS["rtol"] * scale + GRADIENTS["atol"]
    np.testing.assert_allclose(got, expected, rtol=0, atol=bound, err_msg=name)


def _dt(kind, batch, steps):
    if kind == "none":
        return None
    if kind == "scalar":
        return mx.array(0.7)
    rng = np.random.default_rng(3)
    return mx.array(rng.uniform(0.1, 2, (batch, steps)).astype(np.float32))


@pytest.mark.parametrize("size", SIZES)
def test_cfc_agrees_with_its_plain_twin_at_awkward_units(size):
    spec = specs.CfC(input_size=3, units=size, backbone_units=size)
    compare(layers.CfC(spec, seed=1), plain_cfc, 2, 4, _dt("each", 2, 4))


@pytest.mark.parametrize("size", SIZES)
def test_cfc_agrees_with_its_plain_twin_at_awkward_lengths_and_batches(size):
    spec = specs.CfC(input_size=size, units=4, backbone_units=5)
    compare(layers.CfC(spec, seed=1), plain_cfc, 2, size, _dt("each", 2, size))
    compare(layers.CfC(spec, seed=1), plain_cfc, size, 3, _dt("each", size, 3))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("dt", ["none", "scalar", "each"])
def test_cfc_agrees_with_its_plain_twin_in_every_mode_and_form_of_time(mode, dt):
    for units, backbone in ((6, 0), (6, 1), (6, 3), (AutoNCP(14, 3, seed=2), None)):
        spec = specs.CfC(
            input_size=3,
            units=units,
            mode=mode,
            backbone_layers=backbone,
            backbone_units=None if backbone is None else 7,
        )
        compare(layers.CfC(spec, seed=1), plain_cfc, 3, 5, _dt(dt, 3, 5))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("dt", ["none", "scalar", "each"])
def test_strict_cfc_agrees_with_its_plain_twin(mode, dt):
    wiring = AutoNCP(14, 3, seed=2)
    spec = specs.CfC(input_size=3, units=wiring, mode=mode, wiring_mode="strict")
    compare(layers.CfC(spec, seed=1), plain_cfc, 3, 5, _dt(dt, 3, 5))


@pytest.mark.parametrize("size", SIZES)
def test_lstm_agrees_with_its_plain_twin(size):
    spec = specs.LSTM(input_size=3, units=size)
    compare(layers.LSTM(spec, seed=1), plain_lstm, 2, 4, None)
    spec = specs.LSTM(input_size=3, units=4)
    compare(layers.LSTM(spec, seed=1), plain_lstm, 2, size, None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_rnn_agrees_with_its_plain_twin(size, activation):
    for units, steps in ((size, 4), (4, size)):
        spec = specs.RNN(input_size=3, units=units, activation=activation)
        compare(layers.RNN(spec, seed=1), plain_rnn, 2, steps, None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_agrees_with_its_plain_twin(size, reset_after):
    for units, steps in ((size, 4), (4, size)):
        spec = specs.GRU(input_size=3, units=units, reset_after=reset_after)
        compare(layers.GRU(spec, seed=1), plain_gru, 2, steps, None)


WIRINGS = (6, AutoNCP(14, 3, seed=2), Random(9, 4, 0.5))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("layer", "plain"), [("CTRNN", plain_ctrnn), ("LTC", plain_ltc)])
def test_ode_layers_agree_with_their_plain_twins_at_awkward_sizes(layer, plain, size):
    sizes = ((size, 3, 4), (4, size, 3), (4, 3, size))
    for units, features, steps in sizes:
        spec = specs.build(layer, input_size=features, units=units, ode_unfolds=2)
        compare(getattr(layers, layer)(spec, seed=1), plain, 2, steps, _dt("each", 2, steps))


@pytest.mark.parametrize("dt", ["none", "scalar", "each"])
@pytest.mark.parametrize("units", WIRINGS)
@pytest.mark.parametrize("option", ["relu", "sigmoid", "tanh", True, False])
def test_ode_layers_agree_with_their_plain_twins_on_every_wiring(option, units, dt):
    name, plain = ("LTC", plain_ltc) if isinstance(option, bool) else ("CTRNN", plain_ctrnn)
    own = "implicit_param_constraints" if name == "LTC" else "activation"
    spec = specs.build(name, input_size=3, units=units, **{own: option})
    compare(getattr(layers, name)(spec, seed=1), plain, 3, 5, _dt(dt, 3, 5))


@pytest.mark.parametrize("steps", [*SIZES, 7, 8, 9, 64, 512, 513])
def test_unbind_gives_every_step_in_order_and_its_gradient(steps):
    x = mx.random.normal((2, steps, 3), key=mx.random.key(steps))
    parts = kernels.unbind(x)
    assert len(parts) == steps
    assert mx.array_equal(mx.stack(parts, axis=1), x)

    def weighted(x):
        return sum((t + 1.0) * mx.sum(part) for t, part in enumerate(kernels.unbind(x)))

    expected = mx.broadcast_to(mx.arange(1, steps + 1)[None, :, None], x.shape)
    assert mx.array_equal(mx.grad(weighted)(x), expected)
