"""One step of the layers that integrate an ODE: LTC and CTRNN, semi-implicit unless told so.

`p` maps canonical names to arrays; x (B, D); a state is a tuple of (B, H) arrays; dt (B, 1) or
(1, 1). All arrays may be complex (see `_functions`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ncps.ode import SEMI_IMPLICIT
from ncps.reference._functions import ACTIVATIONS, Array, clip, sigmoid, softplus
from ncps.reference._gated import Parameters, State
from ncps.reference._memory import behind_memory
from ncps.reference._solvers import solved
from ncps.specs import CTRNNCell, LTCCell
from ncps.specs._wired import Mask


def ltc_step(spec: LTCCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """c_m dv/dt = g (v_l - v) + Σ w s (E - v) over Δt, the sensory synapses held fixed."""
    x, v, *memory = behind_memory(spec, p, x, state)
    positive = softplus if spec.implicit_param_constraints else clip
    u = _mapped(p, "input", x)
    sensory_drive, sensory_conductance = _synapses(p, "sensory_", u, positive, spec.masks.sensory)
    g = positive(p["gleak"])
    cm = positive(p["cm"])

    def sums(v: Array) -> tuple[Array, Array]:
        drive, conductance = _synapses(p, "", v, positive, spec.masks.inner)
        drive = drive + sensory_drive + g * p["vleak"]
        return drive, conductance + sensory_conductance + g + spec.epsilon

    if spec.solver != SEMI_IMPLICIT:
        return (solved(spec, lambda t, v: _over(cm, *sums(v)), v, dt), *memory)
    c = cm * spec.ode_unfolds
    for _ in range(spec.ode_unfolds):
        v = _unfold(v, *sums(v), c, dt)
    return (v, *memory)


def _unfold(v: Array, drive: Array, conductance: Array, c: Array, dt: Array) -> Array:
    """One of the N semi-implicit steps; c = c_m N.

    It is written as v plus an increment that has Δt as a factor, so that Δt = 0 leaves v as it is,
    whatever the parameters.
    """
    denominator = c + dt * conductance
    # it is 0 only where the increment is: without capacity, and without time or conductance
    denominator = np.where(denominator == 0, 1.0, denominator)
    return v + dt * (drive - conductance * v) / denominator


def ltc_readout(spec: LTCCell, p: Parameters, state: State) -> Array:
    """y = w_out v + b_out of the motor neurons."""
    return _mapped(p, "output", state[0][..., list(spec.output_neurons)])


def ctrnn_step(spec: CTRNNCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """N steps of h ← (h + δ φ(x W + h R + b)) / (1 + δ / τ), δ = Δt / N, or the `solver`'s."""
    (h,) = state
    W, R = p["kernel"], p["recurrent_kernel"]
    if spec.masks is not None:
        W, R = W * spec.masks.sensory, R * spec.masks.inner
    tau = np.exp(p["log_tau"])
    phi = ACTIVATIONS[spec.activation]
    if spec.solver != SEMI_IMPLICIT:
        drive = x @ W + p["bias"]
        return (solved(spec, lambda t, h: (phi(drive + h @ R), 1.0 / tau), h, dt),)
    delta = dt / spec.ode_unfolds
    for _ in range(spec.ode_unfolds):
        h = (h + delta * phi(x @ W + h @ R + p["bias"])) / (1.0 + delta / tau)
    return (h,)


def ctrnn_readout(spec: CTRNNCell, p: Parameters, state: State) -> Array:
    """y = h of the output neurons."""
    return state[0][..., list(spec.output_neurons)]


def _synapses(
    p: Parameters, prefix: str, sources: Array, positive: Callable[[Array], Array], mask: Mask
) -> tuple[Array, Array]:
    """Σ w s E and Σ w s over the sources (B, ·), each (B, H)."""
    s = sigmoid(p[f"{prefix}sigma"] * (sources[:, :, None] - p[f"{prefix}mu"]))
    ws = positive(p[f"{prefix}w"]) * mask * s
    return np.sum(ws * p[f"{prefix}erev"], axis=1), np.sum(ws, axis=1)


def _over(c: Array, drive: Array, conductance: Array) -> tuple[Array, Array]:
    """The pair (a, b) of dv/dt = a − b v."""
    return drive / c, conductance / c


def _mapped(p: Parameters, name: str, values: Array) -> Array:
    """Affine, linear or no mapping, by the parameters that there are."""
    if f"{name}_w" in p:
        values = values * p[f"{name}_w"]
    return values + p[f"{name}_b"] if f"{name}_b" in p else values
