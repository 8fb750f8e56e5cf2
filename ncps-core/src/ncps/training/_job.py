"""The main job, as ``ncps train`` runs it: a series in, one whole folder out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ncps import canonical
from ncps.errors import ConfigError, PluginError

from ._checkpoint import load_state, save_state
from ._config import RunConfig, read_config, run_config, run_metrics
from ._fit import Fit, Reporter, fit
from ._folder import check_free, free_name, write_folder
from ._options import TrainOptions
from ._plots import save_forecast_plot
from ._series import Series, load_series
from ._windows import Windows, make_windows, resolve

Note = Callable[[str], None]
ReporterOf = Callable[[Windows, TrainOptions], Reporter]


def train(
    options: TrainOptions,
    out: Path | None = None,
    *,
    report: ReporterOf | None = None,
    note: Note = lambda text: None,
) -> tuple[Fit, Path]:
    """Train a model on a series and write its folder, whole or not at all.

    Args:
        options: the data, the model, the loop.
        out: the folder, which must be new or empty; by default SERIES-LAYER, numbered if that is
            taken.
        report: makes the reporter of the progress.
        note: is told, in one line each, what a person should know.

    Raises: DataError, ConfigError, PluginError, TrainingError; no folder is left then.
    """
    if out is not None:
        check_free(out)
    windows = _prepare(options, note)
    folder = out or free_name(f"{windows.series.name}-{options.model.layer}")
    check_free(folder)
    result = fit(
        windows, options.model, options.loop, report=report(windows, options) if report else None
    )
    return result, write_folder(folder, lambda draft: _fill(draft, result, options, note))


def resume(
    folder: Path,
    *,
    source: str | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    out: Path | None = None,
    report: ReporterOf | None = None,
    note: Note = lambda text: None,
) -> tuple[Fit, Path]:
    """Continue the run of a folder; the numbers are those of a run that was never interrupted.

    Args:
        folder: what ``train`` wrote, its run interrupted or over; it is replaced when this one ends
            well.
        source: where the series lies now; None for where it lay.
        epochs: the new number of epochs; None keeps it.
        patience: the new patience; None keeps it.
        out: write to this folder instead, which must be new or empty.
        report: as for ``train``.
        note: as for ``train``.

    Raises: as ``train``, and ConfigError when the series is no longer the one of the run.
    """
    if out is not None:
        check_free(out)
    config = read_config(folder)
    state = load_state(folder / "checkpoint.safetensors")
    options = _changed(config.options, source, epochs, patience)
    windows = _prepare(options, note)
    _check_same(windows.series, config, folder)
    if over := state.stopped(options.loop):
        note(f"the run is over: its {over} limit is reached; raise it with --{over}")
    # the optimiser's state is the framework's own, so the run stays where it began
    model = replace(options.model, technology=config.technology, framework=config.framework)
    reporter = report(windows, options) if report else None
    result = fit(windows, model, options.loop, report=reporter, state=state)
    written = write_folder(
        out or folder, lambda draft: _fill(draft, result, options, note), replace=out is None
    )
    return result, written


def _prepare(options: TrainOptions, note: Note) -> Windows:
    """The windows of the options' series."""
    data = options.data
    series = load_series(
        data.source, time=data.time, value=data.value, features=data.features, unit=data.unit
    )
    # before observations are dropped, which makes the median gap longer
    horizon = resolve(series, "horizon", data.horizon, 4 * series.gap)
    if series.skipped:
        rows = (
            "row without a value is a gap"
            if series.skipped == 1
            else "rows without a value are gaps"
        )
        note(f"{series.name}: {series.skipped} {rows}")
    kept = series.drop(data.drop, options.loop.seed)
    if kept.dropped:
        note(f"{series.name}: {kept.dropped} of {len(series)} observations dropped at random")
    return make_windows(kept, window=data.window, horizon=horizon, tolerance=data.tolerance)


def _changed(
    options: TrainOptions, source: str | None, epochs: int | None, patience: int | None
) -> TrainOptions:
    loop = replace(
        options.loop,
        epochs=options.loop.epochs if epochs is None else epochs,
        patience=options.loop.patience if patience is None else patience,
    )
    data = replace(options.data, source=source or options.data.source)
    return replace(options, data=data, loop=loop)


def _check_same(series: Series, config: RunConfig, folder: Path) -> None:
    if series.fingerprint != config.fingerprint:
        raise ConfigError(
            f"{series.source} is no longer the series that {folder} was trained on; "
            "train anew on the changed series"
        )


def _fill(folder: Path, fit: Fit, options: TrainOptions, note: Note) -> None:
    """All files of a run."""
    canonical.save(fit.built.layers, folder / "model.safetensors")
    save_state(fit.state, folder / "checkpoint.safetensors")
    _write_json(folder / "config.json", run_config(fit, options))
    _write_json(folder / "metrics.json", run_metrics(fit))
    try:
        save_forecast_plot(fit, folder / "forecast.png")
        _draw_wiring(fit, folder / "wiring.png")
    except (ImportError, PluginError) as error:
        missing = (getattr(error, "name", None) or "matplotlib").split(".")[0]
        note(f'no plots: {missing} is not installed (pip install "ncps[plot]")')


def _draw_wiring(fit: Fit, path: Path) -> None:
    wiring = getattr(fit.built.layers["recurrent"].spec, "wiring", None)
    if wiring is None:
        return
    from ncps.wirings import save_drawing

    save_drawing(wiring, path, title=f"{fit.model.layer} wired as {fit.built.wiring}")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
    )
