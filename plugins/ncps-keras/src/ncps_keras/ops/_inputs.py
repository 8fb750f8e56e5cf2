"""Arguments of recurrent layers: checked once, in the shapes that the kernels take.

In a graph an axis may have no length yet, None: then it agrees with any.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes
from ncps_keras.backends import xp
from ncps_keras.ops._arguments import as_tensor
from ncps_keras.ops._dtypes import LARGEST

Sizes = tuple[Any, ...]


def initial_states(spec: Spec, axes: Axes, state: Any, x: Any) -> tuple[Any, ...]:
    """The states before the first step, each (B, …), for x (B, …); zeros when none is given."""
    if state is None:
        rows = ops.shape(x)[0]
        return tuple(ops.zeros((rows, *shape), dtype=x.dtype) for _, shape in spec.state_shapes())
    given = state if isinstance(state, (tuple, list)) else (state,)
    tensors = tuple(map(as_tensor, given))
    lead = (axes.batch,) if axes.batched else ()
    wanted = [(*lead, *shape) for _, shape in spec.state_shapes()] + [()] * len(tensors)
    pairs = zip(tensors, wanted, strict=False)
    inputs.check_state(spec, axes, tuple(_settled(tuple(t.shape), form) for t, form in pairs))
    tensors = tuple(ops.cast(t, x.dtype) for t in tensors)
    return tensors if axes.batched else tuple(t[None] for t in tensors)


def elapsed(spec: Spec, axes: Axes, timespans: Any, timestamps: Any, dtype: str) -> Any:
    """Δt () for all steps, or (B or 1, T); None when no time is given, which means 1."""
    inputs.check_one_time(spec, timespans, timestamps)
    if timespans is None and timestamps is None:
        return None
    name = "timespans" if timestamps is None else "timestamps"
    given = timespans if timestamps is None else timestamps
    # numbers of Python's and NumPy's keep their precision up to here
    dt = given if keras.ops.is_tensor(given) else np.asarray(given)
    shape = _settled(tuple(dt.shape), _time_form(spec, axes, len(dt.shape)))
    check = inputs.timespans_shape if timestamps is None else inputs.timestamps_shape
    check(spec, axes, shape)
    if shape != ():
        # the axes (B or 1, T) are there but for those of length 1
        dt = dt[..., 0] if len(shape) == 3 or (len(shape) == 2 and not axes.batched) else dt
        if spec.kind == "cell":
            dt = dt[:, 0] if len(shape) == 2 else dt
            dt = dt[:, None]
        elif len(dt.shape) == 1:
            dt = dt[None]
    if timestamps is not None:
        dt = _differences(dt)
    _check_forward(spec, name, dt, dtype)
    return ops.cast(as_tensor(dt), dtype)


def _time_form(spec: Spec, axes: Axes, rank: int) -> Sizes:
    """The one shape of this rank that times can have."""
    batch, steps = axes.batch, axes.steps
    if spec.kind == "cell":
        forms: tuple[Sizes, ...] = ((), (batch,), (batch, 1))
    elif axes.batched:
        forms = ((), (steps,), (batch, steps), (batch, steps, 1))
    else:
        forms = ((), (steps,), (steps, 1))
    return forms[rank] if rank < len(forms) else ()


def _settled(shape: Sizes, form: Sizes) -> Sizes:
    """The shape with the form's length on each axis that is not known in one of them."""
    if len(shape) != len(form):
        return shape
    return tuple(f if s is None or f is None else s for s, f in zip(shape, form, strict=True))


def real_steps(spec: Spec, axes: Axes, mask: Any) -> Any:
    """Which steps are real (B, T), for a mask (B, T) or (T,); None when there is no mask."""
    if mask is None:
        return None
    real = as_tensor(mask)
    form = (axes.batch, axes.steps) if axes.batched else (axes.steps,)
    inputs.check_mask(spec, axes, _settled(tuple(real.shape), form))
    real = ops.cast(real, "bool")
    return real if axes.batched else real[None]


def _differences(times: Any) -> Any:
    """Δt_t = τ_t - τ_{t-1} and Δt_0 = 0, in the precision that the times came in."""
    if isinstance(times, np.ndarray):
        return np.diff(times, axis=1, prepend=times[:, :1])
    return ops.concatenate([ops.zeros_like(times[:, :1]), times[:, 1:] - times[:, :-1]], axis=1)


def _check_forward(spec: Spec, name: str, dt: Any, dtype: str) -> None:
    if 0 in dt.shape:
        return
    if isinstance(dt, np.ndarray):
        smallest, largest = float(dt.min()), float(dt.max())
    elif xp.is_concrete(dt):
        smallest, largest = (float(xp.to_numpy(f(dt))) for f in (ops.min, ops.max))
    else:
        # in a graph there are no values to look at
        return
    # written so that NaN fails too
    if not 0 <= smallest <= largest <= LARGEST[dtype]:
        got = largest if smallest >= 0 else smallest
        raise inputs.bad_time(spec, name, got, dtype)
