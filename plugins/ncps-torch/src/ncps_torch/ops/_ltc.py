"""LTC over a sequence: by lists of the synapses that there are, or by whole tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ncps.ode import DOPRI5, SEMI_IMPLICIT
from ncps_torch.kernels import (
    STAGES,
    Explicit,
    ExplicitScan,
    Links,
    LTCScan,
    Synapses,
    SynapseSums,
    clip,
    explicit_forward,
    lstm_step,
    ltc_forward,
    ltc_plain,
    ltc_solved,
    softplus,
    synapse_sums,
)
from ncps_torch.ops._memory import Memory, memory_inputs
from ncps_torch.ops._modes import values_are_known, wants_gradient
from ncps_torch.ops._solvers import solver_of

Positive = Callable[[Tensor], Tensor]

# torch sums weighted rows on these
_DEVICES = ("cpu", "cuda")
# few steps over fewer pairs of neurons than this are over before the lists are made
_FEW, _SMALL = 6, 1 << 15
# what an explicit solver takes beside one synapse of a list in one row, as measured on a CPU: for a
# pair of a table twice that; for a synapse of a list these rows more, however many there are; for
# the calls of a table this more at every evaluation; and once to make the lists
_ROWS, _CALLS, _LISTS = 12, 1 << 13, 1 << 20


def positive(implicit: bool) -> Positive:
    """How an LTC reads the parameters that must not be negative."""
    return softplus if implicit else clip


Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Circuit:
    """An LTC as tensors: g and c = c_m·N are positive; w is 0 where the masks (I, H) are."""

    sensory: Synapses
    inner: Synapses
    masks: Pair
    g: Tensor
    vleak: Tensor
    c: Tensor
    unfolds: int
    epsilon: float
    solver: str = SEMI_IMPLICIT


class _Tables:
    """The plain way: every pair of neurons is computed. It takes Δt () or (T, B, 1)."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self.sums = circuit.sensory

    def run(self, given: Pair, v: Tensor, dt: Tensor | None) -> Tensor:
        """The v (T, B, H) after every step."""
        circuit = self._circuit
        time = v.new_ones(()) if dt is None else dt
        return ltc_plain(circuit.inner, circuit.unfolds, given, v, circuit.c, time)


class _Solved(_Tables):
    """The plain way with another solver."""

    def run(self, given: Pair, v: Tensor, dt: Tensor | None) -> Tensor:
        """The v (T, B, H) after every step."""
        circuit = self._circuit
        solve = solver_of(circuit.solver, circuit.unfolds)
        time = v.new_ones(()) if dt is None else dt
        return ltc_solved(solve, circuit.inner, given, v, circuit.c / circuit.unfolds, time)


class _Lists:
    """Only the synapses that there are."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        sensory, inner = circuit.masks
        self._sensory, self._inner = Links(sensory, tail=False), Links(inner, tail=True)
        self._table = _picked(self._inner, circuit.inner)

    def sums(self, u: Tensor) -> Pair:
        """What the inputs give to d and q (T, B, H)."""
        flat = (_picked(self._sensory, self._circuit.sensory), u)
        function = SynapseSums.apply if wants_gradient(flat) else synapse_sums
        sums: Pair = function(self._sensory, *flat)
        return sums

    def run(self, given: Pair, v: Tensor, dt: Tensor | None) -> Tensor:
        """The v (T, B, H) after every step."""
        flat = (self._table, self._circuit.c, *given, v, _rows(dt, given[0]))
        function = LTCScan.apply if wants_gradient(flat) else ltc_forward
        states: Tensor = function(self._inner, self._circuit.unfolds, *flat)
        return states


class _Explicit(_Lists):
    """The same with an explicit solver."""

    def __init__(self, circuit: Circuit) -> None:
        super().__init__(circuit)
        w, *rest = self._table.unbind(0)
        self._table = torch.stack([w / circuit.c[self._inner.dst], *rest])
        solve = solver_of(circuit.solver, circuit.unfolds)
        self._method = Explicit(STAGES[circuit.solver], circuit.unfolds, solve)

    def run(self, given: Pair, v: Tensor, dt: Tensor | None) -> Tensor:
        """The v (T, B, H) after every step."""
        d, q = (one / self._circuit.c for one in given)
        flat = (self._table, d, q, v, _rows(dt, d))
        function = ExplicitScan.apply if wants_gradient(flat) else explicit_forward
        states: Tensor = function(self._inner, self._method, *flat)
        return states


def _rows(dt: Tensor | None, like: Tensor) -> Tensor | None:
    """Δt as the scans take it."""
    return dt if dt is None or dt.dim() else dt.expand(like.shape[0], 1, 1)


def _picked(links: Links, synapses: Synapses) -> Tensor:
    """The table (4, S) of the synapses that there are."""
    return torch.stack([links.pick(part) for part in synapses])


def _way(circuit: Circuit, u: Tensor) -> _Tables | _Lists:
    if by_lists(circuit, *u.shape[:2]):
        return _Lists(circuit) if circuit.solver == SEMI_IMPLICIT else _Explicit(circuit)
    return _Tables(circuit) if circuit.solver == SEMI_IMPLICIT else _Solved(circuit)


def by_lists(circuit: Circuit, steps: int, rows: int) -> bool:
    """Whether the hand-written kernels can be used for so many steps of a scan, and pay."""
    c = circuit.c
    if circuit.solver == DOPRI5 or c.device.type not in _DEVICES or not values_are_known(c):
        return False
    # torch's sums of weighted rows go astray where a row holds no number
    if rows == 0 or not _pays(circuit, steps, rows):
        return False
    # a neuron without capacity jumps: only the plain loop can divide 0 by 0
    return bool((c > 0).all())


def _pays(circuit: Circuit, steps: int, rows: int) -> bool:
    pairs = circuit.inner.w.numel()
    if circuit.solver == SEMI_IMPLICIT:
        return steps >= _FEW or steps * rows * pairs >= _SMALL
    synapses = int(circuit.masks[1].count_nonzero())
    evaluations = steps * circuit.unfolds * len(STAGES[circuit.solver].weights)
    saved = 2 * pairs * rows - synapses * (rows + _ROWS) + _CALLS
    return evaluations * saved >= _LISTS


def ltc(
    circuit: Circuit,
    memory: Memory | None,
    inputs: Pair,
    states: Sequence[Tensor],
    dt: Tensor | None,
) -> tuple[Tensor, ...]:
    """The states after every step of `inputs`, x and mapped u (T, B, D): v, and c of the memory.

    Δt is () for all steps or (B, T), None for 1.
    """
    x, u = inputs
    way = _way(circuit, u)
    d, q = _given(circuit, way, u)
    time = _time_first(dt)
    if memory is None:
        return (way.run((d, q), states[0], time),)
    R = memory[1].t()
    v, c = states
    history = []
    for t, p in enumerate(memory_inputs(memory, x).unbind(0)):
        v, c = lstm_step(p, v, c, R)
        part = slice(t, t + 1)
        v = way.run((d[part], q[part]), v, _at(time, part))[0]
        history.append((v, c))
    return tuple(torch.stack(one) for one in zip(*history, strict=True))


def ltc_of_memory(
    circuit: Circuit,
    memory: Memory,
    mapped: Callable[[Tensor], Tensor],
    x: Tensor,
    states: Sequence[Tensor],
    dt: Tensor | None,
) -> tuple[Tensor, ...]:
    """As `ltc`, but the neurons read the LSTM's output, `mapped`, not x, and keep their own v."""
    way, time, R = _way(circuit, x), _time_first(dt), memory[1].t()
    v, c = states
    history = []
    for t, p in enumerate(memory_inputs(memory, x).unbind(0)):
        signal, c = lstm_step(p, v, c, R)
        given = _given(circuit, way, mapped(signal)[None])
        v = way.run(given, v, _at(time, slice(t, t + 1)))[0]
        history.append((v, c))
    return tuple(torch.stack(one) for one in zip(*history, strict=True))


def _given(circuit: Circuit, way: _Lists | _Tables, u: Tensor) -> Pair:
    """Drive and conductance (T, B, H) of the mapped inputs and of the leak."""
    d, q = way.sums(u)
    return d + circuit.g * circuit.vleak, q + circuit.g + circuit.epsilon


def _time_first(dt: Tensor | None) -> Tensor | None:
    return None if dt is None else dt.t()[..., None] if dt.dim() else dt


def _at(time: Tensor | None, part: slice) -> Tensor | None:
    return time[part] if time is not None and time.dim() else time
