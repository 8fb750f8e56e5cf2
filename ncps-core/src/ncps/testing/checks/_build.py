"""Does a layer without an input size build itself, once, and with the right one?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncps.canonical import Layer, build, parameters
from ncps.errors import BuildError, ShapeError
from ncps.testing._cases import Case
from ncps.testing._check import ALL, check
from ncps.testing._compare import raises, same_arrays
from ncps.testing._subject import Subject
from ncps.testing._variants import small
from ncps.wirings import AutoNCP


@check(cases=small, kinds=ALL, sized=True)
def check_lazy_build(subject: Subject, case: Case) -> None:
    """A layer without input_size builds on build(), ncps.build or its first call, all alike."""
    eager = subject.make(case.spec(), seed=5)
    lazy_spec = _open(case).spec()
    inputs = case.inputs()
    native = subject.native(inputs, eager.dtype)
    shape = inputs["x"].shape
    open_shape = (*(None for _ in shape[:-1]), shape[-1])
    ways: dict[str, Callable[[Layer], object]] = {
        "build(shape)": lambda layer: layer.build(shape),
        "build(open shape)": lambda layer: layer.build(open_shape),
        "ncps.build": lambda layer: build(layer, native["x"]),
        "first call": lambda layer: layer(**native),
    }
    for what, way in ways.items():
        layer = subject.make(lazy_spec, seed=5)
        _expect_built(layer, False, "without input_size")
        raises(BuildError, lambda layer=layer: parameters(layer), "parameters before a build")  # type: ignore[misc]
        way(layer)
        _expect_built(layer, True, what)
        assert layer.spec == eager.spec, f"{what}: expected {eager.spec}, got {layer.spec}"
        same_arrays(f"{what}: parameter", parameters(layer), parameters(eager))
        got, expected = (subject.call(one, inputs).y for one in (layer, eager))
        assert np.array_equal(got, expected), f"{what}: expected the outputs of a layer made whole"


def _expect_built(layer: Layer, built: bool, what: str) -> None:
    assert layer.built is built, f"{what}: expected built to be {built}, got {layer.built}"
    known = layer.spec.input_size is not None
    assert known is built, f"{what}: expected input_size, got {layer.spec.input_size}"


@check(cases=small, kinds=ALL, sized=True)
def check_input_size_conflict(subject: Subject, case: Case) -> None:
    """A built layer refuses another input size and stays as it was."""
    layer, x = subject.make(_open(case).spec()), case.inputs()["x"]
    size = x.shape[-1]
    layer.build(x.shape)
    before = parameters(layer)
    layer.build(x.shape)
    same_arrays("after a second build: parameter", parameters(layer), before)
    wrong = np.zeros((*x.shape[:-1], size + 1), np.float32)
    raises(ShapeError, lambda: layer.build(wrong.shape), f"build() for {size + 1} features")
    raises(ShapeError, lambda: subject.call(layer, {"x": wrong}), f"{size + 1} features")
    assert layer.spec.input_size == size, f"expected {size} features, got {layer.spec.input_size}"
    same_arrays("after the error: parameter", parameters(layer), before)
    raises(ShapeError, lambda: layer.spec.with_input_size(size + 1), "with_input_size")


@check(cases=lambda layer: (small(layer)[1:] or small(layer))[:1], kinds=ALL, sized=True)
def check_shared_description(subject: Subject, case: Case) -> None:
    """Two layers made from one open spec build for different sizes, independently."""
    options: dict[str, Any] = dict(case.options)
    if layer_is_wired(case):
        options["units"] = AutoNCP(12, 3, seed=5)
    spec = Case(case.layer, {**options, "input_size": None}).spec()
    one, two = subject.make(spec), subject.make(spec)
    one.build((*case.lead, 2))
    two.build((*case.lead, 6))
    assert (one.spec.input_size, two.spec.input_size) == (2, 6), (
        f"expected sizes 2 and 6, got {one.spec.input_size} and {two.spec.input_size}"
    )
    for layer in (one, two):
        wanted = {p.name: p.shape for p in layer.spec.parameters()}
        got = {name: value.shape for name, value in parameters(layer).items()}
        assert got == wanted, f"expected parameters {wanted}, got {got}"
    assert spec.input_size is None, "expected the spec that was handed in to stay open"


def layer_is_wired(case: Case) -> bool:
    """Whether the case's units are a wiring."""
    return getattr(case.spec(), "wiring", None) is not None


def _open(case: Case) -> Case:
    return case.with_options(input_size=None)
