"""Does a masked step keep the state and repeat the output?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.testing._arrays import Array, has_dtype
from ncps.testing._cases import Case
from ncps.testing._check import SEQUENCE, check
from ncps.testing._compare import EXACT, close, outputs_close
from ncps.testing._judge import judge
from ncps.testing._subject import Output, Subject
from ncps.testing._variants import first, small
from ncps.testing.checks._values import compare_gradients


def _masked(case: Case) -> dict[str, Any]:
    return {**case.inputs(), "mask": case.random_mask(case.rng("mask"))}


@check(cases=small, kinds=SEQUENCE)
def check_masked_steps(subject: Subject, case: Case) -> None:
    """A masked step keeps the state and repeats the output, whatever stands in it."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    del inputs["timespans"]
    got = subject.call(layer, inputs)
    expected = judge(layer.spec, parameters(layer), inputs)
    outputs_close(got, expected, TOLERANCES[layer.dtype].values)
    skipped = ~inputs["mask"]
    if layer.spec.forward_only and layer.spec.return_sequences:  # type: ignore[attr-defined]
        for t in range(1, case.steps):
            rows = skipped[:, t]
            close(f"y at masked step {t}", got.y[rows, t], got.y[rows, t - 1], EXACT)
    for filler in (1e3, np.nan):
        x = filled(inputs["x"], skipped, filler)
        again = subject.call(layer, {**inputs, "x": x})
        outputs_close(again, got, EXACT, f"with x = {filler} in masked steps: ")


def filled(x: Array, skipped: Array, filler: float) -> Array:
    """x with something else in masked steps; indices are left to be others of the table."""
    if not has_dtype(x):
        return np.where(skipped, x[::-1], x)
    return np.where(skipped[..., None], np.float32(filler), x)


@check(cases=first, kinds=SEQUENCE, gradients=True)
def check_masked_gradients(subject: Subject, case: Case) -> None:
    """What stands in a masked step, NaN included, has no part in any gradient."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    skipped = ~inputs["mask"]
    for filler in (0.0, np.nan):
        x = filled(inputs["x"], skipped, filler)
        compare_gradients(subject, layer, case, {**inputs, "x": x})


@check(cases=small, kinds=SEQUENCE)
def check_fully_masked(subject: Subject, case: Case) -> None:
    """A sequence of masked steps gives back the state, and its readout at every step."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    inputs["mask"][:] = False
    got = subject.call(layer, inputs)
    expected = judge(layer.spec, parameters(layer), inputs)
    close("y", got.y, expected.y, TOLERANCES[layer.dtype].values)
    assert got.state is not None
    given = inputs["state"] if isinstance(inputs["state"], tuple) else (inputs["state"],)
    for i, (a, b) in enumerate(zip(got.state, given, strict=True)):
        close(f"state[{i}]", a, b, EXACT)


@check(cases=small, kinds=SEQUENCE)
def check_padding(subject: Subject, case: Case) -> None:
    """Right padding under a mask gives each row the result of its shorter sequence."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    lengths = np.array([case.steps, case.steps // 2, 1])
    inputs["mask"] = np.arange(case.steps) < lengths[:, None]
    whole = subject.call(layer, inputs)
    assert whole.state is not None
    for row, length in enumerate(lengths):
        short = {name: inputs[name][row : row + 1, :length] for name in ("x", "timespans")}
        alone = subject.call(layer, {**short, "state": _row(inputs["state"], row)})
        y = whole.y[row : row + 1]
        padded = Output(y[:, :length] if y.ndim == 3 else y, _row(whole.state, row))
        what = f"row of length {length} in {case.steps} steps: "
        outputs_close(padded, alone, TOLERANCES[layer.dtype].values, what)


def _row(state: Any, row: int) -> Any:
    if isinstance(state, tuple):
        return tuple(s[row : row + 1] for s in state)
    return state[row : row + 1]


@check(cases=small, kinds=SEQUENCE)
def check_mask_and_timespans(subject: Subject, case: Case) -> None:
    """Mask and elapsed times work together: a masked step's time does not count."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    bounds = TOLERANCES[layer.dtype].values
    values = parameters(layer)
    got = subject.call(layer, inputs)
    outputs_close(got, judge(layer.spec, values, inputs), bounds)
    timespans = inputs.pop("timespans")
    other = np.where(inputs["mask"], timespans, np.float32(50.0))
    again = subject.call(layer, {**inputs, "timespans": other})
    outputs_close(again, got, EXACT, "with other timespans in masked steps: ")
    stamped = {**inputs, "timestamps": np.cumsum(timespans, axis=1)}
    got = subject.call(layer, stamped)
    outputs_close(got, judge(layer.spec, values, stamped), bounds, "with timestamps: ")
