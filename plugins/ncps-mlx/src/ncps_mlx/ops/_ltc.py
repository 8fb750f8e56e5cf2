"""LTC over a sequence: what the inputs give is computed for all steps before the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from ncps.ode import SEMI_IMPLICIT
from ncps_mlx.kernels import Arrays, Synapses, clip, lstm_step, ltc_unfold, scan, softplus
from ncps_mlx.ops._lstm import project
from ncps_mlx.ops._solvers import Pair, solver_of
from ncps_mlx.ops._times import each_step

Positive = Callable[[mx.array], mx.array]
Mask = npt.NDArray[np.float32]
Memory = tuple[mx.array, mx.array, mx.array]


def positive(implicit: bool) -> Positive:
    """How an LTC reads the parameters that must not be negative."""
    return softplus if implicit else clip


@dataclass(frozen=True)
class Circuit:
    """An LTC as arrays that are ready for a loop: g and c = c_m·N are positive."""

    sensory: Synapses
    inner: Synapses
    g: mx.array
    vleak: mx.array
    c: mx.array
    unfolds: int
    epsilon: float
    solver: str = SEMI_IMPLICIT

    def step(self, v: mx.array, given: Arrays, dt: mx.array) -> mx.array:
        """The new v (B, H); `given` are the inputs' drive and conductance, with the leak's."""
        if self.solver != SEMI_IMPLICIT:
            return self._solved(v, given, dt)
        for _ in range(self.unfolds):
            d, q = self.inner(v)
            v = ltc_unfold(v, d + given[0], q + given[1], self.c, dt)
        return v

    def _solved(self, v: mx.array, given: Arrays, dt: mx.array) -> mx.array:
        cm = self.c / self.unfolds

        def equation(t: mx.array, v: mx.array) -> Pair:
            d, q = self.inner(v)
            return (d + given[0]) / cm, (q + given[1]) / cm

        return solver_of(self.solver, self.unfolds)(equation, v, dt)

    def given(self, u: mx.array) -> list[mx.array]:
        """Drive and conductance (B, T, H) of the mapped inputs (B, T, D) and of the leak."""
        d, q = self.sensory(u)
        return [d + self.g * self.vleak, q + self.g + self.epsilon]


def ltc(
    circuit: Circuit,
    memory: Memory | None,
    inputs: tuple[mx.array, mx.array],
    states: Sequence[mx.array],
    dt: mx.array | None,
) -> list[mx.array]:
    """The states after every step of `inputs`, x and mapped u (B, T, D): v, and c of the memory."""
    x, u = inputs
    times, one = each_step(dt, x)
    given = circuit.given(u)
    if memory is None:

        def plain(at_t: Arrays, states: Arrays) -> Arrays:
            return [circuit.step(states[0], at_t[:2], at_t[2] if times else one)]

        return scan(plain, [*given, *times], states)
    Wx, Wh, bias = memory
    R = Wh.T

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        # the forget gate starts open: ncps 1.0.1 adds 1 to its bias
        v, c = lstm_step(at_t[2], states[0], states[1], R, forget_offset=1.0)
        return [circuit.step(v, at_t[:2], at_t[3] if times else one), c]

    return scan(step, [*given, project(x, Wx, bias), *times], states)


def ltc_of_memory(
    circuit: Circuit,
    memory: Memory,
    mapped: Callable[[mx.array], mx.array],
    x: mx.array,
    states: Sequence[mx.array],
    dt: mx.array | None,
) -> list[mx.array]:
    """As `ltc`, but the neurons read the LSTM's output, `mapped`, not x, and keep their own v."""
    times, one = each_step(dt, x)
    Wx, Wh, bias = memory
    R = Wh.T

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        signal, c = lstm_step(at_t[0], states[0], states[1], R, forget_offset=1.0)
        given = circuit.given(mapped(signal))
        return [circuit.step(states[0], given, at_t[1] if times else one), c]

    return scan(step, [project(x, Wx, bias), *times], states)


def table(mask: Mask) -> tuple[npt.NDArray[np.int32] | None, Mask]:
    """For a mask (I, H) the sources (K, H) of the synapses into each neuron, and which are real.

    K is the most synapses into one neuron, at least 1. None and the mask itself when it is I.
    """
    rows = max(1, int(np.count_nonzero(mask, axis=0).max()))
    if rows == len(mask):
        return None, mask
    source = np.argsort(mask == 0, axis=0, kind="stable")[:rows]
    return source.astype(np.int32), np.take_along_axis(mask, source, axis=0)
