"""A layer of sequences that end: the sum of what came before, of at most eight steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ncps import specs
from ncps.errors import ShapeError
from ncps.reference import Feedforward
from ncps.specs import Kind, Parameter, Shape, Spec
from ncps.specs._added import ADDED
from ncps.specs.initializers import Uniform
from ncps.testing import Case, LayerCases

LONGEST = 8


@dataclass(frozen=True, kw_only=True)
class RunningSum(Spec):
    layer: ClassVar[str] = "RunningSum"
    kind: ClassVar[Kind] = "feedforward"
    masked: ClassVar[bool] = True

    @property
    def output_size(self) -> int:
        return self.known_input_size()

    @property
    def streams(self) -> bool:
        return True

    @property
    def max_steps(self) -> int:
        return LONGEST

    def check_steps(self, steps: int | None) -> None:
        if steps is not None and steps > LONGEST:
            raise ShapeError(f"RunningSum expected at most {LONGEST} steps, got {steps}.")

    def output_shape(self, input_shape: Shape) -> Shape:
        self.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        self.check_steps(input_shape[-2])
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return (Parameter("gain", (input_size,), Uniform(1.0)),)


def call(spec: RunningSum, p: Any, x: Any, mask: Any) -> Any:
    spec.output_shape(x.shape)
    return p["gain"] * np.cumsum(x, axis=1) * mask[..., None]


def step(spec: RunningSum, p: Any, x: Any, state: Any, mask: Any) -> Any:
    steps, total = (0, np.zeros_like(x[:, :1])) if state is None else state
    spec.check_steps(steps + x.shape[1])
    if len(total) != len(x):
        raise ShapeError(f"RunningSum expected a state of {len(x)} rows, got {len(total)}.")
    y = total + np.cumsum(x, axis=1)
    return p["gain"] * y * mask[..., None], (steps + x.shape[1], y[:, -1:] if y.size else total)


meaning = Feedforward(call, step)
cases = LayerCases(
    broad=(Case("RunningSum", {"input_size": 3}),),
    small=(Case("RunningSum", {"input_size": 2}),),
)


def register() -> None:
    specs.register(RunningSum, f"{__name__}:meaning", f"{__name__}:cases")


def forget() -> None:
    ADDED.pop("RunningSum", None)
