"""The calls of cells and sequence layers: arguments in, checked; state out, as it came in."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import inputs, undrawn
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer
from ncps_mlx.layers._compose import run_parts

States = tuple[mx.array, ...]


def nothing(x: mx.array, states: States) -> States:
    """The states after every step of x (B, T, D) where there is no step, or no row.

    MLX has ended the process on a graph of arrays without a number.
    """
    return tuple(mx.zeros((*x.shape[:2], *s.shape[1:]), s.dtype) for s in states)


class RecurrentLayer(NativeLayer):
    """What cells and sequences share; a layer defines `_run` and `_readout`."""

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        """The states after every step, each (B, T, ·), for x (B, T, D) with B, T > 0.

        dt is None for 1, () for all steps, or (B, T).
        """
        raise NotImplementedError(f"{type(self).__name__} must define _run")

    def _readout(self, h: mx.array) -> mx.array:
        """The output for a state's first array."""
        return h

    def _given(self, states: States, batched: bool) -> Any:
        """States as the caller sees them."""
        if not batched:
            states = tuple(s[0] for s in states)
        return states[0] if len(states) == 1 else states


class Cell(RecurrentLayer):
    """One step: ``y, state = cell(x, state=None, timespans=None)``."""

    def __call__(self, x: Any, state: Any = None, timespans: Any = None) -> tuple[mx.array, Any]:
        """Run one step on x (B, D) or (D,); see the class for the shapes."""
        with ops.on_device(self._device):
            x = self._input(x)
            axes = inputs.cell_axes(self.spec, x.shape)
            states = ops.initial_states(self.spec, axes, state, x.dtype)
            dt = ops.elapsed(self.spec, axes, timespans, None, x.dtype)
            x = x.reshape(axes.batch, 1, x.shape[-1])
            if axes.batch:
                new = self._run(x, ops.mapped_alike(states, x, dt), dt)
            else:
                new = nothing(x, states)
            states = tuple(s[:, 0] for s in new)
            y = self._readout(states[0])
            return y if axes.batched else y[0], self._given(states, axes.batched)


class Sequence(RecurrentLayer):
    """A sequence: ``y, state = layer(x, state=None, timespans=None, mask=None, timestamps=None)``.

    Without `return_state` in the spec it gives y alone. With `num_layers` or `bidirectional` it is
    made of plain layers of its class (`ncps.specs.SequenceSpec` says how).
    """

    spec: Any

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        with ops.on_device(self._device):
            x = self._input(x)
            axes = inputs.sequence_axes(self.spec, x.shape)
            initial = ops.initial_states(self.spec, axes, state, x.dtype)
            dt = ops.elapsed(self.spec, axes, timespans, timestamps, x.dtype)
            times = ops.Times(dt, ops.real_steps(self.spec, axes, mask))
            x = x.reshape(axes.batch, axes.steps, x.shape[-1])
            y, states = run_parts(self._parts, x, initial, times, self.spec.return_sequences)
            y = y if axes.batched else y[0]
            return (y, self._given(states, axes.batched)) if self.spec.return_state else y

    def _make(self) -> None:
        """The arrays of a plain layer, or the plain layers of a composed one under `stack`."""
        if not self.spec.composed:
            self._structure()
            return
        # the values come afterwards, from the whole layer's
        with undrawn():
            self.stack = [
                {
                    direction: type(self)(part.spec, seed=0, dtype=self._dtype)
                    for direction, part in zip(self.spec.directions, parts, strict=True)
                }
                for parts in self.spec.parts
            ]

    @property
    def _parts(self) -> list[dict[str, Sequence]]:
        return self.stack if self.spec.composed else [{"forward": self}]

    def scan(
        self, x: mx.array, initial: States, times: ops.Times, everything: bool
    ) -> tuple[mx.array, States]:
        """Run a plain layer on x (B, T, D): y after every step or of the last state; the states."""
        states = self._states_after(x, initial, times)
        last = tuple(s[:, -1] for s in states) if x.shape[1] else initial
        return self._readout(states[0] if everything else last[0]), last

    def _states_after(self, x: mx.array, initial: States, times: ops.Times) -> States:
        """The states after every step of a plain layer; a masked step repeats the one before."""
        if 0 in x.shape[:2]:
            return nothing(x, initial)
        dt, steps = times.dt, times.steps
        if steps is None:
            return self._run(x, ops.mapped_alike(initial, x, dt), dt)
        if dt is not None and dt.ndim:
            dt = steps.gather(dt[..., None])[..., 0]
        states = self._run(steps.gather(x), ops.mapped_alike(initial, x, dt), dt)
        return tuple(steps.spread(i, s) for i, s in zip(initial, states, strict=True))
