"""The one table of tolerances: what a dtype may differ from the float64 reference by.

Everything that compares with the reference reads it here; a test carries no number of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict


class Bounds(TypedDict):
    """Keyword arguments of `numpy.testing.assert_allclose`."""

    rtol: float
    atol: float


@dataclass(frozen=True)
class Tolerance:
    """What one dtype allows: for outputs and states, and for directional derivatives.

    The relative bound of a derivative is of the gradient's norm: its direction is random, so
    that terms of both signs cancel.
    """

    values: Bounds
    gradients: Bounds


TOLERANCES: Mapping[str, Tolerance] = {
    "float64": Tolerance(Bounds(rtol=1e-10, atol=1e-12), Bounds(rtol=1e-9, atol=1e-11)),
    "float32": Tolerance(Bounds(rtol=1e-5, atol=2e-6), Bounds(rtol=3e-5, atol=3e-6)),
    "float16": Tolerance(Bounds(rtol=5e-3, atol=2e-3), Bounds(rtol=2e-2, atol=5e-3)),
    "bfloat16": Tolerance(Bounds(rtol=4e-2, atol=2e-2), Bounds(rtol=1e-1, atol=5e-2)),
}
