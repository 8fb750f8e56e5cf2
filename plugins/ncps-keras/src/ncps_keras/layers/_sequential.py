"""Sequential, Residual and Bidirectional."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import Bidirectional as BidirectionalSpec
from ncps.specs import Residual as ResidualSpec
from ncps.specs import Sequential as SequentialSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._containers import Container, call
from ncps_keras.layers._recurrent import States


@keras.saving.register_keras_serializable(package=PACKAGE)
class Sequential(Container):
    r"""Layers one after the other; see `ncps.specs.Sequential` for how recurrent ones take part.

    .. math:: y = f_n(\dots f_2(f_1(x)))

    They stand in the list `layers`, as in `keras.Sequential`, once it is built.

    Shape: x as the first layer takes it → y as the last one gives it.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layers.
    """

    spec: SequentialSpec

    def _held(self, members: dict[str, Any]) -> Any:
        return list(members.values())

    def members(self) -> dict[str, Any]:
        """The layers inside under their places."""
        return {str(i): member for i, member in enumerate(self.layers)}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Residual(Container):
    r"""What a layer makes of its input, added to that input; see `ncps.specs.Residual`.

    .. math:: y = x + f(x)

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    spec: ResidualSpec

    def _feed(self, x: Any) -> Any:
        return x + super()._feed(x)

    def _scan(self, x: Any, states: States, times: ops.Times) -> tuple[Any, States]:
        *own, before = states
        y, new = super()._scan(x, tuple(own), times)
        xs = x if times.mask is None or x.shape[1] == 0 else times.hold(before, x)
        return xs + y, (*new, before if x.shape[1] == 0 else xs[:, -1])


@keras.saving.register_keras_serializable(package=PACKAGE)
class Bidirectional(Container):
    r"""A sequence layer forward in time and one in reverse; see `ncps.specs.Bidirectional`.

    .. math:: y = \operatorname{merge}(\vec f(x), \overleftarrow f(x))

    Shape: x (B, T, D) → y (B, T, 2 H) or (B, T, H), by `merge`.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    spec: BidirectionalSpec

    def _scan(self, x: Any, states: States, times: ops.Times) -> tuple[Any, States]:
        (forward, one), (reverse, two) = self._with_states(states)
        y, new = call(forward, x, one, times)
        back, other = call(reverse, kops.flip(x, axis=1), two, times.backwards)
        if self.spec.inner.return_sequences:
            back = kops.flip(back, axis=1)
        return _merged(self.spec.merge, y, back), (*new, *other)


def _merged(merge: str, one: Any, two: Any) -> Any:
    if merge == "concat":
        return kops.concatenate([one, two], axis=-1)
    if merge == "mul":
        return one * two
    return one + two if merge == "sum" else (one + two) / 2
