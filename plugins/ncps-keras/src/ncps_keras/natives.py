"""The adapter through which conversion reads and makes Keras' own layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ncps.canonical import Kind, ParameterMap, check_parameters
from ncps.errors import ConversionError, unknown
from ncps.specs import SequenceSpec, Spec
from ncps_keras import ops
from ncps_keras._described import (
    arrays_of,
    changed,
    layer_of,
    sides_of,
    spec_of,
    variables_of,
)
from ncps_keras._described_plain import lacking
from ncps_keras._functions import FUNCTIONS, activation_of
from ncps_keras._structure import chain_of, parts_of
from ncps_keras.layers._bare import BARE, built
from ncps_keras.stock_parameters import native_map

Array = npt.NDArray[Any]
NAMES = tuple(name for name in FUNCTIONS if name != "linear")


class KerasNatives:
    """Layers of `keras.layers`, and what they mean; see `ncps.canonical.Natives`."""

    framework = "keras"

    def is_module(self, obj: object) -> bool:
        """Whether this is a `keras.layers.Layer`; a model is one too."""
        return isinstance(obj, keras.layers.Layer)

    def describe(self, module: Any) -> tuple[Spec, dict[str, Array]] | None:
        """Spec and canonical parameters of a layer of Keras'; None for another layer.

        `return_sequences` and `return_state` are those of the layer.

        Raises: ConversionError when it has something that no spec can say, or is not built.
        """
        layer = layer_of(module)
        if layer is None:
            return None
        spec = spec_of(layer, module)
        found = native_map(spec).to_canonical(arrays_of(spec, module))
        return spec, {p.name: found[p.name] for p in spec.parameters()}

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the variables of Keras' own layer relate to the canonical parameters.

        Raises: ConversionError when Keras has no such layer.
        """
        _refuse_lacking(spec)
        return native_map(spec)

    def make(
        self,
        spec: Spec,
        parameters: Mapping[str, Array],
        dtype: str | None = None,
        device: str | None = None,
    ) -> Any:
        """The built layer of Keras' that computes this, of Keras' own dtype unless one is given.

        Raises: ConversionError when Keras has no such layer; ParameterError when the parameters
        do not fit; BuildError for an open size.
        """
        values = self.parameter_map(spec).to_native(check_parameters(spec, parameters))
        kind = ops.check_dtype(dtype)
        with ops.on_device(ops.check_device(device)):
            module = built(spec, kind)
            _write(module, values)
        return module

    def fill(self, module: Any, parameters: Mapping[str, Array]) -> None:
        """Give a layer of Keras' these parameters, keeping its dtype and device.

        Raises: ConversionError and ParameterError, as `describe` and `make`.
        """
        found = self.describe(module)
        if found is None:
            raise ConversionError(f"expected a layer of Keras' own, got {type(module).__name__}.")
        spec, _ = found
        _write(module, native_map(spec).to_native(check_parameters(spec, parameters)))

    def run(self, module: Any, x: Array) -> Array:
        """The output (B, T, O) of a layer of Keras' for x (B, T, D), from zeros.

        It computes in the dtype of its variables, even where its policy is a mixed one.
        """
        found = self.describe(module)
        if found is not None and module.compute_dtype != self.dtype(module):
            module = self.make(*found, dtype=self.dtype(module))
        if isinstance(module, keras.layers.Bidirectional):
            sides = sides_of(module).values()
            return np.concatenate([_every_step(side.cell, x, side) for side in sides], axis=-1)
        cell = getattr(module, "cell", module)
        if hasattr(cell, "state_size"):
            return _every_step(cell, x)
        return ops.to_numpy(module(x))

    def dtype(self, module: Any) -> str:
        """Name of the dtype of the layer's first variable, or of those that it would have."""
        first = next(iter(module.weights), None)
        return str(module.variable_dtype if first is None else first.dtype)

    def own(self, module: Any) -> list[str]:
        """Names of the variables that the layer holds itself, without those of its metrics."""
        held = [*module._trainable_variables, *module._non_trainable_variables]
        return [variable.name for variable in held]

    def children(self, module: Any) -> dict[str, Any]:
        """The layers directly inside by name, in order; one that has two names is there twice."""
        return parts_of(module)

    def kind(self, module: Any) -> Kind | None:
        """``"sequential"`` for a Sequential, and a functional model that is a plain chain."""
        return None if chain_of(module) is None else "sequential"

    def assemble(self, kind: Kind, children: Mapping[str, Any]) -> Any:
        """A `keras.Sequential`, or a plain list or dict, for which Keras has no layers."""
        if kind == "dict":
            return dict(children)
        parts = list(children.values())
        return parts if kind == "list" else keras.Sequential(parts)

    def function(self, module: Any) -> str | None:
        """Name of the function that a layer without parameters applies, or None."""
        if not self.is_module(module) or changed(module):
            return None
        cls = type(module)
        if cls is keras.layers.Identity or (cls is keras.layers.Dropout and module.rate == 0):
            return "identity"
        if cls is keras.layers.Activation:
            name = activation_of(module.activation)
            return "identity" if name == "linear" else name
        plain = {"max_value": None, "negative_slope": 0, "threshold": 0}
        if cls is keras.layers.ReLU and all(getattr(module, n) == v for n, v in plain.items()):
            return "relu"
        return None

    def make_function(self, name: str) -> Any:
        """The layer of Keras' that applies this function; UnknownNameError for another name."""
        if name == "identity":
            return keras.layers.Identity()
        if name not in NAMES:
            raise unknown("function with a layer in Keras", name, (*NAMES, "identity"))
        return keras.layers.Activation(name)


def _write(module: Any, values: Mapping[str, Array]) -> None:
    for name, variable in variables_of(module).items():
        variable.assign(ops.from_numpy(values[name], str(variable.dtype)))


def _every_step(cell: Any, x: Array, side: Any = None) -> Array:
    """h (B, T, H) of a cell of Keras' after each step of x, in the side's direction."""
    backwards = side is not None and side.go_backwards
    run = keras.layers.RNN(
        cell, return_sequences=True, go_backwards=backwards, dtype=cell.dtype_policy
    )
    h = ops.to_numpy(run(x))
    return h[:, ::-1] if backwards else h


def _refuse_lacking(spec: Spec) -> None:
    """ConversionError unless Keras has a layer of its own for all that the spec asks for."""
    ours = "Make it with ncps.create, whose layers are Keras layers as well."
    names = sorted({cls.__name__ for cls in BARE.values()})
    if spec.layer not in BARE:
        raise ConversionError(
            f"expected a layer that Keras has too, got {spec.layer}: keras.layers has "
            f"{', '.join(names[:-1])} and {names[-1]} of its own. {ours}"
        )
    if isinstance(spec, SequenceSpec) and spec.num_layers > 1:
        raise ConversionError(
            f"expected a {spec.layer} of one layer, as keras.layers has, got "
            f"num_layers={spec.num_layers}. {ours}"
        )
    activation = getattr(spec, "activation", None)
    if activation not in (None, *FUNCTIONS):
        raise ConversionError(
            f"expected a {spec.layer} whose activation Keras has too, got {activation!r}. {ours}"
        )
    reason = lacking(spec)
    if reason is not None:
        raise ConversionError(f"{spec.layer} cannot be one of Keras' own: {reason}. {ours}")
