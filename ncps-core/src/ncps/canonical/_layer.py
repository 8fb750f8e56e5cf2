"""What a layer of any technology offers beside its own framework's interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ncps.canonical._maps import ParameterMap
from ncps.specs import Shape, Spec


@runtime_checkable
class Layer(Protocol):
    """A native layer: an `mlx.nn.Module`, a `torch.nn.Module`, … with these names added.

    A provider's class is called ``Class(spec, seed=…, dtype=…, device=…)``; with
    ``spec.input_size`` None it stays unbuilt until `build` or its first call.
    """

    framework: ClassVar[str]
    spec: Spec

    @property
    def built(self) -> bool:
        """Whether the parameters exist."""

    @property
    def dtype(self) -> str:
        """Name of the parameters' dtype, e.g. ``"float32"``."""

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the native arrays of a layer with this spec relate to the canonical ones."""

    def build(self, input_shape: Shape) -> None:
        """Create the parameters for inputs of this shape; does nothing when they exist."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """The state before the first step, zeros; None for a feed-forward layer."""

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """All native parameters as NumPy arrays, under their native names."""

    def set_native(self, arrays: Mapping[str, npt.NDArray[np.floating]]) -> None:
        """Replace all native parameters at once, keeping the layer's dtype."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer."""
