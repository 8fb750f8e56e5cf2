"""What all layers here share: the base that torch's plugin lends, and how masks work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ncps.canonical import FromOptions, ParameterMap
from ncps.specs import Spec
from ncps_xlstm.parameters import native_map
from ncps_xlstm.torch import ops
from ncps_xlstm.torch.layers._parts import true_sizes

States = tuple[Tensor, ...]

if TYPE_CHECKING:
    from ncps_torch.toolkit import Cell as HostCell
    from ncps_torch.toolkit import Sequence as HostSequence
else:
    HostCell, HostSequence = ops.kit.Cell, ops.kit.Sequence


class Mapped(FromOptions):
    """Made from a spec or options; tensors are called as in `ncps_xlstm.parameters`."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return native_map(spec, (2, 1, 0))

    def _constants(self, spec: Any) -> None:
        true_sizes(self)  # type: ignore[arg-type]


class Cell(Mapped, HostCell):
    """One step of a layer."""


class Sequence(Mapped, HostSequence):
    """A layer whose state is y of the last real step, and what `through` hands on beside it."""

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """y (B, T, O) and the new states but y, for x (B, T, D) with T > 0."""
        raise NotImplementedError(f"{type(self).__name__} must define through")

    def _entering(self, initial: States) -> States:
        """What `through` needs of the state."""
        return initial[1:]

    def scan(
        self, x: Tensor, initial: States, times: Any, everything: bool
    ) -> tuple[Tensor, States]:
        """Run a plain layer on x (B, T, D): y after every step or of the last state; the states."""
        before = initial[0]
        if x.shape[1] == 0:
            return (before[:, None][:, :0] if everything else before), initial
        steps = times.steps
        if steps is None:
            y, states = self.through(x, self._entering(initial), None)
        else:
            behind = ops.Behind(steps.lengths, x.shape[1])
            y, states = self.through(steps.gather(x), self._entering(initial), behind)
            y = steps.spread(before.to(y.dtype), y)
        # a copy: a state that is carried on must not hold the whole sequence in memory
        last = y[:, -1].clone()
        return (y if everything else last), (last, *states)

    def step(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """y (B, H) and the new state for one step x (B, D); the state that is given stays as it is.

        Without a batch x is (D,). Raises: ShapeError when x or the state disagrees with the spec.
        """
        x = torch.as_tensor(x)
        axis = x.dim() - (0 if self.spec.indices else 1)
        result = self(x.unsqueeze(axis), state)
        y, new = result if self.spec.return_state else (result, None)
        return (y.select(axis, 0) if self.spec.return_sequences else y), new
