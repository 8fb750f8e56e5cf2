"""Give a model that is there the parameters of another: all of its layers, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ncps.canonical._files import Saved
from ncps.canonical._models import Leaf, leaves, meaning
from ncps.canonical._parameters import load_parameters
from ncps.errors import ConversionError

Layer = TypeVar("Layer", Saved, Leaf, Saved | Leaf)


def fill(model: Any, layers: Mapping[str, Saved | Leaf]) -> None:
    """Give the layers of a model the parameters of those that mean the same under the same paths.

    Layers without parameters, such as pools, are the model's own affair and need not be in both.

    Raises: ConversionError naming every path and option that differs; nothing is changed then.
    """
    own = with_parameters(leaves(model))
    _check(own, with_parameters(layers))
    try:
        for path, leaf in own.items():
            _load(leaf, layers[path].parameters)
    except BaseException:
        for leaf in own.values():
            _load(leaf, leaf.parameters)
        raise


def with_parameters(layers: Mapping[str, Layer]) -> dict[str, Layer]:
    """Those of the layers that have parameters."""
    return {path: layer for path, layer in layers.items() if layer.parameters}


def _load(leaf: Leaf, parameters: Mapping[str, Any]) -> None:
    if leaf.natives is None:
        load_parameters(leaf.module, parameters)
    else:
        leaf.natives.fill(leaf.module, parameters)


def _check(own: Mapping[str, Leaf], layers: Mapping[str, Saved | Leaf]) -> None:
    problems = [f"missing there: {path or 'a layer'}" for path in own if path not in layers]
    problems += [f"not in the model: {path or 'a layer'}" for path in layers if path not in own]
    for path in own.keys() & layers.keys():
        wanted, given = meaning(own[path].spec), meaning(layers[path].spec)
        problems += [
            f"{path or 'the layer'}: {option} is {wanted.get(option)!r} in the model, "
            f"{given.get(option)!r} there"
            for option in sorted(wanted.keys() | given.keys())
            if wanted.get(option) != given.get(option)
        ]
    if problems:
        listing = "\n  ".join(problems)
        raise ConversionError(
            "expected the same layers under the same paths in both models; nothing was changed:"
            f"\n  {listing}"
        )
