"""xLSTMLargeBlock: the residual blocks of xLSTM Large, an mLSTM and then a SwiGLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import Parameter, StateShapes, options
from ncps.specs.initializers import Constant
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._blocks import BlockSpec
from ncps_xlstm.specs._initial import GATE_INITS, small, wang
from ncps_xlstm.specs._mlstm import gates, memory_shapes

_INPUT_BIAS = -10.0


@dataclass(frozen=True, kw_only=True)
class xLSTMLargeBlock(BlockSpec):
    r"""A block of xLSTM Large: an mLSTM at the width of the stream, then a SwiGLU.

    .. math::
        u = \mathrm{RMS}(x),\quad \tilde i, \tilde f = \mathrm{cap}(u W_{i,f} + b_{i,f}),\quad
        h = \mathrm{mLSTM}(u W_q, u W_k, u W_v, \tilde i, \tilde f)

        x' = x + (\sigma(u W_o) \odot \mathrm{MHN}(h)) W_{out},\quad
        y = x' + (\mathrm{silu}(u' W_{gate}) \odot u' W_{up}) W_{down},\quad
        u' = \mathrm{RMS}(x')

    with cap(a) = g tanh(a / g), g = `gate_soft_cap` (None: cap(a) = a). The memory is
    `mLSTMCell`'s; RMS is an RMS norm, MHN a layer norm within each head. `key_size` is D/2,
    `value_size` D and `hidden_units` 8/3 D rounded up to a multiple of 64 unless they are given.
    `use_bias` gives all norms and projections a bias; the gates i and f always have one. `form` and
    `chunk_size` are those of `mLSTM`, `gate_init` that of `mLSTMCell`.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), C (B, NH, d_k, d_v), n (B, NH, d_k)
    and m (B, NH).
    Source: Beck et al. 2025, "xLSTM 7B", arXiv:2503.13427, sections 3 and 4; the PyPI package
    xlstm 2.0.6.
    """

    layer: ClassVar[str] = "xLSTMLargeBlock"

    num_heads: int = 8
    epsilon: float = 1e-6
    key_size: int | None = None
    value_size: int | None = None
    hidden_units: int | None = None
    gate_soft_cap: float | None = 15.0
    use_bias: bool = False
    gate_init: str = "zeros"
    form: str = "chunkwise"
    chunk_size: int = 64

    def _check(self) -> None:
        self._set(chunk_size=_checks.form(self.layer, self.form, self.chunk_size))
        options.flag(self.layer, "use_bias", self.use_bias)
        options.choice(self.layer, "gate_init", self.gate_init, GATE_INITS)
        for option in ("key_size", "value_size", "hidden_units"):
            if getattr(self, option) is not None:
                options.integer(self.layer, option, getattr(self, option))
        if self.gate_soft_cap is not None:
            cap = options.above_zero(self.layer, "gate_soft_cap", self.gate_soft_cap)
            self._set(gate_soft_cap=cap)
        if self.input_size is not None:
            _checks.heads(self.layer, "key_size", self.key_units, self.num_heads)
            _checks.heads(self.layer, "value_size", self.value_units, self.num_heads)

    @property
    def size_unit(self) -> int:
        """Two features for each head where keys have half of them, one where values have all."""
        if self.key_size is None:
            return 2 * self.num_heads
        return self.num_heads if self.value_size is None else 1

    @property
    def key_units(self) -> int:
        """Features of all keys, NH·d_k."""
        half = self.known_input_size() // 2 if self.key_size is None else 0
        return _checks.size_or(self.layer, "key_size", self.key_size, half)

    @property
    def value_units(self) -> int:
        """Features of all values, NH·d_v."""
        size = self.known_input_size() if self.value_size is None else 0
        return _checks.size_or(self.layer, "value_size", self.value_size, size)

    @property
    def hidden_size(self) -> int:
        """Features between the maps of the feed-forward layer."""
        usual = _checks.rounded_up(8 * self.known_input_size() / 3)
        return _checks.size_or(self.layer, "hidden_units", self.hidden_units, usual)

    @property
    def key_dim(self) -> int:
        """Features of a head's keys, d_k."""
        return self.key_units // self.num_heads

    @property
    def head_dim(self) -> int:
        """Values of a head, d_v."""
        return self.value_units // self.num_heads

    def _cell_shapes(self) -> StateShapes:
        return memory_shapes(self.num_heads, self.key_dim, self.head_dim)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        D, K, V, F = input_size, self.key_units, self.value_units, self.hidden_size
        init, bias = small(D), self.use_bias
        found = norm("norm", D, bias)
        for name, size in (("query", K), ("key", K), ("value", V)):
            found += _checks.affine(name, (D, size), init, bias)
        found += gates(D, self.num_heads, self.gate_init, Constant(_INPUT_BIAS))
        found += _checks.affine("output_gate", (D, V), init, bias)
        found += norm("cell_norm", V, bias)
        found += _checks.affine("output", (V, D), wang(D, self.num_blocks), bias)
        found += norm("ffn_norm", D, bias)
        for name in ("ffn.gate", "ffn.up"):
            found += _checks.affine(name, (D, F), init, bias)
        found += _checks.affine("ffn.down", (F, D), wang(F, self.num_blocks), bias)
        return tuple(found)


def norm(name: str, size: int, bias: bool) -> list[Parameter]:
    """Factors, and offsets where there are some."""
    beta = [Parameter(f"{name}.beta", (size,), Constant(0.0))] if bias else []
    return [_checks.gamma(name, size), *beta]
