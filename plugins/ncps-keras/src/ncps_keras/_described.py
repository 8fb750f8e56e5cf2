"""What one of Keras' own layers means: its spec and its arrays, or why neither can be said."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy.typing as npt

from ncps.errors import ConversionError, NcpsError
from ncps.specs import Spec, build
from ncps_keras import _described_plain as plain
from ncps_keras import ops
from ncps_keras._functions import FUNCTIONS, activation_of
from ncps_keras.layers._bare import BARE
from ncps_keras.stock_parameters import SIDES, native_map

LAYERS = {cls: layer for layer, cls in BARE.items()}


def layer_of(module: Any) -> str | None:
    """The layer name of exactly one of Keras' layers, alone or in both directions."""
    if type(module) is keras.layers.Bidirectional:
        one, other = (layer_of(side) for side in sides_of(module).values())
        return one if one == other else None
    if type(module) is keras.layers.RNN:
        cell = LAYERS.get(type(module.cell))
        return None if cell is None else cell.removesuffix("Cell")
    return LAYERS.get(type(module))


def sides_of(module: Any) -> dict[str, Any]:
    """The forward and the backward layer of a `keras.layers.Bidirectional`."""
    return dict(zip(SIDES, (module.forward_layer, module.backward_layer), strict=True))


def changed(module: keras.layers.Layer) -> bool:
    """Whether this module has a `call` of its own, other than that of its type."""
    return "call" in vars(module)


def spec_of(layer: str, module: Any) -> Spec:
    """The spec of a layer of Keras'.

    Raises: ConversionError when it has something that no spec can say, or is not built.
    """
    if not module.built and layer not in plain.UNWEIGHTED:
        raise _refused(module, "with parameters", "one that is not built. Call it once first")
    if type(module) is keras.layers.Bidirectional:
        return _both(layer, module)
    if layer in plain.BARE:
        return _plain(layer, module)
    _check_calls(module, backwards=False)
    return _one(layer, module)


def variables_of(module: Any) -> dict[str, Any]:
    """The variables of a layer of Keras' by name; those of two directions behind the side's."""
    if type(module) is not keras.layers.Bidirectional:
        return {variable.name: variable for variable in module.weights}
    return {
        f"{side}.{name}": variable
        for side, inner in sides_of(module).items()
        for name, variable in variables_of(inner).items()
    }


def arrays_of(spec: Spec, module: Any) -> dict[str, npt.NDArray[Any]]:
    """Copies of all variables of a layer of Keras'.

    Raises: ConversionError when it has others than its type has, or of a dtype of no layer.
    """
    own = variables_of(module)
    first = native_map(spec).to_native(spec.initial_parameters(0))
    usual = {name: array.shape for name, array in first.items()}
    given = {name: tuple(variable.shape) for name, variable in own.items()}
    if given != usual or len(module.weights) != len(usual):
        raise _refused(module, f"with the variables {usual}", f"{given}. Make a new one")
    for name, variable in own.items():
        if variable.dtype not in ops.DTYPES:
            expected = f"of a dtype of {list(ops.DTYPES)}"
            raise _refused(module, expected, f"{variable.dtype} for {name}. Make a new one")
    return {name: ops.to_numpy(variable.value) for name, variable in own.items()}


def _plain(layer: str, module: Any) -> Spec:
    if changed(module):
        raise _refused(module, "as Keras made it", "one with a call of its own. Delete that")
    try:
        spec = build(layer, **plain.options_of(layer, module))
    except NcpsError as error:
        raise ConversionError(f"no spec describes {module.name}: {error}") from error
    reason = plain.lacking(spec)
    if reason is not None:
        raise _refused(module, "that a spec describes", f"{spec}: {reason}")
    return spec


def _both(layer: str, module: Any) -> Spec:
    if module.merge_mode != "concat":
        got = f"{module.merge_mode!r}. Set merge_mode='concat' and merge its output yourself"
        raise _refused(module, "with merge_mode 'concat'", got)
    forward, backward = sides_of(module).values()
    _check_calls(forward, backwards=False)
    _check_calls(backward, backwards=True)
    one, other = _one(layer, forward), _one(layer, backward)
    if one != other:
        got = f"{one} and {other}. Convert its two layers one by one"
        raise _refused(module, "whose directions are alike", got)
    spec: Spec = dataclasses.replace(one, bidirectional=True)
    return spec


def _one(layer: str, module: Any) -> Any:
    """The spec of a layer of one direction, or of a cell."""
    cell = getattr(module, "cell", module)
    for part in {id(part): part for part in (module, cell)}.values():
        if changed(part):
            raise _refused(part, "as Keras made it", "one with a call of its own. Delete that")
    _check_dropout(module, cell)
    options = _sizes(cell) | _functions(layer, module, cell) | _returned(module)
    if hasattr(cell, "reset_after"):
        options["reset_after"] = cell.reset_after
    try:
        return build(layer, **options)
    except NcpsError as error:
        raise ConversionError(f"no spec describes {module.name}: {error}") from error


def _check_calls(module: Any, backwards: bool) -> None:
    """ConversionError when the layer runs from the wrong end, or remembers its last call."""
    if getattr(module, "go_backwards", False) != backwards:
        got = f"{not backwards}. Turn the sequence round yourself, or use Bidirectional"
        raise _refused(module, f"with go_backwards={backwards}", got)
    if getattr(module, "stateful", False):
        got = "True. Set its stateful to False, and pass the state from call to call"
        raise _refused(module, "with stateful=False", got)


def _check_dropout(module: Any, cell: Any) -> None:
    for option in ("dropout", "recurrent_dropout"):
        rate = getattr(cell, option, 0)
        if rate:
            name = option if cell is module else f"cell.{option}"
            got = f"{rate}. Set its {name} to 0 if you only infer"
            raise _refused(module, f"without {option}", got)


def _sizes(cell: Any) -> dict[str, Any]:
    return {"input_size": cell.kernel.shape[0], "units": cell.units, "use_bias": cell.use_bias}


def _functions(layer: str, module: Any, cell: Any) -> dict[str, Any]:
    """The activation as an option; ConversionError unless it is one that the layer can have."""
    gated = hasattr(cell, "recurrent_activation")
    if gated:
        _check_function(module, "recurrent_activation", cell, ("sigmoid",))
    names = {"Dense": tuple(FUNCTIONS)}.get(layer, ("tanh",) if gated else ("relu", "tanh"))
    _check_function(module, "activation", cell, names)
    if gated:
        return {}
    name = activation_of(cell.activation)
    return {"activation": None if name == "linear" else name}


def _check_function(module: Any, option: str, cell: Any, names: tuple[str, ...]) -> None:
    function = getattr(cell, option)
    if activation_of(function) not in names:
        name = getattr(function, "__name__", function)
        got = f"{name}. No spec has that function: convert it by hand"
        raise _refused(module, f"with {option} {' or '.join(names)}", got)


def _returned(module: Any) -> dict[str, Any]:
    """What a layer over time steps returns; a cell and a Dense have no choice."""
    options = ("return_sequences", "return_state")
    return {name: getattr(module, name) for name in options if hasattr(module, name)}


def _refused(module: Any, expected: str, got: str) -> ConversionError:
    return ConversionError(
        f"expected a keras.layers.{type(module).__name__} {expected}, got {got}."
    )
