"""What every torch layer of ncps adds to `torch.nn.Module`: the spec, lazy building, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ncps.canonical import ParameterMap
from ncps.errors import BuildError, ParameterError, ShapeError
from ncps.specs import Shape, Spec
from ncps_torch import ops
from ncps_torch.layers import _lazy
from ncps_torch.parameters import composed_map, map_of


class NativeLayer(nn.Module):
    """A layer with a spec: base of all torch layers of ncps.

    The parameters are drawn in NumPy, so that a seed gives the same ones in every technology;
    without a seed, `torch.manual_seed` decides. `dtype` is "float32", "float64", "bfloat16" or
    "float16" (default: torch's); `device` is "cpu", "cuda", "cuda:1" or "mps" (default: torch's).
    """

    framework: ClassVar[str] = "torch"
    spec: Spec
    _place: Tensor

    def __init__(
        self,
        spec: Spec,
        *,
        seed: int | None = None,
        dtype: str | torch.dtype | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self._seed = seed
        self._built = False
        kind, place = ops.check_dtype(dtype), ops.check_device(device)
        with torch.device("meta"):
            self._declare(self._known(spec))
        _lazy.forget_shapes(self, kind, place)
        if next(self.parameters(), None) is None:
            # follows the module to another dtype or device, as a parameter would
            self.register_buffer("_place", None, persistent=False)
        for part in self.modules():
            if "_place" in part._buffers:
                part._buffers["_place"] = torch.empty(0, dtype=kind, device=place)
        if not spec.is_open:
            self._create()

    def _known(self, spec: Spec) -> Spec:
        """The spec with a size, for the structure alone while its own is open."""
        return spec.with_input_size(spec.size_unit) if spec.is_open else spec

    def _declare(self, spec: Any) -> None:
        """Set all submodules and parameters."""
        self._structure(spec)

    def _structure(self, spec: Any) -> None:
        """Set the submodules and parameters that a spec asks for; shapes and values are redone."""
        raise NotImplementedError(f"{type(self).__name__} must define _structure")

    def _constants(self, spec: Any) -> None:
        """Set what depends on the input size and is not a parameter."""

    def _create(self) -> None:
        seed = ops.draw_seed() if self._seed is None else self._seed
        values = self.spec.initial_parameters(seed)
        _lazy.fill(self, self.parameter_map(self.spec).to_native(dict(values)))
        self._finish(self.spec)
        self._built = True

    def _finish(self, spec: Any) -> None:
        """Set all that depends on the input size and is not a parameter."""
        self._constants(spec)

    def _first(self) -> Tensor:
        first = next(self.parameters(), None)
        return self._place if first is None else first

    @property
    def built(self) -> bool:
        """Whether the parameters have shapes and values."""
        return self._built

    @property
    def dtype(self) -> str:
        """Name of the parameters' dtype."""
        return ops.dtype_name(self._first().dtype)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the native tensors of a layer with this spec relate to the canonical parameters."""
        return composed_map(spec, cls._plain_map)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """The same of a layer that is not made of several."""
        return map_of(spec)

    def build(self, input_shape: Shape) -> None:
        """Give the parameters shapes for such inputs; does nothing when they have theirs.

        Raises: ShapeError when the shape does not fit the spec; BuildError inside a transform,
        where the new parameters would not take part in it.
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
                f"{self.spec.layer} is not built and was called inside grad, compile, export or "
                "another transform: its new parameters would not be trained. Pass input_size, or "
                "call layer.build(shape) or ncps.build(model, example) before."
            )
        self.spec = self.spec.with_input_shape(input_shape)
        self._create()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""
        return self.spec.output_shape(input_shape)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state tensor, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        first = self._first()
        kinds = [ops.DTYPES[name] for name in self.spec.state_dtypes(self.dtype)]
        states = tuple(
            torch.zeros(*lead, *shape, dtype=kind, device=first.device)
            for (_, shape), kind in zip(self.spec.state_shapes(), kinds, strict=True)
        )
        return states[0] if len(states) == 1 else states or None

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters and saved buffers by native name; bfloat16 ones as float32."""
        return {name: ops.to_numpy(t) for name, t in _lazy.saved(self).items()}

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all parameters' values at once, keeping the layer's dtype and device.

        Raises: ParameterError naming all that does not fit; nothing is changed then.
        """
        own = _lazy.saved(self)
        wanted = {name: tuple(p.shape) for name, p in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in arrays.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            listing = ", ".join(f"{n}: {wanted.get(n)} != {given.get(n)}" for n in wrong)
            raise ParameterError(
                f"{self.spec.layer} expected other native arrays (expected != got): {listing}. "
                "Nothing was changed. Pass what get_native or the parameter map gives."
            )
        with torch.no_grad():
            for name, array in arrays.items():
                own[name].copy_(ops.from_numpy(np.asarray(array)))

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """As torch's; a layer that is not built saves its parameters as not initialised."""
        if self._built:
            return super().state_dict(*args, **kwargs)
        destination, prefix = kwargs.get("destination"), kwargs.get("prefix", "")
        destination = {} if destination is None else destination
        destination.update({prefix + name: t for name, t in _lazy.saved(self).items()})
        return destination

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        if not self._built:
            sizes = (self.spec.size_unit, 2 * self.spec.size_unit)
            rules = {n: self.parameter_map(self.spec.with_input_size(n)) for n in sizes}
            size = _lazy.input_size_of(self.spec, rules, state_dict, prefix)
            if size is not None:
                self.spec = self.spec.with_input_size(size)
                self._create()
        self._accept(state_dict, prefix, args[-1])
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _accept(self, state_dict: dict[str, Any], prefix: str, errors: list[str]) -> None:
        """Take out of a checkpoint what it has beside parameters; complain in `errors`."""

    def _input(self, x: Any) -> Tensor:
        """x as a tensor in the dtype to compute in, once the layer is built for it."""
        first = self._first()
        tensor = x if isinstance(x, Tensor) else torch.as_tensor(x, device=first.device)
        if not self._built:
            self.build(tuple(tensor.shape))
        return tensor.to(self._compute_dtype(first))

    def _compute_dtype(self, parameter: Tensor) -> torch.dtype:
        return ops.compute_dtype(parameter.dtype, parameter.device)

    def extra_repr(self) -> str:
        """The options of the spec."""
        config = self.spec.to_config()
        shown = {k: v for k, v in config.items() if k not in ("schema", "layer") and v is not None}
        wiring = getattr(self.spec, "wiring", None)
        if wiring is not None:
            shown["units"] = f"{type(wiring).__name__}({wiring.units} neurons)"
        return ", ".join(f"{k}={v}" for k, v in shown.items()) + f", dtype={self.dtype}"
