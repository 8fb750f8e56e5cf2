"""LTC and its cell: liquid time-constant networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import LTC as LTCSpec
from ncps.specs import LTCCell as LTCCellSpec
from ncps_torch import ops
from ncps_torch.layers._holders import Memory
from ncps_torch.layers._recurrent import Cell, Sequence, States


class SynapseTable(nn.Module):
    """w, sigma, mu, erev (sources, H), and the mask of the synapses that there are."""

    mask: Tensor | None

    def __init__(self, sources: int, units: int) -> None:
        super().__init__()
        for name in ("w", "sigma", "mu", "erev"):
            self.register_parameter(name, nn.Parameter(torch.empty(sources, units)))
        # follows the module from device to device; the wiring says it, so that it is not saved
        self.register_buffer("mask", None, persistent=False)

    def synapses(self, positive: ops.Positive, dtype: torch.dtype) -> ops.Synapses:
        """The table for a loop, without the synapses that are not there."""
        parts = (getattr(self, name).to(dtype) for name in ("w", "sigma", "mu", "erev"))
        w, *rest = parts
        assert self.mask is not None, "a built layer has its mask"
        return ops.Synapses(positive(w) * self.mask.to(dtype), *rest)


class Mapping(nn.Module):
    """w and b (features): affine, linear, or neither."""

    def __init__(self, mapping: str | None, size: int) -> None:
        super().__init__()
        self.w = None if mapping is None else nn.Parameter(torch.empty(size))
        self.b = nn.Parameter(torch.empty(size)) if mapping == "affine" else None

    def forward(self, values: Tensor) -> Tensor:
        """Values · w + b."""
        if self.w is not None:
            values = values * self.w.to(values.dtype)
        return values if self.b is None else values + self.b.to(values.dtype)


class _LTC:
    """What the cell and the sequence share."""

    spec: Any
    gleak: Tensor
    vleak: Tensor
    cm: Tensor
    memory: Memory

    def _structure(self, spec: Any) -> None:
        features, units = spec.known_input_size(), spec.state_size
        for name in ("gleak", "vleak", "cm"):
            setattr(self, name, nn.Parameter(torch.empty(units)))
        self.inner = SynapseTable(units, units)
        self.sensory = SynapseTable(features, units)
        self.input = Mapping(spec.input_mapping, features)
        self.output = Mapping(spec.output_mapping, len(spec.output_neurons))
        if spec.mixed_memory:
            self.memory = Memory(features, units)

    def _constants(self, spec: Any) -> None:
        device = self.gleak.device
        self.inner.mask = ops.from_numpy(spec.masks.inner, device=device)
        self.sensory.mask = ops.from_numpy(spec.masks.sensory, device=device)

    def _circuit(self, dtype: torch.dtype) -> ops.Circuit:
        spec = self.spec
        positive = ops.positive(spec.implicit_param_constraints)
        sensory, inner = self.sensory.mask, self.inner.mask
        assert sensory is not None, "a built layer has its masks"
        assert inner is not None, "a built layer has its masks"
        return ops.Circuit(
            sensory=self.sensory.synapses(positive, dtype),
            inner=self.inner.synapses(positive, dtype),
            masks=(sensory, inner),
            g=positive(self.gleak.to(dtype)),
            vleak=self.vleak.to(dtype),
            c=positive(self.cm.to(dtype)) * spec.ode_unfolds,
            unfolds=spec.ode_unfolds,
            epsilon=spec.epsilon,
        )

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        memory = self.memory.cast(x.dtype) if self.spec.mixed_memory else None
        return ops.ltc(self._circuit(x.dtype), memory, (x, self.input(x)), states, dt)

    def _readout(self, h: Tensor) -> Tensor:
        """y: the mapped potentials of the motor neurons."""
        y: Tensor = self.output(ops.pick(h, self.spec.output_neurons))
        return y


class LTCCell(_LTC, Cell):
    r"""One step of a liquid time-constant network: N = `ode_unfolds` semi-implicit ones.

    .. math::
        v' = \frac{c_m N v + \Delta t\,(g v_l + \sum w s E)}
                  {c_m N + \Delta t\,(g + \sum w s + \epsilon)},\quad s = \sigma(\sigma(v - \mu))

    The sums are over the synapses of the wiring, those from the mapped inputs included; mappings,
    constraints and mixed memory are `ncps.specs.LTCCell`'s.

    Shape: x (B, D), state h = v (B, H), or (v, c) with mixed memory; timespans scalar or (B,) in
    the data's time unit, default 1 → y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Hasani et al. 2021, arXiv:2006.04439.
    """

    spec: LTCCellSpec


class LTC(_LTC, Sequence):
    """Liquid time-constant network over a sequence; the equations are `LTCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state v (B, H), or (v, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LTCSpec
