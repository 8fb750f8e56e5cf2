"""Elapsed times and points in time: one from the other, in every form that layers take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ncps.dynamics._functions import as_array, functions_of, host
from ncps.errors import ShapeError, SpecError
from ncps.specs import Spec, _validate, inputs
from ncps.specs.inputs import Axes


@dataclass(frozen=True)
class TimeManager:
    """Timespans and timestamps, and the unit that makes a series' gaps about 1.

    Timespans say how much time went by before each step; `unit` is a length of time in the data's
    own unit, by which `normalise` divides. Shapes are those of a layer's call: (), (T,), (B, T) or
    (B, T, 1), arrays of any framework.

    Raises: SpecError when the unit is not a positive number.
    """

    unit: float = 1.0

    def __post_init__(self) -> None:
        if _validate.at_least_zero("TimeManager", "unit", self.unit) == 0.0:
            raise SpecError(
                f"TimeManager expected a unit > 0, got {self.unit!r}. "
                "Pass a length of time in the data's own unit."
            )

    def timespans(self, timestamps: Any) -> Any:
        """Δt of points in time: their differences, the first one 0.

        Raises: ShapeError when there is no time axis, or when time goes backwards.
        """
        times = as_array(timestamps)
        axis = _time_axis(times)
        before, after = _cut(times, axis, 0, -1), _cut(times, axis, 1, None)
        first = _cut(times, axis, 0, 1)
        spans = functions_of(times).concatenate([first - first, after - before], axis)
        return _forward("timestamps", spans)

    def timestamps(self, timespans: Any, start: float = 0.0) -> Any:
        """The points in time at which the steps end that begin at `start`."""
        spans = _forward("timespans", as_array(timespans))
        return start + functions_of(spans).cumsum(spans, _time_axis(spans))

    def fitted(self, timespans: Any) -> TimeManager:
        """One whose unit is the mean of all gaps above 0; this one when there is none."""
        spans = host(as_array(timespans))
        gaps = spans[spans > 0]
        return TimeManager(float(gaps.mean())) if gaps.size else self

    def normalise(self, times: Any) -> Any:
        """Timespans or timestamps in units of `unit`."""
        return as_array(times) / self.unit

    def restore(self, times: Any) -> Any:
        """The inverse of `normalise`."""
        return as_array(times) * self.unit

    def validated(self, timespans: Any, batch_size: int, steps: int) -> Any:
        """Timespans in any form as (B, T).

        Raises: ShapeError for another shape, and for a time that is negative or not finite.
        """
        spans = as_array(timespans)
        target = inputs.timespans_shape(_Times(), Axes(batch_size, steps, True), tuple(spans.shape))
        functions = functions_of(spans)
        spans = functions.reshape(_forward("timespans", spans), target)
        return functions.broadcast_to(spans, (batch_size, steps))


class _Times(Spec):
    """What the shared checks of inputs need to know of a caller."""

    layer: ClassVar[str] = "TimeManager"
    kind: ClassVar[Any] = "sequence"


def _time_axis(times: Any) -> int:
    rank = len(times.shape)
    if rank not in (1, 2, 3) or (rank == 3 and times.shape[2] != 1):
        raise ShapeError(
            f"TimeManager expected times (T,), (B, T) or (B, T, 1), got {tuple(times.shape)}. "
            "Pass one time per step."
        )
    return 0 if rank == 1 else 1


def _cut(times: Any, axis: int, start: int, stop: int | None) -> Any:
    return times[(slice(None),) * axis + (slice(start, stop),)]


def _forward(name: str, spans: Any) -> Any:
    try:
        values = host(spans)
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        # inside compile, vmap or jit there are no values to look at
        return spans
    # written so that NaN fails too
    if values.size and not (values.min() >= 0 and values.max() < np.inf):
        got = values.min() if values.min() < 0 else values.max()
        raise inputs.bad_time(_Times(), name, float(got), str(values.dtype))
    return spans
