"""The calls of cells and sequence layers: arguments in, checked; state out, as it came in."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from ncps.specs import inputs, undrawn
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer
from ncps_torch.layers._compose import run_parts

States = tuple[Tensor, ...]


class RecurrentLayer(NativeLayer):
    """What cells and sequences share; a layer defines `_run` and `_readout`."""

    spec: Any

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        """The states after every step, each (T, B, ·), for x (T, B, D) with T > 0.

        dt is None for 1, () for all steps, or (B, T).
        """
        raise NotImplementedError(f"{type(self).__name__} must define _run")

    def _readout(self, h: Tensor) -> Tensor:
        """The output for a state's first tensor."""
        return h

    def _given(self, states: States, batched: bool) -> Any:
        """States as the caller sees them."""
        if not batched:
            states = tuple(s[0] for s in states)
        return states[0] if len(states) == 1 else states


class Cell(RecurrentLayer):
    """One step: ``y, state = cell(x, state=None, timespans=None)``."""

    def forward(self, x: Any, state: Any = None, timespans: Any = None) -> tuple[Tensor, Any]:
        """Run one step on x (B, D) or (D,); see the class for the shapes."""
        x = self._input(x)
        axes = inputs.cell_axes(self.spec, tuple(x.shape))
        states = ops.initial_states(self.spec, axes, state, x)
        dt = ops.elapsed(self.spec, axes, timespans, None, x)
        with ops.without_autocast(x.device):
            new = self._run(x.reshape(1, axes.batch, x.shape[-1]), states, dt)
            states = tuple(s[0] for s in new)
            y = self._readout(states[0])
        return y if axes.batched else y[0], self._given(states, axes.batched)


class Sequence(RecurrentLayer):
    """A sequence: ``y, state = layer(x, state=None, timespans=None, mask=None, timestamps=None)``.

    Without `return_state` in the spec it gives y alone. With `num_layers` or `bidirectional` it is
    made of plain layers of its class under `stack` (`ncps.specs.SequenceSpec` says how).
    """

    def forward(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        x = self._input(x)
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        initial = ops.initial_states(self.spec, axes, state, x)
        dt = ops.elapsed(self.spec, axes, timespans, timestamps, x)
        times = ops.Times(dt, ops.real_steps(self.spec, axes, mask, x.device))
        x = x.reshape(axes.batch, axes.steps, x.shape[-1])
        y, states = run_parts(self._levels(), x, initial, times, self.spec.return_sequences)
        y = y if axes.batched else y[0]
        return (y, self._given(states, axes.batched)) if self.spec.return_state else y

    def _declare(self, spec: Any) -> None:
        if not spec.composed:
            super()._declare(spec)
            return
        # the values come afterwards, from the whole layer's
        with undrawn():
            self.stack = nn.ModuleList(
                nn.ModuleList(type(self)(part.spec, seed=0) for part in parts)
                for parts in spec.parts
            )

    def _finish(self, spec: Any) -> None:
        if not spec.composed:
            super()._finish(spec)
            return
        for level, parts in zip(self._levels(), spec.parts, strict=True):
            for layer, part in zip(level.values(), parts, strict=True):
                layer.spec = part.spec
                layer._finish(part.spec)

    def _levels(self) -> list[dict[str, Sequence]]:
        if not self.spec.composed:
            return [{"forward": self}]
        directions = self.spec.directions
        return [dict(zip(directions, level, strict=True)) for level in cast(Any, self.stack)]

    def scan(
        self, x: Tensor, initial: States, times: ops.Times, everything: bool
    ) -> tuple[Tensor, States]:
        """Run a plain layer on x (B, T, D): y after every step or of the last state; the states."""
        with ops.without_autocast(x.device):
            if x.shape[1] == 0:
                h, last = initial[0].new_zeros(x.shape[0], 0, *initial[0].shape[1:]), initial
            else:
                h, last = self._through(x, initial, times.dt, times.steps)
            return self._readout(h if everything else last[0]), last

    def _through(
        self, x: Tensor, initial: States, dt: Tensor | None, steps: ops.Steps | None
    ) -> tuple[Tensor, States]:
        """h after every step (B, T, H), and the last states."""
        states, last = ops.over_real_steps(self._run, x, initial, dt, steps)
        return states[0], last
