"""How conversion speaks to a framework's own modules: an adapter, offered by the plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy.typing as npt

from ncps.canonical._maps import ParameterMap
from ncps.specs import Spec

Kind = Literal["sequential", "list", "dict"]
Parameters = Mapping[str, npt.NDArray[Any]]


class Natives(Protocol):
    """What the hook ``ncps_natives`` of a plugin returns for its framework.

    Only exact types count as the framework's own layers and containers: a subclass may compute
    something else. Names of the plain functions are those of a spec's `activation`, or
    ``identity``.
    """

    @property
    def framework(self) -> str:
        """Name of the framework, e.g. ``"mlx"``."""

    def is_module(self, value: object) -> bool:
        """Whether the value is a module of the framework."""

    def describe(self, module: Any) -> tuple[Spec, Parameters] | None:
        """What one of the framework's own layers means; None for a module of another type.

        Raises: ConversionError when no spec can say it, such as dropout between layers.
        """

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the arrays of the framework's own layer relate to the canonical parameters.

        Raises: ConversionError, naming what the framework has, when it has no such layer.
        """

    def make(
        self, spec: Spec, parameters: Parameters, dtype: str | None = None, device: Any = None
    ) -> Any:
        """The framework's own layer that computes this.

        Raises: ConversionError, naming what the framework has, when it has none.
        """

    def fill(self, module: Any, parameters: Parameters) -> None:
        """Give one of the framework's own layers these canonical parameters, keeping its dtype."""

    def run(self, module: Any, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The output (B, T, O) of one of the framework's own layers for x (B, T, D), from zeros.

        A cell is stepped over T; dropout is off.
        """

    def dtype(self, module: Any) -> str:
        """Name of the dtype of the module's parameters, e.g. ``"float32"``."""

    def own(self, module: Any) -> list[str]:
        """Names of the parameters and saved buffers that the module holds itself."""

    def children(self, module: Any) -> dict[str, Any]:
        """The modules inside a module by name, in order; those in its lists as ``layers.0``.

        Those of a container may be the framework's functions, such as `mlx.nn.relu`.
        """

    def kind(self, module: Any) -> Kind | None:
        """``sequential``, ``list`` or ``dict`` for the framework's containers, else None."""

    def assemble(self, kind: Kind, children: Mapping[str, Any]) -> Any:
        """The framework's container of this kind (a plain list or dict where it has none)."""

    def function(self, module: Any) -> str | None:
        """``relu``, … of a module without parameters, or a function, that applies it, or None."""

    def make_function(self, name: str) -> Any:
        """The framework's module for such a name."""
