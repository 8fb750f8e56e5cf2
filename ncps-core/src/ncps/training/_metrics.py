"""Errors of a forecast, in the unit of the series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._series import Floats


@dataclass(frozen=True)
class Errors:
    """Mean absolute error, root mean squared error, and over how many windows."""

    mae: float
    rmse: float
    windows: int

    @classmethod
    def of(cls, forecast: Floats, actual: Floats) -> Errors:
        """The errors where the actual value is known; NaN when it is known nowhere."""
        known = ~np.isnan(actual)
        error = (forecast - actual)[known]
        if not len(error):
            return cls(float("nan"), float("nan"), 0)
        return cls(float(np.abs(error).mean()), float(np.sqrt((error**2).mean())), int(known.sum()))
