"""What a trained model has to beat, on the same windows: the last value, and ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._scaling import ROUNDING, magnitude
from ._series import Floats
from ._windows import Windows

_ALPHAS = tuple(10.0 ** np.arange(-6.0, 6.5, 0.5))
_DESIGNS = ("plain", "products")


def persistence(windows: Windows) -> Floats:
    """The last observed value of each window."""
    return windows.last


@dataclass(frozen=True, eq=False)
class Ridge:
    r"""Linear regression with an L2 penalty on everything that the model is given, in closed form.

    .. math:: w = (Z^\top Z + \alpha I)^{-1} Z^\top (y - \bar y)

    Z are the standardised columns: each value less the last, the last value, each Δt, the lead, and
    the further features; design "products" adds value · lead and value · Δt, so that a slope can be
    drawn out to the lead. y is the change from the last value. Design and α are those with the
    least squared error on the validation windows, the same rule that stops the model's training.
    """

    design: str
    alpha: float
    weights: Floats
    mean: Floats
    scale: Floats
    offset: float

    @classmethod
    def fit(cls, train: Windows, validation: Windows) -> Ridge:
        """The best ridge on the validation windows of all designs and penalties."""
        fits = [fit for design in _DESIGNS for fit in _path(train, design)]
        errors = [
            float(np.mean((fit.forecast(validation) - validation.actual) ** 2)) for fit in fits
        ]
        return fits[int(np.argmin(errors))]

    def forecast(self, windows: Windows) -> Floats:
        """The forecast in the series' unit, (N,)."""
        z = (_columns(windows, self.design) - self.mean) / self.scale
        return windows.last + z @ self.weights + self.offset


def _path(train: Windows, design: str) -> list[Ridge]:
    """One ridge per penalty, from one eigendecomposition of ZᵀZ."""
    columns, change = _columns(train, design), train.actual - train.last
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    # a column that only rounding changes says nothing
    scale = np.where(spread > ROUNDING * _sizes(train, design), spread, np.inf)
    z, offset = (columns - mean) / scale, float(change.mean())
    eigenvalues, vectors = np.linalg.eigh(z.T @ z)
    projected = vectors.T @ (z.T @ (change - offset))
    return [
        Ridge(design, alpha, vectors @ (projected / (eigenvalues + alpha)), mean, scale, offset)
        for alpha in _ALPHAS
    ]


def _columns(windows: Windows, design: str) -> Floats:
    """What the regression sees, (N, columns)."""
    series, inputs = windows.series, windows.inputs
    # the linear algebra is the same in any unit of time; the median gap keeps its columns near 1
    values = series.values[inputs[:, :-1]] - windows.last[:, None]
    elapsed = np.diff(series.time[inputs], axis=1) / windows.horizon
    lead = windows.lead[:, None] / windows.horizon
    features = series.features[inputs].reshape(len(windows), -1)
    plain = [values, windows.last[:, None], elapsed, lead, features]
    return np.hstack(
        plain if design == "plain" else [*plain, values * (lead - 1), values * elapsed]
    )


def _sizes(windows: Windows, design: str) -> Floats:
    """The size of the numbers that each of ``_columns`` is a difference of, (columns,)."""
    series, (_, length) = windows.series, windows.inputs.shape
    value, seen = magnitude(series.values[windows.inputs]), series.features[windows.inputs]
    time = magnitude(series.time[windows.inputs]) / windows.horizon
    features = np.tile(np.abs(seen).max(axis=(0, 1)), length)
    plain = [np.full(length, value), np.full(length, time), features]
    products = [np.full(2 * (length - 1), value)]
    return np.concatenate(plain if design == "plain" else [*plain, *products])
