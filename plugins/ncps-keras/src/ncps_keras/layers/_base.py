"""What every Keras layer of ncps adds to `keras.layers.Layer`: the spec, lazy building, maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops as kops

from ncps import specs
from ncps.canonical import ParameterMap
from ncps.errors import ParameterError, ShapeError
from ncps.specs import Shape, Spec
from ncps_keras import ops
from ncps_keras.parameters import composed_map, map_of

# of Keras' registry of classes, whose names stand in files
PACKAGE = "ncps_keras"


class NativeLayer(keras.layers.Layer):
    """A layer with a spec: base of all Keras layers of ncps.

    The parameters are drawn in NumPy, so that a seed gives the same ones in every technology;
    without a seed, `keras.utils.set_random_seed` decides. `dtype` is "float32", "bfloat16",
    "float16", "float64" (not on JAX unless it is told to), or a dtype policy of Keras such as
    "mixed_bfloat16"; `device` is "cpu", "gpu", "gpu:1", "mps" or "tpu". `options` are Keras' own:
    name, trainable, activity_regularizer.
    """

    framework: ClassVar[str] = "keras"
    technology: ClassVar[str] = "ncps"
    # whether the steps of y are those of x, so that a mask of Keras' holds for y too
    keeps_steps: ClassVar[bool] = True
    spec: Any

    def __init__(
        self,
        spec: Spec,
        *,
        seed: int | ops.First | None = None,
        dtype: Any = None,
        device: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(dtype=ops.check_dtype(dtype), **options)
        # arguments are converted and cast here: times keep their precision until they are checked
        self._convert_input_args = False
        self.supports_masking = self.keeps_steps
        self.spec = spec
        self._seed = seed
        self._device = ops.check_device(device)
        self._own: dict[str, Any] = {}
        if not spec.is_open:
            self.build((*self._some_axes(), spec.input_size))

    def _some_axes(self) -> tuple[None, ...]:
        """All axes of an input but the last, of any length."""
        return (None,)

    def _make(self, first: ops.First) -> None:
        """Create the parameters, with these first values."""
        fixed = {p.name for p in self.spec.parameters() if not p.trainable}
        for name, shape in self._shapes().items():
            # torch's parameters cannot have a dot in their names
            options = {"name": name.replace(".", "_"), "initializer": first.of(name)}
            options["trainable"] = name not in fixed
            self._own[name] = self.add_weight(shape=shape, **options)
        self._constants()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the native arrays, which the map makes of those of the canonical ones."""
        empty = {p.name: np.empty(p.shape, "float32") for p in self.spec.parameters()}
        native = self.parameter_map(self.spec).to_native(empty)
        return {name: array.shape for name, array in native.items()}

    def _constants(self) -> None:
        """Set what depends on the input size and is not a parameter."""

    def _read(self, name: str) -> Any:
        """A parameter in the dtype to compute in; None when the layer has none of this name."""
        variable = self._own.get(name)
        return None if variable is None else kops.cast(variable, self.compute_dtype)

    def _constant(self, array: npt.NDArray[Any]) -> Any:
        return kops.convert_to_tensor(array, dtype=self.compute_dtype)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the native arrays of a layer with this spec relate to the canonical ones."""
        return composed_map(spec, map_of)

    def build(self, input_shape: Shape) -> None:
        """Create the parameters for inputs of this shape; does nothing when they exist.

        Raises: ShapeError when the shape does not fit the spec.
        """
        input_shape = tuple(input_shape)
        self.spec.output_shape(input_shape)
        if self.spec.sized and input_shape[-1] is None:
            raise ShapeError(
                f"{self.spec.layer} expected a shape that ends in the number of features, got "
                f"{input_shape}. Pass that number as the last entry."
            )
        if self.built:
            return
        self.spec = self.spec.with_input_shape(input_shape)
        self._create()

    def _create(self) -> None:
        spec, first = self.spec, self._seed
        if not isinstance(first, ops.First):
            rules = self.parameter_map(spec)
            first = ops.First(first, lambda seed: rules.to_native(spec.initial_parameters(seed)))
        with ops.on_device(self._device):
            self._make(first)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""
        shape: Shape = self.spec.output_shape(tuple(input_shape))
        return shape

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state array, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        shapes = ((*lead, *shape) for _, shape in self.spec.state_shapes())
        with ops.on_device(self._device):
            states = tuple(kops.zeros(shape, dtype=self.compute_dtype) for shape in shapes)
        return states[0] if len(states) == 1 else states or None

    def _named(self) -> dict[str, Any]:
        """All variables under their native names."""
        return dict(self._own)

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters under their native names; bfloat16 ones as float32."""
        return {name: ops.to_numpy(variable) for name, variable in self._named().items()}

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all parameters at once, keeping the layer's dtype.

        Raises: ParameterError naming all that does not fit; nothing is changed then.
        """
        own = self._named()
        wanted = {name: tuple(v.shape) for name, v in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in arrays.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            listing = ", ".join(f"{n}: {wanted.get(n)} != {given.get(n)}" for n in wrong)
            raise ParameterError(
                f"{self.spec.layer} expected other native arrays (expected != got): {listing}. "
                "Nothing was changed. Pass what get_native or the parameter map gives."
            )
        with ops.on_device(self._device):
            for name, array in arrays.items():
                own[name].assign(ops.from_numpy(np.asarray(array), own[name].dtype))

    def get_config(self) -> dict[str, Any]:
        """Keras' own options and the spec, wiring and all, as JSON values."""
        own = {"spec": self.spec.to_config(), "seed": self._seed, "device": self._device}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer that `get_config` described, with new parameters."""
        options = dict(config)
        return cls(specs.from_config(options.pop("spec")), **options)

    def _input(self, x: Any) -> Any:
        """x in the dtype to compute in."""
        return kops.cast(ops.as_tensor(x), self.compute_dtype)
