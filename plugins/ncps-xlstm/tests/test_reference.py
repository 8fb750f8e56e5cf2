"""The reference beside the sums that its recurrences stand for, and at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import IndicesError
from ncps.reference import run
from ncps.specs import Spec
from ncps_xlstm import specs

DOUBLE, SINGLE = TOLERANCES["float64"].values, TOLERANCES["float32"].values
STEPS = 6


def drawn(spec: Spec, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {p.name: 0.7 * rng.standard_normal(p.shape) for p in spec.parameters()}


def signal(features: int = 3) -> Any:
    return np.random.default_rng(9).standard_normal((2, STEPS, features))


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def test_slstm_is_a_mean_of_its_inputs() -> None:
    # with R = 0 the gates are known in advance: h = σ(o) Σ w tanh z / Σ w, w_s = e^i Π σ(f)
    spec = specs.sLSTM(input_size=3, units=4, num_heads=2)
    p = drawn(spec)
    p |= {name: np.zeros_like(a) for name, a in p.items() if "recurrent" in name}
    x = signal()
    i, f, z, o = (
        x @ p[f"{g}.kernel"] + p[f"{g}.bias"]
        for g in ("input_gate", "forget_gate", "cell_gate", "output_gate")
    )
    y, (_, c, n, m) = run(spec, p, x)
    for t in range(STEPS):
        w = np.stack([np.exp(i[:, s]) * sigmoid(f[:, s + 1 : t + 1]).prod(1) for s in range(t + 1)])
        values = np.tanh(z[:, : t + 1]).swapaxes(0, 1)
        np.testing.assert_allclose(
            y[:, t], sigmoid(o[:, t]) * (w * values).sum(0) / w.sum(0), **DOUBLE
        )
    np.testing.assert_allclose(n * np.exp(m), w.sum(0), **DOUBLE)
    np.testing.assert_allclose(c * np.exp(m), (w * values).sum(0), **DOUBLE)


def test_slstm_heads_read_their_own_outputs_alone() -> None:
    spec = specs.sLSTM(input_size=3, units=4, num_heads=2)
    p, x = drawn(spec), signal()
    before, _ = run(spec, p, x)
    # what the second head's gates get from the input changes its own outputs, not the first one's
    for name in p:
        if name.endswith("_gate.kernel"):
            p[name][:, 2:] += 1.0
    after, _ = run(spec, p, x)
    np.testing.assert_array_equal(before[..., :2], after[..., :2])
    assert np.abs(before - after)[..., 2:].min() > 1e-6


def test_mlstm_is_a_sum_over_its_keys() -> None:
    # numerator and denominator, each with the weights e^i Π σ(f), without any stabiliser
    spec = specs.mLSTM(input_size=3, units=4, num_heads=2, key_size=6)
    p, x = drawn(spec), signal()

    def affine(name: str) -> Any:
        return x @ p[f"{name}.kernel"] + p[f"{name}.bias"]

    q, k, v = (affine(name).reshape(2, STEPS, 2, -1) for name in ("query", "key", "value"))
    i, f, o = (affine(f"{name}_gate") for name in ("input", "forget", "output"))
    y, _ = run(spec, p, x)
    for t in range(STEPS):
        numerator, denominator = np.zeros((2, 2, 2)), np.zeros((2, 2))
        for s in range(t + 1):
            w = np.exp(i[:, s]) * sigmoid(f[:, s + 1 : t + 1]).prod(1)
            w = w * (q[:, t] * k[:, s]).sum(-1) / np.sqrt(3.0)
            numerator += w[..., None] * v[:, s]
            denominator += w
        h = numerator / np.maximum(np.abs(denominator), 1.0)[..., None]
        np.testing.assert_allclose(y[:, t], sigmoid(o[:, t]) * h.reshape(2, 4), **SINGLE)


@pytest.mark.parametrize("layer", ["sLSTM", "mLSTM"])
@pytest.mark.parametrize("bias", [50.0, -50.0, 500.0, -500.0])
def test_extreme_gates_stay_finite(layer: str, bias: float) -> None:
    spec = getattr(specs, layer)(input_size=3, units=4, num_heads=2)
    for gate in ("input_gate", "forget_gate"):
        p = drawn(spec)
        p[f"{gate}.bias"] = p[f"{gate}.bias"] + bias
        y, state = run(spec, p, signal())
        for array in (y, *state):
            assert np.isfinite(array).all()


def test_what_stands_in_the_m_of_an_empty_slstm_does_not_count() -> None:
    spec = specs.sLSTM(input_size=3, units=4)
    p, x = drawn(spec), signal()
    empty = [np.zeros((2, 4)) for _ in range(4)]
    expected, last = run(spec, p, x)
    got, state = run(spec, p, x, (*empty[:3], np.full((2, 4), 7.0)))
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(state, last)


def test_each_unit_of_an_slstm_is_empty_on_its_own() -> None:
    spec = specs.sLSTM(input_size=3, units=4)
    p, x = drawn(spec), signal()
    state = spec.draw_state(np.random.default_rng(0), (2,))
    state[2][0], state[1][0], state[0][0] = 0.0, 0.0, 0.0
    y, _ = run(spec, p, x, state)
    fresh, _ = run(spec, p, x)
    np.testing.assert_allclose(y[0], fresh[0], **DOUBLE)
    assert not np.allclose(y[1], fresh[1])


@pytest.mark.parametrize("layer", ["sLSTM", "mLSTM"])
def test_no_derivative_goes_to_the_stabiliser(layer: str) -> None:
    spec = getattr(specs, layer)(input_size=3, units=4, num_heads=2)
    p, x = drawn(spec), signal()
    *others, m = spec.draw_state(np.random.default_rng(0), (2,))
    y, (*_, last) = run(spec, p, x, (*others, m + 1e-30j))
    assert not np.imag(y).any()
    assert not np.imag(last).any()


@pytest.mark.parametrize("layer", ["sLSTM", "mLSTM"])
def test_derivative_is_the_same_in_one_piece_and_in_two(layer: str) -> None:
    # m is a constant in both pieces: what it would have carried cancels
    spec = getattr(specs, layer)(input_size=3, units=4, num_heads=2)
    p, x = drawn(spec), signal()
    for name in p:
        moved = {**p, name: p[name] + 1e-30j}
        whole, _ = run(spec, moved, x)
        head, state = run(spec, moved, x[:, :2])
        tail, _ = run(spec, moved, x[:, 2:], state)
        got = np.concatenate([head, tail], axis=1)
        np.testing.assert_allclose(got.imag * 1e30, whole.imag * 1e30, rtol=1e-9, atol=1e-11)
        # and it is the derivative: beside a difference of values
        step = 1e-6
        up, down = (run(spec, {**p, name: p[name] + s}, x)[0] for s in (step, -step))
        slope = (up - down) / (2 * step)
        np.testing.assert_allclose(whole.imag * 1e30, slope, rtol=1e-4, atol=1e-5)


def test_language_model_refuses_what_is_no_token() -> None:
    spec = specs.xLSTMLM(vocab_size=5, units=8, num_blocks=1)
    p = drawn(spec)
    with pytest.raises(IndicesError, match="expected indices from 0 to 4, got 5"):
        run(spec, p, np.array([[1, 5]]))
    with pytest.raises(IndicesError, match="indices of an integer dtype, got float64"):
        run(spec, p, np.array([[1.0]]))
