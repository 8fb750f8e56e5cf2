"""A sequence over a cell that someone else wrote, trained in O(T)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import RecurrentOver as Call
from ncps.specs import inputs
from ncps_mlx import ops


class RecurrentOver(nn.Module):
    r"""A cell over a sequence; see `ncps.layers.RecurrentOver` for what a cell is.

    .. math:: y_t, s_t = \mathrm{cell}(x_t, s_{t-1})

    Shape: x (B, T, D) or (T, D) → y (B, T, ·), or (B, ·) without `return_sequences`; what follows
    the batch in y and in the state is the cell's.
    Raises: ShapeError when x, timespans or the mask do not fit; SpecError when the cell returns no
    pair.
    """

    def __init__(
        self,
        cell: nn.Module,
        *,
        reverse_cell: nn.Module | None = None,
        return_sequences: bool = True,
        return_state: bool = True,
    ) -> None:
        super().__init__()
        self.call = Call(return_sequences=return_sequences, return_state=return_state)
        self.cell = cell
        self.reverse_cell = reverse_cell

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x (B, T, D) or (T, D)."""
        x = ops.as_array(x)
        axes = inputs.sequence_axes(self.call, x.shape)
        self.call.check_steps(axes.steps)
        dt = ops.elapsed(self.call, axes, timespans, timestamps, x.dtype)
        times = ops.Times(dt, ops.real_steps(self.call, axes, mask))
        if not axes.batched:
            x, state = x[None], each(state, lambda s: s[None])
        y, state = self._both(x, state, times)
        if not axes.batched:
            y, state = y[0], each(state, lambda s: s[0])
        return (y, state) if self.call.return_state else y

    def _both(self, x: mx.array, state: Any, times: ops.Times) -> tuple[mx.array, Any]:
        if self.reverse_cell is None:
            return self._run(self.cell, x, state, times)
        one, two = (None, None) if state is None else state
        y, one = self._run(self.cell, x, one, times)
        back, two = self._run(self.reverse_cell, x[:, ::-1], two, times.backwards)
        back = back[:, ::-1] if self.call.return_sequences else back
        return mx.concatenate([y, back], axis=-1), (one, two)

    def _run(self, cell: Any, x: mx.array, state: Any, times: ops.Times) -> tuple[mx.array, Any]:
        """y after every step or the last one, and the last state."""
        steps, mask = x.shape[1], times.mask
        real = [None] * steps if mask is None else [mask[:, t] for t in range(steps)]
        if mask is not None:
            # zero times NaN is NaN: a gap in the data must not reach the gradient
            x = mx.where(mask[..., None], x, mx.zeros_like(x))
        if state is None and hasattr(cell, "get_initial_state"):
            state = cell.get_initial_state(x.shape[0])
        timed = "timespans" in inspect.signature(type(cell).__call__).parameters
        y: Any = None
        outputs = []
        for x_t, real_t, dt_t in zip(ops.unbind(x), real, _each_step(times.dt, x), strict=True):
            options = {"timespans": dt_t} if timed else {}
            new_y, new = self.call.pair(cell(x_t, state, **options))
            y, state = _kept(real_t, new_y, y), _kept(real_t, new, state)
            outputs.append(y)
        return mx.stack(outputs, axis=1) if self.call.return_sequences else y, state


def each(tree: Any, change: Callable[[mx.array], mx.array]) -> Any:
    """A change of every array in tuples and lists; None stays."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(each(part, change) for part in tree)
    return None if tree is None else change(tree)


def _each_step(dt: mx.array | None, x: mx.array) -> list[mx.array]:
    """Δt (B, 1) of every step."""
    batch, steps = x.shape[:2]
    if dt is None or dt.ndim == 0:
        one = mx.ones((), x.dtype) if dt is None else dt
        return [mx.broadcast_to(one, (batch, 1))] * steps
    return ops.unbind(dt[..., None])


def _kept(real: mx.array | None, new: Any, old: Any) -> Any:
    """The new arrays (B, …) in real rows, the old ones, or zeros, in others."""
    if real is None:
        return new
    if isinstance(new, (tuple, list)):
        before = [None] * len(new) if old is None else old
        return type(new)(_kept(real, n, o) for n, o in zip(new, before, strict=True))
    rows = real.reshape(-1, *[1] * (new.ndim - 1))
    return mx.where(rows, new, mx.zeros_like(new) if old is None else old)
