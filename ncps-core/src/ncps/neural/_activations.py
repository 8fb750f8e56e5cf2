"""Functions of each entry, and the gates that are made of them."""

from __future__ import annotations

import math
from typing import Any

from ncps.errors import unknown
from ncps.neural._base import Arrays

NAMES = (
    *("elu", "gelu", "leaky_relu", "lecun_tanh", "linear", "relu", "sigmoid", "silu"),
    *("softplus", "tanh"),
)


class Activations(Arrays):
    """Activations, softmax and gated linear units, composed of elementary functions."""

    def activation(self, x: Any, name: str) -> Any:
        """The activation of this name, such as ``"gelu"``, of each entry.

        Raises: UnknownNameError with the nearest name.
        """
        if name not in NAMES:
            raise unknown("activation", name, NAMES)
        return x if name == "linear" else getattr(self, name)(x)

    def relu(self, x: Any) -> Any:
        """max(x, 0)."""
        return self.xp.where(x > 0, x, 0.0 * x)

    def leaky_relu(self, x: Any, slope: float = 0.01) -> Any:
        """x above 0, slope · x below."""
        return self.xp.where(x > 0, x, slope * x)

    def elu(self, x: Any, alpha: float = 1.0) -> Any:
        """x above 0, α (eˣ - 1) below."""
        below = self.xp.where(x > 0, 0.0 * x, x)
        return self.xp.where(x > 0, x, alpha * (self.xp.exp(below) - 1.0))

    def erf(self, x: Any) -> Any:
        """The error function."""
        raise NotImplementedError(f"{type(self).__name__} must define erf")

    def gelu(self, x: Any) -> Any:
        """The exact x Φ(x)."""
        return 0.5 * x * (1.0 + self.erf(x / math.sqrt(2.0)))

    def silu(self, x: Any) -> Any:
        """x σ(x)."""
        return x * self.sigmoid(x)

    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + e⁻ˣ)."""
        return 0.5 * (1.0 + self.tanh(0.5 * x))

    def softplus(self, x: Any) -> Any:
        """log(1 + eˣ), without overflow."""
        return self.relu(x) + self.xp.log1p(self.xp.exp(-self.xp.abs(x)))

    def tanh(self, x: Any) -> Any:
        """The hyperbolic tangent."""
        return self.xp.tanh(x)

    def lecun_tanh(self, x: Any) -> Any:
        """1.7159 tanh(0.666 x)."""
        return 1.7159 * self.tanh(0.666 * x)

    def softmax(self, x: Any, axis: int = -1) -> Any:
        """eˣ / Σ eˣ along an axis, with the sum in float32 or better."""
        return self.cast(self.xp.exp(self._log_softmax(self._wide(x), axis)), self.dtype(x))

    def log_softmax(self, x: Any, axis: int = -1) -> Any:
        """x - log Σ eˣ along an axis, with the sum in float32 or better."""
        return self.cast(self._log_softmax(self._wide(x), axis), self.dtype(x))

    def geglu(self, gate: Any, value: Any) -> Any:
        """gelu(gate) · value. Source: Shazeer 2020, arXiv:2002.05202."""
        return self.gelu(gate) * value

    def swiglu(self, gate: Any, value: Any) -> Any:
        """silu(gate) · value. Source: Shazeer 2020, arXiv:2002.05202."""
        return self.silu(gate) * value

    def _log_softmax(self, x: Any, axis: int) -> Any:
        x = x - self.xp.max(x, axis=axis, keepdims=True)
        return x - self.xp.log(self.xp.sum(self.xp.exp(x), axis=axis, keepdims=True))
