"""The calls of cells and sequence layers: arguments in, checked; state out, as it came in."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import inputs
from ncps_keras import ops
from ncps_keras.layers._base import NativeLayer
from ncps_keras.layers._compose import run_parts

States = tuple[Any, ...]


class RecurrentLayer(NativeLayer):
    """What cells and sequences share; a layer defines `_run` and `_readout`."""

    def _run(
        self, x: Any, states: States, times: ops.Times, training: bool
    ) -> tuple[list[Any], list[Any]]:
        """The states after every step, each (B, T, ·), and after the last one, for x (B, T, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define _run")

    def _readout(self, h: Any) -> Any:
        """The output for a state's first array."""
        return h

    def _given(self, states: Any, batched: bool) -> Any:
        """States as the caller sees them."""
        states = tuple(states) if batched else tuple(s[0] for s in states)
        return states[0] if len(states) == 1 else states

    def _passed_on(self, x: Any, arguments: dict[str, Any], options: dict[str, Any]) -> Any:
        """Keras' own call, which takes numbers and times as they are by name only."""
        given = {k: v for k, v in arguments.items() if v is not None}
        for name in ("state", "mask"):
            if name in given:
                given[name] = keras.tree.map_structure(ops.as_tensor, given[name])
        for name in ("timespans", "timestamps"):
            if name in given:
                given[name] = ops.as_given(given[name])
        with ops.on_device(self._device):
            return super().__call__(ops.as_tensor(x), **given, **options)

    def _symbolic_states(self, batch: Any, batched: bool) -> Any:
        lead = (batch,) if batched else ()
        shapes = [(*lead, *shape) for _, shape in self.spec.state_shapes()]
        states = tuple(keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes)
        return states[0] if len(states) == 1 else states


class Cell(RecurrentLayer):
    """One step: ``y, state = cell(x, state=None, timespans=None)``."""

    def __call__(
        self, x: Any, state: Any = None, timespans: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """Run one step on x (B, D) or (D,); see the class for the shapes."""
        result: tuple[Any, Any] = self._passed_on(
            x, {"state": state, "timespans": timespans}, options
        )
        return result

    def call(
        self, x: Any, state: Any = None, timespans: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """Run one step; see `__call__`."""
        x = self._input(x)
        axes = inputs.cell_axes(self.spec, tuple(x.shape))
        x = x if axes.batched else x[None]
        states = ops.initial_states(self.spec, axes, state, x)
        dt = ops.elapsed(self.spec, axes, timespans, None, self.compute_dtype)
        _, last = self._run(x[:, None], states, ops.Times(dt, None), bool(training))
        y = self._readout(last[0])
        return y if axes.batched else y[0], self._given(last, axes.batched)

    def compute_output_spec(
        self, x: Any, state: Any = None, timespans: Any = None, **_: Any
    ) -> Any:
        """The symbolic y and state for symbolic arguments."""
        axes = inputs.cell_axes(self.spec, tuple(x.shape))
        y = keras.KerasTensor(self.spec.output_shape(tuple(x.shape)), dtype=self.compute_dtype)
        return y, self._symbolic_states(axes.batch, axes.batched)

    def compute_mask(self, x: Any, mask: Any = None) -> None:
        """One step has no mask."""


class Sequence(RecurrentLayer):
    """A sequence: ``y, state = layer(x, state=None, timespans=None, mask=None, timestamps=None)``.

    Without `return_state` in the spec it gives y alone. A mask of Keras', as an `Embedding` or
    `Masking` before the layer makes, is taken where none is passed. With `num_layers` or
    `bidirectional` it is made of plain layers of its class (`ncps.specs.SequenceSpec` says how).
    """

    stack: list[list[Sequence]]

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        **options: Any,
    ) -> Any:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        arguments = {"state": state, "timespans": timespans, "mask": mask, "timestamps": timestamps}
        return self._passed_on(x, arguments, options)

    def call(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        x_mask: Any = None,
        training: bool = False,
    ) -> Any:
        """Run a sequence; see `__call__`. Keras puts x's own mask into `mask` or `x_mask`."""
        spec, dtype = self.spec, self.compute_dtype
        x = self._input(x)
        axes = inputs.sequence_axes(spec, tuple(x.shape))
        x = x if axes.batched else x[None]
        initial = ops.initial_states(spec, axes, state, x)
        dt = ops.elapsed(spec, axes, timespans, timestamps, dtype)
        real = ops.real_steps(spec, axes, x_mask if mask is None else mask)
        y, states = run_parts(
            self._levels(), x, initial, ops.Times(dt, real), spec.return_sequences, bool(training)
        )
        y = y if axes.batched else y[0]
        return (y, self._given(states, axes.batched)) if spec.return_state else y

    def compute_output_spec(self, x: Any, **_: Any) -> Any:
        """The symbolic y, and state, for symbolic arguments."""
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        y = keras.KerasTensor(self.spec.output_shape(tuple(x.shape)), dtype=self.compute_dtype)
        if not self.spec.return_state:
            return y
        return y, self._symbolic_states(axes.batch, axes.batched)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """The mask of y: that of x, if y has all steps."""
        y_mask = mask if self.spec.return_sequences else None
        if not self.spec.return_state:
            return y_mask
        return [y_mask, *(None for _ in self.spec.state_shapes())]

    def _make(self, first: ops.First) -> None:
        spec = self.spec
        if not spec.composed:
            super()._make(first)
            return
        self.stack = [
            [
                self._plain(part.spec, first.within(f"stack.{i}.{direction}."), direction)
                for direction, part in zip(spec.directions, parts, strict=True)
            ]
            for i, parts in enumerate(spec.parts)
        ]

    def _plain(self, spec: Any, first: ops.First, name: str) -> Sequence:
        """A plain layer that is part of this one."""
        options = {"dtype": self.dtype_policy, "trainable": self.trainable, "name": name}
        return type(self)(spec, seed=first, device=self._device, **options)

    # a method: Keras' files walk through whatever attributes hold, and this may hold the layer
    def _levels(self) -> list[dict[str, Sequence]]:
        if not self.spec.composed:
            return [{"forward": self}]
        return [dict(zip(self.spec.directions, level, strict=True)) for level in self.stack]

    def _named(self) -> dict[str, Any]:
        if not self.spec.composed:
            return super()._named()
        if not self.built:
            return {}
        return {
            f"stack.{i}.{direction}.{name}": variable
            for i, level in enumerate(self._levels())
            for direction, layer in level.items()
            for name, variable in layer._named().items()
        }

    def _states_after(
        self, x: Any, initial: States, times: ops.Times, training: bool
    ) -> tuple[Any, list[Any]]:
        """h after every step (B, T, H) of a plain layer, and its last states."""
        if times.mask is not None:
            x, times = times.clean(x), ops.Times(times.clean_dt, times.mask)
        histories, last = self._run(x, initial, times, training)
        return histories[0], last
