"""Arguments of recurrent layers: checked once, in the shapes that the kernels take."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes
from ncps_torch.ops._dtypes import DTYPES, dtype_name
from ncps_torch.ops._modes import values_are_known


def initial_states(spec: Spec, axes: Axes, state: Any, like: Tensor) -> tuple[Tensor, ...]:
    """The states before the first step, each (B, …); zeros when none is given."""
    kinds = [DTYPES[name] for name in spec.state_dtypes(dtype_name(like.dtype))]
    if state is None:
        shapes = ((axes.batch, *shape) for _, shape in spec.state_shapes())
        return tuple(like.new_zeros(n, dtype=k) for n, k in zip(shapes, kinds, strict=True))
    given = state if isinstance(state, (tuple, list)) else (state,)
    tensors = tuple(_on(like.device, s) for s in given)
    inputs.check_state(spec, axes, tuple(tuple(s.shape) for s in tensors))
    states = (s if axes.batched else s[None] for s in tensors)
    return tuple(s if s.dtype == k else s.to(k) for s, k in zip(states, kinds, strict=True))


def _on(device: torch.device, values: Any) -> Tensor:
    """A tensor there; a step of a deep network has dozens, most of them there already."""
    if isinstance(values, Tensor) and values.device == device:
        return values
    return torch.as_tensor(values, device=device)


def elapsed(spec: Spec, axes: Axes, timespans: Any, timestamps: Any, like: Tensor) -> Tensor | None:
    """Δt () for all steps, or (B, T); None when no time is given, which means 1."""
    inputs.check_one_time(spec, timespans, timestamps)
    if timespans is None and timestamps is None:
        return None
    dt = exact(timespans if timestamps is None else timestamps)
    if timestamps is None:
        dt = dt.reshape(inputs.timespans_shape(spec, axes, tuple(dt.shape)))
    else:
        dt = _differences(dt.reshape(inputs.timestamps_shape(spec, axes, tuple(dt.shape))))
    _check(spec, "timespans" if timestamps is None else "timestamps", dt, like.dtype)
    dt = dt.to(device=like.device, dtype=like.dtype)
    return dt.reshape(()) if dt.shape == (1, 1) else dt.expand(axes.batch, axes.steps)


def exact(time: Any) -> Tensor:
    """Times in the precision that they came in."""
    return time if isinstance(time, Tensor) else torch.from_numpy(np.array(time, dtype=np.float64))


def _differences(times: Tensor) -> Tensor:
    """Δt_t = τ_t - τ_{t-1} and Δt_0 = 0."""
    return torch.cat([torch.zeros_like(times[:, :1]), times[:, 1:] - times[:, :-1]], dim=1)


def _check(spec: Spec, name: str, dt: Tensor, dtype: torch.dtype) -> None:
    if dt.numel() == 0 or not values_are_known(dt):
        return
    smallest, largest = (float(bound) for bound in dt.detach().aminmax())
    # written so that NaN fails too
    if not 0 <= smallest <= largest <= torch.finfo(dtype).max:
        got = largest if smallest >= 0 else smallest
        raise inputs.bad_time(spec, name, got, dtype_name(dtype))
