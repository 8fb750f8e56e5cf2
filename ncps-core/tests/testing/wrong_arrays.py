"""Array adapters that are wrong in one way each: mostly gradients beside right values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.testing._numpy_adapter import NumpyArrays


class WrongGradients(NumpyArrays):
    """The gradients of the reference, changed."""

    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        return gradients

    def inputs(self, gradients: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        return gradients

    def gradients(self, layer: Any, inputs: Any, cotangent: Any) -> Any:
        loss, by_parameter, by_input = super().gradients(layer, inputs, cotangent)
        return loss, self.parameters(by_parameter), self.inputs(by_input, inputs)


class OneEntryWrong(WrongGradients):
    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(gradients))
        changed = gradients[name].copy()
        changed.flat[0] += 0.1 * np.linalg.norm(changed)
        return gradients | {name: changed}


class OnePercentOff(WrongGradients):
    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        name = list(gradients)[-1]
        return gradients | {name: gradients[name] * 1.01}


class TransposedGradient(WrongGradients):
    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        return {k: g.T if g.shape[0] == g.shape[-1] else g for k, g in gradients.items()}


class NoGradientOfTime(WrongGradients):
    def inputs(self, gradients: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        return {k: 0.0 * g if k == "timespans" else g for k, g in gradients.items()}


class NoGradientOfState(WrongGradients):
    def inputs(self, gradients: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        return {k: g for k, g in gradients.items() if k != "state"}


class NanGradientAtZero(WrongGradients):
    def inputs(self, gradients: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        dt = given.get("timespans")
        if dt is None:
            return gradients
        return gradients | {"timespans": np.where(dt == 0, np.nan, gradients["timespans"])}


class NanGradientAtHugeTime(WrongGradients):
    def inputs(self, gradients: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        huge = np.max(given["timespans"]) > 1e20
        return {k: v * np.nan for k, v in gradients.items() if k == "x"} if huge else gradients


class NanGradientOfMaskedSteps(WrongGradients):
    """Zero times NaN: a gap in the data reaches the gradient."""

    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        return {k: g * self.spread for k, g in gradients.items()}

    def gradients(self, layer: Any, inputs: Any, cotangent: Any) -> Any:
        self.spread = np.nan if np.any(np.isnan(inputs["x"])) else 1.0
        return super().gradients(layer, inputs, cotangent)


class NanGradientOfNoRows(NumpyArrays):
    """A mean over no rows."""

    gradient_limit = None

    def gradients(self, layer: Any, inputs: Any, cotangent: Any) -> Any:
        loss, by_parameter, by_input = super().gradients(layer, inputs, cotangent)
        spread = 1.0 if len(inputs["x"]) else np.nan
        return loss, {k: g * spread for k, g in by_parameter.items()}, by_input


class ClaimsMore(NumpyArrays):
    """Claims a dtype in which the layers cannot be made."""

    dtypes = ("float64", "float32")
