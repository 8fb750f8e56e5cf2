"""One step of the continuous-time GRU.

`p` maps canonical names to arrays; x (B, D); the state is one (B, H·M) array; dt (B, 1) or (1, 1).
All arrays may be complex (see `_functions`).
"""

from __future__ import annotations

import numpy as np

from ncps.reference._functions import Array
from ncps.reference._gated import Parameters, State
from ncps.specs import CTGRUCell


def ctgru_step(spec: CTGRUCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """ĥ ← e^(-Δt/τ) ĥ, then (1 - s) ĥ + s q: what is read and written at the scales chosen."""
    log_tau = np.array(spec.log_scales)
    memories = _scales(spec, state[0]) * np.exp(-dt[..., None] / np.exp(log_tau))
    h = memories.sum(axis=-1)

    def affine(gate: str, h: Array) -> Array:
        recurrent = h @ p[f"{gate}.recurrent_kernel"]
        return x @ p[f"{gate}.kernel"] + recurrent + p[f"{gate}.bias"]

    r = _choice(affine("retrieval", h), log_tau)
    s = _choice(affine("storage", h), log_tau)
    q = np.tanh(affine("signal", (r * memories).sum(axis=-1)))
    memories = (1.0 - s) * memories + s * q[..., None]
    if spec.cell_clip is not None:
        memories = np.where(memories.real > spec.cell_clip, spec.cell_clip, memories)
        memories = np.where(memories.real < -spec.cell_clip, -spec.cell_clip, memories)
    return (memories.reshape(state[0].shape),)


def ctgru_readout(spec: CTGRUCell, p: Parameters, state: State) -> Array:
    """y = Σ ĥ over the scales."""
    return _scales(spec, state[0]).sum(axis=-1)


def _scales(spec: CTGRUCell, state: Array) -> Array:
    """(B, H·M) → (B, H, M)."""
    return state.reshape(*state.shape[:-1], spec.units, spec.num_scales)


def _choice(log_tau: Array, scales: Array) -> Array:
    """The weight (B, H, M) of each scale for the wanted ln τ (B, H)."""
    score = -((log_tau[..., None] - scales) ** 2)
    weight = np.exp(score - score.real.max(axis=-1, keepdims=True))
    return weight / weight.sum(axis=-1, keepdims=True)
