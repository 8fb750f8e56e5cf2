"""Do parameters go in and out under their canonical names, all or nothing, and through files?"""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ncps.canonical import Layer, load_parameters, parameters, save
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import NcpsError, ParameterError
from ncps.specs._initializers import Constant
from ncps.testing._arrays import Array
from ncps.testing._cases import Case
from ncps.testing._check import EVERY, check
from ncps.testing._compare import outputs_close, raises, same_arrays
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import broad, small


def other_values(case: Case) -> dict[str, Array]:
    """Canonical parameters unlike the initial ones, short enough to be exact in every dtype."""
    rng = case.rng("parameters")
    return {
        p.name: (rng.integers(0 if p.nonnegative else -24, 25, p.shape) / 32).astype(np.float32)
        for p in case.spec().parameters()
    }


@check(cases=broad, kinds=EVERY)
def check_seed(subject: Subject, case: Case) -> None:
    """A seed gives the spec's own initial parameters, and touches no global generator."""
    spec = case.spec()
    before = _global_generators()
    one = parameters(subject.make(spec, seed=1))
    same_arrays("seed 1: parameter", one, spec.initial_parameters(1))
    drawn = [p.name for p in spec.parameters() if not isinstance(p.initializer, Constant)]
    other = parameters(subject.make(spec, seed=2))
    assert not drawn or any(not np.array_equal(one[k], other[k]) for k in one), (
        "expected seed 2 to differ"
    )
    free = [parameters(subject.make(spec, seed=None)) for _ in range(2)]
    assert not drawn or any(not np.array_equal(free[0][k], free[1][k]) for k in one), (
        "expected layers without a seed to differ"
    )
    assert _global_generators() == before, "expected the global generators to be left alone"


def _global_generators() -> tuple[bytes, Any]:
    """NumPy's and Python's own generators, as they stand."""
    return pickle.dumps(np.random.get_state()), random.getstate()


@check(cases=small, kinds=EVERY)
def check_round_trip(subject: Subject, case: Case) -> None:
    """Parameters come out as they went in, and the layer computes with them."""
    layer, inputs, values = subject.make(case.spec()), case.inputs(), other_values(case)
    expected_names = [p.name for p in layer.spec.parameters()]
    assert list(parameters(layer)) == expected_names, f"expected names {expected_names}"
    bounds = TOLERANCES[layer.dtype].values
    subject.call(layer, inputs)  # a call must not bake the old values in
    load_parameters(layer, values)
    same_arrays("after load_parameters: parameter", parameters(layer), values)
    outputs_close(subject.call(layer, inputs), judge(layer.spec, values, inputs), bounds)

    native = layer.get_native()
    mapped = layer.parameter_map(layer.spec).to_native(values)
    assert set(native) == set(mapped), f"expected native names {set(mapped)}, got {set(native)}"
    doubled = {name: array * 2 for name, array in native.items()}
    layer.set_native(doubled)
    same_arrays("after set_native: native", _sorted(layer.get_native()), _sorted(doubled))
    for array in doubled.values():
        array[...] = 0.0  # neither what went in nor what came out may be the layer's own memory
    for array in layer.get_native().values():
        if array.flags.writeable:
            array[...] = 0.0
    twice = {name: 2 * value for name, value in values.items()}
    same_arrays("after changing copies: parameter", parameters(layer), twice)


def _sorted(arrays: dict[str, Array]) -> dict[str, Array]:
    return dict(sorted(arrays.items()))


@check(cases=small, kinds=EVERY)
def check_load_is_atomic(subject: Subject, case: Case) -> None:
    """Parameters that do not fit raise ParameterError and leave the layer as it was."""
    layer, good = subject.make(case.spec()), other_values(case)
    before = layer.get_native()
    unknown = {"nonsense": np.zeros(2, np.float32)}
    bad: dict[str, dict[str, Any]] = {"an unknown parameter": {**good, **unknown}}
    for last in list(good)[-1:]:
        bad |= {
            "a missing parameter": {k: v for k, v in good.items() if k != last},
            "a wrong shape": {**good, last: np.zeros((*good[last].shape, 2), np.float32)},
            "integers": {**good, last: np.zeros(good[last].shape, np.int64)},
        }
    for what, values in bad.items():
        raises(ParameterError, lambda v=values: load_parameters(layer, v), what)  # type: ignore[misc]
        same_arrays(f"after {what}: native", layer.get_native(), before)

    native = {name: array + 1 for name, array in before.items()}
    bad = {"an unknown native array": {**native, **unknown}}
    for name in list(native)[-1:]:
        bad |= {
            "a missing native array": {k: v for k, v in native.items() if k != name},
            "a native array of a wrong shape": {**native, name: np.zeros((7, 7, 7), np.float32)},
        }
    for what, arrays in bad.items():
        raises(NcpsError, lambda a=arrays: layer.set_native(a), what)  # type: ignore[misc]
        same_arrays(f"after {what}: native", layer.get_native(), before)


@check(cases=small, kinds=EVERY)
def check_save_and_load(subject: Subject, case: Case) -> None:
    """A saved layer comes back the same in its own technology and in the reference."""
    layer, inputs, values = subject.make(case.spec()), case.inputs(), other_values(case)
    load_parameters(layer, values)
    expected = subject.call(layer, inputs)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "layer.safetensors"
        save(layer, path)
        again = subject.load(path)
        _in_the_reference(path, layer, inputs)
    assert again.spec == layer.spec, f"expected spec {layer.spec}, got {again.spec}"
    assert again.dtype == layer.dtype, f"expected dtype {layer.dtype}, got {again.dtype}"
    same_arrays("loaded parameter", parameters(again), values)
    bounds = TOLERANCES[layer.dtype].values
    outputs_close(subject.call(again, inputs), expected, bounds, "loaded: ")


def _in_the_reference(path: Path, layer: Layer, inputs: dict[str, Any]) -> None:
    from ncps.canonical import load

    reference = load(path, technology="numpy")
    expected = judge(layer.spec, parameters(layer), inputs)
    got = judge(reference.spec, parameters(reference), inputs)
    outputs_close(got, expected, TOLERANCES["float64"].values, "loaded in numpy: ")
