"""Pairs of torch layers with the same parameters: ours, and the one that it is measured beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import ncps
from ncps import wirings
from ncps.testing import TOLERANCES
from ncps.torch import CfC

# the gates of 1.0.1's memory, as they lie in its tensors
GATES = ("cell_gate", "input_gate", "forget_gate", "output_gate")

Named = dict[str, Tensor]


@dataclass(frozen=True)
class Pair:
    """Two layers, and the gradients of both under the same names."""

    ours: Any
    theirs: Any
    gradients: Callable[[], tuple[Named, Named]]


@dataclass(frozen=True)
class Case:
    """Sizes of one comparison; `outputs` makes the units an AutoNCP."""

    name: str
    layer: str
    features: int
    units: int
    batch: int
    steps: int
    outputs: int | None = None
    memory: bool = False

    def __str__(self) -> str:
        units = f"AutoNCP({self.units}, {self.outputs})" if self.outputs else str(self.units)
        memory = ", mixed memory" if self.memory else ""
        return f"{self.layer}({self.features}, {units}){memory}, B{self.batch} T{self.steps}"

    def inputs(self) -> Tensor:
        """Random inputs (B, T, D)."""
        return torch.randn(self.batch, self.steps, self.features)

    def pair(self, original: Any) -> Pair:
        """Both layers of this size; `original` is ncps 1.0.1."""
        torch.manual_seed(0)
        return {"CfC": _cfc, "LTC": _ltc}.get(self.layer, _stock)(self, original)

    def units_of(self, module: Any) -> Any:
        """The units, by the wirings of one of the two packages."""
        return module.AutoNCP(self.units, self.outputs) if self.outputs else self.units


def _cfc(case: Case, original: Any) -> Pair:
    ours = CfC(case.features, case.units_of(wirings), mixed_memory=case.memory)
    units = case.units_of(original.wirings)
    theirs = original.torch.CfC(case.features, units, mixed_memory=case.memory)
    ours.load_state_dict(theirs.state_dict())
    return Pair(ours, theirs, lambda: (_gradients(ours), _gradients(theirs)))


def _ltc(case: Case, original: Any) -> Pair:
    options = {"mixed_memory": case.memory, "input_size": case.features}
    ours = ncps.create("LTC", framework="torch", units=case.units_of(wirings), **options)
    theirs = original.torch.LTC(units=case.units_of(original.wirings), **options)
    ncps.load_parameters(ours, _canonical(dict(theirs.named_parameters())))

    def gradients() -> tuple[Named, Named]:
        own = {name: gradient.numpy() for name, gradient in _gradients(ours).items()}
        named = ours.parameter_map(ours.spec).to_canonical(own)
        canonical = {name: torch.as_tensor(value) for name, value in named.items()}
        return canonical, _canonical(_gradients(theirs))

    return Pair(ours, theirs, gradients)


def _canonical(native: Named) -> Named:
    """The tensors of an LTC of ncps 1.0.1 under our canonical names."""
    found = {}
    for name, value in native.items():
        owner, _, rest = name.partition(".")
        if owner == "rnn_cell" and not rest.endswith("sparsity_mask"):
            found[rest] = value.detach()
        elif owner == "lstm":
            kind = "kernel" if rest.startswith("input_map") else "recurrent_kernel"
            kind = "bias" if rest.endswith("bias") else kind
            for gate, part in zip(GATES, value.detach().chunk(4), strict=True):
                found[f"memory.{gate}.{kind}"] = part.t() if part.dim() == 2 else part
    return found


def _stock(case: Case, original: Any) -> Pair:
    options = {"input_size": case.features, "units": case.units}
    ours = ncps.create(case.layer, framework="torch", technology="ncps", **options)
    theirs = getattr(torch.nn, case.layer)(case.features, case.units, batch_first=True)
    names = {"weight_ih": "weight_ih_l0", "weight_hh": "weight_hh_l0", "bias": "bias_ih_l0"}
    with torch.no_grad():
        # we have one bias, a GRU a second one for a part
        theirs.bias_hh_l0.zero_()
        for parameter in ours.parameters():
            parameter.zero_()
        for own, name in names.items():
            getattr(ours, own).copy_(getattr(theirs, name))

    def gradients() -> tuple[Named, Named]:
        two = _gradients(theirs)
        own = {name: getattr(ours, name).grad for name in names}
        return own, {own: two[name] for own, name in names.items()}

    return Pair(ours, theirs, gradients)


def _gradients(layer: Any) -> Named:
    return {name: p.grad for name, p in layer.named_parameters() if p.grad is not None}


def train(layer: Any, x: Tensor) -> Tensor:
    """One training step without the optimiser; the outputs."""
    layer.zero_grad()
    y: Tensor = layer(x)[0]
    y.square().mean().backward()
    return y.detach()


@torch.no_grad()
def forward(layer: Any, x: Tensor) -> Tensor:
    """One call without gradients; the outputs."""
    y: Tensor = layer(x)[0]
    return y


def check_same(pair: Pair, x: Tensor) -> None:
    """The correctness gate: outputs, and every gradient in relation to its largest entry."""
    bounds = TOLERANCES["float32"]
    torch.testing.assert_close(train(pair.ours, x), train(pair.theirs, x), **bounds.values)
    ours, theirs = pair.gradients()
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    for name, gradient in theirs.items():
        scale = gradient.abs().max()
        torch.testing.assert_close(ours[name] / scale, gradient / scale, **bounds.gradients)


def kept(layer: Any, x: Tensor) -> float:
    """Megabytes that a forward pass keeps for the backward one."""
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = layer(x)[0]
    assert y.requires_grad
    return sum(sizes.values()) / 1e6
