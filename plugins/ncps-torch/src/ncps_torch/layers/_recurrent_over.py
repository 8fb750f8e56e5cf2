"""A sequence over a cell that someone else wrote."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import RecurrentOver as Call
from ncps.specs import inputs
from ncps_torch import ops


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

    def forward(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x (B, T, D) or (T, D)."""
        x = torch.as_tensor(x)
        axes = inputs.sequence_axes(self.call, tuple(x.shape))
        self.call.check_steps(axes.steps)
        dt = ops.elapsed(self.call, axes, timespans, timestamps, x)
        times = ops.Times(dt, ops.real_steps(self.call, axes, mask, x.device))
        if not axes.batched:
            x, state = x[None], each(state, lambda s: s[None])
        y, state = self._both(x, state, times)
        if not axes.batched:
            y, state = y[0], each(state, lambda s: s[0])
        return (y, state) if self.call.return_state else y

    def _both(self, x: Tensor, state: Any, times: ops.Times) -> tuple[Tensor, Any]:
        if self.reverse_cell is None:
            return self._run(self.cell, x, state, times)
        one, two = (None, None) if state is None else state
        y, one = self._run(self.cell, x, one, times)
        back, two = self._run(self.reverse_cell, x.flip(1), two, times.backwards)
        back = back.flip(1) if self.call.return_sequences else back
        return torch.cat([y, back], dim=-1), (one, two)

    def _run(self, cell: Any, x: Tensor, state: Any, times: ops.Times) -> tuple[Tensor, Any]:
        """y after every step or the last one, and the last state."""
        real = [None] * x.shape[1] if times.steps is None else times.steps.mask.unbind(1)
        if times.steps is not None:
            # zero times NaN is NaN: a gap in the data must not reach the gradient
            x = torch.where(times.steps.mask[..., None], x, torch.zeros_like(x))
        if state is None and hasattr(cell, "get_initial_state"):
            state = cell.get_initial_state(x.shape[0])
        timed = "timespans" in inspect.signature(cell.forward).parameters
        y: Any = None
        outputs = []
        for x_t, real_t, dt_t in zip(x.unbind(1), real, _each_step(times.dt, x), strict=True):
            options = {"timespans": dt_t} if timed else {}
            new_y, new = self.call.pair(cell(x_t, state, **options))
            y, state = _kept(real_t, new_y, y), _kept(real_t, new, state)
            outputs.append(y)
        return torch.stack(outputs, dim=1) if self.call.return_sequences else y, state


def each(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A change of every tensor in tuples and lists; None stays."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(each(part, change) for part in tree)
    return None if tree is None else change(tree)


def _each_step(dt: Tensor | None, x: Tensor) -> tuple[Tensor, ...]:
    """Δt (B, 1) of every step."""
    one = x.new_ones(()) if dt is None else dt
    return one.expand(x.shape[:2])[..., None].unbind(1)


def _kept(real: Tensor | None, new: Any, old: Any) -> Any:
    """The new tensors (B, …) in real rows, the old ones, or zeros, in others."""
    if real is None:
        return new
    if isinstance(new, (tuple, list)):
        before = [None] * len(new) if old is None else old
        return type(new)(_kept(real, n, o) for n, o in zip(new, before, strict=True))
    rows = real.reshape(-1, *[1] * (new.dim() - 1))
    return torch.where(rows, new, torch.zeros_like(new) if old is None else old)
