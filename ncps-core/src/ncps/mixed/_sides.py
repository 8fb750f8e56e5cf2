"""What the plugins of two frameworks do for each other; neither imports the other.

Arrays cross by DLPack: whoever takes one calls its own framework's ``from_dlpack``, and must not
write into what it took, for it may be the other's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ncps.mixed._tree import rebuild

if TYPE_CHECKING:
    from ncps.mixed._guest import Guest

Pull = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class Request:
    """One call of a guest: the host's arrays, and which of them want a gradient.

    `parameters` are all of the guest's under its native names. `pattern` holds ``(args, kwargs)``
    of the call, with places for `arrays`. `wanted` has one entry for each parameter, then one for
    each array.
    """

    parameters: Mapping[str, Any]
    arrays: Sequence[Any]
    pattern: Any
    wanted: Sequence[bool]
    training: bool

    @property
    def operands(self) -> list[Any]:
        """The parameters, then the arrays: what `wanted` speaks about."""
        return [*self.parameters.values(), *self.arrays]

    @property
    def chosen(self) -> list[int]:
        """Places of the operands that want a gradient."""
        return [i for i, wanted in enumerate(self.wanted) if wanted]

    def split(self, operands: Sequence[Any]) -> tuple[dict[str, Any], tuple[Any, ...], Any]:
        """The parameters by name, and args and kwargs of the call, for operands in their places."""
        count = len(self.parameters)
        args, kwargs = rebuild(self.pattern, operands[count:])
        return dict(zip(self.parameters, operands[:count], strict=True)), args, kwargs


@dataclass(frozen=True)
class Answer:
    """What a guest computed: its own arrays, flat, and the pattern of the result.

    ``pull(cotangents)``, one for each output, gives the gradients by the operands that wanted one,
    in their order. It may be called again and gives the same. None where no operand wanted one.
    """

    outputs: Sequence[Any]
    pattern: Any
    pull: Pull | None


class GuestSide(Protocol):
    """What the hook ``ncps_guest`` of a plugin returns for its framework."""

    @property
    def framework(self) -> str:
        """Name of the framework, e.g. ``"mlx"``."""

    def refusal(self, layer: Any, host: str) -> str | None:
        """Why this layer cannot be a guest of this framework, or None."""

    def dtypes(self, layer: Any) -> tuple[str, ...]:
        """Names of the dtypes that the layer's parameters may have."""

    def trainable(self, layer: Any) -> set[str]:
        """Native names of the parameters that training changes."""

    def run(self, layer: Any, request: Request) -> Answer:
        """Run the layer with the request's parameters in place of its own, which stay as they are.

        What was random in this run is the same when its gradients are pulled.
        """


class HostSide(Protocol):
    """What the hook ``ncps_host`` of a plugin returns for its framework."""

    @property
    def framework(self) -> str:
        """Name of the framework, e.g. ``"torch"``."""

    def module(self, guest: Guest) -> Any:
        """A module of the framework that runs the guest and holds its parameters.

        It has the names of `ncps.canonical.Layer`. Raises when called: MixedError inside a
        transform through which the guest's computation cannot be followed.
        """
