"""`ncps.mlx.NCPLayer`: a base for own layers that learn their input size at the first call."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import mlx.nn as nn

from ncps.errors import BuildError
from ncps.specs import Shape
from ncps_mlx import ops


class NCPLayer(nn.Module):
    """An `mlx.nn.Module` that is built from the shape of its first input.

    A subclass makes its parameters in ``build(input_shape)`` and computes in ``__call__``, which
    builds first when that has not happened yet; `built` says whether it has.

        class Scale(NCPLayer):
            def build(self, input_shape):
                self.factor = mx.ones((input_shape[-1],))

            def __call__(self, x):
                return self.factor * x

    Raises: BuildError when the first call is inside grad, compile or another transformation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.built = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marking(cls.build)  # type: ignore[method-assign]
        if "__call__" in cls.__dict__:
            cls.__call__ = _building(cls.__call__)  # type: ignore[method-assign]

    def build(self, input_shape: Shape) -> None:
        """Make the parameters for inputs of this shape."""
        self.built = True

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute; a subclass defines it."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(inputs): the base has nothing to compute."
        )


def _marking(build: Callable[..., None]) -> Callable[..., None]:
    @wraps(build)
    def built(self: NCPLayer, input_shape: Shape) -> None:
        build(self, input_shape)
        self.built = True

    return built


def _building(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def built_first(self: NCPLayer, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.built:
            if ops.in_transform():
                raise BuildError(
                    f"{type(self).__name__} is not built and was called inside grad, compile or "
                    "another transformation: its new parameters would not be trained. Call "
                    "layer.build(shape) or the layer itself before."
                )
            self.build(inputs.shape)
        return call(self, inputs, *args, **kwargs)

    return built_first
