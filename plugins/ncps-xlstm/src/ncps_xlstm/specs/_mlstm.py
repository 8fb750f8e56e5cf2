"""mLSTM: a matrix memory with exponential gates, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ncps.specs import (
    Kind,
    Parameter,
    SequenceSpec,
    Shape,
    Spec,
    StateShapes,
    cell_output_shape,
    options,
)
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._initial import FORGET_BIAS, GATE_INITS, INPUT_BIAS, gate_kernel, small

EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class mLSTMCell(Spec):
    r"""One step of an mLSTM: in each head a matrix that keys write to and queries read from.

    .. math::
        q, k, v = x W_{q,k,v} + b_{q,k,v},\quad \hat k = k / \sqrt{d_k},\quad
        \tilde i, \tilde f, \tilde o = x W_{i,f,o} + b_{i,f,o},\quad a = \log\sigma(\tilde f) + m

        m' = \max(\tilde i, a),\quad I = e^{\tilde i - m'},\quad F = e^{a - m'}

        C' = F\, C + I\, \hat k v^\top,\quad n' = F\, n + I\, \hat k

        y = \sigma(\tilde o) \odot
        \frac{q^\top C'}{\max(|q \cdot n'|,\, e^{-m'}) + \varepsilon},\quad \varepsilon = 10^{-6}

    for each of `num_heads` heads with d_k = `key_size` / num_heads and d_v = H / num_heads
    features; `key_size` is H unless it is given. There is one input and one forget gate for a
    head, and an output gate for each unit. Nothing depends on the previous output: a sequence can
    be computed in parallel.

    m keeps the exponentials within reach and, but for ε, cancels in y, so it is a constant for
    derivatives: no gradient goes to it or through it. Zeros are the empty state, m = 0 included:
    nothing is special about the first step.

    With `use_bias` q, k, v and o have a bias; the gates i and f always have one. It starts as
    N(0, 0.1²) for i and evenly from 3 to 6 over the heads for f, with kernels of zeros (`gate_init`
    ``zeros``) or ``normal``.

    Shape: x (B, D), state (h (B, H), C (B, NH, d_k, d_v), n (B, NH, d_k), m (B, NH)) → y (B, H),
    and the new state, whose h is y.
    Source: Beck et al. 2024, "xLSTM", arXiv:2405.04517, section 2.3; ε and first values of the
    PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "mLSTMCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    num_heads: int = 4
    key_size: int | None = None
    use_bias: bool = True
    gate_init: str = "zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("units", "num_heads"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        _checks.heads(self.layer, "units", self.units, self.num_heads)
        _checks.heads(self.layer, "key_size", self.key_units, self.num_heads)
        options.flag(self.layer, "use_bias", self.use_bias)
        options.choice(self.layer, "gate_init", self.gate_init, GATE_INITS)

    @property
    def key_units(self) -> int:
        """Features of all keys, NH·d_k."""
        return _checks.size_or(self.layer, "key_size", self.key_size, self.units)

    @property
    def head_dim(self) -> int:
        """Values of a head, d_v."""
        return self.units // self.num_heads

    @property
    def key_dim(self) -> int:
        """Features of a head's keys, d_k."""
        return self.key_units // self.num_heads

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def state_shapes(self) -> StateShapes:
        """Output h, memory C, normaliser n and stabiliser m."""
        return (("h", (self.units,)), *memory_shapes(self.num_heads, self.key_dim, self.head_dim))

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """In half precision C, n and m are kept in single precision."""
        return _checks.state_dtypes(self, dtype)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, H)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = small(input_size)
        found = []
        for name, size in (("query", self.key_units), ("key", self.key_units)):
            found += _checks.affine(name, (input_size, size), init, self.use_bias)
        found += _checks.affine("value", (input_size, self.units), init, self.use_bias)
        found += gates(input_size, self.num_heads, self.gate_init)
        found += _checks.affine("output_gate", (input_size, self.units), init, self.use_bias)
        return tuple(found)


def memory_shapes(num_heads: int, key_dim: int, head_dim: int) -> StateShapes:
    """The states C, n and m."""
    return (("C", (num_heads, key_dim, head_dim)), ("n", (num_heads, key_dim)), ("m", (num_heads,)))


def gates(size: int, num_heads: int, init: str, input_bias: Any = INPUT_BIAS) -> list[Parameter]:
    """The parameters of an input and a forget gate for each head, which read `size` features."""
    found = []
    for name, bias in (("input_gate", input_bias), ("forget_gate", FORGET_BIAS)):
        found += [
            Parameter(f"{name}.kernel", (size, num_heads), gate_kernel(init, size)),
            Parameter(f"{name}.bias", (num_heads,), bias),
        ]
    return found


@dataclass(frozen=True, kw_only=True)
class mLSTM(SequenceSpec, mLSTMCell):
    """mLSTM over a sequence; the equations are those of `mLSTMCell`.

    `form` says how it is computed, never what: ``chunkwise`` in parallel within chunks of
    `chunk_size` steps and recurrent between them, ``parallel`` over all steps at once, whose
    memory grows with T², ``recurrent`` step by step. Each takes and gives the same state.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; twice H when
    `bidirectional`. See `ncps.specs.SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "mLSTM"
    kind: ClassVar[Kind] = "sequence"

    form: str = "chunkwise"
    chunk_size: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(chunk_size=_checks.form(self.layer, self.form, self.chunk_size))
