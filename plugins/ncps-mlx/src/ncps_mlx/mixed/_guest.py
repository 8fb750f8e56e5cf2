"""An MLX layer that computes with another framework's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
from mlx.utils import tree_unflatten

from ncps.mixed import Answer, Request, flatten
from ncps_mlx import ops
from ncps_mlx.layers import NativeLayer


class MlxGuest:
    """Runs MLX layers inside another framework's model; see `ncps.mixed.GuestSide`."""

    framework = "mlx"

    def refusal(self, layer: NativeLayer, host: str) -> str | None:
        """None: every MLX layer can be a guest."""
        return None

    def dtypes(self, layer: NativeLayer) -> tuple[str, ...]:
        """All that layers can have."""
        return tuple(ops.DTYPES)

    def trainable(self, layer: NativeLayer) -> set[str]:
        """Native names of the parameters that are not frozen."""
        return set(ops.named(layer.trainable_parameters()))

    def run(self, layer: NativeLayer, request: Request) -> Answer:
        """Run the layer. MLX keeps no graph without cotangents: `pull` runs it once more."""
        layer.train(request.training)
        operands = [mx.from_dlpack(a) for a in request.operands]
        generator: Any = mx.random.state
        key = mx.array(generator[0])
        result = _call(layer, request, operands)
        outputs, pattern = flatten(result, _is_array)
        mx.eval(outputs)
        primals = [operands[i] for i in request.chosen]

        def again(*leaves: mx.array) -> list[mx.array]:
            places = dict(zip(request.chosen, leaves, strict=True))
            full = [places.get(i, a) for i, a in enumerate(operands)]
            # mx.vjp forgets a cotangent where two outputs are one array, as y and state of a cell
            return [y + 0 for y in flatten(_call(layer, request, full), _is_array)[0]]

        def pull(cotangents: Sequence[Any]) -> list[mx.array]:
            pairs = zip(outputs, map(mx.from_dlpack, cotangents), strict=True)
            dys = [dy.astype(y.dtype) for y, dy in pairs]
            with _random_from(key):
                _, found = mx.vjp(again, primals, dys)
                mx.eval(found)
            return list(found)

        return Answer(outputs, pattern, pull if primals else None)


def _call(layer: NativeLayer, request: Request, operands: Sequence[mx.array]) -> Any:
    parameters, args, kwargs = request.split(operands)
    with _lent(layer, parameters):
        return layer(*args, **kwargs)


@contextmanager
def _lent(layer: NativeLayer, parameters: Mapping[str, mx.array]) -> Iterator[None]:
    """The layer with these parameters in place of its own."""
    before = ops.named(layer.parameters())
    layer.update(tree_unflatten(list(parameters.items())))
    try:
        yield
    finally:
        layer.update(tree_unflatten(list(before.items())))


@contextmanager
def _random_from(key: mx.array) -> Iterator[None]:
    """Draw random numbers from this key on, and leave the generator where it was before."""
    halves: Any = key.tolist()
    high, low = halves
    with ops.untouched_random():
        mx.random.seed(high << 32 | low)
        yield


def _is_array(value: Any) -> bool:
    return isinstance(value, mx.array)
