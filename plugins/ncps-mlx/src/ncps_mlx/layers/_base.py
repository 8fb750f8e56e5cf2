"""What every MLX layer of ncps adds to `mlx.nn.Module`: the spec, lazy building, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import numpy.typing as npt
from mlx.utils import tree_unflatten

from ncps.canonical import ParameterMap
from ncps.errors import BuildError, ParameterError, ShapeError, SpecError
from ncps.specs import Shape, Spec
from ncps_mlx import ops
from ncps_mlx._plugin import ncps_supports
from ncps_mlx.parameters import composed_map, map_of


class NativeLayer(nn.Module):
    """A layer with a spec: base of all MLX layers of ncps.

    The parameters are drawn in NumPy, so that a seed gives the same ones in every technology;
    without a seed, `mx.random.seed` decides. `dtype` is "float32", "bfloat16" or "float16";
    `device` "cpu" or "gpu" makes the layer run there, whatever MLX's default is.
    """

    framework: ClassVar[str] = "mlx"
    technology: ClassVar[str] = "ncps"
    spec: Spec

    def __init__(
        self,
        spec: Spec,
        *,
        seed: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        # asked by the registry too; here for those who make a layer from its spec
        lacking = ncps_supports(spec, self.technology, "mlx")
        if lacking is not None:
            raise SpecError(f"{spec.layer} cannot be made so on MLX: {lacking}.")
        self.spec = spec
        self._seed = seed
        self._dtype = ops.check_dtype(dtype)
        self._dtype_given = dtype is not None
        self._device = ops.check_device(device)
        self._built = False
        if not spec.is_open:
            self._create()

    def _structure(self) -> None:
        """Set the submodules and arrays that `self.spec` asks for, with any values."""
        raise NotImplementedError(f"{type(self).__name__} must define _structure")

    def _make(self) -> None:
        self._structure()

    def _create(self) -> None:
        with ops.untouched_random():
            self._make()
        if not self.training:
            # parts that come after `eval()` are in evaluation too
            self.eval()
        seed = ops.draw_seed() if self._seed is None else self._seed
        self.set_dtype(ops.DTYPES[self._dtype])
        self.set_native(self.parameter_map(self.spec).to_native(self.spec.initial_parameters(seed)))
        self._built = True

    @property
    def built(self) -> bool:
        """Whether the parameters exist."""
        return self._built

    @property
    def dtype(self) -> str:
        """Name of the parameters' dtype."""
        first = ops.first_parameter(self)
        return self._dtype if first is None else ops.dtype_name(first)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the native arrays of a layer with this spec relate to the canonical ones."""
        return composed_map(spec, cls._plain_map)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """The same of a layer that is not made of several."""
        return map_of(spec)

    def build(self, input_shape: Shape) -> None:
        """Create the parameters for inputs of this shape; does nothing when they exist.

        Raises: ShapeError when the shape does not fit the spec; BuildError inside a
        transformation, where the new parameters would not take part in it.
        """
        self.spec.output_shape(input_shape)
        if self.spec.sized and input_shape[-1] is None:
            raise ShapeError(
                f"{self.spec.layer} expected a shape that ends in the number of features, got "
                f"{tuple(input_shape)}. Pass that number as the last entry."
            )
        if self._built:
            return
        if ops.in_transform():
            raise BuildError(
                f"{self.spec.layer} is not built and was called inside grad, compile or another "
                "transformation: its new parameters would not be trained. Pass input_size, or "
                "call layer.build(shape) or ncps.build(model, example) before."
            )
        self.spec = self.spec.with_input_shape(input_shape)
        self._create()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""
        return self.spec.output_shape(input_shape)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state array, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        kinds = [ops.DTYPES[name] for name in self.spec.state_dtypes(self.dtype)]
        states = tuple(
            mx.zeros((*lead, *shape), kind)
            for (_, shape), kind in zip(self.spec.state_shapes(), kinds, strict=True)
        )
        return states[0] if len(states) == 1 else states or None

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters under their native names; bfloat16 ones as float32."""
        return {name: ops.to_numpy(a) for name, a in ops.named(self.parameters()).items()}

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all parameters at once, keeping the layer's dtype.

        Raises: ParameterError naming all that does not fit; nothing is changed then.
        """
        own = ops.named(self.parameters())
        wanted = {name: tuple(a.shape) for name, a in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in arrays.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            listing = ", ".join(f"{n}: {wanted.get(n)} != {given.get(n)}" for n in wrong)
            raise ParameterError(
                f"{self.spec.layer} expected other native arrays (expected != got): {listing}. "
                "Nothing was changed. Pass what get_native or the parameter map gives."
            )
        new = [(n, ops.from_numpy(np.asarray(a), own[n].dtype)) for n, a in arrays.items()]
        self.update(tree_unflatten(new))

    def _input(self, x: Any) -> mx.array:
        """x as an array of the layer's dtype, once the layer is built for it."""
        array: mx.array = ops.as_array(x)
        if not self._built:
            self.build(array.shape)
        if self._follows(array):
            return array
        return array.astype(ops.DTYPES[self.dtype])

    def _follows(self, array: mx.array) -> bool:
        """Whether the array decides the dtype: there is no parameter that a cast reaches."""
        free = not self._dtype_given and ops.first_parameter(self) is None
        return free and bool(mx.issubdtype(array.dtype, mx.floating))

    def _extra_repr(self) -> str:
        config = self.spec.to_config()
        shown = {k: v for k, v in config.items() if k not in ("schema", "layer") and v is not None}
        wiring = getattr(self.spec, "wiring", None)
        if wiring is not None:
            shown["units"] = f"{type(wiring).__name__}({wiring.units} neurons)"
        return ", ".join(f"{k}={v}" for k, v in shown.items()) + f", dtype={self.dtype}"
