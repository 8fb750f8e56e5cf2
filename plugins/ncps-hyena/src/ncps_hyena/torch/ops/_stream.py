"""An operator a few steps at a time: what it carries, and what it checks of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps.errors import ShapeError
from ncps_hyena.specs import HyenaSpec
from ncps_hyena.torch import kernels
from ncps_hyena.torch.ops._convolutions import Taps
from ncps_hyena.torch.ops._dtypes import compute_dtype
from ncps_hyena.torch.ops._filters import Network, filters
from ncps_hyena.torch.ops._host import kit
from ncps_hyena.torch.ops._kept import Kept


class HyenaState(NamedTuple):
    """What an operator carries from step to step; nothing of it is ever changed in place.

    `seen` steps came before. `tail` (B, (N + 1)·D, K - 1) is what the short convolutions still
    read; `streams` are the long ones', see `ncps_hyena.torch.kernels`.
    """

    seen: int
    tail: Tensor
    streams: tuple[kernels.Stream, ...]


def checked(spec: HyenaSpec, state: Any, rows: int, steps: int) -> HyenaState | None:
    """The state if it is one of so many rows and has room for the steps; ShapeError otherwise."""
    if state is None:
        spec.check_steps(steps)
        return None
    if not isinstance(state, HyenaState):
        raise other_state(spec, rows, f"a {type(state).__name__}")
    if state.tail.shape[0] != rows:
        raise other_state(spec, rows, f"one of {state.tail.shape[0]}")
    spec.check_steps(steps, seen=state.seen)
    return state


def other_state(spec: HyenaSpec, rows: int, got: str) -> ShapeError:
    """The error for a state that is not of this layer, or of another batch."""
    return ShapeError(
        f"{spec.layer} expected a state of {rows} rows, got {got}. Pass the state that step "
        "returned, or None to start."
    )


def streamed(
    spec: HyenaSpec,
    z: Tensor,
    taps: Taps,
    network: Network,
    kept: Kept,
    state: HyenaState | None,
    real: Tensor | None = None,
    dropout: float = 0.0,
) -> tuple[Tensor, HyenaState]:
    """y (B, D, S) for the projections z (B, (N + 1)·D, S) of the next steps, and the new state."""
    dtype, order = compute_dtype(z.dtype), spec.order
    with kit.without_autocast(z.device):
        wide = z.to(dtype) if real is None else z.to(dtype) * real[:, None]
        tail = None if state is None else state.tail
        w, b, s = (t.to(dtype) for t in taps)
        *gates, v = kernels.short_plain(wide, w, b, tail).chunk(order + 1, dim=1)
        old = (None,) * (order - 1) if state is None else state.streams
        new = []
        for o, own in enumerate(_filters(spec, s, network, taps.s, kept)):
            u = v * gates[order - 1 - o]
            u = u if real is None else u * real[:, None]
            u = u * kit.dropout(dropout, tuple(u.shape), u) if dropout else u
            v, after = kernels.stream(own, u, old[o])
            new.append(after)
        y = (v * gates[0]).to(z.dtype)
    seen = z.shape[-1] + (0 if state is None else state.seen)
    tail = kernels.next_tail(wide, spec.short_filter_order, tail)
    return y, HyenaState(seen, tail, tuple(new))


def _filters(
    spec: HyenaSpec, s: Tensor, network: Network, skips: Tensor, kept: Kept
) -> list[kernels.StreamFilter]:
    def make() -> list[kernels.StreamFilter]:
        h = filters(spec, network, spec.l_max).h
        return [kernels.StreamFilter(*both) for both in zip(h, s, strict=True)]

    # a filter makes more of itself later, and what inference mode makes serves no gradient
    key = (s.dtype, not kit.in_transform() and torch.is_inference_mode_enabled())
    return kept.get("stream", key, [*network.tensors(), skips], make)
