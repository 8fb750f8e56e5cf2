"""Between native arrays or layers and what they mean: spec and canonical parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps import canonical, registry
from ncps.errors import ConversionError
from ncps.specs import Spec

Array = npt.NDArray[Any]


def convert_parameters(
    parameters: Mapping[str, Any], source: str, target: str, spec: Spec
) -> dict[str, Array]:
    """Native arrays of the technology `source` as native NumPy arrays of the technology `target`.

    ``convert_parameters(layer.state_dict(), "torch", "mlx", layer.spec)`` gives what
    `set_native` of an MLX layer takes. The technology ``numpy`` has the canonical parameters.

    Raises: ParameterError naming every array that is missing, unknown or misshapen; as
    `ncps.create` for the names.
    """
    here, there = canonical.layout_of(spec, source), canonical.layout_of(spec, target)
    return canonical.to_native(canonical.to_canonical(parameters, here, spec), there, spec)


def from_native(module: Any) -> tuple[Spec, dict[str, Array]]:
    """Spec and canonical parameters of one layer: a `torch.nn.LSTM`, an `mlx.nn.Linear`, or ours.

    Raises: ConversionError when it is no such layer, or has what no spec can say.
    """
    found = canonical.describe(module)
    if found is None:
        raise ConversionError(
            f"from_native expected one layer, a framework's own or one of ncps, got "
            f"{type(module).__name__}. For a model of several use ncps.convert or ncps.save."
        )
    return found.spec, {name: np.array(value) for name, value in found.parameters.items()}


def to_native(
    spec: Spec,
    parameters: Mapping[str, Any],
    framework: str,
    *,
    dtype: str | None = None,
    device: Any = None,
) -> Any:
    """The framework's own layer, such as `torch.nn.LSTM`, for a spec and canonical parameters.

    ``ncps.to_native(*ncps.from_native(lstm), "mlx")`` is an `mlx.nn.LSTM`.

    Raises: ConversionError when the framework has no layer of its own that computes this;
    ParameterError for parameters that do not fit the spec.
    """
    return registry.natives(framework).make(spec, parameters, dtype=dtype, device=device)
