"""CfC: the closed-form continuous-time network, one step and a sequence, wired or not."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import Orthogonal, Uniform, XavierUniform, fan_in_uniform
from ncps.specs._lstm import gate_parameters
from ncps.specs._recurrent import cell_output_shape, sequence_output_shape
from ncps.wirings import Wiring

MODES = ("default", "pure", "no_gate")
BACKBONE_ACTIVATIONS = ("gelu", "lecun_tanh", "relu", "silu", "tanh")


@dataclass(frozen=True, eq=False)
class CfCBlock:
    """One plain CfC cell of the network: the whole of an unwired CfC, one layer of a wired one.

    `mask` (input_size + units, units) multiplies the kernels of ff1 and ff2; None means no mask.
    """

    prefix: str
    input_size: int
    units: int
    backbone: tuple[int, ...]
    mask: npt.NDArray[np.float32] | None

    @property
    def features(self) -> int:
        """Length of the vector that the heads read."""
        return self.backbone[-1] if self.backbone else self.input_size + self.units


@dataclass(frozen=True, kw_only=True)
class CfCCell(Spec):
    r"""One step of a closed-form continuous-time network.

    .. math::
        z = \mathrm{backbone}([x, h]),\quad f, g, a, b = \text{four affine heads of } z

        h' = (1-s)\odot\tanh f + s\odot\tanh g,\quad s = \sigma(a\,\Delta t + b)

    mode ``no_gate``: :math:`h' = \tanh f + s \odot \tanh g`; mode ``pure``:
    :math:`h' = A - A \odot \exp(-\Delta t(|w_\tau| + |f|)) \odot f`.

    `units` is the number of neurons, or a wiring: then each of its layers is a CfC cell without
    a backbone, whose ff1 and ff2 see only the synapses from the layer before (the recurrence
    inside a layer is dense and the time heads see everything, as in ncps 1.0.1).
    With `mixed_memory`, an LSTM cell updates (h, c) first (its forget gate's bias gets +1).

    Shape: x (B, D), state h (B, H) or (h, c), timespans Δt scalar or (B,) in the data's unit.
    Source: Hasani et al. 2022, arXiv:2106.13898, eq. 10; sign of Δt as in ncps 1.0.1 for torch;
    mixed memory: Lechner & Hasani 2020, arXiv:2006.04418.
    """

    layer: ClassVar[str] = "CfCCell"
    kind: ClassVar[Kind] = "cell"

    units: int | Wiring
    mode: str = "default"
    activation: str = "lecun_tanh"
    backbone_units: int | None = None
    backbone_layers: int | None = None
    backbone_dropout: float | None = None
    mixed_memory: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.choice(self.layer, "mode", self.mode, MODES)
        _validate.choice(self.layer, "activation", self.activation, BACKBONE_ACTIVATIONS)
        _validate.flag(self.layer, "mixed_memory", self.mixed_memory)
        if isinstance(self.units, Wiring):
            self._check_wired(self.units)
        else:
            self._check_unwired()

    def _check_wired(self, wiring: Wiring) -> None:
        for option in ("backbone_units", "backbone_layers", "backbone_dropout"):
            if getattr(self, option) is not None:
                raise SpecError(
                    f"{self.layer} expected no {option} beside a wiring, got "
                    f"{getattr(self, option)!r}. A wired CfC has no backbone: leave it out."
                )
        size = wiring.input_dim if self.input_size is None else self.input_size
        # an own copy: the caller may still build or change an unbuilt wiring
        self._set(input_size=size, units=deepcopy(wiring) if size is None else wiring.built(size))
        neurons = sorted(n for layer in _layers(wiring) for n in layer)
        if neurons != list(range(wiring.units)):
            raise SpecError(
                f"{self.layer} expected a wiring whose layers hold each of its {wiring.units} "
                f"neurons once, got {_layers(wiring)}."
            )

    def _check_unwired(self) -> None:
        layers = 1 if self.backbone_layers is None else self.backbone_layers
        units = 128 if self.backbone_units is None else self.backbone_units
        dropout = 0.0 if self.backbone_dropout is None else self.backbone_dropout
        self._set(
            units=_validate.integer(self.layer, "units", self.units),
            backbone_layers=_validate.integer(self.layer, "backbone_layers", layers, minimum=0),
            backbone_units=_validate.integer(self.layer, "backbone_units", units),
            backbone_dropout=_validate.fraction(self.layer, "backbone_dropout", dropout),
        )

    @property
    def wiring(self) -> Wiring | None:
        """The wiring, or None for a fully connected CfC."""
        return self.units if isinstance(self.units, Wiring) else None

    @property
    def state_size(self) -> int:
        """Number of neurons, H."""
        return self.units.units if isinstance(self.units, Wiring) else self.units

    @property
    def output_size(self) -> int:
        """Number of motor neurons of the wiring, else H."""
        return len(self.output_neurons)

    @cached_property
    def output_neurons(self) -> tuple[int, ...]:
        """Where the output neurons stand in the state (a wired state is ordered by layer)."""
        if not isinstance(self.units, Wiring):
            return tuple(range(self.units))
        order = [n for layer in _layers(self.units) for n in layer]
        return tuple(order.index(n) for n in self.units.get_output_neurons())

    def state_shapes(self) -> tuple[tuple[str, int], ...]:
        """Hidden state h; with mixed memory also the memory c."""
        names = ("h", "c") if self.mixed_memory else ("h",)
        return tuple((name, self.state_size) for name in names)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, output_size)."""
        return cell_output_shape(self, input_shape)

    @cached_property
    def blocks(self) -> tuple[CfCBlock, ...]:
        """The plain cells that make up the network, in the order of the signal."""
        input_size = self.known_input_size()
        if isinstance(self.units, Wiring):
            return _wired_blocks(self.units, input_size)
        backbone = (self.backbone_units or 0,) * (self.backbone_layers or 0)
        return (CfCBlock("", input_size, self.units, backbone, None),)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        parameters = [p for block in self.blocks for p in _block_parameters(block, self.mode)]
        if self.mixed_memory:
            sizes = (input_size, self.state_size)
            inits = (XavierUniform(), Orthogonal(), Uniform(0.1))
            parameters += gate_parameters("memory.", sizes, *inits)
        return tuple(parameters)


@dataclass(frozen=True, kw_only=True)
class CfC(CfCCell):
    """Closed-form continuous-time network over a sequence; the equations are `CfCCell`'s.

    `proj_size` adds an affine map of the output to that many features.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, O), or (B, O)
    without `return_sequences`; O is proj_size, else the wiring's motor neurons, else units.
    """

    layer: ClassVar[str] = "CfC"
    kind: ClassVar[Kind] = "sequence"

    proj_size: int | None = None
    return_sequences: bool = True
    return_state: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.proj_size is not None:
            self._set(proj_size=_validate.integer(self.layer, "proj_size", self.proj_size))
        _validate.flag(self.layer, "return_sequences", self.return_sequences)
        _validate.flag(self.layer, "return_state", self.return_state)

    @property
    def output_size(self) -> int:
        """Features of the output: proj_size, else those of the cell."""
        return self.proj_size or len(self.output_neurons)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T, O), or (B, O) without `return_sequences`."""
        return sequence_output_shape(self, input_shape, self.return_sequences)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        parameters = super()._parameters(input_size)
        if self.proj_size is None:
            return parameters
        outputs = len(self.output_neurons)
        init = fan_in_uniform(outputs)
        kernel = Parameter("projection.kernel", (outputs, self.proj_size), init)
        return (*parameters, kernel, Parameter("projection.bias", (self.proj_size,), init))


def _layers(wiring: Wiring) -> list[list[int]]:
    return [list(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]


def _wired_blocks(wiring: Wiring, input_size: int) -> tuple[CfCBlock, ...]:
    built = wiring.built(input_size)
    sensory = built.sensory_adjacency_matrix
    assert sensory is not None, "a built wiring has its sensory synapses"
    layers = _layers(built)
    blocks = []
    for i, neurons in enumerate(layers):
        if i == 0:
            synapses = sensory[:, neurons]
        else:
            synapses = built.adjacency_matrix[np.ix_(layers[i - 1], neurons)]
        recurrent = np.ones((len(neurons), len(neurons)))
        mask = np.concatenate([np.abs(synapses), recurrent]).astype(np.float32)
        mask.flags.writeable = False
        blocks.append(CfCBlock(f"layer_{i}.", len(synapses), len(neurons), (), mask))
    return tuple(blocks)


def _block_parameters(block: CfCBlock, mode: str) -> list[Parameter]:
    parameters = []
    features = block.input_size + block.units
    for i, units in enumerate(block.backbone):
        parameters += _affine(f"{block.prefix}backbone.{i}", features, units)
        features = units
    heads = ("ff1",) if mode == "pure" else ("ff1", "ff2", "time_a", "time_b")
    for head in heads:
        parameters += _affine(f"{block.prefix}{head}", features, block.units)
    if mode == "pure":
        for name in ("w_tau", "A"):
            parameters.append(Parameter(f"{block.prefix}{name}", (block.units,), XavierUniform()))
    return parameters


def _affine(name: str, inputs: int, outputs: int) -> list[Parameter]:
    bias = fan_in_uniform(inputs)
    return [
        Parameter(f"{name}.kernel", (inputs, outputs), XavierUniform()),
        Parameter(f"{name}.bias", (outputs,), bias),
    ]
