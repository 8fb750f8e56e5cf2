"""CTGRU: the gated recurrent unit of continuous time, one step and a sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec, StateShapes
from ncps.specs._initializers import Range, fan_in_uniform
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec

CTGRU_GATES = ("retrieval", "storage", "signal")


@dataclass(frozen=True, kw_only=True)
class CTGRUCell(Spec):
    r"""One step of a continuous-time GRU: each unit remembers at M time scales at once.

    A scale i fades with its time constant :math:`\tilde\tau_i`; the gates of a GRU become the
    choice of a scale, one to read from and one to write to:

    .. math::
        \hat h_i \leftarrow e^{-\Delta t/\tilde\tau_i}\,\hat h_i,\quad h = \sum_i \hat h_i

        r = \mathrm{softmax}_i\,{-(x W_r + h R_r + b_r - \ln\tilde\tau_i)^2},\quad
        s = \mathrm{softmax}_i\,{-(x W_s + h R_s + b_s - \ln\tilde\tau_i)^2}

        q = \tanh\Big(x W_q + \big(\sum_i r_i \odot \hat h_i\big) R_q + b_q\Big)

        \hat h'_i = (1 - s_i) \odot \hat h_i + s_i \odot q,\quad y = h' = \sum_i \hat h'_i

    The scales are :math:`\tilde\tau_i = \tau_{min}\,\rho^{\,i - 1}`, i = 1 … M, with `tau_min`,
    ρ = `tau_ratio` and M = `num_scales`, in the data's time unit: they should span the gaps that
    matter. The gates r, s, q are called ``retrieval``, ``storage`` and ``signal``; the first two
    biases start spread over the logarithms of the scales. With `cell_clip`, every ĥ' is kept
    within ± that number.

    Δt is the time before a step, as everywhere in ncps. The paper writes the same decay at the end
    of the step, over the time to the next one: the states that meet an input are the same, while y
    here has not faded yet. An input changes the state at once, also where Δt is 0.

    Shape: x (B, D), state ĥ (B, H·M), unit by unit, timespans Δt scalar or (B,) → y (B, H).
    Source: Mozer, Kazakov & Lindsey 2017, "Discrete event, continuous time RNNs",
    arXiv:1710.04110; M = 8 and ρ = √10 as there.
    """

    layer: ClassVar[str] = "CTGRUCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    num_scales: int = 8
    tau_min: float = 1.0
    tau_ratio: float = math.sqrt(10.0)
    cell_clip: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            units=_validate.integer(self.layer, "units", self.units),
            num_scales=_validate.integer(self.layer, "num_scales", self.num_scales),
            tau_min=_above(self.layer, "tau_min", self.tau_min, 0.0),
            tau_ratio=_above(self.layer, "tau_ratio", self.tau_ratio, 1.0),
        )
        if self.cell_clip is not None:
            self._set(cell_clip=_above(self.layer, "cell_clip", self.cell_clip, 0.0))

    @property
    def log_scales(self) -> tuple[float, ...]:
        """The logarithms of the M time constants, ascending."""
        low, step = math.log(self.tau_min), math.log(self.tau_ratio)
        return tuple(low + i * step for i in range(self.num_scales))

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def state_shapes(self) -> StateShapes:
        """The memories ĥ of all units, H·M."""
        return (("h", (self.units * self.num_scales,)),)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, H)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        H = self.units
        # a gate reads x and h side by side: ln τ should start within reach of the scales
        init = fan_in_uniform(input_size + H)
        scales = Range(self.log_scales[0], self.log_scales[-1])
        parameters = []
        for gate in CTGRU_GATES:
            parameters += [
                Parameter(f"{gate}.kernel", (input_size, H), init),
                Parameter(f"{gate}.recurrent_kernel", (H, H), init),
                Parameter(f"{gate}.bias", (H,), init if gate == "signal" else scales),
            ]
        return tuple(parameters)


@dataclass(frozen=True, kw_only=True)
class CTGRU(SequenceSpec, CTGRUCell):
    """Continuous-time GRU over a sequence; the equations are `CTGRUCell`'s.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, H), or (B, H)
    without `return_sequences`; twice H when `bidirectional`. See `SequenceSpec` for several layers
    and two directions.
    """

    layer: ClassVar[str] = "CTGRU"
    kind: ClassVar[Kind] = "sequence"


def _above(layer: str, option: str, value: object, bound: float) -> float:
    """`value` as a finite float above `bound`, else a SpecError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not bound < float(value) < math.inf:  # type: ignore[arg-type]
        raise SpecError(f"{layer} expected {option} to be a number > {bound:g}, got {value!r}.")
    return float(value)  # type: ignore[arg-type]
