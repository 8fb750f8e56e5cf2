"""Forecasting with a trained folder, in any technology that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ncps import canonical, registry
from ncps.errors import DataError

from ._config import RunConfig, read_config
from ._metrics import Errors
from ._model import run_model
from ._series import Floats, Series, load_series
from ._windows import SPLITS, Windows, all_windows, assign_splits


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast for every window of a series, also for the latest, whose actual is not known.

    ``scaled`` (N,) is what the model put out; ``values`` (N,) the forecasts in the series' unit.
    ``trained_on`` tells that the series is the one of the training, so ``windows.split`` is its
    split.
    """

    windows: Windows
    values: Floats
    scaled: Floats
    unit: str
    provider: str
    trained_on: bool

    def errors(self) -> dict[str, Errors]:
        """The error by split for the series of the training, else over all known actuals."""
        actual = self.windows.actual
        if not self.trained_on:
            return {"all": Errors.of(self.values, actual)}
        return {
            name: Errors.of(self.values[self.windows.split == k], actual[self.windows.split == k])
            for k, name in enumerate(SPLITS)
        }

    def rows(self) -> list[tuple[str, ...]]:
        """Last observation's time, forecast time, forecast and actual ("" if unknown), as text."""
        clock, windows = self.windows.series.clock, self.windows
        return [
            (
                clock.format(windows.last_time[n]),
                clock.format(windows.forecast_time[n]),
                repr(float(self.values[n])),
                "" if np.isnan(windows.actual[n]) else repr(float(windows.actual[n])),
            )
            for n in range(len(windows))
        ]


def forecast(
    folder: str | Path,
    series: str | Path | Series,
    *,
    technology: str | None = None,
    framework: str | None = None,
    drop: float | None = None,
    columns: Mapping[str, Any] | None = None,
) -> Forecast:
    """Forecast a series with the model that ``ncps train`` left in a folder.

    Args:
        folder: what ``ncps train`` wrote.
        series: a CSV, "co2", or a loaded series.
        technology: where the layers come from; None leaves it to the registry, "numpy" needs no
            framework.
        framework: the same by framework.
        drop: the part of the observations to drop; None drops what the training dropped if this is
            its series, so that the test forecasts are the training's, and nothing otherwise.
        columns: other arguments of ``load_series``; by default the columns of the training.

    Raises: FileFormatError for a folder that is none; DataError for a series that does not fit it,
    or for which the model puts out what is no number.
    """
    config = read_config(Path(folder))
    if not isinstance(series, Series):
        series = load_series(series, **{**_columns(config), **(columns or {})})
    windows, trained_on = _windows(series, config, drop)
    provider = registry.select(
        config.options.model.layer, technology=technology, framework=framework
    )
    layers = canonical.load(
        Path(folder) / "model.safetensors", technology=technology, framework=provider.framework
    )
    scaled = run_model(layers, provider.framework, config.scaling.batch(windows))
    values = config.scaling.forecast(windows, scaled)
    _check_finite(windows, values)
    return Forecast(windows, values, scaled[:, 0], config.unit, str(provider), trained_on)


def _windows(series: Series, config: RunConfig, drop: float | None) -> tuple[Windows, bool]:
    """The windows to forecast, split as in the training if the series is the training's."""
    _check_fits(series, config)
    trained_on = series.fingerprint == config.fingerprint
    options = config.options
    if drop is None:
        drop = options.data.drop if trained_on and not series.dropped else 0.0
    windows = all_windows(
        series.drop(drop, options.loop.seed),
        window=options.data.window,
        horizon=config.horizon,
        tolerance=config.tolerance,
    )
    return (assign_splits(windows, config.ends) if trained_on else windows), trained_on


def _columns(config: RunConfig) -> dict[str, Any]:
    time, value, *features = config.columns
    return {"time": time, "value": value, "features": features, "unit": config.unit}


def _check_finite(windows: Windows, values: Floats) -> None:
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        series = windows.series
        raise DataError(
            f"{series.name}: the forecast from {series.clock.format(windows.last_time[broken[0]])} "
            f"on is no number, with {len(broken) - 1} more such; look for outliers in the series, "
            "and whether the model's parameters are numbers"
        )


def _check_fits(series: Series, config: RunConfig) -> None:
    if series.features.shape[1] != len(config.columns) - 2:
        raise DataError(
            f"{series.name}: the model was trained with the features {list(config.columns[2:])}, "
            f"got {list(series.columns[2:])}"
        )
    numbers = series.clock.kind == "number"
    if numbers != (config.clock == "number"):
        was, now = ("dates", "numbers") if numbers else ("numbers", "dates")
        raise DataError(
            f"{series.name}: the times in column {series.columns[0]!r} are {now}, "
            f"but the model was trained on {was}"
        )
