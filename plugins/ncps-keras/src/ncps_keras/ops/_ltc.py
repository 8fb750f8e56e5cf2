"""LTC over a sequence: what the inputs give is computed for all steps before the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.ode import DOPRI5, SEMI_IMPLICIT
from ncps_keras.backends import xp
from ncps_keras.kernels import Arrays, LTCOfMemoryStep, LTCStep, Synapses, clip, scan, sums
from ncps_keras.ops._cfc import memory_inputs
from ncps_keras.ops._gated import Result, Weights, each_step, real
from ncps_keras.ops._solvers import scan_wide, solver_of
from ncps_keras.ops._times import Times

Mask = npt.NDArray[np.float32]


def positive(implicit: bool) -> Callable[[Any], Any]:
    """How an LTC reads the parameters that must not be negative."""
    return xp.softplus if implicit else clip


@dataclass(frozen=True)
class Circuit:
    """An LTC as tensors that are ready for a loop: g and c = c_m·N are positive."""

    sensory: Synapses
    inner: Synapses
    g: Any
    vleak: Any
    c: Any
    unfolds: int
    epsilon: float
    solver: str = SEMI_IMPLICIT


def ltc(
    circuit: Circuit, memory: Weights | None, x: Any, u: Any, states: Arrays, times: Times
) -> Result:
    """The states v, and c of the memory, for x and the mapped inputs u (B, T, D)."""
    each, one = each_step(times, x)
    d, q = sums(circuit.sensory, u)
    given = [d + circuit.g * circuit.vleak, q + circuit.g + circuit.epsilon]
    R = None
    if memory is not None:
        given.append(memory_inputs(memory, x))
        R = memory[1]
    solve = solver_of(circuit.solver, circuit.unfolds)
    step = LTCStep(circuit.unfolds, bool(each), memory is not None, solve)
    # an error estimate means nothing in half precision
    run = scan_wide if circuit.solver == DOPRI5 else scan
    return run(step, (circuit.inner, circuit.c, one, R), [*given, *each], states, real(times))


def ltc_of_memory(
    circuit: Circuit,
    memory: Weights,
    mapping: tuple[Any, Any],
    x: Any,
    states: Arrays,
    times: Times,
) -> Result:
    """As `ltc`, but the neurons read the LSTM's output, mapped by (w, b), and keep their own v."""
    each, one = each_step(times, x)
    leak = (circuit.g * circuit.vleak, circuit.g + circuit.epsilon)
    weights = ((circuit.inner, circuit.c, one, memory[1]), mapping, circuit.sensory, leak)
    step = LTCOfMemoryStep(circuit.unfolds, bool(each))
    return scan(step, weights, [memory_inputs(memory, x), *each], states, real(times))


def table(mask: Mask) -> tuple[npt.NDArray[np.int32] | None, Mask]:
    """For a mask (I, H) the sources (K, H) of the synapses into each neuron, and which are real.

    K is the most synapses into one neuron, at least 1. None and the mask itself when it is I.
    """
    rows = max(1, int(np.count_nonzero(mask, axis=0).max()))
    if rows == len(mask):
        return None, mask
    source = np.argsort(mask == 0, axis=0, kind="stable")[:rows]
    return source.astype(np.int32), np.take_along_axis(mask, source, axis=0)
