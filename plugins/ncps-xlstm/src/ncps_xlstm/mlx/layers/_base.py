"""What all layers here share: the base that MLX's plugin lends, and how masks work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx

from ncps.canonical import FromOptions, ParameterMap
from ncps.specs import Spec
from ncps_xlstm.mlx import ops
from ncps_xlstm.parameters import native_map

States = tuple[mx.array, ...]

if TYPE_CHECKING:
    from ncps_mlx.toolkit import Cell as HostCell
    from ncps_mlx.toolkit import Sequence as HostSequence
else:
    HostCell, HostSequence = ops.kit.Cell, ops.kit.Sequence


class Mapped(FromOptions):
    """Made from a spec or options; arrays are called as in `ncps_xlstm.parameters`."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return native_map(spec, (1, 2, 0))


class Cell(Mapped, HostCell):
    """One step of a layer."""


class Sequence(Mapped, HostSequence):
    """A layer whose state is y of the last real step, and what `through` hands on beside it."""

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """y (B, T, O) and the new states but y, for x (B, T, D) with B, T > 0."""
        raise NotImplementedError(f"{type(self).__name__} must define through")

    def _entering(self, initial: States) -> States:
        """What `through` needs of the state."""
        return initial[1:]

    def scan(
        self, x: mx.array, initial: States, times: Any, everything: bool
    ) -> tuple[mx.array, States]:
        """Run a plain layer on x (B, T, D): y after every step or of the last state; the states."""
        before = initial[0]
        # no step, or no row: MLX can end the process on a product of nothing
        if 0 in x.shape[:2]:
            none = mx.zeros((*x.shape[:2], *before.shape[1:]), before.dtype)
            return (none if everything else before), initial
        steps = times.steps
        if steps is None:
            y, states = self.through(x, self._mapped(initial, x), None)
        else:
            x = steps.gather(x)
            behind = ops.Behind(mx.sum(times.mask.astype(mx.int32), axis=1), x.shape[1])
            y, states = self.through(x, self._mapped(initial, x), behind)
            y = steps.spread(before, y)
        last = y[:, -1]
        return (y if everything else last), (last, *states)

    def _mapped(self, initial: States, x: mx.array) -> States:
        mapped: States = ops.kit.mapped_alike(initial, x, None)
        return self._entering(mapped)

    def step(self, x: Any, state: Any = None) -> tuple[mx.array, Any]:
        """y (B, H) and the new state for one step x (B, D); the state that is given stays as it is.

        Without a batch x is (D,). Raises: ShapeError when x or the state disagrees with the spec.
        """
        x = ops.kit.as_array(x)
        axis = x.ndim - (0 if self.spec.indices else 1)
        result = self(mx.expand_dims(x, axis), state)
        y, new = result if self.spec.return_state else (result, None)
        return (mx.squeeze(y, axis) if self.spec.return_sequences else y), new
