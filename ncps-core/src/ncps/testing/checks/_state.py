"""Does the state carry a sequence on, with a batch and without, over no step at all?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer, parameters
from ncps.conversion.tolerances import TOLERANCES, Bounds
from ncps.testing._cases import Case
from ncps.testing._check import ALL, SEQUENCE, check
from ncps.testing._compare import EXACT, close, outputs_close
from ncps.testing._judge import judge
from ncps.testing._subject import Output, Subject
from ncps.testing._variants import small


def state_argument(states: tuple[Any, ...]) -> Any:
    """States as a call takes them: one array alone, several in a tuple."""
    return states[0] if len(states) == 1 else states


@check(cases=small, forward_only=True)
def check_state_carry(subject: Subject, case: Case) -> None:
    """Splitting a sequence anywhere and carrying the state gives the result of one call."""
    layer = subject.make(case.spec())
    bounds = TOLERANCES[layer.dtype].values
    if layer.spec.kind == "cell":
        _chain_of_steps(subject, layer, case, bounds)
        return
    inputs = {**case.inputs(), "mask": case.random_mask(case.rng("mask"))}
    whole = subject.call(layer, inputs)
    for at in (1, case.steps // 2, case.steps - 1):
        _carries(subject, layer, inputs, at, whole, bounds)


def _carries(
    subject: Subject,
    layer: Layer,
    inputs: dict[str, Any],
    at: int,
    whole: Output,
    bounds: Bounds,
) -> None:
    timed = ("x", "timespans", "mask")
    head = {k: v[:, :at] if k in timed else v for k, v in inputs.items()}
    tail = {k: v[:, at:] if k in timed else v for k, v in inputs.items()}
    one = subject.call(layer, head)
    assert one.state is not None
    two = subject.call(layer, {**tail, "state": state_argument(one.state)})
    sequences = getattr(layer.spec, "return_sequences", True)
    y = np.concatenate([one.y, two.y], axis=1) if sequences else two.y
    outputs_close(Output(y, two.state), whole, bounds, f"split at step {at}: ")


def _chain_of_steps(subject: Subject, layer: Layer, case: Case, bounds: Bounds) -> None:
    inputs = case.inputs()
    values = parameters(layer)
    for step in range(4):
        inputs["x"] = inputs["x"] + np.float32(0.1)
        got = subject.call(layer, inputs)
        outputs_close(got, judge(layer.spec, values, inputs), bounds, f"step {step}: ")
        assert got.state is not None
        inputs["state"] = state_argument(got.state)


@check(cases=small, kinds=ALL, unbatched=True)
def check_unbatched(subject: Subject, case: Case) -> None:
    """Input without a batch axis gives the result of a batch of one, without that axis."""
    layer = subject.make(case.spec())
    inputs = case.inputs()
    if case.takes_mask:
        inputs["mask"] = case.random_mask(case.rng("mask"))
    row = {k: _row(v) for k, v in inputs.items()}
    got = subject.call(layer, row)
    batch = subject.call(layer, {k: _batch_of_one(v) for k, v in row.items()})
    states = None if batch.state is None else tuple(s[0] for s in batch.state)
    outputs_close(got, Output(batch.y[0], states), TOLERANCES[layer.dtype].values)
    if layer.spec.kind != "feedforward":
        state = layer.get_initial_state()
        found = [s.shape for s in (state if isinstance(state, (tuple, list)) else (state,))]
        expected = [shape for _, shape in layer.spec.state_shapes()]
        assert [tuple(f) for f in found] == expected, (
            f"get_initial_state() without a batch: expected shapes {expected}, got {found}"
        )


def _row(value: Any) -> Any:
    return tuple(v[-1] for v in value) if isinstance(value, tuple) else value[-1]


def _batch_of_one(value: Any) -> Any:
    return tuple(v[None] for v in value) if isinstance(value, tuple) else value[None]


@check(cases=small, kinds=SEQUENCE)
def check_empty_sequence(subject: Subject, case: Case) -> None:
    """No step at all gives no output and keeps the state."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    inputs["x"], inputs["timespans"] = inputs["x"][:, :0], inputs["timespans"][:, :0]
    got = subject.call(layer, inputs)
    expected = judge(layer.spec, parameters(layer), inputs)
    close("y", got.y, expected.y, TOLERANCES[layer.dtype].values)
    assert got.state is not None
    given = inputs["state"] if isinstance(inputs["state"], tuple) else (inputs["state"],)
    for i, (a, b) in enumerate(zip(got.state, given, strict=True)):
        close(f"state[{i}]", a, b, EXACT)
