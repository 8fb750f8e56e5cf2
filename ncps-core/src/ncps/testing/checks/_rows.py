"""Does a layer take a batch without a row?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer
from ncps.testing._arrays import dtype_name, gradient_limit
from ncps.testing._cases import Case
from ncps.testing._check import ALL, check
from ncps.testing._compare import EXACT, close
from ncps.testing._subject import Subject, split
from ncps.testing._variants import Cases, broad, small
from ncps.testing.checks._streams import step
from ncps.testing.checks._values import each, expect_trained

Sizes = tuple[Any, ...]


def _with_batch(layer: str) -> Cases:
    """The broad cases whose x has a batch axis, as those of the small ones have."""
    return tuple(case for case in broad(layer) if case.batch is not None and _has_batch(case))


def _has_batch(case: Case) -> bool:
    if case.shape is None or case.spec().needs_batch:
        return True
    return len(case.shape) >= min((len(other.x_shape) for other in small(case.layer)), default=0)


@check(cases=_with_batch, kinds=ALL)
def check_empty_batch(subject: Subject, case: Case) -> None:
    """A batch without a row gives outputs and states without a row, and gradients of 0."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    shape = (0, *layer.spec.output_shape(inputs["x"].shape)[1:])
    inputs = {name: _without_rows(value) for name, value in inputs.items()}
    _has_no_rows(subject, layer, inputs, shape)
    # where a gradient takes a run for each number there is none of the framework's own
    if gradient_limit(subject.arrays) is None:
        _has_no_gradients(subject, layer, inputs, shape)
    if layer.spec.streams and "context" not in inputs:
        _streams_no_rows(subject, layer, inputs, shape)


def _without_rows(value: Any) -> Any:
    return tuple(v[:0] for v in value) if isinstance(value, tuple) else value[:0]


def _has_no_rows(subject: Subject, layer: Layer, inputs: dict[str, Any], shape: Sizes) -> None:
    spec, native = layer.spec, subject.native(inputs, layer.dtype)
    y, states = split(spec, layer(native.pop("x"), **native))
    _expect(subject, "y", y, layer.dtype, shape)
    initial = each(layer.get_initial_state(0))
    shapes, dtypes = [s for _, s in spec.state_shapes()], spec.state_dtypes(layer.dtype)
    # a layer without return_state gives none
    for what, arrays in (("state", states or initial), ("get_initial_state(0)", initial)):
        for array, dtype, inner in zip(arrays, dtypes, shapes, strict=True):
            _expect(subject, what, array, dtype, (0, *inner))


def _expect(subject: Subject, what: str, array: Any, dtype: str, shape: Sizes) -> None:
    found = subject.arrays.numpy(array).shape, dtype_name(array)
    assert found == (shape, dtype), f"{what}: expected {dtype} {shape}, got {found[1]} {found[0]}"


def _has_no_gradients(subject: Subject, layer: Layer, inputs: dict[str, Any], shape: Sizes) -> None:
    loss, found, by_input = subject.arrays.gradients(layer, inputs, np.zeros(shape))
    assert loss == 0, f"loss: expected 0, got {loss}"
    expect_trained(layer, found)
    native = layer.get_native()
    for name, gradient in found.items():
        close(f"gradient of {name}", gradient, np.zeros(native[name].shape), EXACT)
    for name, gradient in by_input.items():
        for part, value in zip(each(gradient), each(inputs[name]), strict=True):
            close(f"gradient of {name}", part, value, EXACT)


def _streams_no_rows(subject: Subject, layer: Layer, inputs: dict[str, Any], shape: Sizes) -> None:
    """AssertionError unless two pieces, the second with the state of the first, have the shape."""
    x, mask, half = inputs["x"], inputs.get("mask"), inputs["x"].shape[1] // 2
    outputs, state = [], None
    for at in (slice(0, half), slice(half, None)):
        y, state = step(subject, layer, x[:, at], state, None if mask is None else mask[:, at])
        outputs.append(y)
    got = np.concatenate(outputs, axis=1).shape
    assert got == shape, f"y in two pieces: expected shape {shape}, got {got}"
