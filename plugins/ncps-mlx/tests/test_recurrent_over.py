"""Sequences over cells of someone else's, and over cells that ncps knows."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps.errors import ConversionError, ShapeError, SpecError
from ncps.layers import RecurrentOver
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].values


class Elman(nn.Module):
    """h' = tanh(W x + R h), written by a user."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.kernel, self.recurrent = nn.Linear(inputs, units), nn.Linear(units, units, bias=False)

    def __call__(self, x: mx.array, state: mx.array | None) -> tuple[mx.array, mx.array]:
        drive = self.kernel(x)
        h = mx.tanh(drive if state is None else drive + self.recurrent(state))
        return h, h


class Leaky(nn.Module):
    """v' = x + (v - x) e^(-Δt): what it gives depends on time; its state is (v, count)."""

    def __call__(self, x, state=None, timespans=None):
        v, n = (mx.zeros_like(x), mx.zeros_like(x[:, :1])) if state is None else state
        v = x + (v - x) * mx.exp(-timespans)
        return 2 * v, (v, n + 1)


def example(*shape: int) -> mx.array:
    return mx.array(np.random.default_rng(0).normal(size=shape), mx.float32)


def same_as(cell: Elman, **options: object) -> nn.Module:
    """The RNN of ncps with a user's weights."""
    layer = ncps.create("RNN", units=4, input_size=3, technology="ncps", framework="mlx", **options)
    values = {
        "kernel": np.array(cell.kernel.weight.T),
        "recurrent_kernel": np.array(cell.recurrent.weight.T),
        "bias": np.array(cell.kernel.bias),
    }
    ncps.load_parameters(layer, values)
    return layer


@pytest.mark.parametrize("options", [{}, {"return_sequences": False}])
@pytest.mark.parametrize("masked", [False, True])
def test_cell_of_a_user_runs_as_the_layer_of_its_equation(masked, options) -> None:
    cell, x, state = Elman(3, 4), np.array(example(2, 7, 3)), example(2, 4)
    mask = np.array([[0, 1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 0, 0]], bool) if masked else None
    if masked:
        x = np.where(mask[..., None], x, np.nan)
    layer = RecurrentOver(cell, **options)
    y, h = layer(mx.array(x), state, mask=mask)
    expected, last = same_as(cell, **options)(mx.array(x), state, mask=mask)
    y, expected = np.array(y), np.array(expected)
    if masked and not options:  # before the first real step there is no output to repeat
        seen = np.cumsum(mask, 1) > 0
        assert not y[~seen].any()
        y, expected = y[seen], expected[seen]
    np.testing.assert_allclose(y, expected, **BOUNDS)
    np.testing.assert_allclose(h, last, **BOUNDS)
    _, gradients = nn.value_and_grad(layer, lambda m: m(mx.array(x), state, mask=mask)[0].sum())(
        layer
    )
    assert bool(mx.isfinite(gradients["cell"]["kernel"]["weight"]).all())


def test_cell_that_names_timespans_gets_them() -> None:
    x, dt = example(2, 5, 3), mx.abs(example(2, 5))
    y, (v, n) = RecurrentOver(Leaky())(x, timespans=dt)
    expected = mx.zeros((2, 3))
    for t in range(5):
        expected = x[:, t] + (expected - x[:, t]) * mx.exp(-dt[:, t, None])
        np.testing.assert_allclose(y[:, t], 2 * expected, **BOUNDS)
    np.testing.assert_allclose(v, expected, **BOUNDS)
    assert n.flatten().tolist() == [5.0, 5.0]


def test_timestamps_and_missing_times_reach_the_cell() -> None:
    x = example(2, 5, 3)
    layer = RecurrentOver(Leaky(), return_state=False)
    stamps = mx.array([1.0, 2.0, 2.5, 4.0, 4.0])
    spans = mx.array([0.0, 1.0, 0.5, 1.5, 0.0])
    np.testing.assert_allclose(layer(x, timestamps=stamps), layer(x, timespans=spans), **BOUNDS)
    np.testing.assert_allclose(layer(x), layer(x, timespans=1.0), **BOUNDS)


def test_state_of_several_arrays_is_kept_in_masked_steps_and_carried() -> None:
    x, dt = example(2, 6, 3), mx.abs(example(2, 6))
    mask = mx.array([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 1, 0]], mx.bool_)
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, timespans=dt, mask=mask)
    assert n.flatten().tolist() == [4.0, 4.0]
    one, state = layer(x[:, :3], timespans=dt[:, :3], mask=mask[:, :3])
    two, (w, _) = layer(x[:, 3:], state, timespans=dt[:, 3:], mask=mask[:, 3:])
    np.testing.assert_allclose(mx.concatenate([one, two], 1), y, **BOUNDS)
    np.testing.assert_allclose(w, v, **BOUNDS)


def test_unbatched_sequence_is_a_batch_of_one() -> None:
    x = example(5, 3)
    layer = RecurrentOver(Leaky())
    y, (v, _) = layer(x, (mx.ones(3), mx.zeros(1)))
    batch, (w, _) = layer(x[None], (mx.ones((1, 3)), mx.zeros((1, 1))))
    assert mx.array_equal(y, batch[0])
    assert mx.array_equal(v, w[0])


def test_second_cell_runs_backwards() -> None:
    cell, other, x = Elman(3, 4), Elman(3, 4), example(2, 5, 3)
    mask = mx.arange(5) < mx.array([[5], [3]])
    y, (_, back) = RecurrentOver(cell, reverse_cell=other)(x, mask=mask)
    expected, last = RecurrentOver(other)(x[:, ::-1], mask=mask[:, ::-1])
    assert y.shape == (2, 5, 8)
    np.testing.assert_allclose(y[..., 4:], expected[:, ::-1], **BOUNDS)
    np.testing.assert_allclose(back, last, **BOUNDS)


@pytest.mark.parametrize("layer", ["CfCCell", "LSTMCell"])
def test_cell_of_ncps_becomes_its_own_sequence(layer: str) -> None:
    cell = ncps.create(layer, units=4, input_size=3, technology="ncps", framework="mlx", seed=1)
    sequence = RecurrentOver(cell, return_sequences=False)
    assert sequence.spec.layer == layer.removesuffix("Cell")
    x, state = example(2, 3, 3), None
    for t in range(3):
        y, state = cell(x[:, t], state, timespans=0.5)
    np.testing.assert_allclose(sequence(x, timespans=0.5)[0], y, **BOUNDS)
    ncps.convert(sequence, "numpy")


def test_what_is_no_cell_is_told() -> None:
    with pytest.raises(SpecError, match="expected a cell, one step, got LSTM"):
        RecurrentOver(nn.LSTM(3, 4))

    class Single(nn.Module):
        def __call__(self, x, state):
            return x

    with pytest.raises(SpecError, match=r"to return \(y, state\), got array"):
        RecurrentOver(Single())(mx.zeros((1, 2, 3)))
    with pytest.raises(ShapeError, match="one step or more, got none"):
        RecurrentOver(Elman(3, 4))(mx.zeros((1, 0, 3)))


def test_conversion_says_that_the_cell_is_code() -> None:
    with pytest.raises(ConversionError, match=r"at 'cell': .* got a Elman, whose code ncps cannot"):
        ncps.convert(RecurrentOver(Elman(3, 4)), "numpy")
