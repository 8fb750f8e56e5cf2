"""A Keras layer that computes with another framework's parameters; see `ncps.mixed`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras

from ncps.mixed import Answer, Request, flatten
from ncps_keras.backends import NAME, xp
from ncps_keras.layers import NativeLayer


class KerasGuest:
    """Runs Keras layers inside another framework's model; see `ncps.mixed.GuestSide`."""

    framework = "keras"

    def refusal(self, layer: NativeLayer, host: str) -> str | None:
        """Why this layer cannot be a guest: it is the host's, or has two dtypes."""
        if host == NAME:
            return f"Keras runs on {host} here, so that its layers are modules of {host} as it is"
        if layer.compute_dtype != layer.dtype:
            return f"it keeps {layer.dtype} and computes in {layer.compute_dtype}, not in one dtype"
        if NAME == "tensorflow" and layer.dtype == "bfloat16":
            return "arrays go to TensorFlow by way of NumPy, which has no bfloat16"
        return None

    def dtypes(self, layer: NativeLayer) -> tuple[str, ...]:
        """The layer's own: its policy says what it computes in."""
        return (layer.dtype,)

    def trainable(self, layer: NativeLayer) -> set[str]:
        """Native names of the variables that are trainable."""
        return {name for name, variable in layer._named().items() if variable.trainable}

    def run(self, layer: NativeLayer, request: Request) -> Answer:
        """Run the layer with values in place of its variables' own."""
        operands = [xp.from_dlpack(a) for a in request.operands]
        shapes: list[Any] = []

        def function(leaves: Sequence[Any]) -> list[Any]:
            places = dict(zip(request.chosen, leaves, strict=True))
            full = [places.get(i, a) for i, a in enumerate(operands)]
            arrays, pattern = flatten(_call(layer, request, full), keras.ops.is_tensor)
            shapes.append(pattern)
            return arrays

        if not request.chosen:
            return Answer(xp.finished(function([])), shapes[-1], None)
        outputs, pull = xp.pullback(function, [operands[i] for i in request.chosen])

        def pulled(cotangents: Sequence[Any]) -> Sequence[Any]:
            pairs = zip(outputs, map(xp.from_dlpack, cotangents), strict=True)
            found: Sequence[Any] = pull([keras.ops.cast(dy, y.dtype) for y, dy in pairs])
            return found

        return Answer(outputs, shapes[-1], pulled)


def _call(layer: NativeLayer, request: Request, operands: Sequence[Any]) -> Any:
    values, args, kwargs = request.split(operands)
    if "training" in inspect.signature(layer.call).parameters:
        kwargs["training"] = request.training
    variables = layer._named()
    lent = [(variables[name], value) for name, value in values.items()]
    with keras.StatelessScope(state_mapping=lent) as scope:
        result = layer(*args, **kwargs)
    # the seeds of dropout move on, as they do outside of the scope
    for variable in layer.non_trainable_variables:
        value = scope.get_current_value(variable)
        if value is not None and not any(variable is own for own in variables.values()):
            variable.assign(value)
    return result
