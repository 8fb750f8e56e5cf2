"""The meaning of a layer's call: a pure function from spec, parameters and inputs to outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.reference._attention import attention, attention_step
from ncps.reference._compose import Times, functions, run_parts
from ncps.reference._containers import feed, scan
from ncps.reference._conv import conv, conv_transpose
from ncps.reference._feed_forward import feed_forward
from ncps.reference._feedforward import activation, dense, ncp_dense
from ncps.reference._gated import Parameters, State
from ncps.reference._meanings import Feedforward, carried_on, feedforward, meaning_of
from ncps.reference._norms import batch_norm, embedding, group_norm, layer_norm, rms_norm
from ncps.reference._pool import (
    average_pool,
    dropout,
    flatten,
    global_average_pool,
    global_max_pool,
    max_pool,
)
from ncps.specs import AttentionSpec, ContainerSpec, Spec, inputs
from ncps.specs.inputs import Axes

Array = npt.NDArray[Any]

FEEDFORWARD: dict[str, Callable[[Any, Parameters, Array], Array]] = {
    "Activation": activation,
    "AveragePool1D": average_pool,
    "AveragePool2D": average_pool,
    "BatchNorm": batch_norm,
    "Conv1D": conv,
    "Conv1DTranspose": conv_transpose,
    "Conv2D": conv,
    "Conv2DTranspose": conv_transpose,
    "Dense": dense,
    "Dropout": dropout,
    "Embedding": embedding,
    "FeedForward": feed_forward,
    "Flatten": flatten,
    "GeGLU": feed_forward,
    "GlobalAveragePool1D": global_average_pool,
    "GlobalAveragePool2D": global_average_pool,
    "GlobalMaxPool1D": global_max_pool,
    "GlobalMaxPool2D": global_max_pool,
    "GroupNorm": group_norm,
    "LayerNorm": layer_norm,
    "MaxPool1D": max_pool,
    "MaxPool2D": max_pool,
    "NCPDense": ncp_dense,
    "RMSNorm": rms_norm,
    "SwiGLU": feed_forward,
}


def run(
    spec: Spec,
    parameters: Parameters,
    x: Any,
    state: Any = None,
    timespans: Any = None,
    mask: Any = None,
    timestamps: Any = None,
    context: Any = None,
    context_mask: Any = None,
) -> Any:
    """What a layer with this spec and these canonical parameters computes, in float64.

    Feed-forward: y. Recurrent: (y, state). Arguments may be complex, for derivatives by
    complex step. `context` and `context_mask` are attention's.

    Raises: ShapeError when an argument has another shape than the spec asks for.
    """
    x = np.asarray(x) if spec.indices else _floats(x)
    if spec.layer in FEEDFORWARD:
        spec.output_shape(x.shape)
        return FEEDFORWARD[spec.layer](spec, parameters, x)
    if isinstance(spec, AttentionSpec):
        context = None if context is None else _floats(context)
        return attention(spec, parameters, x, mask, context, context_mask)
    if isinstance(spec, ContainerSpec):
        spec.output_shape(x.shape)
        spec.refuse(state, timespans, mask, timestamps)
        if spec.kind == "feedforward":
            return feed(run, spec, parameters, x)
    elif isinstance(meaning := meaning_of(spec.layer), Feedforward):
        return feedforward(meaning, spec, parameters, x, mask)
    else:
        functions(spec)
    sequence = spec.kind == "sequence"
    axes = (inputs.sequence_axes if sequence else inputs.cell_axes)(spec, x.shape)
    states = _states(spec, axes, state)
    dt = _elapsed(spec, axes, timespans, timestamps)
    features = () if spec.indices else x.shape[-1:]
    steps = x.reshape(axes.batch, axes.steps, *features)
    real = _real_steps(spec, axes, mask)
    # whatever stands in a masked step, NaN included, is not even looked at
    steps = np.where(real if spec.indices else real[..., None], steps, 0)
    times = Times(np.broadcast_to(dt, real.shape), real)
    if isinstance(spec, ContainerSpec):
        y, states = scan(run, spec, parameters, steps, states, times)
    else:
        y, states = run_parts(spec, parameters, steps, states, times)
    return _without_batch(y, states, axes, keep_time=sequence)


def step(
    spec: Spec, parameters: Parameters, x: Any, state: Any = None, mask: Any = None
) -> tuple[Array, Any]:
    """What a layer that carries a sequence on computes for the steps after those in `state`.

    That is causal attention, whose state is its cache, or a plugin's layer.

    Raises: SpecError when it cannot; ShapeError when an argument has another shape.
    """
    x = np.asarray(x) if spec.indices else _floats(x)
    if isinstance(spec, AttentionSpec):
        return attention_step(spec, parameters, x, state, mask)
    return carried_on(spec, parameters, x, state, mask)


def _without_batch(y: Array, state: State, axes: Axes, keep_time: bool) -> tuple[Array, Any]:
    if not keep_time:
        y = y[:, 0]
    if not axes.batched:
        y, state = y[0], tuple(s[0] for s in state)
    return y, state[0] if len(state) == 1 else state


def _real_steps(spec: Spec, axes: Axes, mask: Any) -> Array:
    if mask is None:
        return np.ones((axes.batch, axes.steps), dtype=bool)
    given = np.asarray(mask)
    inputs.check_mask(spec, axes, given.shape)
    return given.astype(bool).reshape(axes.batch, axes.steps)


def _states(spec: Spec, axes: Axes, state: Any) -> State:
    if state is None:
        return tuple(np.zeros((axes.batch, *shape)) for _, shape in spec.state_shapes())
    given = state if isinstance(state, (tuple, list)) else (state,)
    arrays = tuple(_floats(s) for s in given)
    inputs.check_state(spec, axes, tuple(a.shape for a in arrays))
    return arrays if axes.batched else tuple(a[None] for a in arrays)


def _elapsed(spec: Spec, axes: Axes, timespans: Any, timestamps: Any) -> Array:
    """Δt (B or 1, T)."""
    inputs.check_one_time(spec, timespans, timestamps)
    name = "timespans" if timestamps is None else "timestamps"
    if timestamps is not None:
        times = _floats(timestamps)
        times = times.reshape(inputs.timestamps_shape(spec, axes, times.shape))
        dt = np.diff(times, axis=1, prepend=times[:, :1])
    else:
        dt = _floats(1.0 if timespans is None else timespans)
        dt = dt.reshape(inputs.timespans_shape(spec, axes, dt.shape))
    bad = dt.real[~((dt.real >= 0) & np.isfinite(dt.real))]
    if bad.size:
        raise inputs.bad_time(spec, name, float(bad.min()), "float64")
    return np.broadcast_to(dt, (dt.shape[0], axes.steps))


def _floats(value: Any) -> Array:
    array = np.asarray(value)
    return array if np.iscomplexobj(array) else array.astype(np.float64)
