"""Models made of layers: which layers there are, ours and the frameworks' own, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ncps.canonical._layer import Layer
from ncps.canonical._parameters import parameters
from ncps.errors import BuildError, ConversionError
from ncps.specs import Spec

if TYPE_CHECKING:
    from ncps.canonical._natives import Natives

_NOT_MEANT = ("rank", "return_sequences", "return_state")


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

    Raises: ConversionError when something with parameters is none of these, or two layers have
    one path, naming the path; BuildError when a layer is not built.
    """
    found: dict[str, Leaf] = {}
    for path, leaf in _walk(model, ""):
        if path in found:
            raise ConversionError(
                f"expected one layer under each path, got two under {path!r}. Give the names in "
                "dicts no dots, and no number beside the same word."
            )
        found[path] = leaf
    return found


def describe(module: Any) -> Leaf | None:
    """What one layer means; None when it is not a layer that ncps knows.

    Raises: ConversionError when it has parameters that its spec does not; BuildError when it is
    not built.
    """
    if isinstance(module, Layer):
        values = parameters(module)
        known = module.parameter_map(module.spec).to_native(values)
        others = [name for name in module.get_native() if name not in known]
        if others:
            raise ConversionError(
                f"expected a {module.spec.layer} with the parameters of its spec, got a "
                f"{type(module).__name__} with {', '.join(others)} too. Put them into a module "
                "that holds the layer."
            )
        return Leaf(module, module.spec, values, module.dtype, None)
    natives = natives_of(module)
    found = None if natives is None else natives.describe(module)
    if natives is None or found is None:
        return None
    return Leaf(module, *found, natives.dtype(module), natives)


def natives_of(module: Any) -> Natives | None:
    """The adapter of the framework that a module belongs to; None when it is no module."""
    from ncps import registry

    framework = framework_of(module)
    if framework is None or framework == "numpy":  # NumPy has arrays and no modules
        return None
    natives: Natives = registry.natives(framework)
    return natives if natives.is_module(module) else None


def framework_of(value: Any) -> str | None:
    """The framework that the class of an array or a module, or one that it extends, comes from."""
    from ncps import registry

    frameworks = registry.frameworks()
    homes = (cls.__module__.partition(".")[0] for cls in type(value).__mro__)
    return next((home for home in homes if home in frameworks), None)


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
        parts = {str(name): part for name, part in module.items()}
        if len(parts) < len(module):
            raise ConversionError(
                f"expected a dict whose names stay apart as text, got {list(module)}. Rename some."
            )
        return parts
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


@contextmanager
def located(path: str) -> Iterator[None]:
    """Errors about a part of a model say where it is."""
    try:
        yield
    except (BuildError, ConversionError) as error:
        if not path or str(error).startswith("at "):
            raise
        raise type(error)(f"at {path!r}: {error}") from error.__cause__


def _walk(module: Any, path: str, around: Natives | None = None) -> Iterator[tuple[str, Leaf]]:
    """`around` is the adapter of the container: a framework's functions say no framework."""
    with located(path):
        found = describe(module)
        if found is not None:
            yield path, found
            return
        natives = natives_of(module) or around
        if natives is not None and natives.function(module) is not None:
            return
        parts = children(module)
    for name, part in parts.items():
        yield from _walk(part, joined(path, name), natives)
