"""Are several layers and two directions what the reference makes of them?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer, load_parameters, parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.testing._cases import Case
from ncps.testing._check import SEQUENCE, check
from ncps.testing._compare import outputs_close, same_arrays
from ncps.testing._judge import judge
from ncps.testing._subject import Output, Subject
from ncps.testing._variants import composed
from ncps.testing.checks._parameters import other_values
from ncps.testing.checks._values import compare_gradients


@check(cases=composed, kinds=SEQUENCE)
def check_layers_and_directions(subject: Subject, case: Case) -> None:
    """Several layers and two directions are the reference's, in names, values and time."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    _as_judged(subject, layer, inputs, "")
    scalar = {**inputs, "timespans": 0.5}
    _as_judged(subject, layer, scalar, "timespans 0.5: ")
    stamped = {k: v for k, v in inputs.items() if k != "timespans"}
    stamped["timestamps"] = np.cumsum(np.round(inputs["timespans"] * 8) / 8, axis=-1)
    _as_judged(subject, layer, stamped, "timestamps: ")
    _as_judged(subject, layer, {"x": inputs["x"]}, "x alone: ")
    if case.batch is not None:
        lengths = np.array([case.steps, case.steps // 2, 0])
        padded = {**inputs, "mask": np.arange(case.steps) < lengths[:, None]}
        _as_judged(subject, layer, padded, "padded: ")
        empty = {k: v if k == "state" else v[:, :0] for k, v in inputs.items()}
        _as_judged(subject, layer, empty, "no step: ")
    values = other_values(case)
    load_parameters(layer, values)
    same_arrays("after load_parameters: parameter", parameters(layer), values)
    _as_judged(subject, layer, inputs, "with other parameters: ")


@check(cases=composed, kinds=SEQUENCE, gradients=True)
def check_composed_gradients(subject: Subject, case: Case) -> None:
    """Gradients through several layers and two directions are the reference's."""
    compare_gradients(subject, subject.make(case.spec()), case, case.inputs())


def _as_judged(subject: Subject, layer: Layer, inputs: dict[str, Any], what: str) -> None:
    got, expected = subject.call(layer, inputs), judge(layer.spec, parameters(layer), inputs)
    returned = Output(expected.y, None if got.state is None else expected.state)
    outputs_close(got, returned, TOLERANCES[layer.dtype].values, what)
