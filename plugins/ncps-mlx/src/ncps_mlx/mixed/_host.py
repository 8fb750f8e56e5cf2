"""An MLX module whose computation happens in another framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import numpy.typing as npt

from ncps.mixed import Guest, Hosted, Request, flatten, rebuild
from ncps_mlx import ops
from ncps_mlx.mixed._crossing import cross


class MlxHost:
    """Makes MLX modules of other frameworks' layers; see `ncps.mixed.HostSide`."""

    framework = "mlx"

    def module(self, guest: Guest) -> MixedLayer:
        """The module that runs the guest."""
        return MixedLayer(guest)


class MixedLayer(Hosted, nn.Module):
    """A layer of another framework as an MLX module: same call, same parameters, gradients.

    `weights` holds the parameters under the guest's native names, `fixed` those that the layer had
    frozen. Call it with arrays that MLX may evaluate: inside `mx.grad` and its like, not inside
    `mx.compile` or `mx.vmap`.
    """

    framework = "mlx"

    def __init__(self, guest: Guest) -> None:
        super().__init__()
        self.guest = guest
        kind = ops.DTYPES[guest.layer.dtype]
        arrays = {n: ops.from_numpy(a, kind) for n, a in guest.parameters().items()}
        self._order = tuple(arrays)
        self.weights = _tree({n: a for n, a in arrays.items() if n in guest.trainable})
        self.fixed = _tree({n: a for n, a in arrays.items() if n not in guest.trainable})
        self.freeze(keys=["fixed"], recurse=False)

    @property
    def dtype(self) -> str:
        """Name of the parameters' dtype; without parameters, the guest's."""
        first = ops.first_parameter(self)
        return self.guest.layer.dtype if first is None else ops.dtype_name(first)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state array, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        kind = ops.DTYPES[self.dtype]
        states = tuple(mx.zeros((*lead, *shape), kind) for _, shape in self.spec.state_shapes())
        return states[0] if len(states) == 1 else states or None

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters by native name; bfloat16 ones as float32."""
        return {name: ops.to_numpy(array) for name, array in self._named().items()}

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all parameters at once, keeping their dtype.

        Raises: ParameterError when names or shapes do not fit; nothing is changed then.
        """
        own = self._named()
        self._check_native(own, arrays)
        new = {n: ops.from_numpy(np.asarray(a), own[n].dtype) for n, a in arrays.items()}
        loose = ops.named(self.weights)
        self.update(
            {
                "weights": _tree({n: a for n, a in new.items() if n in loose}),
                "fixed": _tree({n: a for n, a in new.items() if n not in loose}),
            }
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the guest; its own class says the arguments and shapes.

        Raises: MixedError inside `mx.compile`, `mx.vmap` and `mx.jvp`.
        """
        named = self._named()
        kind = ops.DTYPES[self.dtype]
        arrays, pattern = flatten((args, kwargs), lambda value: isinstance(value, mx.array))
        arrays = [a.astype(kind) if _is_floating(a) else a for a in arrays]
        trained = ops.named(self.trainable_parameters().get("weights", {}))
        varied = ops.in_transform()
        wanted = [varied and name in trained for name in named]
        wanted += [varied and _is_floating(a) for a in arrays]

        def request(operands: list[mx.array]) -> Request:
            pairs = zip(named, operands, strict=False)
            return Request(dict(pairs), operands[len(named) :], pattern, wanted, self.training)

        outputs, pattern_out = cross(self.guest, request, [*named.values(), *arrays], self.dtype)
        return rebuild(pattern_out, outputs)

    def _named(self) -> dict[str, mx.array]:
        found = {**ops.named(self.weights), **ops.named(self.fixed)}
        return {name: found[name] for name in self._order}

    def _extra_repr(self) -> str:
        return self.guest.name


def _tree(arrays: Mapping[str, mx.array]) -> dict[str, Any]:
    """Dots as levels of dicts: a list would lose its place when a part of it is frozen."""
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *path, last = name.split(".")
        level = tree
        for part in path:
            level = level.setdefault(part, {})
        level[last] = array
    return tree


def _is_floating(array: mx.array) -> bool:
    return bool(mx.issubdtype(array.dtype, mx.floating))
