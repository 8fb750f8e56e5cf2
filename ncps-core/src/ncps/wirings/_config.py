"""Wirings as JSON-able dictionaries, tagged with their class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from ncps.errors import WiringError, unknown

from ._assemble import describe
from ._wiring import Wiring

W = TypeVar("W", bound=Wiring)


def classes() -> dict[str, type[Wiring]]:
    """The classes that a config may name."""
    from . import NCP, AutoNCP, FullyConnected, Random

    return {cls.__name__: cls for cls in (Wiring, FullyConnected, Random, NCP, AutoNCP)}


def to_config(wiring: Wiring) -> dict[str, Any]:
    """See ``Wiring.to_config``."""
    cls = type(wiring)
    if classes().get(cls.__name__) is cls:
        config = {"class": cls.__name__, "input_dim": wiring.input_dim, **wiring.get_config()}
        # synapses added by hand are not among the arguments
        if from_config(config) == wiring:
            return config
    if not wiring._frozen:
        raise WiringError(
            f"{cls.__name__}.to_config expected a built wiring, got one that is not: a class or "
            "synapses of your own are written as matrices. Call build(input_dim) first."
        )
    return {"class": "Wiring", **describe(wiring)}


def from_config(config: Mapping[str, Any]) -> Wiring:
    """The wiring that ``Wiring.to_config`` described, whatever its class.

    Raises: WiringError without a class; UnknownNameError for an unknown class or option.
    """
    known = classes()
    name = config.get("class")
    if name is None:
        raise WiringError(
            f"wiring config: expected the key 'class' with one of {sorted(known)}, got none. "
            "Write configs with wiring.to_config()."
        )
    if name not in known:
        raise unknown("wiring", name, known)
    return known[name].from_config({key: config[key] for key in config if key != "class"})


def construct(cls: type[W], config: Mapping[str, Any]) -> W:
    """``cls(**config)``, built if the config knows ``input_dim``; options are checked by name."""
    options = dict(config)
    input_dim = options.pop("input_dim", None)
    if options.pop("class", cls.__name__) != cls.__name__:
        raise WiringError(
            f"{cls.__name__}.from_config: expected a config of {cls.__name__}, got one of "
            f"{config['class']}. Use ncps.wirings.from_config, which reads every class."
        )
    signature = inspect.signature(cls)
    variadic = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for key in options:
        if key not in signature.parameters and not variadic:
            raise unknown(f"{cls.__name__} option", key, signature.parameters)
    try:
        signature.bind(**options)
    except TypeError as error:
        raise WiringError(
            f"{cls.__name__} config: expected the arguments {signature}, got {sorted(options)}: "
            f"{error}. Write configs with get_config() or to_config()."
        ) from error
    wiring = cls(**options)
    if input_dim is not None:
        wiring.build(input_dim)
    return wiring
