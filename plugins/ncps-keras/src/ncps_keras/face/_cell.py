"""What the cells of `ncps.keras` share: one step of the native layer's maths on their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt
from keras import ops as kops

from ncps.canonical import ParameterMap
from ncps.errors import ParameterError
from ncps.specs import inputs
from ncps_keras import ops
from ncps_keras.layers._cfc import _CfC
from ncps_keras.layers._ltc import _LTC

Read = Callable[[str], Any]
Array = npt.NDArray[Any]


class _Core:
    """The maths of a native layer, on arrays that `read` gives by that layer's names."""

    def __init__(self, spec: Any, read: Read, dtype: str, noise: Any = None) -> None:
        self.spec = spec
        self._read = read
        self._dtype = dtype
        self._noise = noise
        self._constants()

    def _constant(self, array: Array) -> Any:
        return kops.convert_to_tensor(array, dtype=self._dtype)

    def _constants(self) -> None:
        """Set what depends on the spec alone."""


class CfCCore(_CfC, _Core):
    """The native CfC."""

    _seed = None

    def _constants(self) -> None:
        noise = self._noise
        super()._constants()
        self._noise = noise


class LTCCore(_LTC, _Core):
    """The native LTC."""


def split_inputs(given: Any) -> tuple[Any, Any]:
    """x and the elapsed times, None for 1, of inputs x or (x, timespans)."""
    if isinstance(given, (tuple, list)):
        return (given[0], given[1]) if len(given) > 1 else (given[0], None)
    return given, None


def x_shape(shape: Any) -> tuple[Any, ...]:
    """The shape of x, of inputs x or (x, timespans)."""
    nested = isinstance(shape[0], (tuple, list, keras.KerasTensor))
    return tuple(shape[0]) if nested else tuple(shape)


class CellFace(keras.layers.Layer):
    """A cell of Keras': ``y, states = cell(inputs, states)``, inputs x or (x, timespans)."""

    framework: ClassVar[str] = "keras"
    # the native layer that means the same, and conversion makes
    stands_for: ClassVar[type]
    core: Any = None

    @property
    def spec(self) -> Any:
        """What the cell means."""
        raise NotImplementedError(f"{type(self).__name__} must define spec")

    def _named(self) -> dict[str, Any]:
        """The variables by name."""
        raise NotImplementedError(f"{type(self).__name__} must define _named")

    def call(
        self, inputs: Any, states: Any, time: Any = None, training: bool = False
    ) -> tuple[Any, list[Any]]:
        """Run one step; `time` is the elapsed time where the inputs have none."""
        x, timespans = split_inputs(inputs)
        return self._step(x, time if timespans is None else timespans, states, training)

    def _step(self, x: Any, timespans: Any, states: Any, training: bool) -> tuple[Any, list[Any]]:
        spec, core = self.core.spec, self.core
        x = kops.cast(x, self.compute_dtype)
        axes = inputs.cell_axes(spec, tuple(x.shape))
        dt = ops.elapsed(spec, axes, timespans, None, self.compute_dtype)
        given = states if isinstance(states, (tuple, list)) else [states]
        given = [kops.cast(s, self.compute_dtype) for s in self.native_states(given)]
        _, last = core._run(x[:, None], given, ops.Times(dt, None), bool(training))
        return core._readout(last[0]), self.keras_states(last)

    def native_states(self, states: Any) -> list[Any]:
        """The states in the order of the native layer."""
        return list(states)

    def keras_states(self, states: Any) -> list[Any]:
        """The native layer's states in the order of this cell."""
        return list(states)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for each state."""
        sizes = self.state_size if isinstance(self.state_size, (list, tuple)) else [self.state_size]
        lead = () if batch_size is None else (batch_size,)
        return [kops.zeros((*lead, size), dtype=self.compute_dtype) for size in sizes]

    def compute_output_shape(self, inputs_shape: Any, states_shape: Any = None) -> Any:
        """Shape of y, and with states those of the new ones."""
        y = (x_shape(inputs_shape)[0], self.output_size)
        return y if states_shape is None else (y, list(states_shape))

    @classmethod
    def parameter_map(cls, spec: Any) -> ParameterMap:
        """How the variables relate to the canonical parameters."""
        from ncps_keras.face._canonical import map_of

        return map_of(spec)

    def get_native(self) -> dict[str, Array]:
        """Copies of all variables by name; bfloat16 ones as float32."""
        return {name: ops.to_numpy(variable) for name, variable in self._named().items()}

    def set_native(self, arrays: Mapping[str, Array]) -> None:
        """Replace all variables at once, keeping their dtype.

        Raises: ParameterError naming all that does not fit; nothing is changed then.
        """
        own = self._named()
        wanted = {name: tuple(v.shape) for name, v in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in arrays.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            listing = ", ".join(f"{n}: {wanted.get(n)} != {given.get(n)}" for n in wrong)
            raise ParameterError(
                f"{type(self).__name__} expected other arrays (expected != got): {listing}. "
                "Nothing was changed. Pass what get_native or the parameter map gives."
            )
        for name, array in arrays.items():
            own[name].assign(ops.from_numpy(np.asarray(array), own[name].dtype))
