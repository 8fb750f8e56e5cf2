"""Checks of call arguments by shape alone, shared by every technology.

Each function gets shapes, never arrays, and says what shape to reshape to: a technology checks
with these and then only reshapes, so that the same mistake reads the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ncps.errors import ShapeError
from ncps.specs._base import Spec

Sizes = tuple[int, ...]
Forms = list[tuple[Sizes, tuple[int, int]]]


@dataclass(frozen=True)
class Axes:
    """Lengths of the axes of a checked input; without a batch axis, batch is 1."""

    batch: int
    steps: int
    batched: bool


def sequence_axes(spec: Spec, x: Sizes) -> Axes:
    """The axes of x (B, T, D) or (T, D), of indices (B, T) or (T,); ShapeError otherwise."""
    if spec.indices:
        spec.check_features(x, (1, 2), "(B, T) or (T,)")
        return Axes(x[0], x[1], True) if len(x) == 2 else Axes(1, x[0], False)
    spec.check_features(x, (2, 3), "(B, T, D) or (T, D)")
    return Axes(x[0], x[1], True) if len(x) == 3 else Axes(1, x[0], False)


def cell_axes(spec: Spec, x: Sizes) -> Axes:
    """The axes of x (B, D) or (D,), one step; ShapeError otherwise."""
    spec.check_features(x, (1, 2), "(B, D) or (D,)")
    return Axes(x[0], 1, True) if len(x) == 2 else Axes(1, 1, False)


def timespans_shape(spec: Spec, axes: Axes, shape: Sizes) -> tuple[int, int]:
    """The (B or 1, T or 1) that timespans of this shape stand for.

    Sequence: (), (T,), (B, T), (B, T, 1); without a batch (), (T,), (T, 1).
    Cell: (), (B,), (B, 1); without a batch (), (1,).
    """
    batch, steps = axes.batch, axes.steps
    forms: Forms
    if spec.kind == "cell":
        forms = [((), (1, 1)), ((batch,), (batch, 1))]
        if axes.batched:
            forms.append(((batch, 1), (batch, 1)))
        return _one_of(spec, "timespans", (batch,), shape, forms)
    forms = [((), (1, 1)), ((steps,), (1, steps))]
    if axes.batched:
        forms += [((batch, steps), (batch, steps)), ((batch, steps, 1), (batch, steps))]
    else:
        forms.append(((steps, 1), (1, steps)))
    expected = (batch, steps) if axes.batched else (steps,)
    return _one_of(spec, "timespans", expected, shape, forms)


def timestamps_shape(spec: Spec, axes: Axes, shape: Sizes) -> tuple[int, int]:
    """The (B or 1, T) that timestamps of this shape stand for; they need two steps or more."""
    if axes.steps < 2:
        raise ShapeError(
            f"{spec.layer} expected timestamps of two steps or more, got {axes.steps}: one time "
            "says nothing about how much time went by. Pass timespans instead."
        )
    if shape == ():
        raise ShapeError(
            f"{spec.layer} expected timestamps {(axes.batch, axes.steps)}, got a scalar. "
            "Pass one time per step, or timespans=1.0 for an even spacing."
        )
    return timespans_shape(spec, axes, shape)


def check_mask(spec: Spec, axes: Axes, shape: Sizes) -> None:
    """ShapeError unless the mask is (B, T), or (T,) without a batch."""
    expected = (axes.batch, axes.steps) if axes.batched else (axes.steps,)
    if shape != expected:
        raise ShapeError(
            f"{spec.layer} expected mask {expected}, got {shape}. "
            "Pass True for each real step and False for each step to skip."
        )


def check_state(spec: Spec, axes: Axes, shapes: tuple[Sizes, ...]) -> None:
    """ShapeError unless the state has one (B, …) array for each name of `state_shapes`."""
    names = spec.state_shapes()
    lead = (axes.batch,) if axes.batched else ()
    expected = tuple((*lead, *shape) for _, shape in names)
    if shapes != expected:
        what = ", ".join(f"{n} {s}" for (n, _), s in zip(names, expected, strict=True))
        raise ShapeError(
            f"{spec.layer} expected state {what}, got {', '.join(map(str, shapes)) or 'nothing'}. "
            "Pass the state that the layer returned, or None to start from zeros."
        )


def check_one_time(spec: Spec, timespans: object, timestamps: object) -> None:
    """ShapeError when both are given."""
    if timespans is not None and timestamps is not None:
        raise ShapeError(
            f"{spec.layer} expected timespans or timestamps, got both. Pass one of them."
        )


def bad_time(spec: Spec, name: str, got: float, dtype: str) -> ShapeError:
    """The error for an elapsed time that is negative, not a number, or too long for the dtype."""
    if got < 0:
        advice = "Sort the series by time" if name == "timestamps" else "Pass elapsed times"
    else:
        advice = "Leave out steps without a time, or take a larger unit of time"
    return ShapeError(
        f"{spec.layer} expected {name} with every elapsed time >= 0 and finite in {dtype}, "
        f"got {got:g}. {advice}."
    )


def _one_of(spec: Spec, name: str, expected: Sizes, shape: Sizes, forms: Forms) -> tuple[int, int]:
    # compared, never hashed: in an export the length of an axis may be a symbol
    for form, target in forms:
        if form == shape:
            return target
    raise ShapeError(
        f"{spec.layer} expected {name} {expected}, got {shape}. "
        "Pass one elapsed time per step, or a scalar for all."
    )
