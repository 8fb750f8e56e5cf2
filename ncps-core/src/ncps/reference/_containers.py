"""Layers made of others: one after the other, added to their input, in two directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncps.reference._compose import Times, following
from ncps.reference._functions import Array
from ncps.reference._gated import Parameters, State
from ncps.specs import Bidirectional, ContainerSpec, Residual, Spec

Run = Callable[..., Any]


def feed(run: Run, spec: ContainerSpec, p: Parameters, x: Array) -> Array:
    """y of a container without recurrent members."""
    y = x
    for name, member in spec.members().items():
        y = run(member, inside(p, name), y)
    return x + y if isinstance(spec, Residual) else y


def scan(
    run: Run, spec: ContainerSpec, p: Parameters, x: Array, state: State, times: Times
) -> tuple[Array, State]:
    """y and the new states of a container with a recurrent member, for x (B, T, …)."""
    if isinstance(spec, Bidirectional):
        return _both_ways(run, spec, p, x, state, times)
    rest, new = list(state), list[Array]()
    y = x
    for name, member in spec.members().items():
        y, own = _member(run, member, inside(p, name), y, rest, times)
        new += own
    if not isinstance(spec, Residual):
        return y, tuple(new)
    xs = held(x, rest[0], times.real)
    return xs[:, 1:] + y, (*new, xs[:, -1])


def inside(arrays: Parameters, name: str) -> dict[str, Array]:
    """The parameters of a member."""
    return {k.removeprefix(f"{name}."): a for k, a in arrays.items() if k.startswith(f"{name}.")}


def _member(
    run: Run, spec: Spec, p: Parameters, x: Array, rest: list[Array], times: Times
) -> tuple[Array, State]:
    """y and the new states of a member, which takes its states from the front of `rest`."""
    if spec.kind == "feedforward":
        return run(spec, p, x), ()
    number = len(spec.state_shapes())
    own, rest[:number] = tuple(rest[:number]), []
    y, new = run(spec, p, x, own, timespans=times.dt, mask=times.real)
    return y, new if isinstance(new, tuple) else (new,)


def held(x: Array, before: Array, real: Array) -> Array:
    """The last real x before the first step, and after each one, (B, 1 + T, D)."""
    steps = np.arange(1, real.shape[1] + 1)
    last = np.maximum.accumulate(np.where(real, steps, 0), axis=1)
    last = np.concatenate([np.zeros_like(last, shape=(len(x), 1)), last], axis=1)
    return np.take_along_axis(np.concatenate([before[:, None], x], axis=1), last[..., None], axis=1)


def _both_ways(
    run: Run, spec: Bidirectional, p: Parameters, x: Array, state: State, times: Times
) -> tuple[Array, State]:
    rest = list(state)
    forward, one = _member(run, spec.inner, inside(p, "forward"), x, rest, times)
    back = Times(following(*times)[:, ::-1], times.real[:, ::-1])
    reverse, two = _member(run, spec.inner, inside(p, "reverse"), x[:, ::-1], rest, back)
    if spec.inner.return_sequences:
        reverse = reverse[:, ::-1]
    return merged(spec.merge, forward, reverse), (*one, *two)


def merged(merge: str, one: Array, two: Array) -> Array:
    """The outputs of two directions as one."""
    if merge == "concat":
        return np.concatenate([one, two], axis=-1)
    if merge == "mul":
        return one * two
    return one + two if merge == "sum" else (one + two) / 2
