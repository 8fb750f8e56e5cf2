"""CTGRU over a sequence: the input's projection at once, then the loop."""

from __future__ import annotations

from typing import Any

from keras import ops

from ncps_keras.backends import xp
from ncps_keras.kernels import Arrays, CTGRUStep, Result
from ncps_keras.ops._gated import Weights, each_step, real
from ncps_keras.ops._solvers import scan_wide, widened
from ncps_keras.ops._times import Times


def ctgru(
    weights: Weights,
    log_scales: tuple[float, ...],
    clip: float | None,
    x: Any,
    states: Arrays,
    times: Times,
) -> Result:
    """The state ĥ (B, H·M) for x (B, T, D); weights are W, R and bias."""
    # the choice of a scale squares its logarithm: half precision would lose which one it is
    (W, R, b), x = widened(weights), widened(x)
    units = R.shape[0]
    each, one = each_step(times, x)
    step = CTGRUStep(units, len(log_scales), bool(each), clip)
    log_tau = ops.convert_to_tensor(log_scales, dtype=x.dtype)
    inner = (*xp.parts(R, (2 * units, units)), log_tau, one)
    return scan_wide(step, inner, [xp.affine(x, W, b), *each], states, real(times))
