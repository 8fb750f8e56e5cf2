"""Does a feed-forward layer that streams carry a sequence on, in any pieces, to its end?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ncps.canonical import Layer, parameters
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ShapeError, SpecError
from ncps.specs import Spec
from ncps.testing._arrays import Array, claimed_dtypes, dtype_name
from ncps.testing._cases import Case
from ncps.testing._check import FEEDFORWARD, check
from ncps.testing._compare import EXACT, close, outputs_close, raises
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import small
from ncps.testing.checks._values import rounded


def _streams(spec: Spec) -> bool:
    return spec.streams


def _whole_only(spec: Spec) -> bool:
    return spec.masked and not spec.streams


def _bounded(spec: Spec) -> bool:
    return spec.max_steps is not None


@check(cases=small, kinds=FEEDFORWARD, when=_streams)
def check_streamed_pieces(subject: Subject, case: Case) -> None:
    """A sequence in pieces of any sizes, each with the state of those before, is one call's."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    x, bounds = inputs["x"], TOLERANCES[layer.dtype].values
    for what, mask in {"": None, "masked: ": case.random_mask(case.rng("mask"))}.items():
        given = inputs if mask is None else {**inputs, "mask": mask}
        whole = subject.call(layer, given).y
        for sizes in _partitions(x.shape[1]):
            y = _in_pieces(subject, layer, x, mask, sizes)
            close(f"{what}in pieces of {sizes}: y", y, whole, bounds)
    late = np.ones(x.shape[:2], dtype=bool)
    late[0, -2:] = False
    whole = subject.call(layer, {**inputs, "mask": late}).y
    one, state = step(subject, layer, x[:, :-2])
    two, _ = step(subject, layer, x[:, -2:], state, late[:, -2:])
    close("a mask in the last piece alone: y", np.concatenate([one, two], axis=1), whole, bounds)


def _partitions(steps: int) -> Iterator[tuple[int, ...]]:
    """Ways to cut a sequence: one by one, from any start, in growing pieces, at once."""
    yield (1,) * steps
    for start in {2, steps // 2, steps - 1}:
        yield (start, *(1,) * (steps - start))
    yield (0, steps)
    yield (1, steps - 1)
    yield (steps - 1, 0, 1)
    growing: list[int] = []
    while sum(growing) < steps:
        growing.append(min(len(growing) + 1, steps - sum(growing)))
    yield tuple(growing)


def _in_pieces(
    subject: Subject, layer: Layer, x: Array, mask: Array | None, sizes: tuple[int, ...]
) -> Array:
    outputs, state, start = [], None, 0
    for size in sizes:
        at = slice(start, start + size)
        y, state = step(subject, layer, x[:, at], state, None if mask is None else mask[:, at])
        outputs.append(y)
        start += size
    return np.concatenate(outputs, axis=1)


@check(cases=small, kinds=FEEDFORWARD, when=_streams)
def check_streamed_states(subject: Subject, case: Case) -> None:
    """A state is a value: it can be carried on again, and otherwise, after later ones exist."""
    layer, x = subject.make(case.spec()), case.inputs()["x"]
    half = x.shape[1] // 2
    _, one = step(subject, layer, x[:, :half])
    two, after = step(subject, layer, x[:, half : half + 1], one)
    three, _ = step(subject, layer, x[:, half + 1 :], after)
    again, _ = step(subject, layer, x[:, half : half + 1], one)
    close("y of a step from a state used before", again, two, EXACT)
    again, _ = step(subject, layer, x[:, half + 1 :], after)
    close("y of steps from a state used before", again, three, EXACT)
    bounds = TOLERANCES[layer.dtype].values
    other = np.concatenate([x[:, :half], x[::-1, half:]], axis=1)
    rest, _ = step(subject, layer, other[:, half:], one)
    whole = subject.call(layer, {"x": other}).y
    close("another end from a state used before: y", rest, whole[:, half:], bounds)


@check(cases=small, kinds=FEEDFORWARD, when=_streams)
def check_streamed_dtypes(subject: Subject, case: Case) -> None:
    """Steps compute and return in the layer's dtype, with a batch and without."""
    for dtype in claimed_dtypes(subject.arrays):
        layer = subject.make(case.spec(), dtype=dtype)
        inputs = rounded(subject, case.inputs(), dtype)
        expected = judge(layer.spec, parameters(layer), inputs).y
        state, outputs = None, []
        for part in np.array_split(inputs["x"], 3, axis=1):
            y, state = _native_step(subject, layer, part, state)
            found = dtype_name(y)
            assert found == dtype, f"y of a step: expected dtype {dtype}, got {found}"
            outputs.append(subject.arrays.numpy(y))
        close(f"{dtype} y", np.concatenate(outputs, axis=1), expected, TOLERANCES[dtype].values)
        state, outputs = None, []
        for part in np.array_split(inputs["x"][0], 3):
            y, state = step(subject, layer, part, state, np.ones(len(part), dtype=bool))
            outputs.append(y)
        bounds = TOLERANCES[dtype].values
        close(f"without a batch: {dtype} y", np.concatenate(outputs), expected[0], bounds)


@check(cases=small, kinds=FEEDFORWARD, when=_streams)
def check_streamed_arguments(subject: Subject, case: Case) -> None:
    """A piece, mask or state that does not fit raises ShapeError, and says what was expected."""
    layer, x = subject.make(case.spec()), case.inputs()["x"]
    _, state = step(subject, layer, x)
    rows, steps = x.shape[:2]
    one = x[:, :1]
    wrong: dict[str, tuple[Any, ...]] = {
        "the state of another batch": (one[:1], state),
        "a piece with an axis too many": (one[None], None),
        "a mask of too many steps": (one, None, np.ones((rows, 2), dtype=bool)),
        "a mask without a batch": (x, None, np.ones(steps, dtype=bool)),
    }
    if layer.spec.sized:
        wrong["a piece with a feature too many"] = (np.zeros((rows, 1, x.shape[-1] + 1), x.dtype),)
    for what, given in wrong.items():
        raises(ShapeError, lambda given=given: step(subject, layer, *given), what)  # type: ignore[misc]


@check(cases=small, kinds=FEEDFORWARD, when=_whole_only)
def check_whole_sequences_only(subject: Subject, case: Case) -> None:
    """A layer that sees later steps refuses to step, and says why."""
    layer, x = subject.make(case.spec()), case.inputs()["x"]
    if hasattr(layer, "step"):
        raises(SpecError, lambda: step(subject, layer, x[:, :1]), "a step")


@check(cases=small, kinds=FEEDFORWARD, when=_bounded)
def check_longest_sequence(subject: Subject, case: Case) -> None:
    """A sequence may have as many steps as the spec says, and one more raises ShapeError."""
    layer = subject.make(case.spec())
    steps = layer.spec.max_steps
    assert steps is not None
    inputs = replace(case, steps=steps).inputs()
    expected = judge(layer.spec, parameters(layer), inputs)
    outputs_close(subject.call(layer, inputs), expected, TOLERANCES[layer.dtype].values)
    x = inputs["x"]
    longer = np.concatenate([x, x[:, :1]], axis=1)
    ways: dict[str, Callable[[], object]] = {
        "a call": lambda: subject.call(layer, {"x": longer}),
        "compute_output_shape": lambda: layer.compute_output_shape(longer.shape),
    }
    if layer.spec.streams:
        _, state = step(subject, layer, x)
        ways["one piece"] = lambda: step(subject, layer, longer)
        ways["one step more"] = lambda: step(subject, layer, x[:, :1], state)
    for what, way in ways.items():
        raises(ShapeError, way, f"{steps + 1} steps in {what}")


def step(
    subject: Subject, layer: Layer, x: Array, state: Any = None, mask: Array | None = None
) -> tuple[Array, Any]:
    """Output of one piece as a NumPy array, and the layer's own new state."""
    y, new = _native_step(subject, layer, x, state, mask)
    return subject.arrays.numpy(y), new


def _native_step(
    subject: Subject, layer: Layer, x: Array, state: Any = None, mask: Array | None = None
) -> tuple[Any, Any]:
    native = subject.native({"x": x, "mask": mask}, layer.dtype)
    streaming: Any = layer
    result: tuple[Any, Any] = streaming.step(native["x"], state, mask=native["mask"])
    return result
