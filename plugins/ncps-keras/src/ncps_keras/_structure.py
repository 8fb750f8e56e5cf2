"""What stands inside one of Keras' models: the layers under their names, and plain chains."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import keras
from keras.src.models.functional import Functional

from ncps_keras._described import changed

INPUT = keras.layers.InputLayer


def chain_of(module: Any) -> list[Any] | None:
    """The layers that a Sequential or functional model runs one after the other, else None."""
    if not isinstance(module, keras.Model) or changed(module):
        return None
    if type(module) is keras.Sequential:
        return list(module.layers)
    return _line(module) if type(module) is Functional else None


def parts_of(module: keras.layers.Layer) -> dict[str, Any]:
    """The layers directly inside a layer or model, in the order in which it got them.

    Their names are those of the attributes, lists and dicts that hold them, such as ``heads.0``;
    a layer of a chain has its place in it, and one that nothing else names its own name.
    """
    chain = chain_of(module)
    if chain is not None:
        return {str(i): part for i, part in enumerate(chain)}
    inside = module._flatten_layers(include_self=False, recursive=False)
    own = {id(part): part for part in inside if not isinstance(part, INPUT)}
    named = {name: part for name, part in _held(module) if id(part) in own}
    known = {id(part) for part in named.values()}
    named |= {part.name: part for part in own.values() if id(part) not in known}
    order = list(own)
    return dict(sorted(named.items(), key=lambda item: order.index(id(item[1]))))


def _held(module: keras.layers.Layer) -> Iterator[tuple[str, Any]]:
    """Every layer that the module's attributes hold, with a path."""
    # on torch, what is a torch module too stands in a dict of its own
    attributes = vars(module) | vars(module).get("_modules", {})
    for name, value in attributes.items():
        if name not in _internal() and not name.startswith("_self_"):
            yield from _layers_in(value, name)


@cache
def _internal() -> frozenset[str]:
    """The attributes that Keras itself gives to layers and models."""
    x = keras.Input((1,), name="x")
    models = keras.Model(name="plain"), keras.Sequential(name="chain"), keras.Model(x, x, name="x")
    return frozenset(name for model in models for name in vars(model))


def _layers_in(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.layers.Layer):
        yield path, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _layers_in(item, f"{path}.{key}")


def _line(model: Any) -> list[Any] | None:
    """The layers of a functional model when each reads nothing but the output of the one before."""
    levels = [nodes for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True)]
    calls = [nodes[0] for nodes in levels[1:]]
    steps = [call.operation for call in calls]
    alone = all(len(nodes) == 1 for nodes in levels) and len({*map(id, steps)}) == len(steps)
    if not alone or not all(isinstance(step, keras.layers.Layer) for step in steps):
        return None
    at = model.inputs[0]
    for call in calls:
        given = call.arguments
        # Keras notes mask=None and training=False itself
        plain = all(value is None or value is False for value in given.kwargs.values())
        if len(given.args) != 1 or given.args[0] is not at or not plain:
            return None
        at, *others = call.outputs
        if others:
            return None
    return steps if [id(y) for y in model.outputs] == [id(at)] else None
