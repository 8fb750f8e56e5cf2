"""What configs say beside Keras' own words: our schema, the dialect, wirings of any class.

A config without the schema was written by ncps 1.0.1, whose layers computed in another dialect.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from ncps import wirings
from ncps.errors import SpecError, WiringError
from ncps.specs import KERAS_1
from ncps.wirings import Wiring

SCHEMA = 1
_KEY = "ncps_schema"
# of Keras' registry of classes, and what ncps 1.0.1 has in its files
PACKAGE = "ncps"
_WIRINGS = ("FullyConnected", "Random", "NCP", "AutoNCP")


# in .h5 files Keras makes the objects inside a config before the layer sees it
keras.saving.get_custom_objects().update({name: getattr(wirings, name) for name in _WIRINGS})


def written(dialect: str) -> dict[str, Any]:
    """What every config of ours has."""
    return {_KEY: SCHEMA, "dialect": dialect}


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config's options, with the dialect that it was written in.

    Raises: SpecError for a schema that is not ours.
    """
    options = dict(config)
    schema = options.pop(_KEY, None)
    if schema is None:
        options.setdefault("dialect", KERAS_1)
    elif schema != SCHEMA:
        raise SpecError(
            f"expected a config of a layer of ncps.keras with {_KEY} {SCHEMA}, got {schema!r}. "
            "It was written by another version of ncps: use one that reads it."
        )
    return options


def circuit_of(wiring: Wiring) -> dict[str, Any]:
    """The key that says a wiring of any class; nothing for one that cannot be written yet."""
    try:
        return {"circuit": wiring.to_config()}
    except WiringError:
        return {}


def take_wiring(options: dict[str, Any], *names: str) -> Wiring:
    """The wiring that a config holds under ``circuit`` or these names, moved out of the options."""
    found = [options.pop(name, None) for name in ("circuit", *names)]
    value = next((v for v in found if isinstance(v, (Wiring, Mapping))), None)
    if value is None:
        raise WiringError(f"expected a config with a wiring under {names[0]!r}, got none.")
    return read_wiring(value)


def read_wiring(value: Wiring | Mapping[str, Any]) -> Wiring:
    """A wiring from what stands for it in a config of ours or of ncps 1.0.1.

    Raises: WiringError when the config does not say the circuit.
    """
    if isinstance(value, Wiring):
        return value
    if "class" in value:
        return wirings.from_config(value)
    if "class_name" in value:
        return _original(str(value["class_name"]), value["config"])
    # an LTCCell of ncps 1.0.1 wrote the arguments alone: they tell the class
    fits = [name for name in _WIRINGS if _takes(getattr(wirings, name), value)]
    if len(fits) != 1:
        raise WiringError(f"expected the config of a wiring, got one with {sorted(value)}.")
    return _original(fits[0], value)


def _original(name: str, config: Mapping[str, Any]) -> Wiring:
    if name == "Wiring" and "adjacency_matrix" in config:
        sensory = config["sensory_adjacency_matrix"]
        return Wiring.from_adjacency(
            np.asarray(config["adjacency_matrix"]),
            None if sensory is None else np.asarray(sensory),
            output_dim=config["output_dim"],
        )
    if name == "NCP" and isinstance(config["command_neurons"], (list, tuple)):
        raise WiringError(
            "expected the config of an NCP, got one of ncps 1.0.1, which lost the seed of its "
            "synapses. Make the model in code, with the NCP that it was made with, and use "
            "load_weights."
        )
    if name not in wirings.__all__:
        raise WiringError(f"expected one of {', '.join(_WIRINGS)}, got a wiring of class {name}.")
    found: Wiring = getattr(wirings, name).from_config(config)
    return found


def _takes(cls: type[Wiring], options: Mapping[str, Any]) -> bool:
    parameters = inspect.signature(cls).parameters
    needed = {n for n, p in parameters.items() if p.default is p.empty}
    return needed <= options.keys() <= parameters.keys()


def activation_name(value: Any) -> str:
    """The name of a backbone's activation, as specs have it, for all that Keras takes for one."""
    if isinstance(value, Mapping):  # a function as Keras writes it
        value = value["config"]
    if callable(value):
        value = getattr(value, "__name__", value)
    name = str(value).removeprefix(">")
    return "silu" if name == "swish" else name


@keras.saving.register_keras_serializable(package="", name="lecun_tanh")
def lecun_tanh(x: Any) -> Any:
    """1.7159 tanh(0.666 x), the scaled tanh of LeCun et al. 1998."""
    return 1.7159 * keras.ops.tanh(0.666 * x)
