"""Is a function transformation (grad, vjp, jvp, vmap, compile) running around this code?

MLX has no question for this. But it keeps the graph of an array that came out of a trace when
the array is evaluated during a trace, and forgets the graph when it is evaluated outside.
"""

from __future__ import annotations

import io

import mlx.core as mx


def in_transform() -> bool:
    """Whether an MLX transformation is tracing in this thread.

    Held to all transformations by `test_lazy_build.py`.
    """
    leaked: list[mx.array] = []

    def leak(a: mx.array) -> mx.array:
        # not the output itself: MLX takes the mark of a trace off the outputs
        leaked.append(a * 3)
        return a

    mx.grad(leak)(mx.array(0.0))
    probe = leaked[0] + 1
    mx.eval(probe)
    graph = io.StringIO()
    mx.export_to_dot(graph, probe)
    return "Add" in graph.getvalue()
