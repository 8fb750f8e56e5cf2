"""The parameters of an LTC cell, under the names of ncps 1.0.1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import LTCCell as LTCCellSpec
from ncps_torch import ops
from ncps_torch.layers._original import check_mask, warn_of_negative
from ncps_torch.parameters import NEURON, SYNAPSE, mapping_parts


class CircuitParameters:
    """Neurons, synapses and mappings as attributes of a module.

    gleak, vleak, cm (H); sigma, mu, w, erev (H, H) and sensory_* (D, H); input_w, input_b (D);
    output_w, output_b (O); the masks of the synapses that there are, which are not saved: the
    wiring says them.
    """

    _constrained: tuple[str, ...]
    sparsity_mask: Tensor
    sensory_sparsity_mask: Tensor

    def _declare_circuit(self: Any, spec: LTCCellSpec) -> None:
        units, features = spec.state_size, spec.sensory_size
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(NEURON, (units,))
        for prefix, sources in (("", units), ("sensory_", features)):
            shapes |= {prefix + name: (sources, units) for name in SYNAPSE}
        for name, size in (("input", features), ("output", len(spec.output_neurons))):
            shapes |= {f"{name}_{part}": (size,) for part in mapping_parts(spec, name)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
        for name in ("sparsity_mask", "sensory_sparsity_mask"):
            self.register_buffer(name, None, persistent=False)
        implicit = spec.implicit_param_constraints
        self._constrained = () if implicit else type(spec).nonnegative

    def _set_masks(self: Any, spec: LTCCellSpec) -> None:
        device = self.gleak.device
        self.sparsity_mask = ops.from_numpy(spec.masks.inner, device=device)
        self.sensory_sparsity_mask = ops.from_numpy(spec.masks.sensory, device=device)

    def _read(self, spec: LTCCellSpec, dtype: torch.dtype) -> ops.Circuit:
        """The tensors for a loop, without the synapses that are not there."""
        positive = ops.positive(spec.implicit_param_constraints)

        def tensor(name: str) -> Tensor:
            parameter: Tensor = getattr(self, name)
            return parameter.to(dtype)

        def synapses(prefix: str, mask: Tensor) -> ops.Synapses:
            sigma, mu, w, erev = (tensor(prefix + name) for name in SYNAPSE)
            return ops.Synapses(w=positive(w) * mask.to(dtype), sigma=sigma, mu=mu, erev=erev)

        return ops.Circuit(
            sensory=synapses("sensory_", self.sensory_sparsity_mask),
            inner=synapses("", self.sparsity_mask),
            masks=(self.sensory_sparsity_mask, self.sparsity_mask),
            g=positive(tensor("gleak")),
            vleak=tensor("vleak"),
            c=positive(tensor("cm")) * spec.ode_unfolds,
            unfolds=spec.ode_unfolds,
            epsilon=spec.epsilon,
            solver=spec.solver,
        )

    def _mapped(self, name: str, values: Tensor) -> Tensor:
        """Values · w + b of the input or output mapping, as far as it has them."""
        w, b = (getattr(self, f"{name}_{part}", None) for part in "wb")
        values = values if w is None else values * w.to(values.dtype)
        return values if b is None else values + b.to(values.dtype)

    def apply_weight_constraints(self) -> None:
        """Set negative gleak, cm and weights to 0, where the optimiser can make them grow again.

        To be called after an optimiser's step, without `implicit_param_constraints`: the layer
        reads what is negative as 0, with gradient 0. With them it does nothing.
        """
        with torch.no_grad():
            for name in self._constrained:
                getattr(self, name).clamp_(min=0)

    def _accept(self, state_dict: dict[str, Any], prefix: str, errors: list[str]) -> None:
        """Take the masks of ncps 1.0.1 out of its checkpoint; complain when they are others."""
        if f"{prefix}sparsity_mask" in state_dict:
            warn_of_negative(state_dict, prefix, self._constrained)
        for name in ("sparsity_mask", "sensory_sparsity_mask"):
            check_mask(self, state_dict, prefix, errors, name)


class CircuitHolder(CircuitParameters, nn.Module):
    """The circuit inside a sequence layer."""

    def __init__(self, spec: LTCCellSpec) -> None:
        super().__init__()
        self._declare_circuit(spec)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        self._accept(state_dict, prefix, args[-1])
        super()._load_from_state_dict(state_dict, prefix, *args)
