"""States of any rank: masks, carrying and batches of a layer whose state is a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import mlx.core as mx
import numpy as np
import pytest

from ncps.canonical import ParameterMap
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ShapeError
from ncps.specs import Kind, Parameter, SequenceSpec, Spec, StateShapes
from ncps_mlx import toolkit

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

    def _structure(self) -> None:
        """It has no parameters."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    def _run(self, x: Any, states: Any, dt: Any) -> Any:
        _, c = states
        hs, cs = [], []
        for t in range(x.shape[1]):
            x_t = x[:, t]
            c = 0.5 * c + (x_t[:, :, None] * x_t[:, None, :])[:, None]
            hs.append((c[:, 0] @ x_t[..., None])[..., 0])
            cs.append(c)
        return mx.stack(hs, axis=1), mx.stack(cs, axis=1)


def close(got: Any, expected: Any) -> None:
    both = ((a if isinstance(a, tuple) else (a,)) for a in (got, expected))
    for a, b in zip(*both, strict=True):
        bounds = TOLERANCES["float32"].values
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **bounds)


@pytest.fixture
def layer() -> Outer:
    return Outer(OuterSpec(input_size=D))


@pytest.fixture
def x() -> mx.array:
    return mx.random.normal((B, T, D), key=mx.random.key(0))


def test_initial_state_has_every_axis(layer: Outer) -> None:
    assert [tuple(s.shape) for s in layer.get_initial_state(2)] == [(2, D), (2, 1, D, D)]
    assert [tuple(s.shape) for s in layer.get_initial_state()] == [(D,), (1, D, D)]


def test_matrix_state_carries_a_sequence_on(layer: Outer, x: mx.array) -> None:
    y, state = layer(x)
    one, between = layer(x[:, :2])
    two, end = layer(x[:, 2:], between)
    close(mx.concatenate([one, two], axis=1), y)
    close(end, state)
    assert end[1].shape == (B, 1, D, D)


def test_masked_steps_leave_a_matrix_state(layer: Outer, x: mx.array) -> None:
    mask = mx.array([[0, 1, 1, 0, 1, 0], [1] * 6, [0] * 6]).astype(mx.bool_)
    state = tuple(mx.ones(s.shape) for s in layer.get_initial_state(B))
    holes = mx.where(mask[..., None], x, float("nan"))
    y, (_, c) = layer(holes, state, mask=mask)
    for row in range(B):
        own = tuple(s[row : row + 1] for s in state)
        _, (_, alone) = layer(mx.array(np.asarray(x)[row : row + 1, np.asarray(mask[row])]), own)
        close(c[row : row + 1], alone)
    close(y[0, 3], y[0, 2])
    assert mx.array_equal(y[2], mx.ones((T, D)))


def test_input_without_a_batch_has_a_state_without_one(layer: Outer, x: mx.array) -> None:
    y, state = layer(x)
    alone, own = layer(x[1], tuple(mx.zeros_like(s[1]) for s in state))
    close(alone, y[1])
    close(own, tuple(s[1] for s in state))


def test_no_step_keeps_a_matrix_state(layer: Outer, x: mx.array) -> None:
    _, state = layer(x)
    y, same = layer(x[:, :0], state)
    assert y.shape == (B, 0, D)
    assert all(mx.array_equal(a, b) for a, b in zip(same, state, strict=True))


def test_matrix_state_passes_through_layers_and_directions(x: mx.array) -> None:
    deep = Outer(OuterSpec(input_size=D, num_layers=2, bidirectional=True))
    y, state = deep(x)
    assert y.shape == (B, T, 4 * D)
    assert [tuple(s.shape[1:]) for s in state] == [s for _, s in deep.spec.state_shapes()]
    plain = Outer(OuterSpec(input_size=D))
    _, (_, reverse) = plain(x[:, ::-1])
    close(state[3], reverse)


def test_state_of_another_shape_is_refused(layer: Outer, x: mx.array) -> None:
    with pytest.raises(ShapeError, match=r"C \(3, 1, 4, 4\), got \(3, 4\), \(3, 16\)"):
        layer(x, (mx.zeros((B, D)), mx.zeros((B, D * D))))


@pytest.mark.parametrize("rest", [(), (2,), (2, 3), (2, 1, 3)])
def test_steps_move_arrays_of_any_rank(rest: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((B, T)) < 0.5
    x, before = (rng.random(n).astype(np.float32) for n in ((B, T, *rest), (B, *rest)))
    steps = toolkit.Steps(mx.array(mask))
    gathered = steps.gather(mx.array(x))
    spread = np.asarray(steps.spread(mx.array(before), gathered))
    held = np.asarray(steps.hold(mx.array(before), mx.array(x)))
    for row in range(B):
        real = x[row, mask[row]]
        np.testing.assert_array_equal(np.asarray(gathered)[row, : len(real)], real)
        last = before[row]
        for t in range(T):
            last = x[row, t] if mask[row, t] else last
            np.testing.assert_array_equal(spread[row, t], last)
            np.testing.assert_array_equal(held[row, t], last)


def test_vmap_maps_a_matrix_state(layer: Outer, x: mx.array) -> None:
    xs = mx.stack([x, 2 * x])
    y, (_, c) = mx.vmap(lambda one: layer(one))(xs)
    for i in range(2):
        alone, (_, own) = layer(xs[i])
        close(y[i], alone)
        close(c[i], own)
