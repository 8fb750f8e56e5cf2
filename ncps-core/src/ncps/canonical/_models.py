"""Models made of layers: which layers there are, ours and the frameworks' own, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ncps.canonical._layer import Layer
from ncps.canonical._parameters import parameters
from ncps.errors import ConversionError
from ncps.specs import Spec

if TYPE_CHECKING:
    from ncps.canonical._natives import Natives

_NOT_MEANT = ("return_sequences", "return_state")


@dataclass(frozen=True)
class Leaf:
    """One layer inside a model, with what it means; `natives` is None for a layer of ncps."""

    module: Any
    spec: Spec
    parameters: Mapping[str, npt.NDArray[Any]]
    dtype: str
    natives: Natives | None


def leaves(model: Any) -> dict[str, Leaf]:
    """The layers of a model under their paths (``encoder.rnn``; "" when it is a layer itself).

    A model is a layer of ncps, one of a framework's own, a module that holds such, or a dict or
    list of them.

    Raises: ConversionError when something with parameters is none of these, naming its path;
    BuildError when a layer is not built.
    """
    return dict(_walk(model, ""))


def describe(module: Any) -> Leaf | None:
    """What one layer means; None when it is not a layer that ncps knows."""
    if isinstance(module, Layer):
        return Leaf(module, module.spec, parameters(module), module.dtype, None)
    natives = natives_of(module)
    found = None if natives is None else natives.describe(module)
    if natives is None or found is None:
        return None
    return Leaf(module, *found, natives.dtype(module), natives)


def natives_of(module: Any) -> Natives | None:
    """The adapter of the framework that a module belongs to; None when it is no module."""
    from ncps import registry

    frameworks = registry.frameworks()
    for cls in type(module).__mro__:
        top = cls.__module__.partition(".")[0]
        if top == "numpy":  # it has arrays and no modules
            return None
        if top in frameworks:
            natives: Natives = registry.natives(top)
            return natives if natives.is_module(module) else None
    return None


def children(module: Any) -> dict[str, Any]:
    """Direct parts of a container, a dict or a list, by name.

    Raises: ConversionError for anything else, and for a module with parameters of its own.
    """
    natives = natives_of(module)
    if natives is not None:
        own = natives.own(module)
        if own:
            raise ConversionError(
                f"expected a layer of ncps or one of {natives.framework}'s own that it knows, got "
                f"{type(module).__name__} with {', '.join(own)}. Put such arrays into layers, or "
                "move them yourself."
            )
        return natives.children(module)
    if isinstance(module, Mapping):
        return {str(name): part for name, part in module.items()}
    if isinstance(module, (list, tuple)):
        return {str(i): part for i, part in enumerate(module)}
    raise ConversionError(
        f"expected a layer of ncps, a module of a framework, or a dict or list of them, got "
        f"{type(module).__name__}."
    )


def meaning(spec: Spec) -> dict[str, Any]:
    """What a spec says about the function, without what only selects parts of the result."""
    return {k: v for k, v in spec.to_config().items() if k not in _NOT_MEANT}


def joined(path: str, name: str) -> str:
    """The path of a part of a model."""
    return f"{path}.{name}" if path else name


def _walk(module: Any, path: str, around: Natives | None = None) -> Iterator[tuple[str, Leaf]]:
    """`around` is the adapter of the container: a framework's functions say no framework."""
    natives = natives_of(module) or around
    if natives is not None and natives.function(module) is not None:
        return
    try:
        found = describe(module)
        parts = {} if found is not None else children(module)
    except ConversionError as error:
        if not path or str(error).startswith("at "):
            raise
        raise ConversionError(f"at {path!r}: {error}") from None
    if found is not None:
        yield path, found
    for name, part in parts.items():
        yield from _walk(part, joined(path, name), natives)
