"""What an operator remembers of the steps so far."""

from __future__ import annotations

from typing import Any, NamedTuple

import mlx.core as mx

from ncps.errors import ShapeError
from ncps_hyena.mlx.kernels import Stream
from ncps_hyena.specs import HyenaSpec


class HyenaState(NamedTuple):
    """Steps that short convolutions still see, and the streams of long ones.

    `tails` has (B, K - 1, D) for the value and each gate, `streams` a `Stream` for each long
    convolution. States are never changed: an old one may be carried on again.
    """

    tails: tuple[mx.array, ...]
    streams: tuple[Stream, ...]

    @property
    def steps(self) -> int:
        """How many steps came."""
        return self.streams[0].steps


def empty_state(spec: HyenaSpec, batch: int, dtype: mx.Dtype) -> HyenaState:
    """The state before the first step."""
    D, K = spec.features, spec.short_filter_order
    tails = tuple(mx.zeros((batch, K - 1, D), dtype) for _ in range(spec.order + 1))
    streams = tuple(Stream(mx.zeros((batch, D, 0), dtype)) for _ in range(spec.convolutions))
    return HyenaState(tails, streams)


class ModelState(NamedTuple):
    """What the operator of each block remembers."""

    blocks: tuple[HyenaState, ...]


def check_state(spec: HyenaSpec, state: Any, batch: int, steps: int) -> None:
    """ShapeError unless the state is one of such an operator, with as many rows, and not full."""
    wanted = (batch, spec.short_filter_order - 1, spec.features)
    if not isinstance(state, HyenaState):
        raise other_state(spec, batch, f"a value of type {type(state).__name__}")
    if (len(state.tails), len(state.streams)) != (spec.order + 1, spec.convolutions):
        raise other_state(spec, batch, f"one of order {len(state.streams) + 1}")
    if any(tail.shape != wanted for tail in state.tails):
        raise other_state(spec, batch, f"one with {state.tails[0].shape} instead of {wanted}")
    spec.check_steps(steps, seen=state.steps)


def other_state(spec: HyenaSpec, batch: int, got: str) -> ShapeError:
    """The error for a state of something else."""
    return ShapeError(
        f"{spec.layer} expected a state of {batch} rows, got {got}. Pass the state that step "
        "returned, or None to start."
    )
