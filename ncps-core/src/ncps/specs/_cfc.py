"""CfC: the closed-form continuous-time network, one step and a sequence, wired or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from ncps.errors import SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, StateShapes
from ncps.specs._cfc_blocks import (
    CfCBlock,
    block_parameters,
    check_layered,
    layers_of,
    wired_blocks,
)
from ncps.specs._dialect import DIALECTS, KERAS_1, refuse_strict
from ncps.specs._initializers import fan_in_uniform
from ncps.specs._lstm import memory_parameters
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec
from ncps.specs._wired import WiredSpec
from ncps.wirings import Wiring

MODES = ("default", "pure", "no_gate")
WIRING_MODES = ("ncps-1.0", "strict")
BACKBONE_ACTIVATIONS = ("gelu", "lecun_tanh", "relu", "silu", "tanh")


@dataclass(frozen=True, kw_only=True)
class CfCCell(WiredSpec):
    r"""One step of a closed-form continuous-time network.

    .. math::
        z = \mathrm{backbone}([x, h]),\quad f, g, a, b = \text{four affine heads of } z

        h' = (1-s)\odot\tanh f + s\odot\tanh g,\quad s = \sigma(a\,\Delta t + b)

    mode ``no_gate``: :math:`h' = \tanh f + s \odot \tanh g`; mode ``pure``:
    :math:`h' = A - A \odot \exp(-\Delta t(|w_\tau| + |f|)) \odot f`.

    `units` is the number of neurons, or a wiring: then each of its layers is a CfC cell without
    a backbone, whose ff1 and ff2 see only the synapses from the layer before. With `wiring_mode`
    ``ncps-1.0`` the recurrence inside a layer is dense and the time heads see everything, as in
    ncps 1.0.1, so that its checkpoints load; with ``strict`` both see only the wiring's synapses:
    a neuron then depends on those alone that the drawn circuit connects to it, on itself only by
    a synapse to itself.
    With `mixed_memory`, an LSTM cell updates (h, c) first (its forget gate's bias gets +1).

    `dialect` ``ncps-1.0-keras`` is what the Keras layers of ncps 1.0.1 computed, for their weights:
    f and g without tanh; :math:`s = \sigma(b - a\,\Delta t)`; ff1 and ff2 of a wired CfC times
    the signs of the synapses; and behind a memory, the cell reads the memory's output in place of
    x, from the h before it.

    Shape: x (B, D), state h (B, H) or (h, c), timespans Δt scalar or (B,) in the data's unit.
    Source: Hasani et al. 2022, arXiv:2106.13898, eq. 10; sign of Δt as in ncps 1.0.1 for torch;
    mixed memory: Lechner & Hasani 2020, arXiv:2006.04418.
    """

    layer: ClassVar[str] = "CfCCell"
    kind: ClassVar[Kind] = "cell"

    mode: str = "default"
    activation: str = "lecun_tanh"
    backbone_units: int | None = None
    backbone_layers: int | None = None
    backbone_dropout: float | None = None
    mixed_memory: bool = False
    wiring_mode: str = "ncps-1.0"
    dialect: str = "ncps"

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.choice(self.layer, "mode", self.mode, MODES)
        _validate.choice(self.layer, "activation", self.activation, BACKBONE_ACTIVATIONS)
        _validate.flag(self.layer, "mixed_memory", self.mixed_memory)
        _validate.choice(self.layer, "wiring_mode", self.wiring_mode, WIRING_MODES)
        _validate.choice(self.layer, "dialect", self.dialect, DIALECTS)
        refuse_strict(self.layer, self.dialect, self.wiring_mode)
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
        neurons = sorted(n for layer in layers_of(wiring) for n in layer)
        if neurons != list(range(wiring.units)):
            raise SpecError(
                f"{self.layer} expected a wiring whose layers hold each of its {wiring.units} "
                f"neurons once, got {layers_of(wiring)}."
            )
        if self.wiring_mode == "strict":
            if self.mixed_memory:
                raise SpecError(
                    f"{self.layer} expected no mixed_memory beside wiring_mode='strict': the "
                    "memory connects all neurons with all. Leave one of them out."
                )
            check_layered(self.layer, wiring)

    def _check_unwired(self) -> None:
        if self.wiring_mode == "strict":
            raise SpecError(
                f"{self.layer} expected a wiring beside wiring_mode='strict', got "
                f"units={self.units}. Pass units=AutoNCP(…), or leave wiring_mode out."
            )
        layers = 1 if self.backbone_layers is None else self.backbone_layers
        units = 128 if self.backbone_units is None else self.backbone_units
        dropout = 0.0 if self.backbone_dropout is None else self.backbone_dropout
        self._set(
            backbone_layers=_validate.integer(self.layer, "backbone_layers", layers, minimum=0),
            backbone_units=_validate.integer(self.layer, "backbone_units", units),
            backbone_dropout=_validate.fraction(self.layer, "backbone_dropout", dropout),
        )

    @property
    def reads_memory(self) -> bool:
        """Whether the cells read the output of the memory in place of x."""
        return self.mixed_memory and self.dialect == KERAS_1

    @property
    def linear_heads(self) -> bool:
        """Whether f and g have no tanh, and time goes by b − a·Δt."""
        return self.dialect == KERAS_1 and self.mode != "pure"

    @cached_property
    def output_neurons(self) -> tuple[int, ...]:
        """Where the output neurons stand in the state (a wired state is ordered by layer)."""
        if not isinstance(self.units, Wiring):
            return tuple(range(self.units))
        order = [n for layer in layers_of(self.units) for n in layer]
        return tuple(order.index(n) for n in self.units.get_output_neurons())

    def state_shapes(self) -> StateShapes:
        """Hidden state h; with mixed memory also the memory c."""
        names = ("h", "c") if self.mixed_memory else ("h",)
        return tuple((name, (self.state_size,)) for name in names)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, output_size)."""
        return cell_output_shape(self, input_shape)

    @cached_property
    def blocks(self) -> tuple[CfCBlock, ...]:
        """The plain cells that make up the network, in the order of the signal."""
        input_size = self.sensory_size
        if isinstance(self.units, Wiring):
            strict, signed = self.wiring_mode == "strict", self.dialect == KERAS_1
            return wired_blocks(self.units, input_size, strict=strict, signed=signed)
        backbone = (self.backbone_units or 0,) * (self.backbone_layers or 0)
        return (CfCBlock("", input_size, self.units, backbone, None),)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        parameters = [p for block in self.blocks for p in block_parameters(block, self.mode)]
        if self.mixed_memory:
            parameters += memory_parameters((input_size, self.state_size))
        return tuple(parameters)


@dataclass(frozen=True, kw_only=True)
class CfC(SequenceSpec, CfCCell):
    """Closed-form continuous-time network over a sequence; the equations are `CfCCell`'s.

    `proj_size` adds an affine map of the output, of each direction and layer on its own, to that
    many features. See `SequenceSpec` for several layers and two directions.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, O), or (B, O)
    without `return_sequences`; O is proj_size, else the wiring's motor neurons, else units; twice
    that when `bidirectional`.
    """

    layer: ClassVar[str] = "CfC"
    kind: ClassVar[Kind] = "sequence"

    proj_size: int | None = None

    def __post_init__(self) -> None:
        if self.proj_size is not None:
            self._set(proj_size=_validate.integer(self.layer, "proj_size", self.proj_size))
        super().__post_init__()

    @property
    def direction_size(self) -> int:
        """Features that one direction adds to the output: proj_size, else those of the cell."""
        return self.proj_size or len(self.output_neurons)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        parameters = super()._parameters(input_size)
        if self.proj_size is None:
            return parameters
        outputs = len(self.output_neurons)
        init = fan_in_uniform(outputs)
        kernel = Parameter("projection.kernel", (outputs, self.proj_size), init)
        return (*parameters, kernel, Parameter("projection.bias", (self.proj_size,), init))
