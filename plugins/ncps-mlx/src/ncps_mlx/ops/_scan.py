"""Which loop runs a recurrence."""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx import kernels
from ncps_mlx.kernels import Arrays as Arrays
from ncps_mlx.kernels import Step as Step


def scan(step: Step, weights: Arrays, xs: Arrays, states: Arrays) -> list[mx.array]:
    """The states after every step, each (B, T, ·)."""
    # one step has no loop whose gradient could grow: MLX's own is the shortest way
    run = kernels.plain_scan if xs[0].shape[1] == 1 else kernels.scan
    return run(step, weights, xs, states)
