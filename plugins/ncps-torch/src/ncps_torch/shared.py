"""The sequence kernels that other plugins may use, by name: ``ncps.registry.kernels("torch")``.

``kernel(weights, x, states, dt, mask)`` gives the states after every step, each (B, T, ·), and
those after the last one, each (B, ·); or None where a plain loop over the steps does as well.

Arguments are plain tensors, batch first: x (B, T, D), T > 0; the states before the first step
(B, ·); dt None for 1, () for all steps, or (B, T); mask (B, T), True = real, or None. Kernels are
(in, out); gates stand in the order of `ncps.specs.GATES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy.typing as npt
from torch import Tensor

from ncps_torch import ops

States = tuple[Tensor, ...]
Result = tuple[States, States] | None
Affine = tuple[Tensor, Tensor]

# where there is every synapse, so many rows of a batch pay for lists of them
_ROWS = 16


class Block(TypedDict):
    """One plain CfC cell; a network is a stack of them, each a recurrence of its own.

    `affines` are (kernel, bias) of the backbone and then of the heads: f in mode pure, else f, g,
    a and b side by side. `tau` is (w_tau, A) in mode pure; `drops` (B, T, K), one per backbone
    layer, or none. With `linear`, f and g have no tanh, and time goes by b − a·Δt.
    """

    mode: str
    phi: str
    affines: Sequence[Affine]
    tau: Sequence[Tensor]
    units: int
    drops: Sequence[Tensor]
    linear: bool


class Circuit(TypedDict):
    """An LTC.

    `sensory` and `inner` are w, σ, μ, E (I, H) of every pair of a source and a neuron, w not
    negative; `masks` (I, H) say which of them there are. `mapping` is (w, b) of the inputs, None
    where there is none; g and c = c_m·N are not negative. `memory` is None, or (kernel, recurrent
    kernel, bias) of an LSTM cell whose forget gate opens by 1 more; with `reads_memory` the
    neurons read its output in place of x.
    """

    sensory: tuple[Tensor, Tensor, Tensor, Tensor]
    inner: tuple[Tensor, Tensor, Tensor, Tensor]
    masks: tuple[npt.NDArray[Any], npt.NDArray[Any]]
    mapping: tuple[Tensor | None, Tensor | None]
    g: Tensor
    vleak: Tensor
    c: Tensor
    unfolds: int
    epsilon: float
    solver: str
    memory: tuple[Tensor, Tensor, Tensor] | None
    reads_memory: bool


def lstm(
    weights: tuple[Tensor, Tensor, Tensor | None],
    x: Tensor,
    states: States,
    dt: Tensor | None,
    mask: Tensor | None,
) -> Result:
    """The states h and c; weights are kernel, recurrent kernel and bias."""
    kernel, recurrent, bias = weights

    def run(x: Tensor, states: States, dt: Tensor | None) -> States:
        h, c = states
        return ops.lstm(kernel.t(), recurrent.t(), bias, x, (h, c))

    return _batch_first(run, x, states, None, _steps(mask))


def cfc(
    weights: Sequence[Block], x: Tensor, states: States, dt: Tensor | None, mask: Tensor | None
) -> Result:
    """The state h of a stack of cells."""
    # the hand-written scan has tanh on its heads
    if weights[0]["linear"]:
        return None
    steps = _steps(mask)
    cells = [_cell(block, steps) for block in weights]

    def run(x: Tensor, states: States, dt: Tensor | None) -> States:
        return (ops.cfc(cells, x, states[0], dt),)

    return _batch_first(run, x, states, dt, steps)


def ltc(
    weights: Circuit, x: Tensor, states: States, dt: Tensor | None, mask: Tensor | None
) -> Result:
    """The state v, and c of the memory."""
    if not _pays(weights, rows=x.shape[0]):
        return None
    circuit, memory = _circuit(weights), _memory(weights["memory"])
    # a step behind the memory is a scan of its own, with what there is to prepare for one
    if not ops.by_lists(circuit, x.shape[1] if memory is None else 1, x.shape[0]):
        return None
    w, b = weights["mapping"]

    def mapped(x: Tensor) -> Tensor:
        u = x if w is None else x * w
        return u if b is None else u + b

    def run(x: Tensor, states: States, dt: Tensor | None) -> States:
        if memory is not None and weights["reads_memory"]:
            return ops.ltc_of_memory(circuit, memory, mapped, x, states, dt)
        return ops.ltc(circuit, memory, (x, mapped(x)), states, dt)

    return _batch_first(run, x, states, dt, _steps(mask))


def _cell(block: Block, steps: ops.Steps | None) -> ops.Cell:
    *backbone, heads = ((kernel.t(), bias) for kernel, bias in block["affines"])
    number = 1 if block["mode"] == "pure" else 4
    drops = block["drops"] if steps is None else map(steps.gather, block["drops"])
    return ops.Cell(
        mode=block["mode"],
        phi=block["phi"],
        units=block["units"],
        backbone=tuple(backbone),
        heads=tuple(zip(*(part.chunk(number) for part in heads), strict=True)),
        tau=tuple(block["tau"]),
        drops=tuple(drop.transpose(0, 1) for drop in drops),
    )


def _pays(weights: Circuit, rows: int) -> bool:
    """Whether lists of synapses can be faster than a table with as many as a neuron has."""
    full = all(mask.all() for mask in weights["masks"])
    return not full or (weights["memory"] is None and rows >= _ROWS)


def _circuit(weights: Circuit) -> ops.Circuit:
    c = weights["c"]
    sensory, inner = (ops.from_numpy(m, c.dtype, c.device) for m in weights["masks"])
    return ops.Circuit(
        sensory=_synapses(weights["sensory"], sensory),
        inner=_synapses(weights["inner"], inner),
        masks=(sensory, inner),
        g=weights["g"],
        vleak=weights["vleak"],
        c=c,
        unfolds=weights["unfolds"],
        epsilon=weights["epsilon"],
        solver=weights["solver"],
    )


def _synapses(pairs: Sequence[Tensor], mask: Tensor) -> ops.Synapses:
    w, *rest = pairs
    return ops.Synapses(w * mask, *rest)


def _memory(given: tuple[Tensor, Tensor, Tensor] | None) -> ops.Memory | None:
    if given is None:
        return None
    kernel, recurrent, bias = given
    return kernel.t(), recurrent.t(), bias


def _steps(mask: Tensor | None) -> ops.Steps | None:
    return None if mask is None else ops.Steps(mask)


def _batch_first(
    run: ops.Run, x: Tensor, states: States, dt: Tensor | None, steps: ops.Steps | None
) -> tuple[States, States]:
    with ops.without_autocast(x.device):
        return ops.over_real_steps(run, x, states, dt, steps)


KERNELS = {"cfc": cfc, "lstm": lstm, "ltc": ltc}
