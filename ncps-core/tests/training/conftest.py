"""A series that needs no file, and a trainer that needs no framework."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ncps import registry
from ncps.training import Batch, Series
from ncps.training._times import Clock

DAY = 86400.0


class HeadTrainer:
    """AdamW on the head alone, on the technology numpy: the recurrent layer stays as it began."""

    def __init__(self, model, *, weight_decay: float, clip_norm: float) -> None:
        self.model, self.decay, self.clip = model, weight_decay, clip_norm
        zeros = {k: np.zeros_like(v) for k, v in model["head"].get_native().items()}
        self.m, self.v, self.count = zeros, {k: v.copy() for k, v in zeros.items()}, 0

    def _joined(self, batch: Batch):
        y = self.model["recurrent"](batch.x, timespans=batch.timespans, mask=batch.mask)
        return np.concatenate([y, batch.context], axis=1)

    def step(self, batch: Batch, learning_rate: float) -> float:
        joined, weights = self._joined(batch), self.model["head"].get_native()
        error = joined @ weights["kernel"] + weights["bias"] - batch.target
        gradients = {"kernel": 2 * joined.T @ error / len(batch), "bias": 2 * error.mean(axis=0)}
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
        self.count += 1
        for k, g in gradients.items():
            g = g * min(1.0, self.clip / (norm + 1e-12))
            self.m[k] = 0.9 * self.m[k] + 0.1 * g
            self.v[k] = 0.999 * self.v[k] + 0.001 * g**2
            m, v = self.m[k] / (1 - 0.9**self.count), self.v[k] / (1 - 0.999**self.count)
            update = m / (np.sqrt(v) + 1e-8) + self.decay * weights[k]
            weights[k] = weights[k] - learning_rate * update
        self.model["head"].set_native(weights)
        return float((error**2).mean())

    def predict(self, batch: Batch):
        return self.model["head"](self._joined(batch))

    def state(self):
        moments = {f"{name}.{k}": v for name in "mv" for k, v in getattr(self, name).items()}
        return {**moments, "count": np.array(self.count)}

    def load_state(self, state) -> None:
        self.m = {k[2:]: v for k, v in state.items() if k.startswith("m.")}
        self.v = {k[2:]: v for k, v in state.items() if k.startswith("v.")}
        self.count = int(state["count"])


@pytest.fixture
def numpy_trains(monkeypatch: pytest.MonkeyPatch) -> type[HeadTrainer]:
    """The technology numpy can train: `HeadTrainer` stands in for a plugin's trainer."""
    monkeypatch.setattr(registry, "trainer", lambda framework: HeadTrainer)
    monkeypatch.setenv("NCPS_TECHNOLOGY", "numpy")
    return HeadTrainer


@pytest.fixture
def wave() -> Callable[..., Series]:
    """Makes an irregular daily series: a wave, a trend and a little noise."""

    def make(count: int = 200, seed: int = 0, features: int = 0) -> Series:
        rng = np.random.default_rng(seed)
        time = np.cumsum(rng.integers(1, 4, count)) * DAY
        values = np.sin(time / DAY / 9) + time / DAY / 200 + 0.05 * rng.standard_normal(count)
        return Series(
            name="wave",
            source="wave.csv",
            clock=Clock("date"),
            time=time,
            values=values,
            features=rng.standard_normal((count, features)),
            columns=("date", "level", *(f"f{k}" for k in range(features))),
            unit="m",
        )

    return make


@pytest.fixture
def wave_csv(tmp_path: Path, wave: Callable[..., Series]) -> Path:
    """The wave as a CSV file."""
    series = wave(160)
    rows = [
        f"{series.clock.format(t)},{float(v)!r}"
        for t, v in zip(series.time, series.values, strict=True)
    ]
    path = tmp_path / "wave.csv"
    path.write_text("\n".join(["date,level (m)", *rows]) + "\n")
    return path
