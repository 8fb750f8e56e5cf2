"""Windows of a series with the observation that each must forecast, split by time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ncps.errors import ConfigError, DataError

from ._series import Floats, Series

Indices = npt.NDArray[np.intp]

SPLITS = ("train", "validation", "test")
_UNSPLIT = np.int8(-1)
_LARGEST = 1e140


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows of T consecutive observations, oldest window first.

    ``inputs`` (N, T) and ``target`` (N,) count observations of ``series``; a target of −1 is not
    known (the window lies at the end, or no observation falls near enough). ``split`` (N,) counts
    SPLITS, −1 where the target is unknown. ``lead`` (N,) is the time from the last input to the
    target, or the horizon. ``ends`` are the times of the last training and the last validation
    observation.
    """

    series: Series
    inputs: Indices
    target: Indices
    split: npt.NDArray[np.int8]
    lead: Floats
    horizon: float
    tolerance: float
    ends: tuple[float, float] = (np.inf, np.inf)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def last(self) -> Floats:
        """The last observed value of each window, (N,): the persistence forecast."""
        return self.series.values[self.inputs[:, -1]]

    @property
    def last_time(self) -> Floats:
        """The time of the last input, (N,)."""
        return self.series.time[self.inputs[:, -1]]

    @property
    def forecast_time(self) -> Floats:
        """The time that is forecast, (N,)."""
        return self.last_time + self.lead

    @property
    def actual(self) -> Floats:
        """The value to forecast, (N,); NaN where it is not known."""
        return np.where(self.target >= 0, self.series.values[self.target], np.nan)

    def take(self, rows: npt.NDArray[np.bool_]) -> Windows:
        """The windows that ``rows`` marks."""
        return replace(
            self,
            inputs=self.inputs[rows],
            target=self.target[rows],
            split=self.split[rows],
            lead=self.lead[rows],
        )

    def part(self, split: str) -> Windows:
        """The windows of "train", "validation" or "test"."""
        return self.take(self.split == SPLITS.index(split))

    def counts(self) -> dict[str, int]:
        """How many windows each split has."""
        return {name: int((self.split == k).sum()) for k, name in enumerate(SPLITS)}


def all_windows(series: Series, *, window: int, horizon: float, tolerance: float) -> Windows:
    """Every window of the series, those with an unknown target included, not yet split.

    The target is the observation nearest to (last input + horizon), at most ``tolerance`` away and
    later than the last input; the earlier of two equally near. Nothing is interpolated.
    """
    _check_fits(series, window)
    _check_magnitude(series)
    time = series.time
    last = np.arange(window - 1, len(series))
    goal = time[last] + horizon
    after = np.searchsorted(time, goal)
    before, after = after - 1, np.minimum(after, len(series) - 1)
    target = np.where(goal - time[before] <= np.abs(time[after] - goal), before, after)
    known = (np.abs(time[target] - goal) <= tolerance) & (target > last)
    return Windows(
        series=series,
        inputs=last[:, None] - np.arange(window)[::-1],
        target=np.where(known, target, -1),
        split=np.full(len(last), _UNSPLIT, dtype=np.int8),
        lead=np.where(known, time[target] - time[last], horizon),
        horizon=horizon,
        tolerance=tolerance,
    )


def make_windows(
    series: Series,
    *,
    window: int = 48,
    horizon: str | float | None = None,
    tolerance: str | float | None = None,
    fractions: tuple[float, float] = (0.7, 0.15),
) -> Windows:
    """The windows of a series whose target is known, split by the time of that target.

    Args:
        series: what to cut.
        window: observations in a window, T.
        horizon: how far ahead to forecast: a number in the clock's unit, or text such as "4w"; by
            default four times the median gap.
        tolerance: how far from the horizon the target may lie; by default a quarter of the horizon.
        fractions: of the observations, by time, for training and for validation; the rest is the
            test.

    A window belongs to the split in which its target lies, so training sees no observation, as
    input or target, that is later than the training period; later windows may look back into
    earlier periods.
    Raises: DataError when a split gets no window; ConfigError for a value that cannot be.
    """
    ahead = resolve(series, "horizon", horizon, 4 * series.gap)
    slack = resolve(series, "tolerance", tolerance, ahead / 4)
    train, validation = fractions
    if not (train > 0 and validation > 0 and train + validation < 1):
        raise ConfigError(
            f"fractions {fractions} leave a split empty; expected such as (0.7, 0.15)"
        )
    windows = all_windows(series, window=window, horizon=ahead, tolerance=slack)
    ends = [series.time[max(round(len(series) * f) - 1, 0)] for f in (train, train + validation)]
    windows = assign_splits(windows, (float(ends[0]), float(ends[1])))
    windows = windows.take(windows.split >= 0)
    _check_filled(windows, window)
    return windows


def assign_splits(windows: Windows, ends: tuple[float, float]) -> Windows:
    """The windows split by the time of their target: up to ends[0], up to ends[1], later."""
    time = windows.series.time[windows.target]
    split = np.searchsorted(np.asarray(ends), time).astype(np.int8)
    return replace(windows, ends=ends, split=np.where(windows.target >= 0, split, _UNSPLIT))


def resolve(series: Series, option: str, length: str | float | None, default: float) -> float:
    """A length of time in the clock's unit, from text, a number or nothing."""
    if length is None:
        return default
    if isinstance(length, str):
        return series.clock.duration(option, length)
    if not 0 < length < np.inf:
        raise ConfigError(f"{option} {length!r} is not a positive length of time")
    return float(length)


def _check_fits(series: Series, window: int) -> None:
    if window < 2:
        raise ConfigError(f"window {window} is too short; expected at least 2 observations")
    if len(series) < window:
        raise DataError(
            f"{series.name}: {len(series)} observations are too few for a window of {window}; "
            "use a smaller window or a longer series"
        )


def _check_magnitude(series: Series) -> None:
    """DataError when squares of the numbers, as in a mean squared error, would over- or underflow.

    That is outside 1e-140 to 1e140; zero is fine.
    """
    columns = (np.append(np.diff(series.time), series.time), series.values, *series.features.T)
    for name, numbers in zip(series.columns, columns, strict=True):
        largest = float(np.abs(numbers).max())
        if largest != 0 and not 1 / _LARGEST < largest < _LARGEST:
            size = "large" if largest > 1 else "small"
            raise DataError(
                f"{series.name}: the numbers in column {name!r}, up to {largest:.3g}, are too "
                f"{size} to compute with; give them in another unit"
            )


def _check_filled(windows: Windows, window: int) -> None:
    empty = [name for name, count in windows.counts().items() if count == 0]
    if empty:
        series = windows.series
        ahead, slack = map(series.clock.describe, (windows.horizon, windows.tolerance))
        raise DataError(
            f"{series.name}: {len(series)} observations give no {empty[0]} window of {window} with "
            f"a target {ahead} ± {slack} ahead; "
            "use a smaller window, a horizon near which there are observations, or a longer series"
        )
