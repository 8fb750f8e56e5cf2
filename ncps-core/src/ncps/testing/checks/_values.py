"""Does a layer compute what the reference computes, values and gradients, in every dtype?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ncps.canonical import Layer, ParameterMap, parameters
from ncps.conversion.tolerances import TOLERANCES, Bounds
from ncps.specs import Spec
from ncps.testing._arrays import Array, as_float64, claimed_dtypes, dtype_name, has_dtype
from ncps.testing._cases import Case
from ncps.testing._check import ALL, EVERY, check
from ncps.testing._compare import finite, outputs_close
from ncps.testing._judge import derivative, judge
from ncps.testing._subject import Subject, split
from ncps.testing._variants import broad, small


@check(cases=broad, kinds=EVERY)
def check_values(subject: Subject, case: Case) -> None:
    """Output and state are the reference's."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    got = subject.call(layer, inputs)
    expected = judge(layer.spec, parameters(layer), inputs)
    outputs_close(got, expected, TOLERANCES[layer.dtype].values)


@check(cases=broad, kinds=ALL, gradients=True)
def check_gradients(subject: Subject, case: Case) -> None:
    """Gradients of parameters, x, timespans and state are the reference's."""
    compare_gradients(subject, subject.make(case.spec()), case, case.inputs())


@check(cases=small, kinds=ALL, gradients=True)
def check_dtypes(subject: Subject, case: Case) -> None:
    """A layer in each dtype of its framework computes, returns and trains in that dtype."""
    for dtype in claimed_dtypes(subject.arrays):
        layer = subject.make(case.spec(), dtype=dtype)
        assert layer.dtype == dtype, f"expected a layer in {dtype}, got one in {layer.dtype}"
        inputs = rounded(subject, case.inputs(), dtype)
        _returns_dtype(subject, layer, inputs)
        got = subject.call(layer, inputs)
        expected = judge(layer.spec, parameters(layer), inputs)
        outputs_close(got, expected, TOLERANCES[dtype].values, f"{dtype} ")
        compare_gradients(subject, layer, case, inputs)


def rounded(subject: Subject, inputs: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The inputs as a layer of this dtype sees them, so that only its arithmetic is judged."""

    def once(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(once(v) for v in value)
        if value is None or not has_dtype(value):
            return value
        return subject.arrays.numpy(subject.arrays.asarray(value, dtype))

    return {name: once(value) for name, value in inputs.items()}


def _returns_dtype(subject: Subject, layer: Layer, inputs: dict[str, Any]) -> None:
    native = subject.native(inputs, layer.dtype)
    y, states = split(layer.spec, layer(native.pop("x"), **native))
    assert dtype_name(y) == layer.dtype, f"y: expected dtype {layer.dtype}, got {dtype_name(y)}"
    expected = layer.spec.state_dtypes(layer.dtype)
    initial = each(layer.get_initial_state(2))
    for what, arrays in (("state", states), ("get_initial_state()", initial)):
        # a layer without return_state gives none
        if arrays is not None:
            found = tuple(map(dtype_name, arrays))
            assert found == expected, f"{what}: expected dtypes {expected}, got {found}"


def each(state: Any) -> tuple[Any, ...]:
    """The arrays of a state, or of what belongs to one."""
    if state is None:
        return ()
    return tuple(state) if isinstance(state, (tuple, list)) else (state,)


def compare_gradients(subject: Subject, layer: Layer, case: Case, inputs: dict[str, Any]) -> None:
    """AssertionError unless the derivative along a random direction of each array is right."""
    spec, values = layer.spec, parameters(layer)
    y = judge(spec, values, inputs).y
    cotangent = direction(case.rng("cotangent"), y)
    given = {k: v for k, v in inputs.items() if v is not None}
    loss, native, by_input = subject.arrays.gradients(layer, given, cotangent)
    rules = layer.parameter_map(spec)
    base = rules.to_native(as_float64_map(values))
    trained = {p.name: values[p.name] for p in spec.parameters() if p.trainable}
    expect_trained(layer, native)

    bounds = TOLERANCES[layer.dtype].gradients
    scale = float(np.sum(np.abs(cotangent * y)))
    _derivative_close("loss", loss, float(np.sum(cotangent * y)), scale, bounds)
    whole = _dot(native, native)[1]
    rng = case.rng("directions")
    for name, value in trained.items():
        v = direction(rng, value)
        moved = rules.to_native({**as_float64_map(values), name: value.astype(np.float64) + v})
        along = {k: moved[k] - base[k] for k in native}
        got, scale = _dot(native, along)
        expected = derivative(spec, values, given, cotangent, {name: v})
        scale = whole if _cancels(expected, whole) else scale
        _derivative_close(f"gradient of {name}", got, expected, scale, bounds)
    for name in ("x", "timespans", "state", "context"):
        if name in given and has_dtype(given[name]):
            v = direction(rng, given[name])
            assert name in by_input, f"expected a gradient of {name}, got {sorted(by_input)}"
            got, scale = _dot({"": by_input[name]}, {"": v})
            expected = derivative(spec, values, given, cotangent, {name: v})
            _derivative_close(f"gradient of {name}", got, expected, scale, bounds)


def expect_trained(layer: Layer, gradients: Mapping[str, Any]) -> None:
    """AssertionError unless there is a gradient for each native array that is trained."""
    untrained = _untrained(layer.spec, layer.parameter_map(layer.spec), parameters(layer))
    wrong = (set(layer.get_native()) - untrained) ^ set(gradients)
    assert not wrong, f"expected a gradient for each trained array, wrong: {sorted(wrong)}"


def _untrained(spec: Spec, rules: ParameterMap, values: Mapping[str, Array]) -> set[str]:
    """The native arrays of the parameters that no gradient changes."""
    fixed = [p.name for p in spec.parameters() if not p.trainable]
    base = rules.to_native(as_float64_map(values))
    moved = rules.to_native({**values, **{name: values[name] + 1.0 for name in fixed}})
    return {name for name in base if not np.array_equal(base[name], moved[name])}


def as_float64_map(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays in double precision."""
    return {name: as_float64(array) for name, array in arrays.items()}


def direction(rng: np.random.Generator, like: Any) -> Any:
    """A random direction; no entry is near zero, and no two are alike."""
    if isinstance(like, tuple):
        return tuple(direction(rng, part) for part in like)
    shape = np.shape(like)
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def _dot(gradients: Mapping[str, Any], along: Mapping[str, Any]) -> tuple[float, float]:
    """The dot product, and the norm of the gradients that took part in it."""
    total, squares = 0.0, 0.0
    for name, v in along.items():
        g = gradients[name]
        for a, b in zip(*((p if isinstance(p, tuple) else (p,)) for p in (g, v)), strict=True):
            a = np.asarray(a, np.float64)
            assert a.shape == np.shape(b), f"expected a gradient {np.shape(b)}, got {a.shape}"
            finite("gradient", a)
            total += float(np.sum(a * b))
            # a fused native array holds other gates too: only what is moved counts
            squares += float(np.sum(np.square(a[np.asarray(b) != 0])))
    return total, squares**0.5


def _cancels(expected: float, whole: float) -> bool:
    """Whether a derivative is zero but for float64's rounding, beside gradients of norm `whole`.

    A bias of attention's keys adds the same to all scores of a softmax: its gradient is a sum that
    cancels, so that what is left of it is the rounding of its terms.
    """
    return 0.0 < abs(expected) < 1e-13 * whole


def _derivative_close(what: str, got: float, expected: float, scale: float, bounds: Bounds) -> None:
    allowed = bounds["atol"] + bounds["rtol"] * max(abs(expected), scale)
    difference = abs(got - expected)
    assert difference <= allowed, (
        f"{what}: expected {expected:.9g}, got {got:.9g} along a random direction; "
        f"difference {difference:.3g}, allowed {allowed:.3g}"
    )
