"""Layers of the liquid family, and composed ones, with one planted fault each."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np

from ncps.reference import _compose, _ode, run

from .wrong_arrays import WrongGradients
from .wrong_layers import Parameters, Wrong


class _AnotherSpec(Wrong):
    """Computed with some options changed."""

    changes: ClassVar[dict[str, Any]]

    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        spec = dataclasses.replace(self.spec, **self.changes)
        result = run(spec, self._arrays, x, *args, **inputs)
        if spec.kind == "feedforward" or getattr(spec, "return_state", True):
            return result
        return result[0]


class ResetBeforeTheProduct(_AnotherSpec):
    changes: ClassVar = {"reset_after": False}


class ReluForgotten(_AnotherSpec):
    changes: ClassVar = {"activation": "tanh"}


class EpsilonAtItsDefault(_AnotherSpec):
    changes: ClassVar = {"epsilon": 1e-8}


class OneUnfoldOnly(_AnotherSpec):
    changes: ClassVar = {"ode_unfolds": 1}


class SolverAtItsDefault(_AnotherSpec):
    changes: ClassVar = {"solver": "semi_implicit"}


class CellClipForgotten(_AnotherSpec):
    changes: ClassVar = {"cell_clip": None}


class StrictWiringIgnored(_AnotherSpec):
    changes: ClassVar = {"wiring_mode": "ncps-1.0"}


class SignsIgnored(_AnotherSpec):
    changes: ClassVar = {"use_signs": False}


class TimeConstantIgnored(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return p | {"log_tau": np.zeros_like(p["log_tau"])}


class OutputMappingSkipped(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        return {k: v for k, v in p.items() if not k.startswith("output_")}


class ConstraintsSkipped(Wrong):
    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        with patch.object(_ode, "clip", lambda z: z):
            return super().__call__(x, *args, **inputs)


class DirectionsSwapped(Wrong):
    def parameters(self, p: Parameters) -> Parameters:
        other = {"forward": "reverse", "reverse": "forward"}
        names = {k: ".".join(other.get(part, part) for part in k.split(".")) for k in p}
        return {k: p.get(names[k], v) for k, v in p.items()}


def _own_time(dt: np.ndarray, real: np.ndarray) -> np.ndarray:
    return np.broadcast_to(dt, real.shape)


class ReverseReadsItsOwnTime(Wrong):
    """Each step in reverse takes its own Δt: the gap before it, not the one behind it."""

    following = staticmethod(_own_time)

    def __call__(self, x: Any, *args: Any, **inputs: Any) -> Any:
        with patch.object(_compose, "following", self.following):
            return super().__call__(x, *args, **inputs)


class ReverseReadsTheTimeOfPadding(ReverseReadsItsOwnTime):
    following = staticmethod(lambda dt, real: np.roll(_own_time(dt, real), -1, axis=1))


class UpperLayersAlone(WrongGradients):
    """No gradient comes through to the first layer."""

    def parameters(self, gradients: dict[str, Any]) -> dict[str, Any]:
        return {k: 0.0 * g if k.startswith("stack_0.") else g for k, g in gradients.items()}
