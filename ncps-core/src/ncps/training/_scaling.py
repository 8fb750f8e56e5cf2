"""Scaling, fitted on the training windows alone, between a series' units and what a model sees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ncps.errors import DataError

from ._batch import Batch
from ._series import Floats
from ._windows import Windows

ROUNDING = 1e-12
_FARTHEST = 1e15


@dataclass(frozen=True)
class Scaling:
    r"""The numbers that turn windows into a batch and a prediction into a forecast.

    With v the values, t the times, L the last input and F the forecast time, the model sees
    :math:`x_i = ((v_i - v_L)/s_v,\ ((t_i - t_F)/g - m_a)/s_a,\ \text{features})`,
    :math:`\Delta t_i = (t_i - t_{i-1})/g` with g the median gap and Δt = 1 at the first step, and
    the context :math:`((v_L - m_v)/s_l,\ ((t_F - t_L)/g - m_f)/s_f)`. It predicts the residual to
    persistence, :math:`(v_F - v_L)/s_y`, so that a model that knows nothing forecasts the last
    value.
    """

    gap: float
    value_scale: float
    age: tuple[float, float]
    level: tuple[float, float]
    lead: tuple[float, float]
    target_scale: float
    features: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        divisors = {name: getattr(self, name) for name in ("gap", "value_scale", "target_scale")}
        divisors |= {name: getattr(self, name)[1] for name in ("age", "level", "lead")}
        divisors |= {f"features[{k}]": scale for k, (_, scale) in enumerate(self.features)}
        for name, divisor in divisors.items():
            if not divisor > 0:
                raise DataError(f"scaling.{name} is {divisor!r}, expected more than 0")

    @classmethod
    def fit(cls, train: Windows) -> Scaling:
        """The scaling of the training windows, which are all it looks at."""
        series, seen = train.series, slice(train.target.max() + 1)
        gap = float(np.median(np.diff(series.time[seen])))
        relative = series.values[train.inputs] - train.last[:, None]
        columns = np.moveaxis(series.features[train.inputs], -1, 0)
        size, span = magnitude(series.values[seen]), magnitude(series.time[seen]) / gap
        change = train.actual - train.last
        return cls(
            gap=gap,
            value_scale=_nonzero(np.sqrt(np.mean(relative**2)), size, size),
            age=_moments(_age(train) / gap, span, 1.0),
            level=_moments(train.last, size, size),
            lead=_moments(train.lead / gap, span, 1.0),
            target_scale=_nonzero(np.sqrt(np.mean(change**2)), size, size),
            features=tuple(
                _moments(column, magnitude(column), magnitude(column)) for column in columns
            ),
        )

    def batch(self, windows: Windows) -> Batch:
        """The windows as a model sees them; a target that is not known becomes 0."""
        inputs, series = windows.inputs, windows.series
        relative = (series.values[inputs] - windows.last[:, None]) / self.value_scale
        columns = [relative, _standard(_age(windows) / self.gap, self.age)]
        for column, moments in enumerate(self.features):
            columns.append(_standard(series.features[inputs, column], moments))
        elapsed = np.diff(series.time[inputs], axis=1) / self.gap
        timespans = np.concatenate([np.ones((len(windows), 1)), elapsed], axis=1)
        context = [
            _standard(windows.last, self.level),
            _standard(windows.lead / self.gap, self.lead),
        ]
        residual = np.nan_to_num((windows.actual - windows.last) / self.target_scale)
        _check_range(windows, *columns, timespans, np.stack(context, axis=-1), residual[:, None])
        return Batch(
            x=np.stack(columns, axis=-1).astype(np.float32),
            timespans=timespans.astype(np.float32),
            mask=np.ones(inputs.shape, dtype=np.bool_),
            context=np.stack(context, axis=-1).astype(np.float32),
            target=residual[:, None].astype(np.float32),
        )

    def forecast(self, windows: Windows, prediction: Floats) -> Floats:
        """The forecast in the series' unit, (N,), from the model's prediction, (N, 1)."""
        return windows.last + self.target_scale * prediction[:, 0].astype(np.float64)

    def to_config(self) -> dict[str, Any]:
        """As JSON can hold it, every digit kept."""
        return asdict(self)


def _age(windows: Windows) -> Floats:
    """Time from the forecast's moment back to each input, (N, T), negative."""
    return windows.series.time[windows.inputs] - windows.forecast_time[:, None]


def magnitude(values: Floats) -> float:
    """The largest absolute value: against it, a change is one or is rounding."""
    return float(np.abs(values).max())


def _check_range(windows: Windows, *columns: Floats) -> None:
    """DataError when a number is so far from the training's that its square leaves float32."""
    far = np.max([np.abs(column).max(axis=1) for column in columns], axis=0)
    worst = int(np.argmax(far))
    if not far[worst] < _FARTHEST:
        series = windows.series
        raise DataError(
            f"{series.name}: in the window that ends at "
            f"{series.clock.format(windows.last_time[worst])} a number is {far[worst]:.0e} times "
            "the scale of the training windows; look for outliers"
        )


def _moments(values: Floats, size: float, unit: float) -> tuple[float, float]:
    return float(values.mean()), _nonzero(values.std(), size, unit)


def _nonzero(scale: float | np.floating[Any], size: float, unit: float) -> float:
    # a column that never changes in training, but for the rounding of numbers of this size, keeps
    # a unit instead of dividing by (almost) nothing
    return float(scale) if scale > ROUNDING * size else unit or 1.0


def _standard(values: Floats, moments: tuple[float, float]) -> Floats:
    mean, scale = moments
    return (values - mean) / scale
