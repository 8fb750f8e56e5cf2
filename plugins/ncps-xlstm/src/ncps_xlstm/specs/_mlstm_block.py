"""mLSTMBlock: an mLSTM behind a projection to more features and a convolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import SpecError
from ncps.specs import Parameter, StateShapes, options
from ncps.specs.initializers import Constant
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._blocks import BlockSpec, check_kernel_size, convolution
from ncps_xlstm.specs._initial import GATE_INITS, small, wang
from ncps_xlstm.specs._mlstm import gates, memory_shapes

_ROUNDED = 64


@dataclass(frozen=True, kw_only=True)
class mLSTMBlock(BlockSpec):
    r"""The residual block around an mLSTM, which works on N = `inner_size` features.

    .. math::
        u = \mathrm{LN}(x),\quad v' = u W_{up},\quad z = u W_{gate},\quad
        c = \mathrm{silu}(\mathrm{conv}(v'))

        q = c W_q,\quad k = c W_k,\quad v = v' W_v,\quad
        \tilde i, \tilde f = [q, k, v]\, W_{i,f} + b_{i,f}

        y = x + \big((\mathrm{MHN}(\mathrm{mLSTM}(q, k, v, \tilde i, \tilde f)) + s \odot c)
        \odot \mathrm{silu}(z)\big) W_{down}

    The memory is `mLSTMCell`'s with H = N, without its output gate, for which silu(z) stands. W_q,
    W_k and W_v are block diagonal, with blocks of `block_size` features. conv is a causal depthwise
    convolution over `kernel_size` steps; LN is a layer norm without an offset; MHN one within each
    head; s is ``skip``. N is 2 D rounded up to a multiple of 64 unless it is given. `use_bias`
    gives the projections a bias; the gates always have one. `dropout` drops what is added, in
    training. `form` and `chunk_size` are those of `mLSTM`, `gate_init` that of `mLSTMCell`.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), conv (B, kernel_size - 1, N) with the steps of
    v' before, oldest first, C (B, NH, d, d), n (B, NH, d) and m (B, NH), d = N / NH.
    Source: Beck et al. 2024, arXiv:2405.04517, figure 11; the PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "mLSTMBlock"

    inner_size: int | None = None
    kernel_size: int = 4
    block_size: int = 4
    use_bias: bool = False
    dropout: float = 0.0
    gate_init: str = "zeros"
    form: str = "chunkwise"
    chunk_size: int = 64

    def _check(self) -> None:
        self._set(
            kernel_size=check_kernel_size(self.layer, self.kernel_size, optional=False),
            block_size=options.integer(self.layer, "block_size", self.block_size),
            dropout=options.fraction(self.layer, "dropout", self.dropout),
            chunk_size=_checks.form(self.layer, self.form, self.chunk_size),
        )
        options.flag(self.layer, "use_bias", self.use_bias)
        options.choice(self.layer, "gate_init", self.gate_init, GATE_INITS)
        if self.inner_size is not None or self.input_size is not None:
            self._check_inner(self.inner)
        elif _ROUNDED % math.lcm(self.num_heads, self.block_size):
            raise SpecError(
                f"{self.layer} expected num_heads={self.num_heads} and block_size="
                f"{self.block_size} to divide {_ROUNDED}, of which the inner size is a multiple. "
                "Pass inner_size, or other sizes."
            )

    def _check_inner(self, inner: int) -> None:
        for option in ("num_heads", "block_size"):
            number = getattr(self, option)
            if inner % number:
                raise SpecError(
                    f"{self.layer} expected inner_size to be a multiple of {option}={number}, got "
                    f"{inner}. Pass inner_size, or another {option}."
                )

    @property
    def inner(self) -> int:
        """Features of the memory, N."""
        usual = 0 if self.input_size is None else _checks.rounded_up(2 * self.input_size, _ROUNDED)
        return _checks.size_or(self.layer, "inner_size", self.inner_size, usual)

    @property
    def head_dim(self) -> int:
        """Features of a head, d."""
        return self.inner // self.num_heads

    def _cell_shapes(self) -> StateShapes:
        memory = memory_shapes(self.num_heads, self.head_dim, self.head_dim)
        return (("conv", (self.kernel_size - 1, self.inner)), *memory)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        D, N, b = input_size, self.inner, self.block_size
        init, bias = small(D), self.use_bias
        found = [_checks.gamma("norm", D)]
        for name in ("up", "gate"):
            found += _checks.affine(name, (D, N), init, bias)
        found += convolution(self.kernel_size, N)
        for name in ("query", "key", "value"):
            found += _checks.affine(name, (N // b, b, b), init, bias, bias_size=N)
        found += gates(3 * N, self.num_heads, self.gate_init)
        found += [_checks.gamma("cell_norm", N), Parameter("skip", (N,), Constant(1.0))]
        found += _checks.affine("down", (N, D), wang(D, self.num_blocks), bias)
        return tuple(found)
