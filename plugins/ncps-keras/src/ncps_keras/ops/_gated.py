"""LSTM, GRU, RNN and CTRNN over a sequence: the input's projection at once, then the loop.

Each returns what `scan` does: the states after every step, and after the last one. Weights are
kernel (D, n·H), recurrent kernel (H, n·H), bias (n·H) or None; dt is None for 1, () or (B or 1, T).
"""

from __future__ import annotations

from typing import Any

from keras import ops

from ncps.ode import DOPRI5
from ncps_keras.backends import xp
from ncps_keras.kernels import Arrays, CTRNNStep, GRUStep, LSTMStep, Result, RNNStep, scan
from ncps_keras.ops._lent import lent
from ncps_keras.ops._solvers import scan_wide, solver_of
from ncps_keras.ops._times import Times

Weights = tuple[Any, Any, Any]


def lstm(weights: Weights, x: Any, states: Arrays, times: Times) -> Result:
    """The states h and c."""
    W, R, b = weights
    found = lent("lstm", weights, x, states, times)
    if found is not None:
        return found
    return scan(LSTMStep(), R, [xp.affine(x, W, b)], states, real(times))


def rnn(phi: str, weights: Weights, x: Any, states: Arrays, times: Times) -> Result:
    """The state h."""
    W, R, b = weights
    return scan(RNNStep(phi), R, [xp.affine(x, W, b)], states, real(times))


def gru(weights: Weights, after: Any, x: Any, states: Arrays, times: Times) -> Result:
    """The state h; `after` is (c or None,) where the reset gate acts after the product, else ()."""
    W, R, b = weights
    units = R.shape[0]
    inner = (R, *after) if after else tuple(xp.parts(R, (2 * units, units)))
    return scan(GRUStep(bool(after)), inner, [xp.affine(x, W, b)], states, real(times))


def ctrnn(
    phi: str,
    weights: Weights,
    rate: Any,
    how: tuple[str, int],
    x: Any,
    states: Arrays,
    times: Times,
) -> Result:
    """The state h; `rate` is 1/τ, and `how` names the solver and the number of its steps."""
    W, R, b = weights
    each, one = each_step(times, x)
    step = CTRNNStep(phi, how[1], bool(each), solver_of(*how))
    # an error estimate means nothing in half precision
    run = scan_wide if how[0] == DOPRI5 else scan
    return run(step, (R, rate, one), [xp.affine(x, W, b), *each], states, real(times))


def real(times: Times) -> Any:
    """The mask (B, T, 1) of a loop, or None."""
    return None if times.mask is None else times.mask[..., None]


def each_step(times: Times, x: Any) -> tuple[list[Any], Any]:
    """Δt (B or 1, T, 1) to scan over and None, or nothing and the one Δt () of all steps."""
    dt = times.dt
    if dt is None:
        return [], ops.ones((), dtype=x.dtype)
    return ([], dt) if not len(dt.shape) else ([dt[..., None]], None)
