"""The sLSTM over a sequence: its preactivations laid out for the kernel, and masks."""

from __future__ import annotations

import mlx.core as mx

from ncps_xlstm.mlx import kernels
from ncps_xlstm.mlx.kernels import VectorState
from ncps_xlstm.mlx.ops._behind import Behind

States = tuple[mx.array, ...]


def slstm(
    gates: mx.array,
    recurrent: tuple[mx.array, ...],
    states: States,
    behind: Behind | None,
    own_backward: bool,
) -> tuple[mx.array, States]:
    """h (B, T, H) after every step, and the last (h, c, n, m), each (B, H).

    `gates` (B, T, 4, H) are what x gives of ĩ, f̃, z̃, õ; `recurrent` their R (NH, d, d).
    """
    heads, dtype = recurrent[0].shape[0], states[1].dtype
    p = gates.astype(dtype).reshape(*gates.shape[:3], heads, -1)
    R = mx.stack([r.astype(dtype) for r in recurrent], axis=2)
    before = [s.astype(dtype) for s in states]
    initial = VectorState(*(s.reshape(s.shape[0], heads, -1) for s in before))
    # a single step has no loop to save; rows that end somewhere need what their states were there
    own_backward = own_backward and p.shape[1] > 1
    run = kernels.slstm(p, R, initial, own_backward, history=behind is not None)
    after = [s.reshape(*s.shape[:2], -1) for s in run]
    if behind is None:
        return after[0], tuple(s[:, -1] for s in after)
    return after[0], tuple(behind.last(a, s) for a, s in zip(before, after, strict=True))
