"""The adapter through which conversion reads and makes a framework's own modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy.typing as npt

from ncps.specs import Spec

Kind = Literal["sequential", "list", "dict"]


class Natives(Protocol):
    """What the hook ``ncps_natives`` of a plugin returns for its framework.

    A module counts only by its exact type: a subclass may compute something else. One object
    serves all calls and keeps nothing between them.
    """

    @property
    def framework(self) -> str:
        """Name of the framework, e.g. ``"torch"``."""

    def is_module(self, obj: object) -> bool:
        """Whether this is a module of the framework."""

    def describe(self, module: Any) -> tuple[Spec, dict[str, npt.NDArray[Any]]] | None:
        """Spec and canonical parameters of one of the framework's own layers.

        The parameters are copies, in the order of the spec; bfloat16 ones are float32. None for
        a module of another type, a subclass included.

        Raises: ConversionError when it has something that no spec can say, such as dropout
        between layers.
        """

    def make(
        self,
        spec: Spec,
        parameters: Mapping[str, npt.NDArray[Any]],
        dtype: str | None = None,
        device: str | None = None,
    ) -> Any:
        """The framework's own layer that computes this spec with these parameters.

        dtype and device default to the framework's own. What it returns is the framework's way:
        `return_sequences` and `return_state` have no part in it.

        Raises: ConversionError, naming what the framework has of its own, when it has no such
        layer or the spec asks for what its layer lacks; ParameterError when the parameters do not
        fit the spec; BuildError when its input size is open.
        """

    def children(self, module: Any) -> dict[str, Any]:
        """Direct submodules by name, in order; those in lists and dicts as ``"layers.0"``.

        A module with two names is there twice. Functions that a sequential calls are there too:
        `plain` knows their names, or gives None.
        """

    def kind(self, module: Any) -> Kind | None:
        """Which pure container this is, by exact type; None when it is none."""

    def assemble(self, kind: Kind, children: Mapping[str, Any]) -> Any:
        """The framework's container of this kind with these children, in order.

        Where it has none: a plain list or dict. Names with a dot do not survive in a sequential.
        """

    def plain(self, module: Any) -> str | None:
        """Name of the function that a module without parameters applies, such as ``"relu"``.

        None when it is none of ``gelu identity relu sigmoid silu tanh``; dropout with p = 0 is
        ``identity``.
        """

    def make_plain(self, name: str) -> Any:
        """The framework's own module that applies this function.

        Raises: UnknownNameError, with the nearest match, for another name.
        """
