"""Layers that compute what they should and break another promise: one planted fault each."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ncps.errors import ShapeError
from ncps.specs import Spec

from .wrong_layers import Parameters, Wrong


class WrongShapeClaimed(Wrong):
    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*super().compute_output_shape(input_shape)[:-1], self.spec.known_input_size())


class ShapesUnchecked(Wrong):
    """Cuts or repeats what does not fit instead of saying so."""

    def arguments(self, x: Any, **inputs: Any) -> dict[str, Any]:
        return {"x": np.resize(x, (*np.shape(x)[:-1], self.spec.known_input_size())), **inputs}


class SeedIgnored(Wrong):
    def _initialise(self) -> None:
        self._seed = 0
        super()._initialise()


class GlobalGeneratorSeeded(Wrong):
    def _initialise(self) -> None:
        np.random.seed(7)
        super()._initialise()


class BuiltForAnotherSize(Wrong):
    def build(self, input_shape: Any) -> None:
        super().build((*input_shape[:-1], input_shape[-1] + 1))


class BuiltAnew(Wrong):
    """Every build draws the parameters again."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self._seed = (self._seed or 0) + 1
        self._initialise()


class RebuiltForAnotherSize(Wrong):
    """Another input size is taken for a wish to start anew."""

    def build(self, input_shape: Any) -> None:
        try:
            super().build(input_shape)
        except ShapeError:
            self.spec = dataclasses.replace(self.spec, input_size=input_shape[-1])
            self._initialise()


class BuildsTheSpecItself(Wrong):
    """Writes the input size into the spec that it was given, which others hold too."""

    def build(self, input_shape: Any) -> None:
        given = self.spec
        super().build(input_shape)
        object.__setattr__(given, "input_size", input_shape[-1])


class ParametersBakedIn(Wrong):
    """Computes with the parameters of its first call, as a cached compilation would."""

    baked: Parameters | None = None

    def parameters(self, p: Parameters) -> Parameters:
        if self.baked is None:
            self.baked = {k: v.copy() for k, v in p.items()}
        return self.baked


class SharedMemory(Wrong):
    """Keeps the caller's arrays, so that changing them changes the layer."""

    def set_native(self, arrays: Mapping[str, np.ndarray]) -> None:
        super().set_native(arrays)
        self._arrays = {k: np.asarray(v) for k, v in arrays.items()}


class ParameterNotSaved(Wrong):
    def get_native(self) -> Parameters:
        native = super().get_native()
        name = list(native)[-1]
        return native | {name: np.zeros_like(native[name])}


class HalfLoaded(Wrong):
    """Writes array by array and notices what is wrong on the way."""

    def set_native(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name in self._arrays:
            if np.shape(arrays.get(name)) != self._arrays[name].shape:
                raise ShapeError(f"{name} does not fit")
            self._arrays[name] = np.asarray(arrays[name], np.float64)


_shared: dict[str, Any] = {}


class SharedBetweenInstances(Wrong):
    """Passes its seed through a global: right alone, wrong beside other threads."""

    def _initialise(self) -> None:
        _shared["seed"] = self._seed
        time.sleep(0.01)
        self._seed = _shared["seed"]
        super()._initialise()


class NotALayer:
    """Has none of the protocol's names but the two that everybody writes."""

    def __init__(self, spec: Spec, **options: Any) -> None:
        self.spec = spec
        self.dtype = "float64"

    def __call__(self, x: Any, **inputs: Any) -> Any:
        return x
