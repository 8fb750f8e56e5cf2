"""Does a feed-forward layer that takes a mask leave masked steps out of everything?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ShapeError
from ncps.specs import Spec
from ncps.testing._cases import Case
from ncps.testing._check import FEEDFORWARD, check
from ncps.testing._compare import EXACT, close, outputs_close, raises
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import first, small
from ncps.testing.checks._masks import filled
from ncps.testing.checks._values import compare_gradients


def masked(spec: Spec) -> bool:
    """Whether a call takes a mask."""
    return spec.masked


def _masked(case: Case) -> dict[str, Any]:
    return {**case.inputs(), "mask": case.random_mask(case.rng("mask"))}


@check(cases=small, kinds=FEEDFORWARD, when=masked)
def check_hidden_steps(subject: Subject, case: Case) -> None:
    """Whatever stands in a masked step, NaN included, has no part in y, which is 0 there."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    bounds, values = TOLERANCES[layer.dtype].values, parameters(layer)
    got = subject.call(layer, inputs)
    outputs_close(got, judge(layer.spec, values, inputs), bounds)
    skipped = ~inputs["mask"]
    for filler in (1e3, np.nan):
        x = filled(inputs["x"], skipped, filler)
        again = subject.call(layer, {**inputs, "x": x})
        outputs_close(again, got, EXACT, f"with x = {filler} in masked steps: ")
    hidden = {**inputs, "mask": np.zeros_like(skipped)}
    nothing = subject.call(layer, hidden)
    outputs_close(nothing, judge(layer.spec, values, hidden), bounds, "all steps masked: ")
    if got.y.ndim == 3:  # there is an output for each step
        close("y at masked steps", got.y[skipped], np.zeros_like(got.y[skipped]), EXACT)
        close("y with all steps masked", nothing.y, np.zeros_like(nothing.y), EXACT)


@check(cases=lambda layer: small(layer)[:3], kinds=FEEDFORWARD, gradients=True, when=masked)
def check_hidden_gradients(subject: Subject, case: Case) -> None:
    """What stands in a masked step, NaN included, has no part in any gradient of such a layer."""
    layer, inputs = subject.make(case.spec()), _masked(case)
    inputs["mask"][0] = False
    for filler in (0.0, np.nan):
        x = filled(inputs["x"], ~inputs["mask"], filler)
        compare_gradients(subject, layer, case, {**inputs, "x": x})


@check(cases=small, kinds=FEEDFORWARD, when=masked)
def check_padded_rows(subject: Subject, case: Case) -> None:
    """Padding under a mask, on either side, gives each row the outputs of its steps alone."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    x = inputs["x"]
    bounds, steps = TOLERANCES[layer.dtype].values, x.shape[1]
    for length in (1, steps // 2, steps - 1):
        for where in (slice(0, length), slice(steps - length, steps)):
            mask = np.zeros(x.shape[:2], dtype=bool)
            mask[:, where] = True
            got = subject.call(layer, {**inputs, "mask": mask}).y
            alone = subject.call(layer, {**inputs, "x": x[:, where]}).y
            what = f"steps {where.start} to {where.stop} of {steps} beside them alone: y"
            close(what, got[:, where] if got.ndim == 3 else got, alone, bounds)


@check(cases=first, kinds=FEEDFORWARD, when=masked)
def check_mask_shapes(subject: Subject, case: Case) -> None:
    """A mask that does not fit x raises ShapeError, and says what was expected."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    rows, steps = inputs["x"].shape[:2]
    wrong = {
        "a mask of too many steps": (rows, steps + 1),
        "a mask of too few steps": (rows, steps - 1),
        "a mask for another batch": (rows + 1, steps),
        "a mask without a batch": (steps,),
        "a mask with an axis too many": (rows, steps, 1),
    }
    for what, shape in wrong.items():
        given = {**inputs, "mask": np.ones(shape, dtype=bool)}
        raises(ShapeError, lambda given=given: subject.call(layer, given), what)  # type: ignore[misc]
