"""Elementary functions in float64 that also take complex arguments.

A complex argument x + i·h gives f(x) + i·h·f'(x): derivatives exact to rounding, without a
difference of two values (complex-step differentiation; Squire & Trapp 1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_real_erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z), written so that it cannot overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def absolute(z: Array) -> Array:
    """|z| of the real part's sign: the real absolute value, continued along the complex step."""
    return np.where(z.real < 0, -z, z)


def relu(z: Array) -> Array:
    """max(z, 0)."""
    return np.where(z.real > 0, z, 0.0)


def clip(z: Array) -> Array:
    """max(z, 0) with slope 1 at 0, so that a weight clipped to 0 can grow again."""
    return np.where(z.real < 0, 0.0, z)


def softplus(z: Array) -> Array:
    """log(1 + e^z), written so that it cannot overflow."""
    return relu(z) + np.log1p(np.exp(-absolute(z)))


def erf(z: Array) -> Array:
    """The error function; along the complex step by its first derivative."""
    value: Array = _real_erf(z.real)
    if not np.iscomplexobj(z):
        return value
    slope: Array = (2.0 / math.sqrt(math.pi)) * np.exp(-(z.real**2))
    return value + 1j * z.imag * slope


def gelu(z: Array) -> Array:
    """The exact Gaussian error linear unit, z·Φ(z)."""
    return 0.5 * z * (1.0 + erf(z / math.sqrt(2.0)))


def silu(z: Array) -> Array:
    """z·σ(z)."""
    return z * sigmoid(z)


def lecun_tanh(z: Array) -> Array:
    """1.7159 tanh(0.666 z), the scaled tanh of LeCun et al. 1998, rounded as in ncps 1.0.1."""
    return 1.7159 * np.tanh(0.666 * z)


def linear(z: Array) -> Array:
    """z."""
    return z


ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "gelu": gelu,
    "lecun_tanh": lecun_tanh,
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "silu": silu,
    "tanh": np.tanh,
}
