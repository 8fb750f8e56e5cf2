"""Attention: several heads, shared keys and values, masks, positions, and a cache for steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from ncps.errors import SpecError
from ncps.specs import _validate, positions
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import Constant, XavierUniform

POSITIONS = ("alibi", "rotary")


class AttentionCache(NamedTuple):
    """What a causal layer remembers of S steps, as arrays of its framework.

    `keys` and `values` (B, G, S, d) have one entry for each of the G key heads, keys already
    rotated; `real` (B, S) says which steps are real, None while all are. Without a batch there is
    no B. It grows by the steps that are run, without a limit, and is never changed in place: a
    cache may be carried on twice.
    """

    keys: Any
    values: Any
    real: Any = None


@dataclass(frozen=True, kw_only=True)
class AttentionSpec(Spec):
    r"""What the attention layers share: H query heads of d features, G key and value heads.

    .. math::
        q = x W_q + b_q,\quad k = c W_k + b_k,\quad v = c W_v + b_v

        o_i = \sum_j \mathrm{softmax}_j\!\left(\tfrac{q_i \cdot k_j}{\sqrt d} + \beta_{ij}\right)
        v_j,\quad y_i = o_i W_o + b_o

    in each head, with c = x (self-attention) or the call's `context`. Query head h reads the key
    head ⌊h G / H⌋.

    A call is ``y = layer(x, mask=None, context=None, context_mask=None)``. `mask` (B, T), True =
    real: nothing attends to a masked step, it does not count as a position, whatever stands in it
    (NaN included) is not looked at, and its own y is 0. `context_mask` (B, S) hides steps of the
    context. What sees nothing at all has o = 0, so y = b_o. With `causal`, a step sees itself and
    those before it, and ``y, state = layer.step(x, state=None, mask=None)`` carries a sequence on:
    the result of any pieces is that of one call over the whole.

    `positions`: ``rotary`` turns q and k by position times frequency, in the pairs of features
    (i, i + d/2), the layout of "halves" (`mx.fast.rope` with traditional=False; the original
    paper pairs neighbours, which is the same up to the order of the features). ``alibi`` adds
    :math:`\beta_{ij} = -m_h |i - j|`, with the paper's slopes :math:`m_h`. `dropout` drops weights
    of the softmax in training.

    Shape: x (B, T, D) or (T, D); context (B, S, D) → y as x.
    """

    kind: ClassVar[Kind] = "feedforward"
    masked: ClassVar[bool] = True

    num_heads: int
    head_dim: int
    use_bias: bool = True
    dropout: float = 0.0
    causal: bool = False
    positions: str | None = None
    rotary_base: float = 10_000.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("num_heads", "head_dim"):
            value = _validate.integer(self.layer, option, getattr(self, option))
            self._set(**{option: value})
        for option in ("use_bias", "causal"):
            _validate.flag(self.layer, option, getattr(self, option))
        self._set(
            dropout=_validate.fraction(self.layer, "dropout", self.dropout),
            rotary_base=_validate.at_least_zero(self.layer, "rotary_base", self.rotary_base),
        )
        if self.positions is not None:
            _validate.choice(self.layer, "positions", self.positions, POSITIONS)
        if self.positions == "rotary":
            self._check_rotary()

    def _check_rotary(self) -> None:
        if self.head_dim % 2:
            raise SpecError(
                f"{self.layer} expected an even head_dim for positions='rotary', which turns pairs "
                f"of features, got {self.head_dim}. Pass an even head_dim."
            )
        if self.rotary_base == 0.0:
            raise SpecError(f"{self.layer} expected rotary_base > 0, got 0. Leave it out.")

    @property
    def streams(self) -> bool:
        """Whether ``step`` carries a sequence on."""
        return self.causal

    @property
    def key_heads(self) -> int:
        """Number of key and value heads, G."""
        return self.num_heads

    @property
    def output_size(self) -> int:
        """As many features as the input has."""
        return self.known_input_size()

    @property
    def rotary_frequencies(self) -> tuple[float, ...]:
        """Angle per position of each pair of features, from fast to slow: base^(-2i/d)."""
        return positions.rotary_frequencies(self.head_dim, self.rotary_base)

    @property
    def alibi_slopes(self) -> tuple[float, ...]:
        """The slope m_h of each query head."""
        return positions.alibi_slopes(self.num_heads)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T, D)."""
        self.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        queries, keys = self.num_heads * self.head_dim, self.key_heads * self.head_dim
        shapes = {
            "query": (input_size, queries),
            "key": (input_size, keys),
            "value": (input_size, keys),
            "output": (queries, input_size),
        }
        found = []
        for name, shape in shapes.items():
            found.append(Parameter(f"{name}.kernel", shape, XavierUniform()))
            if self.use_bias:
                found.append(Parameter(f"{name}.bias", shape[1:], Constant(0.0)))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class MultiHeadAttention(AttentionSpec):
    """Attention in which every query head has keys and values of its own; see `AttentionSpec`.

    Shape: x (B, T, D) or (T, D); context (B, S, D) → y as x.
    Raises: SpecError when an option has a value that the layer cannot have.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2; rotary positions Su et al. 2021,
    arXiv:2104.09864, eq. 34; ALiBi Press et al. 2021, arXiv:2108.12409, section 3.
    """

    layer: ClassVar[str] = "MultiHeadAttention"


@dataclass(frozen=True, kw_only=True)
class GroupedQueryAttention(AttentionSpec):
    """Attention in which groups of query heads share keys and values; see `AttentionSpec`.

    `num_kv_heads` = 1 is multi-query attention, `num_kv_heads` = `num_heads` multi-head attention.

    Shape: x (B, T, D) or (T, D); context (B, S, D) → y as x.
    Raises: SpecError when an option has a value that the layer cannot have.
    Source: Ainslie et al. 2023, arXiv:2305.13245; Shazeer 2019, arXiv:1911.02150 (multi-query).
    """

    layer: ClassVar[str] = "GroupedQueryAttention"

    num_kv_heads: int

    def __post_init__(self) -> None:
        super().__post_init__()
        heads = _validate.integer(self.layer, "num_kv_heads", self.num_kv_heads)
        self._set(num_kv_heads=heads)
        if self.num_heads % heads:
            raise SpecError(
                f"{self.layer} expected num_heads to be a multiple of num_kv_heads, got "
                f"{self.num_heads} and {heads}. Pass a num_kv_heads that divides {self.num_heads}."
            )

    @property
    def key_heads(self) -> int:
        """Number of key and value heads, G."""
        return self.num_kv_heads
