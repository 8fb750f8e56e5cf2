"""What `ncps.keras.CfC` and `LTC` share: an RNN of Keras' with the native layer's loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import keras
import numpy.typing as npt
from keras import ops as kops

from ncps.canonical import ParameterMap
from ncps.errors import ConversionError, ShapeError
from ncps.specs import Spec, inputs
from ncps_keras import ops
from ncps_keras.face._cell import CellFace, split_inputs, x_shape


class SequenceFace(keras.layers.RNN):
    """A `keras.layers.RNN` of a cell of this package: inputs x (B, T, D) or (x, timespans).

    timespans are (B, T), (B, T, 1) or (T,). The state is [h], with mixed memory [c, h].
    """

    framework: ClassVar[str] = "keras"
    stands_for: ClassVar[type]
    sequence_spec: ClassVar[type[Spec]]
    cell: CellFace
    _checked: tuple[Any, Any] | None = None

    @property
    def dialect(self) -> str:
        """Which equations the weights belong to."""
        return self.cell.dialect

    @property
    def spec(self) -> Any:
        """What the layer means; it has no word for `go_backwards`."""
        cell = self.cell.spec
        options = {f.name: getattr(cell, f.name) for f in fields(cell)}
        shown = {"return_sequences": self.return_sequences, "return_state": self.return_state}
        return self.sequence_spec(**options, **shown)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Create the weights for inputs of this shape."""
        shape = x_shape(sequences_shape)
        if len(shape) != 3:
            raise ShapeError(
                f"{self.spec.layer} expected inputs (B, T, D), got {shape}. Add an axis for the "
                "batch, or for time."
            )
        super().build(shape, initial_state_shape)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        """Run a sequence."""
        x, timespans = split_inputs(sequences)
        x = kops.cast(x, self.compute_dtype)
        times = self._times(x, timespans, mask[0] if isinstance(mask, (tuple, list)) else mask)
        states = self._first(x, initial_state)
        if self.go_backwards:
            x, times = kops.flip(x, axis=1), times.backwards
        y, last, states = self._loop(x, states, times, bool(training))
        if self.stateful:
            for variable, state in zip(keras.tree.flatten(self.states), states, strict=True):
                variable.assign(state)
        y = y if self.return_sequences else last
        return (y, *states) if self.return_state else y

    def _times(self, x: Any, timespans: Any, mask: Any) -> ops.Times:
        spec = self._calls
        axes = inputs.sequence_axes(spec, tuple(x.shape))
        dt = ops.elapsed(spec, axes, timespans, None, self.compute_dtype)
        return ops.Times(dt, ops.real_steps(spec, axes, mask))

    @property
    def _calls(self) -> Any:
        """The spec that arguments are checked against; made once for each spec of the cell."""
        inner = self.cell.core.spec
        if self._checked is None or self._checked[0] is not inner:
            self._checked = (inner, self.spec)
        return self._checked[1]

    def _first(self, x: Any, given: Any) -> list[Any]:
        """The states before the first step in the order of the native layer."""
        if given is None:
            given = self.states if self.stateful else self.get_initial_state(kops.shape(x)[0])
        states = keras.tree.flatten(given)
        return self.cell.native_states([kops.cast(s, self.compute_dtype) for s in states])

    def _loop(
        self, x: Any, states: list[Any], times: ops.Times, training: bool
    ) -> tuple[Any, Any, list[Any]]:
        """y of every step and of the last one, and the states, as Keras' own loop has them."""
        core, mask = self.cell.core, times.mask
        if mask is not None:
            x, times = times.clean(x), ops.Times(times.clean_dt, mask)
        histories, last = core._run(x, states, times, training)
        y, end = core._readout(histories[0]), core._readout(last[0])
        if mask is not None:
            # a masked step repeats the output before it; there is none before the first real one
            shown = (
                mask
                if self.zero_output_for_mask
                else kops.cumsum(kops.cast(mask, "int32"), axis=1) > 0
            )
            y = kops.where(shown[..., None], y, kops.zeros_like(y))
            end = y[:, -1]
        return y, end, self.cell.keras_states(last)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Shape of y, and of the states with `return_state`."""
        return super().compute_output_shape(x_shape(sequences_shape), initial_state_shape)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the variables relate to the canonical parameters."""
        return CellFace.parameter_map(spec)

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all variables by name.

        Raises: ConversionError for a layer that reads its sequence from the end.
        """
        if self.go_backwards:
            raise ConversionError(
                f"expected a {self.spec.layer} that runs forwards, got one with go_backwards=True, "
                "which no spec can say. Convert the keras.layers.Bidirectional around it, or "
                "reverse the data."
            )
        return self.cell.get_native()

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all variables at once; see the cell's."""
        self.cell.set_native(arrays)
