"""Sequential, Residual and Bidirectional."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import Bidirectional as BidirectionalSpec
from ncps.specs import Residual as ResidualSpec
from ncps.specs import Sequential as SequentialSpec
from ncps_mlx import ops
from ncps_mlx.layers._containers import Container, States, call


class Sequential(Container):
    r"""Layers one after the other; see `ncps.specs.Sequential` for how recurrent ones take part.

    .. math:: y = f_n(\dots f_2(f_1(x)))

    Its modules are the list `layers`, as in `mlx.nn.Sequential`.

    Shape: x as the first layer takes it → y as the last one gives it.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layers.
    """

    spec: SequentialSpec

    def _held(self, members: dict[str, Any]) -> Any:
        return list(members.values())

    def members(self) -> dict[str, Any]:
        """The layers inside under their places."""
        return {str(i): member for i, member in enumerate(self.layers)}


class Residual(Container):
    r"""What a layer makes of its input, added to that input; see `ncps.specs.Residual`.

    .. math:: y = x + f(x)

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    spec: ResidualSpec

    def _feed(self, x: mx.array) -> mx.array:
        return x + super()._feed(x)

    def _scan(self, x: mx.array, states: States, times: ops.Times) -> tuple[mx.array, States]:
        *own, before = states
        y, new = super()._scan(x, tuple(own), times)
        xs = x if times.steps is None else times.steps.hold(before, x)
        return xs + y, (*new, xs[:, -1] if xs.shape[1] else before)


class Bidirectional(Container):
    r"""A sequence layer forward in time and one in reverse; see `ncps.specs.Bidirectional`.

    .. math:: y = \operatorname{merge}(\vec f(x), \overleftarrow f(x))

    Shape: x (B, T, D) → y (B, T, 2 H) or (B, T, H), by `merge`.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    spec: BidirectionalSpec

    def _scan(self, x: mx.array, states: States, times: ops.Times) -> tuple[mx.array, States]:
        (forward, one), (reverse, two) = self._with_states(states)
        y, new = call(forward, x, one, times)
        back, other = call(reverse, x[:, ::-1], two, times.backwards)
        if self.spec.inner.return_sequences:
            back = back[:, ::-1]
        return _merged(self.spec.merge, y, back), (*new, *other)


def _merged(merge: str, one: mx.array, two: mx.array) -> mx.array:
    if merge == "concat":
        return mx.concatenate([one, two], axis=-1)
    if merge == "mul":
        return one * two
    return one + two if merge == "sum" else (one + two) / 2
