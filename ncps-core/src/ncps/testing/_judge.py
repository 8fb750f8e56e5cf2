"""What a layer should have computed: values and derivatives of the float64 reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ncps.reference import run
from ncps.reference._containers import inside
from ncps.specs import CollectionSpec, Spec
from ncps.testing._arrays import Array, as_float64
from ncps.testing._subject import Output, together

# any step is exact: no difference of two values is taken (complex-step differentiation)
STEP = 1e-30


def judge(spec: Spec, parameters: Mapping[str, Array], inputs: Mapping[str, Any]) -> Output:
    """Output and state of the reference for these canonical parameters and inputs."""
    if isinstance(spec, CollectionSpec):
        members = spec.members().items()
        return together(judge(one, inside(parameters, n), inputs[n]) for n, one in members)
    given = {name: value if value is None else as_float64(value) for name, value in inputs.items()}
    result = run(spec, as_doubles(parameters), **given)
    if spec.kind == "feedforward":
        return Output(result, None)
    y, state = result
    return Output(y, tuple(state) if isinstance(state, tuple) else (state,))


def loss(
    spec: Spec, parameters: Mapping[str, Array], inputs: Mapping[str, Any], cotangent: Array
) -> Any:
    """Sum of cotangent · y; complex when a parameter or input is."""
    result = run(spec, parameters, **inputs)
    y = result if spec.kind == "feedforward" else result[0]
    return np.sum(np.asarray(cotangent, np.float64) * y)


def derivative(
    spec: Spec,
    parameters: Mapping[str, Array],
    inputs: Mapping[str, Any],
    cotangent: Array,
    direction: Mapping[str, Any],
) -> float:
    """Derivative of the loss along `direction`, by complex step.

    `direction` maps names of canonical parameters or of inputs to arrays (a state: a tuple).
    """
    p = {name: _moved(value, direction.get(name)) for name, value in as_doubles(parameters).items()}
    given = {
        name: value if value is None else _moved(as_float64(value), direction.get(name))
        for name, value in inputs.items()
    }
    return float(loss(spec, p, given, cotangent).imag / STEP)


def as_doubles(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The same parameters in double precision."""
    return {name: np.asarray(value, np.float64) for name, value in parameters.items()}


def _moved(value: Any, direction: Any) -> Any:
    if direction is None:
        return value
    if isinstance(value, tuple):
        return tuple(_moved(v, d) for v, d in zip(value, direction, strict=True))
    return value + 1j * STEP * np.asarray(direction, np.float64)
