"""Read and write the canonical parameters of a layer, whatever its technology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ncps.canonical._layer import Layer
from ncps.errors import BuildError, ParameterError
from ncps.specs import Spec

Model = TypeVar("Model")


def parameters(layer: Layer) -> dict[str, npt.NDArray[Any]]:
    """The canonical parameters of a built layer, in the order of its spec.

    Raises: BuildError when the layer is not built yet.
    """
    _require_built(layer)
    found = layer.parameter_map(layer.spec).to_canonical(layer.get_native())
    return {p.name: np.array(found[p.name]) for p in layer.spec.parameters()}


def load_parameters(layer: Layer, values: Mapping[str, Any], strict: bool = True) -> None:
    """Give a built layer these canonical parameters.

    With ``strict=False``, parameters that `values` lacks keep their value, and names that the
    layer does not have are passed over. Any error leaves the layer as it was.

    Raises: BuildError when the layer is not built; ParameterError for a wrong name, shape or
    dtype, naming all of them.
    """
    _require_built(layer)
    arrays = check_parameters(layer.spec, values, strict)
    names = [p.name for p in layer.spec.parameters()]
    known = {name: arrays[name] for name in names if name in arrays}
    if len(known) < len(names):
        known = {**parameters(layer), **known}
    layer.set_native(layer.parameter_map(layer.spec).to_native(known))


def check_parameters(
    spec: Spec, values: Mapping[str, Any], strict: bool = True
) -> dict[str, npt.NDArray[Any]]:
    """These values as arrays, if they are parameters of such a layer.

    Raises: ParameterError for a wrong name, shape or dtype, naming all of them.
    """
    if not isinstance(values, Mapping):
        raise ParameterError(f"expected a mapping of names to arrays, got {type(values).__name__}.")
    arrays = {name: np.asarray(value) for name, value in values.items()}
    problems = _problems(spec, arrays, strict)
    if problems:
        listing = "\n  ".join(problems)
        raise ParameterError(
            f"these parameters do not fit {spec.layer}; nothing was changed:\n  {listing}"
        )
    return arrays


def build(model: Model, example: Any) -> Model:
    """Create the parameters of a lazily built layer or model from an example input.

    A layer is built from the example's shape; any other model is called once on the example.
    """
    if isinstance(model, Layer):
        model.build(tuple(example.shape))
    elif callable(model):
        model(example)
    else:
        raise BuildError(f"expected a layer or a model that can be called, got {type(model)}.")
    return model


def _require_built(layer: Layer) -> None:
    if not isinstance(layer, Layer):
        raise ParameterError(
            f"expected a layer made by ncps, got {type(layer).__name__}. Make it with ncps.create."
        )
    if not layer.built:
        raise BuildError(
            f"{layer.spec.layer} has no parameters yet: its input_size is not known. "
            "Call layer.build(shape), ncps.build(layer, example) or the layer itself first."
        )


def _problems(spec: Spec, arrays: Mapping[str, npt.NDArray[Any]], strict: bool) -> list[str]:
    expected = {p.name: p.shape for p in spec.parameters()}
    problems = []
    for name, shape in expected.items():
        if name not in arrays:
            if strict:
                problems.append(f"missing: {name} {shape}")
        elif arrays[name].shape != shape:
            problems.append(f"wrong shape: {name} expected {shape}, got {arrays[name].shape}")
        elif not np.issubdtype(arrays[name].dtype, np.floating):
            problems.append(f"wrong dtype: {name} expected floats, got {arrays[name].dtype}")
    if strict:
        problems += [f"not a parameter of it: {name}" for name in arrays if name not in expected]
    return problems
