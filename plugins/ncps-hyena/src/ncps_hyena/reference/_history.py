"""Steps that follow others: the whole sequence once more, for its last outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ncps.errors import ShapeError
from ncps.reference.functions import Array, Parameters
from ncps_hyena.specs import HyenaSpec


class History(NamedTuple):
    """All steps so far: x (B, S, D), or tokens (B, S), and which are real (B, S)."""

    x: Array
    real: Array


def replayed(
    call: Callable[[Any, Parameters, Array, Array | None], Array],
) -> Callable[[Any, Parameters, Array, History | None, Array], tuple[Array, History]]:
    """The step of a causal layer with this call."""

    def step(
        spec: HyenaSpec, p: Parameters, x: Array, state: History | None, mask: Array
    ) -> tuple[Array, History]:
        spec.check_streams()
        steps = x.shape[1]
        if state is not None:
            _check(spec, x, state)
            spec.check_steps(steps, seen=state.x.shape[1])
            x = np.concatenate([state.x, x], axis=1)
            mask = np.concatenate([state.real, mask], axis=1)
        y = call(spec, p, x, mask)
        return y[:, y.shape[1] - steps :], History(x, mask)

    return step


def _check(spec: HyenaSpec, x: Array, state: History) -> None:
    """ShapeError unless the state is of as many rows and features as x."""
    old = getattr(state, "x", None)
    if old is None or (old.shape[0], *old.shape[2:]) != (x.shape[0], *x.shape[2:]):
        got = "something else" if old is None else f"one of x {old.shape}"
        raise ShapeError(
            f"{spec.layer} expected a state of {x.shape[0]} rows, got {got}. Pass the state that "
            "step returned, or None to start."
        )
