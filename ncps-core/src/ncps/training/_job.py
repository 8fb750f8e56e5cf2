"""The main job, as ``ncps train`` runs it: a series in, one whole folder out."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ncps import canonical
from ncps.errors import ConfigError, PluginError

from ._checkpoint import load_state, save_state
from ._config import RunConfig, read_config, run_config, run_metrics
from ._fit import Fit, Reporter, fit
from ._folder import Draft, check_free, free_name
from ._interrupts import Interrupts
from ._options import TrainOptions
from ._plots import save_forecast_plot
from ._series import Series, load_series
from ._windows import Windows, make_windows, resolve

_SAVING = "saving …"

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
    reporter = report(windows, options) if report else None
    with Draft(folder) as draft, Interrupts(lambda: note(_SAVING)) as interrupts:
        result = fit(windows, options.model, options.loop, report=reporter, interrupts=interrupts)
        return result, draft.publish(lambda path: _fill(path, result, options, note))


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
    place = Draft(folder, replace=True) if out is None else Draft(out)
    with place as draft, Interrupts(lambda: note(_SAVING)) as interrupts:
        result = fit(
            windows, model, options.loop, report=reporter, state=state, interrupts=interrupts
        )
        return result, draft.publish(lambda path: _fill(path, result, options, note))


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
    windows = make_windows(kept, window=data.window, horizon=horizon, tolerance=data.tolerance)
    time, value = series.columns[:2]
    note(
        f"{series.name}: column {value!r} is forecast {series.clock.describe(horizon)} ahead, "
        f"by the times in column {time!r}"
    )
    return windows


def _changed(
    options: TrainOptions, source: str | None, epochs: int | None, patience: int | None
) -> TrainOptions:
    loop = replace(
        options.loop,
        epochs=options.loop.epochs if epochs is None else epochs,
        patience=options.loop.patience if patience is None else patience,
    )
    data = replace(options.data, source=options.data.source if source is None else source)
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
    for draw, name in ((save_forecast_plot, "forecast.png"), (_draw_wiring, "wiring.png")):
        try:
            draw(fit, folder / name)
        except (ImportError, PluginError) as error:
            missing = (getattr(error, "name", None) or "matplotlib").split(".")[0]
            note(f'no plots: {missing} is not installed (pip install "ncps[plot]")')
            return
        except Exception as error:  # a picture that fails must not cost the model
            (folder / name).unlink(missing_ok=True)
            reason = reprlib.repr(" ".join(str(error).split()))
            note(f"no {name}: {type(error).__name__} {reason}")


def _draw_wiring(fit: Fit, path: Path) -> None:
    wiring = getattr(fit.built.layers["recurrent"].spec, "wiring", None)
    if wiring is None:
        return
    from ncps.wirings import save_drawing

    save_drawing(wiring, path, title=f"{fit.model.layer} wired as {fit.built.wiring}")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
    )


def _finite(content: Any) -> Any:
    """The content with null for what JSON has no number for, so that writing cannot fail on it."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
