r"""Any recurrence over time, trained in O(T).

.. math:: s_t = \mathrm{step}(W, x_t, s_{t-1})

Shapes: each of `weights` any; each of `xs` (B, T, ·); each of `states` (B, ·); the result holds
one (B, T, ·) for each state. `step` must treat rows alike: it is also run on all B·T at once.

Forward: one step after the other. Backward: MLX's own gradient of a loop is O(T²), because the
gradient of each slice is as large as the whole; here the reverse loop carries only the states'
gradients, and those of the weights and inputs come from one application to all steps at once.

Held to a plain loop by `test_kernels.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mlx.core as mx

Arrays = Sequence[mx.array]
Step = Callable[[Arrays, Arrays, Arrays], Arrays]


def scan(step: Step, weights: Arrays, xs: Arrays, states: Arrays) -> list[mx.array]:
    """The states after every step, each (B, T, ·); T must be at least 1."""
    n_weights, n_xs = len(weights), len(xs)

    def parts(flat: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        return flat[:n_weights], flat[n_weights : n_weights + n_xs], flat[n_weights + n_xs :]

    @mx.custom_function
    def run(*flat: mx.array) -> list[mx.array]:
        return plain_scan(step, *parts(flat))

    @run.vjp
    def backward(primals: Arrays, cotangents: Arrays, outputs: Arrays) -> list[mx.array]:
        weights, xs, states = parts(primals)
        steps = xs[0].shape[1]
        before = [
            mx.concatenate([s[:, None], o[:, :-1]], axis=1)
            for s, o in zip(states, outputs, strict=True)
        ]
        carried = [mx.zeros_like(s) for s in states]
        gathered = []
        for t in reversed(range(steps)):
            totals = [d + c[:, t] for d, c in zip(carried, cotangents, strict=True)]
            gathered.append(totals)
            at_t = [x[:, t] for x in xs]

            def of_states(*s: mx.array, at_t: Arrays = at_t) -> Arrays:
                return step(weights, at_t, s)

            carried = mx.vjp(of_states, [b[:, t] for b in before], totals)[1]

        totals = [mx.stack(list(reversed(g)), axis=1) for g in zip(*gathered, strict=True)]
        rows = [b.reshape(-1, b.shape[-1]) for b in before]

        def of_rest(*rest: mx.array) -> Arrays:
            flat = [x.reshape(-1, x.shape[-1]) for x in rest[n_weights:]]
            return step(rest[:n_weights], flat, rows)

        flat_totals = [t.reshape(-1, t.shape[-1]) for t in totals]
        rest = mx.vjp(of_rest, [*weights, *xs], flat_totals)[1]
        return [*rest, *carried]

    return list(run(*weights, *xs, *states))


def plain_scan(step: Step, weights: Arrays, xs: Arrays, states: Arrays) -> list[mx.array]:
    """The same, as a loop that leaves the gradient to MLX."""
    history = []
    for t in range(xs[0].shape[1]):
        states = step(weights, [x[:, t] for x in xs], states)
        history.append(states)
    return [mx.stack(list(sequence), axis=1) for sequence in zip(*history, strict=True)]
