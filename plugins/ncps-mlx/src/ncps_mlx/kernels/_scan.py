r"""Any recurrence over time, trained in O(T).

.. math:: s_t = \mathrm{step}(x_t, s_{t-1})

Shapes: each of `xs` (B, T, ·); each of `states` (B, ·); the result holds one (B, T, ·) for each
state.

The gradient is MLX's own. What needs care is taking the steps apart: the gradient of a slice
``x[:, t]`` is an array as large as x, so that a loop over slices trains in O(T²). The gradient of
`mx.split` is a concatenation, but above ten pieces MLX splits by slices; hence a tree of splits,
O(T log T) in bytes and O(T) in operations. Unlike a custom function with many outputs it can be
exported, and compiles in linear time.

Held to a plain loop by `test_kernels.py`, and to its cost by `test_training_cost.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mlx.core as mx

Arrays = Sequence[mx.array]
Step = Callable[[Arrays, Arrays], Arrays]

PIECES = 8


def unbind(x: mx.array) -> list[mx.array]:
    """x (B, T, ·) as T arrays (B, ·); T must be at least 1."""
    steps = x.shape[1]
    if steps == 1:
        return [x.squeeze(1)]
    n = min(PIECES, steps)
    parts = mx.split(x, [i * steps // n for i in range(1, n)], axis=1)
    return [step for part in parts for step in unbind(part)]


def scan(step: Step, xs: Arrays, states: Arrays) -> list[mx.array]:
    """The states after every step, each (B, T, ·); T must be at least 1."""
    history: list[Arrays] = []
    for at_t in zip(*map(unbind, xs), strict=True):
        states = step(at_t, states)
        history.append(states)
    return [mx.stack(list(sequence), axis=1) for sequence in zip(*history, strict=True)]
