"""config.json: all that forecasting with a trained folder, or continuing its run, takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncps import __version__
from ncps.errors import FileFormatError

from ._fit import Fit
from ._options import TrainOptions
from ._scaling import Scaling
from ._windows import SPLITS

_SCHEMA = 1


@dataclass(frozen=True)
class RunConfig:
    """A trained folder's config.json.

    ``ends`` are the times of the last training and the last validation observation; ``columns`` the
    names of time, value and features; lengths of time are in the series' unit, seconds for dates.
    """

    options: TrainOptions
    fingerprint: str
    columns: tuple[str, ...]
    clock: str
    unit: str
    horizon: float
    tolerance: float
    ends: tuple[float, float]
    scaling: Scaling
    technology: str
    framework: str


def run_config(fit: Fit, options: TrainOptions) -> dict[str, Any]:
    """What config.json says of a run."""
    windows, provider = fit.windows, fit.built.provider
    series = windows.series
    return {
        "schema": _SCHEMA,
        "ncps": __version__,
        "options": options.to_config(),
        "series": {
            "name": series.name,
            "fingerprint": series.fingerprint,
            "columns": list(series.columns),
            "clock": series.clock.kind,
            "unit": series.unit,
            "observations": len(series),
            "dropped": series.dropped,
            "skipped": series.skipped,
        },
        "windows": {
            "horizon": windows.horizon,
            "horizon_text": series.clock.describe(windows.horizon),
            "tolerance": windows.tolerance,
            "ends": list(windows.ends),
        },
        "model": {
            "layer": fit.model.layer,
            "wiring": fit.built.wiring,
            "units": fit.built.units,
            "x": ["value − last value", "time − forecast time", *series.columns[2:]],
            "context": ["last value", "lead"],
            "predicts": "residual to the last value",
        },
        "scaling": fit.scaling.to_config(),
        "provider": {
            "technology": provider.technology,
            "framework": provider.framework,
            "distribution": provider.distribution,
            "version": provider.version,
        },
    }


def run_metrics(fit: Fit) -> dict[str, Any]:
    """What metrics.json says of a run: every error in the series' unit."""
    test = fit.errors()
    mine = test[fit.model.layer].mae
    return {
        "schema": _SCHEMA,
        "unit": fit.windows.series.unit,
        "horizon": fit.windows.series.clock.describe(fit.windows.horizon),
        "windows": fit.windows.counts(),
        "errors": {
            split: {
                name: {"mae": errors.mae, "rmse": errors.rmse}
                for name, errors in fit.errors(split).items()
            }
            for split in SPLITS
        },
        "test_mae_ratio": {
            f"{fit.model.layer} / {name}": mine / test[name].mae if test[name].mae else None
            for name in ("ridge", "persistence")
        },
        "ridge": {"alpha": fit.ridge.alpha, "design": fit.ridge.design},
        "stopped": fit.stopped,
        "epochs": fit.state.epochs,
        "best_epoch": fit.state.best_epoch,
        "history": {
            "loss": [epoch.loss for epoch in fit.state.history],
            "validation": [epoch.validation for epoch in fit.state.history],
        },
    }


def read_config(folder: Path) -> RunConfig:
    """The config of a trained folder.

    Raises: FileFormatError when there is none, or one that this version does not read.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FileFormatError(
            f"{folder} is no folder that ncps train wrote: config.json: {error.strerror}"
        ) from None
    except ValueError as error:
        raise FileFormatError(f"{path} is not JSON: {error}") from None
    schema = config.get("schema") if isinstance(config, dict) else None
    if schema != _SCHEMA:
        raise FileFormatError(f"{path}: expected schema {_SCHEMA}, got {schema!r}; train it anew")
    try:
        return _parse(config)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path} is damaged: {type(error).__name__} {error}") from None


def _parse(config: dict[str, Any]) -> RunConfig:
    series, windows, provider = config["series"], config["windows"], config["provider"]
    train, validation = windows["ends"]
    return RunConfig(
        options=TrainOptions.from_config(config["options"]),
        fingerprint=series["fingerprint"],
        columns=tuple(series["columns"]),
        clock=series["clock"],
        unit=series["unit"],
        horizon=windows["horizon"],
        tolerance=windows["tolerance"],
        ends=(train, validation),
        scaling=Scaling.from_config(config["scaling"]),
        technology=provider["technology"],
        framework=provider["framework"],
    )
