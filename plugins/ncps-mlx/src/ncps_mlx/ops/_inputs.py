"""Arguments of recurrent layers: checked once, in the shapes that the kernels take."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes
from ncps_mlx.ops._dtypes import DTYPES, from_numpy


def initial_states(spec: Spec, axes: Axes, state: Any, dtype: mx.Dtype) -> tuple[mx.array, ...]:
    """The states before the first step, each (B, …); zeros when none is given."""
    kinds = [DTYPES[name] for name in spec.state_dtypes(str(dtype).rpartition(".")[2])]
    if state is None:
        shapes = ((axes.batch, *shape) for _, shape in spec.state_shapes())
        return tuple(mx.zeros(n, k) for n, k in zip(shapes, kinds, strict=True))
    given = state if isinstance(state, (tuple, list)) else (state,)
    arrays = tuple(as_array(s) for s in given)
    inputs.check_state(spec, axes, tuple(a.shape for a in arrays))
    states = (a if axes.batched else a[None] for a in arrays)
    return tuple(a.astype(kind) for a, kind in zip(states, kinds, strict=True))


def mapped_alike(
    states: tuple[mx.array, ...], x: mx.array, dt: mx.array | None
) -> tuple[mx.array, ...]:
    """The same states, but mapped by `mx.vmap` whenever x (B, T, D) or Δt () or (B, T) is.

    MLX's addmm raises when what is added is mapped and the product is not, as p + h U is at the
    first step. Held to that by `test_vmap_over_inputs_equals_a_loop` and its like for Δt.
    """
    mapped = x[:, 0, 0]
    if dt is not None:
        mapped = mapped + (dt[:, 0] if dt.ndim else dt)
    rows = [mapped.reshape(-1, *[1] * (s.ndim - 1)) for s in states]
    return tuple(mx.where(mx.array(True), s, row) for s, row in zip(states, rows, strict=True))


def elapsed(
    spec: Spec, axes: Axes, timespans: Any, timestamps: Any, dtype: mx.Dtype
) -> mx.array | None:
    """Δt () for all steps, or (B, T); None when no time is given, which means 1."""
    inputs.check_one_time(spec, timespans, timestamps)
    if timespans is None and timestamps is None:
        return None
    # plain numbers are checked as such: an MLX array must be evaluated for that
    exact = [t if isinstance(t, mx.array) else np.asarray(t) for t in (timespans, timestamps)]
    if timestamps is None:
        dt = exact[0].reshape(inputs.timespans_shape(spec, axes, exact[0].shape))
        _check_forward(spec, "timespans", dt, dtype)
    else:
        dt = _differences(exact[1].reshape(inputs.timestamps_shape(spec, axes, exact[1].shape)))
        _check_forward(spec, "timestamps", dt, dtype)
    dt = as_array(dt).astype(dtype)
    if dt.shape == (1, 1):
        return dt.reshape(())
    return mx.broadcast_to(dt, (axes.batch, axes.steps))


def as_array(value: Any) -> mx.array:
    """An MLX array of anything that NumPy understands; MLX arrays stay as they are."""
    return value if isinstance(value, mx.array) else from_numpy(np.asarray(value))


def _differences(times: Any) -> Any:
    """Δt_t = τ_t - τ_{t-1} and Δt_0 = 0, in the precision that the times came in."""
    if isinstance(times, mx.array):
        return mx.concatenate([mx.zeros_like(times[:, :1]), times[:, 1:] - times[:, :-1]], axis=1)
    return np.diff(times, axis=1, prepend=times[:, :1])


def _check_forward(spec: Spec, name: str, dt: Any, dtype: mx.Dtype) -> None:
    if dt.size == 0:
        return
    try:
        smallest, largest = float(dt.min()), float(dt.max())
    except ValueError:
        # inside compile or vmap there are no values to look at
        return
    # written so that NaN fails too
    if not 0 <= smallest <= largest <= float(mx.finfo(dtype).max):
        got = largest if smallest >= 0 else smallest
        raise inputs.bad_time(spec, name, got, str(dtype).rpartition(".")[2])
