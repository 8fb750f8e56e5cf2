"""A function with a backward pass of its own, which can still be differentiated again.

`mx.custom_function` gives a gradient made of MLX's operations, whose gradient MLX could take once
more; but in it, what the forward pass kept for the backward pass would be a constant. So the
backward pass has a gradient too: that of the forward pass's operations, at their price.

Held to the second gradients of plain loops by `test_mlx_slstm.py` and `test_mlx_mlstm.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx

Arrays = Sequence[mx.array]
# the arrays → the outputs, and what is kept for the backward pass
Forward = Callable[[Arrays], tuple[Arrays, Arrays]]
# the arrays, the gradients of the outputs, the outputs, what was kept → the gradients of the arrays
Backward = Callable[[Arrays, Arrays, Arrays, Arrays], Arrays]


def with_own_backward(forward: Forward, backward: Backward) -> Callable[..., Arrays]:
    """The function of arrays that gives `forward`'s outputs and has `backward` as its gradient.

    The operations of `forward` must have the right gradients themselves.
    """
    again = mx.custom_function(lambda *arguments: list(backward(*arguments)))

    @again.vjp
    def _(arguments: Any, cotangents: Any, _: Any) -> tuple[list[mx.array], ...]:
        arrays, dgiven, *known = arguments
        count = len(arrays)

        def gradient(*both: mx.array) -> Arrays:
            return _gradient(forward, both[:count], both[count:])

        found = mx.vjp(gradient, [*arrays, *dgiven], list(cotangents))[1]
        constants = ([mx.zeros_like(a) for a in group] for group in known)
        return found[:count], found[count:], *constants

    @mx.custom_function
    def once(*arrays: mx.array) -> tuple[list[mx.array], list[mx.array]]:
        given, kept = forward(arrays)
        return list(given), list(kept)

    @once.vjp
    def _(arrays: Any, cotangents: Any, results: Any) -> tuple[mx.array, ...]:
        found: Any = again(list(arrays), list(cotangents[0]), *map(list, results))
        return tuple(found)

    def outputs(*arrays: mx.array) -> Arrays:
        results: Any = once(*arrays)
        return list(results[0])

    return outputs


def _gradient(forward: Forward, arrays: Arrays, cotangents: Arrays) -> Arrays:
    """MLX's own gradient of the outputs."""
    return mx.vjp(lambda *a: list(forward(a)[0]), list(arrays), list(cotangents))[1]
