"""Arguments of recurrent layers: checked once, in the shapes that the kernels take."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes
from ncps_mlx.ops._dtypes import from_numpy


def initial_states(spec: Spec, axes: Axes, state: Any, dtype: mx.Dtype) -> tuple[mx.array, ...]:
    """The states before the first step, each (B, H); zeros when none is given."""
    if state is None:
        return tuple(mx.zeros((axes.batch, size), dtype) for _, size in spec.state_shapes())
    given = state if isinstance(state, (tuple, list)) else (state,)
    arrays = tuple(as_array(s) for s in given)
    inputs.check_state(spec, axes, tuple(a.shape for a in arrays))
    return tuple(a.reshape(axes.batch, a.shape[-1]).astype(dtype) for a in arrays)


def elapsed(
    spec: Spec, axes: Axes, timespans: Any, timestamps: Any, dtype: mx.Dtype
) -> mx.array | None:
    """Δt () for all steps, or (B, T); None when no time is given, which means 1."""
    inputs.check_one_time(spec, timespans, timestamps)
    if timestamps is not None:
        dt = _differences(spec, axes, timestamps)
    elif timespans is not None:
        dt = as_array(timespans)
        dt = dt.reshape(inputs.timespans_shape(spec, axes, dt.shape))
    else:
        return None
    _check_forward(spec, "timespans" if timestamps is None else "timestamps", dt)
    dt = dt.astype(dtype)
    if dt.shape == (1, 1):
        return dt.reshape(())
    return mx.broadcast_to(dt, (axes.batch, axes.steps))


def as_array(value: Any) -> mx.array:
    """An MLX array of anything that NumPy understands; MLX arrays stay as they are."""
    return value if isinstance(value, mx.array) else from_numpy(np.asarray(value))


def _differences(spec: Spec, axes: Axes, timestamps: Any) -> mx.array:
    """Δt_t = τ_t - τ_{t-1} and Δt_0 = 0, in the precision that the times came in."""
    if isinstance(timestamps, mx.array):
        times = timestamps.reshape(inputs.timestamps_shape(spec, axes, timestamps.shape))
        return mx.concatenate([mx.zeros_like(times[:, :1]), times[:, 1:] - times[:, :-1]], axis=1)
    exact = np.asarray(timestamps, dtype=np.float64)
    exact = exact.reshape(inputs.timestamps_shape(spec, axes, exact.shape))
    return from_numpy(np.diff(exact, axis=1, prepend=exact[:, :1]))


def _check_forward(spec: Spec, name: str, dt: mx.array) -> None:
    if dt.size == 0:
        return
    smallest = mx.min(dt)
    try:
        value = float(smallest.item())
    except ValueError:
        # inside compile or vmap there are no values to look at
        return
    # written so that NaN fails too
    if not value >= 0:
        raise inputs.negative_time(spec, name, value)
