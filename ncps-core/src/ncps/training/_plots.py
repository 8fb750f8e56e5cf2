"""forecast.png: what was forecast for the test period, beside what came and the baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._fit import Fit
from ._series import Floats, Series
from ._windows import SPLITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACTUAL, _MODEL, _RIDGE, _PERSISTENCE = "#1b1b1b", "#d1495b", "#2e6f95", "#b8b4a7"
_GRID = {"color": "#e6e4dd", "linewidth": 0.8}
_BREAK = 4.0


def save_forecast_plot(fit: Fit, path: Path) -> None:
    """Draw the test period: the values above, the errors below, gaps left open.

    Raises: ImportError without matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.6), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    values, errors = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.6))
    _draw_values(values, fit)
    _draw_errors(errors, fit)
    for axes in (values, errors):
        axes.grid(visible=True, axis="both", **_GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    figure.savefig(path, dpi=150)


def _draw_values(axes: Axes, fit: Fit) -> None:
    series = fit.windows.series
    rows, time = _test_rows(fit)
    for name, label, style in _lines(fit):
        axes.plot(*_open(series, time, fit.forecasts[name][rows]), label=label, **style)
    seen = series.time >= time.min()
    dots: dict[str, Any] = {"color": _ACTUAL, "marker": "o", "markersize": 2.6, "linestyle": "none"}
    axes.plot(
        _moments(series, series.time[seen]), series.values[seen], label="observed", zorder=5, **dots
    )
    unit = f" [{series.unit}]" if series.unit and series.unit not in series.columns[1] else ""
    axes.set_ylabel(_plain(f"{series.columns[1]}{unit}"))
    ahead = series.clock.describe(fit.windows.horizon)
    lost = f", {series.dropped} observations dropped at random" if series.dropped else ""
    title = f"{series.name}: forecasts {ahead} ahead on the test period{lost}"
    axes.set_title(_plain(title), loc="left", fontsize=12)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.08 * (high - low))
    axes.legend(ncols=4, frameon=False, loc="upper left", fontsize=9)


def _draw_errors(axes: Axes, fit: Fit) -> None:
    series = fit.windows.series
    rows, time = _test_rows(fit)
    actual, errors = fit.windows.actual[rows], fit.errors()
    axes.axhline(0, color=_ACTUAL, linewidth=0.8)
    for name, label, style in _lines(fit):
        text = _plain(f"{label}: mean |error| {errors[name].mae:.3g} {series.unit}".rstrip())
        axes.plot(*_open(series, time, fit.forecasts[name][rows] - actual), label=text, **style)
    axes.set_ylabel("forecast − observed")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.22 * (high - low))
    axes.legend(ncols=3, frameon=False, loc="upper left", fontsize=9)


def _plain(text: str) -> str:
    """The text with each $ as a sign, not the start of a formula."""
    return text.replace("$", r"\$")


def _lines(fit: Fit) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, label and style of each forecast, the model's last and on top."""
    return [
        ("persistence", "last value", {"color": _PERSISTENCE, "linewidth": 1.1}),
        ("ridge", "ridge", {"color": _RIDGE, "linewidth": 1.1}),
        (fit.model.layer, fit.model.layer, {"color": _MODEL, "linewidth": 1.7}),
    ]


def _test_rows(fit: Fit) -> tuple[Any, Floats]:
    """The test windows by forecast time, one for each target: the one nearest to the horizon."""
    windows = fit.windows
    rows = np.flatnonzero(windows.split == SPLITS.index("test"))
    off = np.abs(windows.lead[rows] - windows.horizon)
    rows = rows[np.lexsort((off, windows.target[rows]))]
    rows = rows[np.unique(windows.target[rows], return_index=True)[1]]
    return rows, windows.forecast_time[rows]


def _open(series: Series, time: Floats, values: Floats) -> tuple[Any, Floats]:
    """The line with a break wherever the series has a gap of several typical gaps."""
    wide = np.flatnonzero(np.diff(time) > _BREAK * series.gap) + 1
    return _moments(series, np.insert(time, wide, time[wide - 1])), np.insert(values, wide, np.nan)


def _moments(series: Series, time: Floats) -> Any:
    """Times as matplotlib's axes show them: dates for dates."""
    if series.clock.kind == "number":
        return time
    return np.datetime64("1970-01-01", "ms") + (time * 1000).astype("timedelta64[ms]")
