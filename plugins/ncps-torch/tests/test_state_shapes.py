"""States of any rank: masks, carrying and batches of a layer whose state is a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from ncps.canonical import ParameterMap
from ncps.errors import ShapeError
from ncps.specs import Kind, Parameter, SequenceSpec, Spec, StateShapes
from ncps_torch import toolkit

B, T, D = 3, 6, 4


@dataclass(frozen=True, kw_only=True)
class OuterCellSpec(Spec):
    layer: ClassVar[str] = "OuterCell"
    kind: ClassVar[Kind] = "cell"

    @property
    def output_size(self) -> int:
        return self.known_input_size()

    def state_shapes(self) -> StateShapes:
        size = self.known_input_size()
        return (("h", (size,)), ("C", (1, size, size)))

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class OuterSpec(SequenceSpec, OuterCellSpec):
    layer: ClassVar[str] = "Outer"
    kind: ClassVar[Kind] = "sequence"


class Outer(toolkit.Sequence):
    """C_t = C_{t-1} / 2 + x xᵀ, y = C_t x."""

    def _structure(self, spec: Any) -> None:
        """It has no parameters."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    def _run(self, x: Any, states: Any, dt: Any) -> Any:
        _, c = states
        hs, cs = [], []
        for x_t in x:
            c = 0.5 * c + (x_t[:, :, None] * x_t[:, None, :])[:, None]
            hs.append((c[:, 0] @ x_t[..., None])[..., 0])
            cs.append(c)
        return torch.stack(hs), torch.stack(cs)


@pytest.fixture
def layer() -> Outer:
    return Outer(OuterSpec(input_size=D), dtype="float64")


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(B, T, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_initial_state_has_every_axis(layer: Outer) -> None:
    assert [tuple(s.shape) for s in layer.get_initial_state(2)] == [(2, D), (2, 1, D, D)]
    assert [tuple(s.shape) for s in layer.get_initial_state()] == [(D,), (1, D, D)]


def test_matrix_state_carries_a_sequence_on(layer: Outer, x: torch.Tensor) -> None:
    y, state = layer(x)
    one, between = layer(x[:, :2])
    two, end = layer(x[:, 2:], between)
    torch.testing.assert_close(torch.cat([one, two], dim=1), y)
    torch.testing.assert_close(end, state)
    assert end[1].shape == (B, 1, D, D)


def test_masked_steps_leave_a_matrix_state(layer: Outer, x: torch.Tensor) -> None:
    mask = torch.tensor([[0, 1, 1, 0, 1, 0], [1] * 6, [0] * 6]).bool()
    state = tuple(torch.ones(s.shape, dtype=x.dtype) for s in layer.get_initial_state(B))
    holes = torch.where(mask[..., None], x, float("nan"))
    y, (_, c) = layer(holes, state, mask=mask)
    for row in range(B):
        own = tuple(s[row : row + 1] for s in state)
        _, (_, alone) = layer(x[row : row + 1, mask[row]], own)
        torch.testing.assert_close(c[row : row + 1], alone)
    torch.testing.assert_close(y[0, 3], y[0, 2])
    assert torch.equal(y[2], torch.ones(T, D))


def test_input_without_a_batch_has_a_state_without_one(layer: Outer, x: torch.Tensor) -> None:
    y, state = layer(x)
    alone, own = layer(x[1], tuple(torch.zeros_like(s[1]) for s in state))
    torch.testing.assert_close(alone, y[1])
    torch.testing.assert_close(own, tuple(s[1] for s in state))


def test_no_step_keeps_a_matrix_state(layer: Outer, x: torch.Tensor) -> None:
    _, state = layer(x)
    y, same = layer(x[:, :0], state)
    assert y.shape == (B, 0, D)
    assert all(torch.equal(a, b) for a, b in zip(same, state, strict=True))


def test_matrix_state_passes_through_layers_and_directions(x: torch.Tensor) -> None:
    deep = Outer(OuterSpec(input_size=D, num_layers=2, bidirectional=True), dtype="float64")
    y, state = deep(x)
    assert y.shape == (B, T, 4 * D)
    assert [tuple(s.shape[1:]) for s in state] == [s for _, s in deep.spec.state_shapes()]
    plain = Outer(OuterSpec(input_size=D), dtype="float64")
    _, (_, reverse) = plain(x.flip(1))
    torch.testing.assert_close(state[3], reverse)


def test_state_of_another_shape_is_refused(layer: Outer, x: torch.Tensor) -> None:
    with pytest.raises(ShapeError, match=r"C \(3, 1, 4, 4\), got \(3, 4\), \(3, 16\)"):
        layer(x, (torch.zeros(B, D), torch.zeros(B, D * D)))


@pytest.mark.parametrize("rest", [(), (2,), (2, 3), (2, 1, 3)])
def test_steps_move_arrays_of_any_rank(rest: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    mask, x, before = rng.random((B, T)) < 0.5, rng.random((B, T, *rest)), rng.random((B, *rest))
    steps = toolkit.Steps(torch.tensor(mask))
    gathered = steps.gather(torch.tensor(x))
    spread = steps.spread(torch.tensor(before), gathered).numpy()
    held = steps.hold(torch.tensor(before), torch.tensor(x)).numpy()
    for row in range(B):
        real = x[row, mask[row]]
        np.testing.assert_array_equal(gathered[row, : len(real)].numpy(), real)
        last = before[row]
        for t in range(T):
            last = x[row, t] if mask[row, t] else last
            np.testing.assert_array_equal(spread[row, t], last)
            np.testing.assert_array_equal(held[row, t], last)
