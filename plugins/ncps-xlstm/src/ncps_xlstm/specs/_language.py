"""xLSTMLM and xLSTMLarge: a table of tokens, blocks, a norm and a head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ncps.specs import Embedding, Parameter, SequenceSpec, Shape, States, StateShapes, options
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._blocks import BlockSpec
from ncps_xlstm.specs._initial import small
from ncps_xlstm.specs._large_block import norm, xLSTMLargeBlock
from ncps_xlstm.specs._stack import StackOptions, block_parameters, block_shapes

HEADS = ("lm",)


@dataclass(frozen=True, kw_only=True)
class LanguageModelSpec(SequenceSpec):
    """What the models share: H = `units` features, V = `vocab_size` tokens.

    `head` is ``"lm"`` for logits of the next token, or None for the H features after the final
    norm. With `tie_weights` the head is the table of tokens.

    Shape: x (B, T) or (T,), integers in [0, V) → y (B, T, V), or (B, T, H) without a head; the
    state is y and then each block's but its y, called ``blocks.<i>.<name>``.
    Raises: IndicesError when x is not of integers, or an index is no token.
    """

    sized: ClassVar[bool] = False
    indices: ClassVar[bool] = True
    composable: ClassVar[bool] = False

    vocab_size: int
    units: int
    head: str | None = "lm"
    tie_weights: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("vocab_size", "units"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        if self.head is not None:
            options.choice(self.layer, "head", self.head, HEADS)
        options.flag(self.layer, "tie_weights", self.tie_weights)
        _ = self.blocks

    @cached_property
    def blocks(self) -> tuple[BlockSpec, ...]:
        """The blocks, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define blocks")

    def _norm(self) -> list[Parameter]:
        """The parameters of the final norm."""
        raise NotImplementedError(f"{type(self).__name__} must define _norm")

    @property
    def embedding(self) -> Embedding:
        """The table of tokens."""
        return Embedding(vocabulary_size=self.vocab_size, units=self.units)

    @property
    def has_kernel(self) -> bool:
        """Whether there is a head with a kernel of its own."""
        return self.head is not None and not self.tie_weights

    @property
    def direction_size(self) -> int:
        """Number of logits, or of features without a head."""
        return self.units if self.head is None else self.vocab_size

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T) → (B, T, V), or (B, V) without `return_sequences`."""
        self.check_features(input_shape, (1, 2), "(B, T) or (T,)")
        leading = input_shape if self.return_sequences else input_shape[:-1]
        return (*leading, self.output_size)

    @cached_property
    def _shapes(self) -> StateShapes:
        return (("y", (self.output_size,)), *block_shapes(self.blocks))

    def state_shapes(self) -> StateShapes:
        """Output y, then what the blocks keep."""
        return self._shapes

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """In half precision all but y and the convolution's inputs is kept in single precision."""
        return _checks.state_dtypes(self, dtype)

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state with n > 0."""
        return _checks.draw_state(self, rng, lead)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Random tokens, the first and the last one too."""
        return self.embedding.draw(rng, shape)

    def example(self, rng: np.random.Generator) -> Any:
        """A few random tokens (2, 7)."""
        return self.draw(rng, (2, 7))

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        table = Parameter("embedding.embeddings", (self.vocab_size, self.units), small(self.units))
        shape = (self.units, self.vocab_size)
        head = [Parameter("head.kernel", shape, small(self.units))] if self.has_kernel else []
        return (table, *block_parameters(self.blocks), *self._norm(), *head)


@dataclass(frozen=True, kw_only=True)
class xLSTMLM(LanguageModelSpec, StackOptions):
    """A language model on an `xLSTMBlockStack`: table of tokens, blocks, norm, head.

    See `LanguageModelSpec` and `StackOptions` for the options. With `embedding_dropout` the
    `dropout` of the blocks acts on the vectors of the tokens too, in training.

    Shape: x (B, T), integers in [0, V) → y (B, T, V), or (B, T, H) without a head.
    Source: xLSTMLMModel of the PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "xLSTMLM"

    embedding_dropout: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        options.flag(self.layer, "embedding_dropout", self.embedding_dropout)

    @cached_property
    def blocks(self) -> tuple[BlockSpec, ...]:
        """The blocks, in order."""
        return self._blocks(self.units)

    def _norm(self) -> list[Parameter]:
        return [_checks.gamma("norm", self.units)] if self.final_norm else []


@dataclass(frozen=True, kw_only=True)
class xLSTMLarge(LanguageModelSpec):
    r"""The language model of xLSTM 7B: table of tokens, `xLSTMLargeBlock`\ s, RMS norm, head.

    .. math:: y = \mathrm{cap}(\mathrm{RMS}(x) W_{head}),\quad \mathrm{cap}(a) = g \tanh(a / g)

    with g = `logit_soft_cap`, None for no cap. All other options are those of `xLSTMLargeBlock`.

    Shape: x (B, T), integers in [0, V) → y (B, T, V), or (B, T, H) without a head.
    Source: Beck et al. 2025, "xLSTM 7B", arXiv:2503.13427; the PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "xLSTMLarge"

    num_blocks: int
    num_heads: int = 8
    epsilon: float = 1e-6
    key_size: int | None = None
    value_size: int | None = None
    hidden_units: int | None = None
    gate_soft_cap: float | None = 15.0
    logit_soft_cap: float | None = 30.0
    use_bias: bool = False
    gate_init: str = "zeros"
    form: str = "chunkwise"
    chunk_size: int = 64
    final_norm: bool = True

    def __post_init__(self) -> None:
        self._set(num_blocks=options.integer(self.layer, "num_blocks", self.num_blocks))
        super().__post_init__()
        options.flag(self.layer, "final_norm", self.final_norm)
        if self.logit_soft_cap is not None:
            cap = options.above_zero(self.layer, "logit_soft_cap", self.logit_soft_cap)
            self._set(logit_soft_cap=cap)

    @cached_property
    def blocks(self) -> tuple[BlockSpec, ...]:
        """The blocks, all alike."""
        shared = (
            *("num_heads", "epsilon", "num_blocks", "key_size", "value_size", "hidden_units"),
            *("gate_soft_cap", "use_bias", "gate_init", "form", "chunk_size"),
        )
        given = {option: getattr(self, option) for option in shared}
        return (xLSTMLargeBlock(input_size=self.units, **given),) * self.num_blocks

    def _norm(self) -> list[Parameter]:
        return norm("norm", self.units, self.use_bias) if self.final_norm else []
