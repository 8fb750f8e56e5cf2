"""Is elapsed time understood in every form, and harmless where it is zero or huge?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer, parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ShapeError
from ncps.testing._arrays import Array
from ncps.testing._cases import Case
from ncps.testing._check import SEQUENCE, check
from ncps.testing._compare import finite, outputs_close, raises
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import first, small
from ncps.testing.checks._values import compare_gradients


@check(cases=small)
def check_timespans_forms(subject: Subject, case: Case) -> None:
    """Elapsed times come as a scalar, per step, per row and step, or not at all (then 1)."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    full = inputs.pop("timespans")
    forms = {"a number": 0.5, "a scalar array": np.float32(0.25), "none": None}
    if layer.spec.kind == "cell":
        forms |= {"(B,)": full, "(B, 1)": full[:, None]}
    else:
        forms |= {"(T,)": full[0], "(B, T)": full, "(B, T, 1)": full[..., None]}
    for what, timespans in forms.items():
        _as_judged(subject, layer, {**inputs, "timespans": timespans}, f"timespans {what}: ")
    if layer.spec.kind == "sequence":
        _equal_lengths(subject, layer, inputs, full)
        _without_batch(subject, layer, inputs, full)


def _as_judged(subject: Subject, layer: Layer, inputs: dict[str, Any], what: str) -> None:
    expected = judge(layer.spec, parameters(layer), inputs)
    outputs_close(subject.call(layer, inputs), expected, TOLERANCES[layer.dtype].values, what)


def _equal_lengths(
    subject: Subject, layer: Layer, inputs: dict[str, Any], timespans: Array
) -> None:
    # where B = T a wrong guess about the axes stays silent
    batch = len(timespans)
    square = {**inputs, "x": inputs["x"][:, :batch]}
    for what, dt in (("(T,)", timespans[0, :batch]), ("(B, T)", timespans[:, :batch])):
        _as_judged(subject, layer, {**square, "timespans": dt}, f"B = T, timespans {what}: ")


def _without_batch(
    subject: Subject, layer: Layer, inputs: dict[str, Any], timespans: Array
) -> None:
    state = inputs["state"]
    row = tuple(s[0] for s in state) if isinstance(state, tuple) else state[0]
    single = {"x": inputs["x"][0], "state": row}
    forms = {"a number": 0.5, "(T,)": timespans[0], "(T, 1)": timespans[0][:, None]}
    for what, dt in forms.items():
        _as_judged(subject, layer, {**single, "timespans": dt}, f"unbatched, timespans {what}: ")


@check(cases=small, kinds=SEQUENCE)
def check_timestamps(subject: Subject, case: Case) -> None:
    """Timestamps mean their differences, the first one 0, wherever the clock starts."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    # eighths are exact in every dtype, so that the differences are too
    steps = np.round(inputs.pop("timespans") * 8) / 8
    elapsed = np.concatenate([np.zeros_like(steps[:, :1]), steps[:, 1:]], axis=1)
    times = np.cumsum(elapsed, axis=1, dtype=np.float32) + np.float32(16.0)
    forms = {"(T,)": (times[0], elapsed[0]), "(B, T)": (times, elapsed)}
    forms["(B, T, 1)"] = (times[..., None], elapsed)
    bounds = TOLERANCES[layer.dtype].values
    for what, (stamps, spans) in forms.items():
        got = subject.call(layer, {**inputs, "timestamps": stamps})
        expected = judge(layer.spec, parameters(layer), {**inputs, "timespans": spans})
        outputs_close(got, expected, bounds, f"timestamps {what}: ")
    both = {**inputs, "timespans": elapsed, "timestamps": times}
    raises(ShapeError, lambda: subject.call(layer, both), "timespans and timestamps")
    one = {**inputs, "x": inputs["x"][:, :1], "timestamps": times[:, :1]}
    raises(ShapeError, lambda: subject.call(layer, one), "timestamps of one step")


@check(cases=first)
def check_backward_time(subject: Subject, case: Case) -> None:
    """Time that goes backwards, or is not a number, raises ShapeError."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    wrong: dict[str, dict[str, Any]] = {"a negative number": {"timespans": -1.0}}
    for what, value in (("one negative", -0.5), ("one NaN", np.nan)):
        some = inputs["timespans"].copy()
        some.flat[-1] = value
        wrong[what] = {"timespans": some}
    if layer.spec.kind == "sequence":
        stamps = np.cumsum(inputs["timespans"], axis=1)[:, ::-1].copy()
        wrong["timestamps that fall"] = {"timespans": None, "timestamps": stamps}
    for what, change in wrong.items():
        raises(ShapeError, lambda c=change: subject.call(layer, {**inputs, **c}), what)  # type: ignore[misc]


@check(cases=small, gradients=True)
def check_zero_timespans(subject: Subject, case: Case) -> None:
    """No time gone by is never NaN, in outputs, states or gradients."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    some = inputs["timespans"].copy()
    some.reshape(-1)[::2] = 0.0
    for what, timespans in (("0", 0.0), ("all 0", np.zeros_like(some)), ("some 0", some)):
        _as_judged(subject, layer, {**inputs, "timespans": timespans}, f"timespans {what}: ")
    for timespans in (np.zeros_like(some), some):
        compare_gradients(subject, layer, case, {**inputs, "timespans": timespans})


@check(cases=small, gradients=True)
def check_huge_timespans(subject: Subject, case: Case) -> None:
    """Very long gaps leave outputs, states and gradients finite."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    for length in (1e6, 1e30):
        inputs["timespans"] = np.full_like(inputs["timespans"], length)
        got = subject.call(layer, inputs)
        for what, array in (("y", got.y), *((f"state[{i}]", s) for i, s in _numbered(got.state))):
            finite(f"{what} after {length:g}", array)
        _, native, by_input = subject.arrays.gradients(layer, inputs, np.ones_like(got.y))
        for name, gradient in (*native.items(), *by_input.items()):
            for part in gradient if isinstance(gradient, tuple) else (gradient,):
                finite(f"gradient of {name} after {length:g}", part)


def _numbered(states: tuple[Array, ...] | None) -> list[tuple[int, Array]]:
    return list(enumerate(states or ()))
