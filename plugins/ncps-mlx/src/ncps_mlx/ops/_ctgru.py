"""CTGRU over a sequence: the input's projection for all steps at once, then the loop."""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx.kernels import Arrays, ctgru_step, scan
from ncps_mlx.ops._lstm import project
from ncps_mlx.ops._times import each_step


def ctgru(
    weights: tuple[mx.array, mx.array, mx.array],
    log_scales: tuple[float, ...],
    clip: float | None,
    x: mx.array,
    state: mx.array,
    dt: mx.array | None,
) -> list[mx.array]:
    """The states ĥ (B, T, H·M) after every step of x (B, T, D); weights are Wx, Wh, bias."""
    # the choice of a scale squares its logarithm: half precision would lose which one it is
    narrow, wide = x.dtype, mx.float32
    Wx, Wh, bias, x, state = (a.astype(wide) for a in (*weights, x, state))
    dt = None if dt is None else dt.astype(wide)
    units = Wh.shape[1]
    R_rs, R_q = mx.split(Wh.T, [2 * units], axis=-1)
    log_tau = mx.array(log_scales, x.dtype)
    rate = mx.exp(-log_tau)
    times, one = each_step(dt, x)

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        p, *elapsed = at_t
        fade = mx.exp(-(elapsed[0] if elapsed else one)[..., None] * rate)
        memories = states[0].reshape(-1, units, len(log_scales)) * fade
        memories = ctgru_step(p, memories, R_rs, R_q, log_tau)
        if clip is not None:
            memories = mx.clip(memories, -clip, clip)
        return [memories.reshape(states[0].shape)]

    return [h.astype(narrow) for h in scan(step, [project(x, Wx, bias), *times], [state])]
