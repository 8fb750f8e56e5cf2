"""Sequential, Residual and Bidirectional."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ncps.specs import Bidirectional as BidirectionalSpec
from ncps.specs import Residual as ResidualSpec
from ncps.specs import Sequential as SequentialSpec
from ncps_torch import ops
from ncps_torch.layers._containers import Container, States, call


class Sequential(Container):
    r"""Layers one after the other; see `ncps.specs.Sequential` for how recurrent ones take part.

    .. math:: y = f_n(\dots f_2(f_1(x)))

    Its submodules are called ``0``, ``1``, … as in `torch.nn.Sequential`, and stand under
    ``model[0]``; ``len(model)`` counts them.

    Shape: x as the first layer takes it → y as the last one gives it.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layers.
    """

    spec: SequentialSpec

    def __len__(self) -> int:
        return len(self.spec.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.members().values())

    def __getitem__(self, place: int) -> Any:
        return list(self)[place]


class Residual(Container):
    r"""What a layer makes of its input, added to that input; see `ncps.specs.Residual`.

    .. math:: y = x + f(x)

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    spec: ResidualSpec

    def _feed(self, x: Tensor) -> Tensor:
        return x + super()._feed(x)

    def _scan(self, x: Tensor, states: States, times: ops.Times) -> tuple[Tensor, States]:
        *own, before = states
        y, new = super()._scan(x, tuple(own), times)
        xs = x if times.steps is None else times.steps.hold(before, x)
        last = xs[:, -1].clone() if xs.shape[1] else before
        return xs + y, (*new, last)


class Bidirectional(Container):
    r"""A sequence layer forward in time and one in reverse; see `ncps.specs.Bidirectional`.

    .. math:: y = \operatorname{merge}(\vec f(x), \overleftarrow f(x))

    Shape: x (B, T, D) → y (B, T, 2 H) or (B, T, H), by `merge`.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the layer.
    """

    # a module has a method forward
    suffix = "_layer"
    spec: BidirectionalSpec

    def _scan(self, x: Tensor, states: States, times: ops.Times) -> tuple[Tensor, States]:
        (forward, one), (reverse, two) = self._with_states(states)
        y, new = call(forward, x, one, times)
        back, other = call(reverse, x.flip(1), two, times.backwards)
        if self.spec.inner.return_sequences:
            back = back.flip(1)
        return _merged(self.spec.merge, y, back), (*new, *other)


def _merged(merge: str, one: Tensor, two: Tensor) -> Tensor:
    if merge == "concat":
        return torch.cat([one, two], dim=-1)
    if merge == "mul":
        return one * two
    return one + two if merge == "sum" else (one + two) / 2
