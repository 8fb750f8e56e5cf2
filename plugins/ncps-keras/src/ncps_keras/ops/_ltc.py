"""LTC over a sequence: what the inputs give is computed for all steps before the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from ncps.ode import DOPRI5, SEMI_IMPLICIT
from ncps_keras.backends import xp
from ncps_keras.kernels import (
    Arrays,
    LTCOfMemoryStep,
    LTCStep,
    Result,
    Synapses,
    clip,
    mapped,
    scan,
    sums,
)
from ncps_keras.ops._cfc import memory_inputs
from ncps_keras.ops._gated import Weights, each_step, real
from ncps_keras.ops._lent import lent
from ncps_keras.ops._solvers import scan_wide, solver_of
from ncps_keras.ops._times import Times

Mask = npt.NDArray[np.float32]


def positive(implicit: bool) -> Callable[[Any], Any]:
    """How an LTC reads the parameters that must not be negative."""
    return xp.softplus if implicit else clip


class Table(NamedTuple):
    """For a mask (I, H) the sources (K, H) of the synapses into each neuron, and which are real.

    K is the most synapses into one neuron, at least 1. When it is I, there are no sources, and
    the mask says which are real.
    """

    mask: Mask
    source: npt.NDArray[np.int32] | None
    real: Mask


@dataclass(frozen=True)
class Pairs:
    """w, σ, μ, E (I, H) of all sources and neurons, w not negative; `table` has the synapses."""

    table: Table
    arrays: tuple[Any, Any, Any, Any]

    def synapses(self) -> Synapses:
        """The table of the synapses that there are, for a loop."""
        arrays, source = self.arrays, self.table.source
        if source is not None:
            source = ops.convert_to_tensor(source)
            arrays = tuple(ops.take_along_axis(a, source, axis=0) for a in arrays)
        w, *rest = arrays
        return Synapses(source, w * ops.convert_to_tensor(self.table.real, dtype=w.dtype), *rest)


@dataclass(frozen=True)
class Circuit:
    """An LTC as tensors: g and c = c_m·N are positive; `mapping` is the (w, b) of inputs."""

    sensory: Pairs
    inner: Pairs
    mapping: tuple[Any, Any]
    g: Any
    vleak: Any
    c: Any
    unfolds: int
    epsilon: float
    solver: str = SEMI_IMPLICIT


def ltc(circuit: Circuit, memory: Weights | None, x: Any, states: Arrays, times: Times) -> Result:
    """The states v, and c of the memory."""
    found = _lent(circuit, memory, x, states, times)
    if found is not None:
        return found
    each, one = each_step(times, x)
    d, q = sums(circuit.sensory.synapses(), mapped(x, circuit.mapping))
    given = [d + circuit.g * circuit.vleak, q + circuit.g + circuit.epsilon]
    R = None
    if memory is not None:
        given.append(memory_inputs(memory, x))
        R = memory[1]
    solve = solver_of(circuit.solver, circuit.unfolds)
    step = LTCStep(circuit.unfolds, bool(each), memory is not None, solve)
    weights = (circuit.inner.synapses(), circuit.c, one, R)
    return _scan(circuit)(step, weights, [*given, *each], states, real(times))


def ltc_of_memory(
    circuit: Circuit, memory: Weights, x: Any, states: Arrays, times: Times
) -> Result:
    """As `ltc`, but the neurons read the LSTM's output, mapped, and keep their own v."""
    found = _lent(circuit, memory, x, states, times, reads_memory=True)
    if found is not None:
        return found
    each, one = each_step(times, x)
    leak = (circuit.g * circuit.vleak, circuit.g + circuit.epsilon)
    sensory, inner = circuit.sensory.synapses(), circuit.inner.synapses()
    weights = ((inner, circuit.c, one, memory[1]), circuit.mapping, sensory, leak)
    step = LTCOfMemoryStep(circuit.unfolds, bool(each), solver_of(circuit.solver, circuit.unfolds))
    given = [memory_inputs(memory, x), *each]
    return _scan(circuit)(step, weights, given, states, real(times))


def _scan(circuit: Circuit) -> Callable[..., Result]:
    # an error estimate means nothing in half precision
    return scan_wide if circuit.solver == DOPRI5 else scan


def _lent(
    circuit: Circuit,
    memory: Weights | None,
    x: Any,
    states: Arrays,
    times: Times,
    reads_memory: bool = False,
) -> Result | None:
    weights = {
        "sensory": circuit.sensory.arrays,
        "inner": circuit.inner.arrays,
        "masks": (circuit.sensory.table.mask, circuit.inner.table.mask),
        "mapping": circuit.mapping,
        "g": circuit.g,
        "vleak": circuit.vleak,
        "c": circuit.c,
        "unfolds": circuit.unfolds,
        "epsilon": circuit.epsilon,
        "solver": circuit.solver,
        "memory": memory,
        "reads_memory": reads_memory,
    }
    return lent("ltc", weights, x, states, times)


def table(mask: Mask) -> Table:
    """The table of the synapses of a mask."""
    rows = max(1, int(np.count_nonzero(mask, axis=0).max()))
    if rows == len(mask):
        return Table(mask, None, mask)
    source = np.argsort(mask == 0, axis=0, kind="stable")[:rows]
    return Table(mask, source.astype(np.int32), np.take_along_axis(mask, source, axis=0))
