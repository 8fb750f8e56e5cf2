r"""One step of an LSTM, once the input's projection is known.

.. math::
    i, f, g, o = p + h R,\quad c' = \sigma(f + \beta) \odot c + \sigma(i) \odot \tanh g,\quad
    h' = \sigma(o) \odot \tanh c'

Shapes: p (B, 4·H) is x's part with the bias; R (H, 4·H); h, c (B, H). β, an offset of the forget
gate, is part of p.

Held to the equation as written by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels._scan import Arrays


@dataclass(frozen=True)
class LSTMStep:
    """``at_t`` is p, ``weights`` R, ``states`` h and c."""

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h and c."""
        h, c = states
        i, f, g, o = xp.split(xp.addmm(at_t[0], h, weights), 4)
        c = xp.sigmoid(f) * c + xp.sigmoid(i) * xp.tanh(g)
        return [xp.sigmoid(o) * xp.tanh(c), c]
