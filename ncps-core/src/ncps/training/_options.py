"""What a training run can be told, checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ncps.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How to train.

    Attributes:
        epochs: passes over the training windows, at most.
        patience: epochs without a better validation error after which to stop.
        batch_size: windows per step; None for 64, fewer where an epoch would have under 8 steps.
        learning_rate: AdamW's peak rate; warm-up over two epochs, then a cosine.
        decay_epochs: epochs over which the cosine falls to 1 %. It does not follow ``epochs``, so
            that a short run that is continued gives the numbers of one long run.
        weight_decay: AdamW's decoupled decay.
        clip_norm: largest norm of the gradient.
        seed: of the initial parameters, the order of the batches and the dropped observations.
    """

    epochs: int = 60
    patience: int = 20
    batch_size: int | None = None
    learning_rate: float = 5e-3
    decay_epochs: int = 60
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size", "decay_epochs"):
            value = getattr(self, name)
            _check(name, value, value is None or value >= 1, "at least 1")
        for name in ("learning_rate", "clip_norm"):
            value = getattr(self, name)
            _check(name, value, 0 < value < math.inf, "a positive number")
        for name in ("weight_decay", "seed"):
            value = getattr(self, name)
            _check(name, value, 0 <= value < math.inf, "at least 0")

    def to_config(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model to train, by name.

    Attributes:
        layer: a recurrent layer's name, such as "CfC" or "LSTM".
        wiring: text such as "auto:32"; None for the layer's default, a wiring of 32 neurons where
            the layer takes one.
        units: neurons of a layer without a wiring.
        options: further options of the layer, such as {"mode": "pure"}.
        technology: where the layer comes from; None leaves it to the registry.
        framework: the same by framework.
    """

    layer: str = "CfC"
    wiring: str | None = None
    units: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    technology: str | None = None
    framework: str | None = None

    def __post_init__(self) -> None:
        if self.wiring is not None and self.units is not None:
            raise ConfigError(
                f"wiring {self.wiring!r} and units {self.units} exclude each other: "
                f"a wiring says how many neurons there are, as in auto:{self.units}"
            )

    def to_config(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which series to learn and what to forecast.

    Attributes:
        source: a CSV, or "co2".
        time: the time column; None for the default of ``load_series``, as for ``value`` and
            ``unit``.
        value: the column to forecast.
        features: further columns that the model may see.
        unit: the unit of the values.
        window: observations in a window.
        horizon: how far ahead, such as "4w"; None for four times the median gap.
        tolerance: how far from the horizon the target may lie; None for a quarter of it.
        drop: the part of the observations to drop at random.
    """

    source: str
    time: str | None = None
    value: str | None = None
    features: tuple[str, ...] = ()
    unit: str | None = None
    window: int = 48
    horizon: str | None = None
    tolerance: str | None = None
    drop: float = 0.0

    def to_config(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "features": list(self.features)}


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """All that a run is told: the data, the model, the loop."""

    data: DataOptions
    model: ModelOptions = field(default_factory=ModelOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)

    def to_config(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "data": self.data.to_config(),
            "model": self.model.to_config(),
            "loop": self.loop.to_config(),
        }


def _check(name: str, value: float, fits: bool, expected: str) -> None:
    if not fits:
        raise ConfigError(f"{name} {value!r} cannot be; expected {expected}")
