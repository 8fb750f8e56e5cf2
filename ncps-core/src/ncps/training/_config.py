"""config.json: all that forecasting with a trained folder, or continuing its run, takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ncps import __version__
from ncps.errors import FileFormatError

from ._fit import Fit
from ._options import DataOptions, LoopOptions, ModelOptions, TrainOptions
from ._scaling import Scaling
from ._typed import section, typed
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
    except ValueError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None


@dataclass(frozen=True)
class _SeriesPart:
    name: str
    fingerprint: str
    columns: tuple[str, ...]
    clock: str
    unit: str
    observations: int
    dropped: int
    skipped: int


@dataclass(frozen=True)
class _WindowsPart:
    horizon: float
    horizon_text: str
    tolerance: float
    ends: tuple[float, float]


@dataclass(frozen=True)
class _ProviderPart:
    technology: str
    framework: str
    distribution: str
    version: str


def _parse(config: Mapping[str, Any]) -> RunConfig:
    for key in ("options", "series", "windows", "scaling", "provider"):
        if key not in config:
            raise ValueError(f"{key} is missing")
    series = typed(_SeriesPart, config["series"], "series")
    windows = typed(_WindowsPart, config["windows"], "windows")
    provider = typed(_ProviderPart, config["provider"], "provider")
    scaling = typed(Scaling, config["scaling"], "scaling")
    if len(series.columns) != 2 + len(scaling.features):
        raise ValueError(f"series.columns is {list(series.columns)}, which scaling does not fit")
    for name in ("horizon", "tolerance"):
        if not getattr(windows, name) > 0:
            raise ValueError(f"windows.{name} is {getattr(windows, name)!r}, expected more than 0")
    return RunConfig(
        options=_options(config["options"]),
        fingerprint=series.fingerprint,
        columns=series.columns,
        clock=series.clock,
        unit=series.unit,
        horizon=windows.horizon,
        tolerance=windows.tolerance,
        ends=windows.ends,
        scaling=scaling,
        technology=provider.technology,
        framework=provider.framework,
    )


def _options(config: object) -> TrainOptions:
    parts = section(config, "options")
    for key in ("data", "model", "loop"):
        if key not in parts:
            raise ValueError(f"options.{key} is missing")
    return TrainOptions(
        data=typed(DataOptions, parts["data"], "options.data"),
        model=typed(ModelOptions, parts["model"], "options.model"),
        loop=typed(LoopOptions, parts["loop"], "options.loop"),
    )
