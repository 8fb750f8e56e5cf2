"""sLSTMBlock: an sLSTM between norms, behind a convolution, with a feed-forward layer after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import SpecError
from ncps.specs import GATES, Parameter, StateShapes, options
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._blocks import BlockSpec, check_kernel_size, convolution
from ncps_xlstm.specs._initial import small, wang
from ncps_xlstm.specs._slstm import BIAS_INITS, RECURRENT_INITS, bias_init, recurrent_init


@dataclass(frozen=True, kw_only=True)
class sLSTMBlock(BlockSpec):
    r"""The residual block around an sLSTM, and a gated feed-forward layer in a second one.

    .. math::
        u = \mathrm{LN}(x),\quad u_c = \mathrm{silu}(\mathrm{conv}(u)),\quad
        h = \mathrm{sLSTM}(\tilde i, \tilde f: u_c,\ \tilde z, \tilde o: u)

        x' = x + \mathrm{MHN}(h),\quad
        y = x' + (\phi(u' W_{gate}) \odot u' W_{up}) W_{down},\quad u' = \mathrm{LN}(x')

    The sLSTM is `sLSTMCell`'s with H = D, but its input kernels too are block diagonal, one block
    for each head. conv is a causal depthwise convolution over `kernel_size` steps (0: none, and
    u_c = u); LN is a layer norm without an offset; MHN one within each head. φ is `activation`.
    `hidden_units` is 1.3 D rounded up to a multiple of 64 unless it is given; with
    ``feed_forward=False`` y = x'. `use_bias` is the feed-forward layer's. `dropout` drops h and
    what is added last, in training.

    `block_index` of `num_blocks` is the place in a stack: first values of the forget gate's bias
    depend on it.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), conv (B, kernel_size - 1, D) with the steps
    of u before, oldest first, and h, c, n, m, each (B, D).
    Source: Beck et al. 2024, arXiv:2405.04517, figure 10; the PyPI package xlstm 2.0.6, whose layer
    calls the gate i ``fgate`` and the gate f ``igate``.
    """

    layer: ClassVar[str] = "sLSTMBlock"

    kernel_size: int = 4
    feed_forward: bool = True
    hidden_units: int | None = None
    activation: str = "gelu"
    use_bias: bool = False
    dropout: float = 0.0
    recurrent_init: str = "zeros"
    bias_init: str = "powerlaw"
    block_index: int = 0

    def _check(self) -> None:
        self._set(
            kernel_size=check_kernel_size(self.layer, self.kernel_size, optional=True),
            dropout=options.fraction(self.layer, "dropout", self.dropout),
            block_index=options.integer(self.layer, "block_index", self.block_index, minimum=0),
        )
        for option in ("feed_forward", "use_bias"):
            options.flag(self.layer, option, getattr(self, option))
        if self.hidden_units is not None:
            options.integer(self.layer, "hidden_units", self.hidden_units)
        options.choice(self.layer, "activation", self.activation, options.ACTIVATIONS)
        options.choice(self.layer, "recurrent_init", self.recurrent_init, RECURRENT_INITS)
        options.choice(self.layer, "bias_init", self.bias_init, BIAS_INITS)
        if self.block_index >= self.num_blocks:
            raise SpecError(
                f"{self.layer} expected block_index below num_blocks={self.num_blocks}, got "
                f"{self.block_index}. Pass the number of blocks of the whole stack."
            )
        if self.input_size is not None:
            _checks.heads(self.layer, "input_size", self.input_size, self.num_heads)

    @property
    def size_unit(self) -> int:
        """One feature for each head."""
        return self.num_heads

    @property
    def hidden_size(self) -> int:
        """Features between the maps of the feed-forward layer."""
        usual = _checks.rounded_up(1.3 * self.known_input_size())
        return _checks.size_or(self.layer, "hidden_units", self.hidden_units, usual)

    @property
    def depth(self) -> float:
        """The place in a stack, from 0 to 1."""
        return self.block_index / max(self.num_blocks - 1, 1)

    def _cell_shapes(self) -> StateShapes:
        D = self.known_input_size()
        conv = (("conv", (self.kernel_size - 1, D)),) if self.kernel_size else ()
        return (*conv, *((name, (D,)) for name in ("h", "c", "n", "m")))

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        D, NH, d = input_size, self.num_heads, input_size // self.num_heads
        found = [_checks.gamma("norm", D)]
        if self.kernel_size:
            found += convolution(self.kernel_size, D)
        for gate in GATES:
            bias = bias_init(self.bias_init, gate, D, NH, self.depth)
            recurrent = recurrent_init(self.recurrent_init, D)
            found += [
                Parameter(f"{gate}.kernel", (NH, d, d), small(D)),
                Parameter(f"{gate}.recurrent_kernel", (NH, d, d), recurrent),
                Parameter(f"{gate}.bias", (D,), bias),
            ]
        found.append(_checks.gamma("cell_norm", D))
        if self.feed_forward:
            found.append(_checks.gamma("ffn_norm", D))
            F = self.hidden_size
            for name in ("ffn.gate", "ffn.up"):
                found += _checks.affine(name, (D, F), small(D), self.use_bias)
            down = wang(D, self.num_blocks)
            found += _checks.affine("ffn.down", (F, D), down, self.use_bias)
        return tuple(found)
