"""HyenaOperator: gates and long convolutions in turn, in place of attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import Parameter, Shape
from ncps.specs.initializers import Constant, Normal
from ncps_hyena.specs import _tables
from ncps_hyena.specs._draws import Alone, Draws
from ncps_hyena.specs._filter import HyenaSpec


@dataclass(frozen=True, kw_only=True)
class HyenaOperator(HyenaSpec):
    r"""Gates and long convolutions in turn, in place of attention; see `HyenaSpec` for the filters.

    With a causal convolution of K taps over each feature of each projection, N = order:

    .. math::
        v^0 = \mathrm{short}(x W_v + b_v),\quad g_i = \mathrm{short}(x W_i + b_i),\quad
        i = 0 \dots N-1

        u^o = v^o \odot g_{N-1-o},\quad
        v^{o+1}_t = s_o \odot u^o_t + \sum_{j=0}^{t} h^o_j \odot u^o_{t-j},\quad o = 0 \dots N-2

        y = (v^{N-1} \odot g_0) W_y + b_y

    With `bidirectional`, :math:`v^{o+1}_t` also has :math:`\sum_{j \ge 1} r^o_j \odot u^o_{t+j}`,
    where r is written by the same network with a kernel of its own. The short convolutions stay
    causal. `dropout` drops entries of u in training.

    Shape: x (B, T, D) or (T, D), T ≤ l_max → y as x.
    Raises: SpecError when an option has a value that the layer cannot have; ShapeError for more
    than l_max steps.
    Source: Poli et al. 2023, arXiv:2302.10866, definition 3.1; short filters, initial values and
    the order of gates as in the standalone HyenaDNA file.
    """

    layer: ClassVar[str] = "HyenaOperator"

    @property
    def output_size(self) -> int:
        """As many features as the input has."""
        return self.known_input_size()

    @property
    def projections(self) -> tuple[str, ...]:
        """The names of the projections, ``value`` and each gate."""
        return ("value", *(f"gate_{i}" for i in range(self.order)))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T, D)."""
        self.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return operator_parameters(self, Alone())


def operator_parameters(spec: HyenaSpec, draws: Draws) -> tuple[Parameter, ...]:
    """The canonical parameters of an operator with these options."""
    features, order = spec.features, spec.order
    found: list[Parameter] = []
    for name in ("value", *(f"gate_{i}" for i in range(order))):
        found += _affine(name, features, features, draws)
        found += _short(name, spec.short_filter_order, features)
    found += _network(spec, draws)
    for o in range(spec.convolutions):
        found += _long(spec, o, draws)
    return (*found, *_affine("output", features, features, draws, last=True))


def _affine(name: str, ins: int, outs: int, draws: Draws, last: bool = False) -> list[Parameter]:
    kernel = draws.output(ins) if last else draws.kernel(ins)
    return [
        Parameter(f"{name}.kernel", (ins, outs), kernel),
        Parameter(f"{name}.bias", (outs,), draws.bias(ins)),
    ]


def _short(name: str, taps: int, features: int) -> list[Parameter]:
    # the originals draw their short convolutions apart from all linear maps
    init = Alone().kernel(taps)
    return [
        Parameter(f"{name}.short_kernel", (taps, features), init),
        Parameter(f"{name}.short_bias", (features,), init),
    ]


def _network(spec: HyenaSpec, draws: Draws) -> list[Parameter]:
    """What writes the filters, but for its last maps."""
    width = spec.filter_order
    found = []
    for j, ins in enumerate((spec.emb_dim, *(width,) * spec.num_inner)):
        found += _affine(f"filter.hidden_{j}", ins, width, draws)
    if spec.learn_frequency:
        found.append(Parameter("filter.frequency", (width,), Constant(spec.frequency)))
    if spec.learn_positions:
        table = _tables.Positions(spec.l_max, spec.emb_dim)
        found.append(Parameter("filter.positions", (spec.l_max, spec.emb_dim), table))
    return found


def _long(spec: HyenaSpec, o: int, draws: Draws) -> list[Parameter]:
    """Convolution o: the last maps of its filters, its skip, its decay."""
    features, width = spec.features, spec.filter_order
    init = draws.kernel(width)
    found = [Parameter(f"long_{o}.kernel", (width, features), init)]
    if spec.bidirectional:
        found.append(Parameter(f"long_{o}.reverse_kernel", (width, features), init))
    found.append(Parameter(f"long_{o}.skip", (features,), Normal(1.0)))
    if spec.learn_decay:
        decay = _tables.Deltas(o, spec.decay_arguments())
        found.append(Parameter(f"long_{o}.delta", (features,), decay))
    return found
