"""Sequences over cells of someone else's, and over cells that ncps knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ncps
from ncps import specs
from ncps.errors import ConversionError, ShapeError, SpecError
from ncps.layers import RecurrentOver
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].values


class Elman(nn.Module):
    """h' = tanh(W x + R h), written by a user."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.kernel, self.recurrent = nn.Linear(inputs, units), nn.Linear(units, units, bias=False)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        drive = self.kernel(x)
        h = torch.tanh(drive if state is None else drive + self.recurrent(state))
        return h, h


class Leaky(nn.Module):
    """v' = x + (v - x) e^(-Δt): what it gives depends on time; its state is (v, count)."""

    def forward(self, x, state=None, timespans=None):
        v, n = (torch.zeros_like(x), torch.zeros_like(x[:, :1])) if state is None else state
        v = x + (v - x) * torch.exp(-timespans)
        return 2 * v, (v, n + 1)


def same_as(cell: Elman, **options: object) -> nn.Module:
    """The RNN of ncps with a user's weights."""
    layer = ncps.create(
        "RNN", units=4, input_size=3, technology="ncps", framework="torch", **options
    )
    values = {
        "kernel": cell.kernel.weight.detach().T.numpy(),
        "recurrent_kernel": cell.recurrent.weight.detach().T.numpy(),
        "bias": cell.kernel.bias.detach().numpy(),
    }
    ncps.load_parameters(layer, values)
    return layer


@pytest.fixture
def cell() -> Elman:
    torch.manual_seed(0)
    return Elman(3, 4)


@pytest.mark.parametrize("options", [{}, {"return_sequences": False}])
@pytest.mark.parametrize("masked", [False, True])
def test_cell_of_a_user_runs_as_the_layer_of_its_equation(cell, masked, options) -> None:
    x = torch.randn(2, 7, 3)
    mask = torch.rand(2, 7) < 0.6 if masked else None
    state = torch.randn(2, 4)
    if masked:
        x = torch.where(mask[..., None], x, torch.nan)
    y, h = RecurrentOver(cell, **options)(x, state, mask=mask)
    expected, last = same_as(cell, **options)(x, state, mask=mask)
    if masked and not options:  # before the first real step there is no output to repeat
        seen = mask.cumsum(1) > 0
        assert not y[~seen].any()
        y, expected = y[seen], expected[seen]
    torch.testing.assert_close(y, expected, **BOUNDS)
    torch.testing.assert_close(h, last, **BOUNDS)
    y.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in cell.parameters())


def test_cell_that_names_timespans_gets_them() -> None:
    x, dt = torch.randn(2, 5, 3), torch.rand(2, 5)
    y, (v, n) = RecurrentOver(Leaky())(x, timespans=dt)
    expected = torch.zeros(2, 3)
    for t in range(5):
        expected = x[:, t] + (expected - x[:, t]) * torch.exp(-dt[:, t, None])
        torch.testing.assert_close(y[:, t], 2 * expected, **BOUNDS)
    torch.testing.assert_close(v, expected, **BOUNDS)
    assert n.flatten().tolist() == [5.0, 5.0]


def test_timestamps_and_missing_times_reach_the_cell() -> None:
    x = torch.randn(2, 5, 3)
    layer = RecurrentOver(Leaky(), return_state=False)
    stamps = torch.tensor([1.0, 2.0, 2.5, 4.0, 4.0])
    spans = torch.tensor([0.0, 1.0, 0.5, 1.5, 0.0])
    torch.testing.assert_close(layer(x, timestamps=stamps), layer(x, timespans=spans), **BOUNDS)
    torch.testing.assert_close(layer(x), layer(x, timespans=1.0), **BOUNDS)
    with pytest.raises(ShapeError, match="every elapsed time >= 0"):
        layer(x, timespans=-1.0)


def test_state_of_several_tensors_is_kept_in_masked_steps_and_carried() -> None:
    x, dt = torch.randn(2, 6, 3), torch.rand(2, 6)
    mask = torch.tensor([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 1, 0]]).bool()
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, timespans=dt, mask=mask)
    assert n.flatten().tolist() == [4.0, 4.0]
    one, state = layer(x[:, :3], timespans=dt[:, :3], mask=mask[:, :3])
    two, (w, _) = layer(x[:, 3:], state, timespans=dt[:, 3:], mask=mask[:, 3:])
    torch.testing.assert_close(torch.cat([one, two], 1), y, **BOUNDS)
    torch.testing.assert_close(w, v, **BOUNDS)


def test_unbatched_sequence_is_a_batch_of_one() -> None:
    x = torch.randn(5, 3)
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, (torch.ones(3), torch.zeros(1)))
    batch, (w, _) = layer(x[None], (torch.ones(1, 3), torch.zeros(1, 1)))
    torch.testing.assert_close(y, batch[0], rtol=0, atol=0)
    torch.testing.assert_close(v, w[0], rtol=0, atol=0)
    assert n.tolist() == [5.0]


def test_second_cell_runs_backwards(cell) -> None:
    x = torch.randn(2, 5, 3)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    other = Elman(3, 4)
    y, (_, back) = RecurrentOver(cell, reverse_cell=other)(x, mask=mask)
    expected, last = RecurrentOver(other)(x.flip(1), mask=mask.flip(1))
    assert y.shape == (2, 5, 8)
    torch.testing.assert_close(y[..., 4:], expected.flip(1), **BOUNDS)
    torch.testing.assert_close(back, last, **BOUNDS)


@pytest.mark.parametrize("layer", ["CfCCell", "LSTMCell", "LTCCell"])
def test_cell_of_ncps_becomes_its_own_sequence(layer: str) -> None:
    cell = ncps.create(layer, units=4, input_size=3, technology="ncps", framework="torch", seed=1)
    sequence = RecurrentOver(cell, return_sequences=False)
    assert sequence.spec.layer == layer.removesuffix("Cell")
    x = torch.randn(2, 3, 3)
    state = None
    for t in range(3):
        y, state = cell(x[:, t], state, timespans=0.5)
    torch.testing.assert_close(sequence(x, timespans=0.5)[0], y, **BOUNDS)
    ncps.convert(sequence, "numpy")


def test_cell_of_torch_becomes_its_own_sequence() -> None:
    cell = nn.LSTMCell(3, 4)
    sequence = RecurrentOver(cell, reverse_cell=nn.LSTMCell(3, 4))
    assert sequence.spec.layer == "Bidirectional"
    x = torch.randn(2, 3, 3)
    h, c = cell(x[:, 0])
    for t in (1, 2):
        h, c = cell(x[:, t], (h, c))
    torch.testing.assert_close(sequence(x)[0][:, -1, :4], h, **BOUNDS)


def test_cell_that_is_not_built_gives_a_sequence_that_is_not() -> None:
    cell = ncps.create("GRUCell", units=4, technology="ncps", framework="torch")
    assert not RecurrentOver(cell).built


def test_cell_with_code_of_its_own_is_run_as_it_is() -> None:
    from ncps_torch.layers import RNNCell

    class Doubled(RNNCell):
        def forward(self, x, state=None, timespans=None):
            y, state = super().forward(x, state, timespans)
            return 2 * y, state

    cell = Doubled(specs.RNNCell(units=4, input_size=3), seed=1)
    x = torch.randn(2, 5, 3)
    plain = ncps.create("RNN", units=4, input_size=3, framework="torch", technology="ncps", seed=1)
    ncps.load_parameters(plain, ncps.parameters(cell))
    torch.testing.assert_close(RecurrentOver(cell)(x)[0], 2 * plain(x)[0], **BOUNDS)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (nn.LSTM(3, 4), "expected a cell, one step, got LSTM"),
        (np.tanh, "a cell that is a module of torch, MLX or Keras, got ufunc"),
    ],
)
def test_what_is_no_cell_is_refused(cell: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        RecurrentOver(cell)


def test_module_that_returns_no_pair_is_told(cell) -> None:
    class Single(nn.Module):
        def forward(self, x, state):
            return x

    with pytest.raises(SpecError, match=r"to return \(y, state\), got Tensor"):
        RecurrentOver(Single())(torch.zeros(1, 2, 3))
    with pytest.raises(ShapeError, match="one step or more, got none"):
        RecurrentOver(cell)(torch.zeros(1, 0, 3))


def test_conversion_says_that_the_cell_is_code(cell) -> None:
    with pytest.raises(ConversionError, match=r"at 'cell': .* got a Elman, whose code ncps cannot"):
        ncps.convert(RecurrentOver(cell), "numpy")
