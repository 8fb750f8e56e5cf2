"""Is it a layer at all: the protocol's names, the structure and the shape of what it returns?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncps.canonical import Layer
from ncps.errors import ShapeError
from ncps.specs import Shape, Spec
from ncps.testing._cases import Case
from ncps.testing._check import ALL, EVERY, RECURRENT, check
from ncps.testing._compare import EXACT, outputs_close, raises
from ncps.testing._subject import Subject
from ncps.testing._variants import broad, first, small


@check(cases=first, kinds=EVERY)
def check_protocol(subject: Subject, case: Case) -> None:
    """The layer offers every name of the protocol, and keeps the spec it was made from."""
    spec = case.spec()
    layer = subject.make(spec)
    assert isinstance(layer, Layer), (
        f"expected the names of ncps.layers.base.Layer, {type(layer).__name__} lacks "
        f"{[n for n in dir(Layer) if not n.startswith('_') and not hasattr(layer, n)]}"
    )
    assert layer.spec == spec, f"expected spec {spec}, got {layer.spec}"
    assert layer.built is True, f"expected a layer with input_size to be built, got {layer.built}"
    assert isinstance(layer.dtype, str), f"expected dtype as a name, got {layer.dtype!r}"
    if spec.kind == "sequence":
        alone = subject.make(case.spec(return_state=False))
        subject.call(alone, case.inputs())  # judges the structure of what comes back


@check(cases=first)
def check_call_order(subject: Subject, case: Case) -> None:
    """The arguments of a call stand in the order x, state, timespans, mask, timestamps."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    if layer.spec.kind == "sequence":
        inputs["mask"] = case.random_mask(case.rng("mask"))
    native = subject.native(inputs, layer.dtype)
    by_name = subject.output(layer, layer(**native))
    order = [native[name] for name in ("x", "state", "timespans", "mask") if name in native]
    outputs_close(subject.output(layer, layer(*order)), by_name, EXACT, "by position: ")


@check(cases=broad, kinds=ALL)
def check_output_shape(subject: Subject, case: Case) -> None:
    """compute_output_shape tells the shape that a call returns."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    shape: Shape = inputs["x"].shape
    claimed = layer.compute_output_shape(shape)
    actual = subject.call(layer, inputs).y.shape
    assert tuple(claimed) == actual, f"expected {actual} for an input {shape}, got {claimed}"
    open_shape = (*(None for _ in shape[:-1]), *shape[-1:])
    expected = layer.spec.output_shape(open_shape)
    got = layer.compute_output_shape(open_shape)
    assert tuple(got) == expected, f"expected {expected} for an input {open_shape}, got {got}"


@check(cases=first, kinds=ALL)
def check_wrong_shapes(subject: Subject, case: Case) -> None:
    """An argument of a wrong shape raises ShapeError and says what was expected."""
    layer, good = subject.make(case.spec()), case.inputs()
    features = good["x"].shape[-1]
    changes: dict[str, dict[str, Any]] = {
        "one feature too many": {"x": np.zeros((*case.lead, features + 1), np.float32)},
        "one feature too few": {"x": np.zeros((*case.lead, features - 1), np.float32)},
    }
    if not layer.spec.sized:
        changes = {"no axis": {"x": np.zeros((), np.float32)}} if _needs_axes(layer.spec) else {}
    if layer.spec.kind in RECURRENT:
        changes |= _recurrent_changes(case, good)
    for what, change in changes.items():
        raises(ShapeError, _call(subject, layer, {**good, **change}), what)


def _needs_axes(spec: Spec) -> bool:
    try:
        spec.output_shape(())
    except ShapeError:
        return True
    return False


def _call(subject: Subject, layer: Layer, inputs: dict[str, Any]) -> Callable[[], object]:
    return lambda: subject.call(layer, inputs)


def _recurrent_changes(case: Case, good: dict[str, Any]) -> dict[str, dict[str, Any]]:
    def zeros(*shape: int) -> Any:
        return np.zeros(shape, np.float32)

    shapes = [shape for _, shape in case.spec().state_shapes()]
    wider = (*shapes[0][:-1], shapes[0][-1] + 1)
    batch, lead = case.lead[0], case.lead
    features = good["x"].shape[-1]

    def state(*shapes: tuple[int, ...], batch: int = batch) -> dict[str, Any]:
        states = tuple(zeros(batch, *shape) for shape in shapes)
        return {"state": states[0] if len(states) == 1 else states}

    changes = {
        "x with an axis too many": {"x": zeros(1, *lead, features), "state": None},
        "timespans for another batch": {"timespans": zeros(lead[0] + 1, *lead[1:])},
        "timespans with an axis too many": {"timespans": zeros(*lead, 2)},
        "a state with one neuron too many": state(wider, *shapes[1:]),
        "a state for another batch": state(*shapes, batch=batch + 1),
        "a state array too many": state(*shapes, shapes[-1]),
    }
    if case.spec().kind == "sequence":
        steps = lead[1]
        changes |= {
            "timespans one step short": {"timespans": zeros(batch, steps - 1)},
            "one timespan per row": {"timespans": zeros(batch)},
            "a mask one step short": {"mask": np.ones((batch, steps - 1), bool)},
            "a mask without a batch": {"mask": np.ones(steps, bool)},
        }
    return changes


@check(cases=small)
def check_initial_state(subject: Subject, case: Case) -> None:
    """get_initial_state gives zeros in the right shapes; a call without a state starts there."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    shapes = [shape for _, shape in layer.spec.state_shapes()]
    state = layer.get_initial_state(case.batch)
    states = state if isinstance(state, (tuple, list)) else (state,)
    arrays = [subject.arrays.numpy(s) for s in states]
    expected = [(case.batch, *shape) for shape in shapes]
    assert [a.shape for a in arrays] == expected, (
        f"expected shapes {expected}, got {[a.shape for a in arrays]}"
    )
    assert not any(np.any(a) for a in arrays), "expected zeros"
    given = subject.native({k: v for k, v in inputs.items() if k != "state"}, layer.dtype)
    x = given.pop("x")
    with_state = subject.output(layer, layer(x, state=state, **given))
    without = subject.output(layer, layer(x, **given))
    assert np.array_equal(with_state.y, without.y), "expected the same y from it as from no state"
