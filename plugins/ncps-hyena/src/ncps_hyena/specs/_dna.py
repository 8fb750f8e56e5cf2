"""HyenaDNA: embedding, Hyena blocks, a last norm, and a head for a task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import IndicesError, SpecError
from ncps.specs import Parameter, Shape, options
from ncps.specs.initializers import Constant, Normal
from ncps_hyena.specs._block import BlockSpec, HyenaBlock, block_parameters, norm_parameters
from ncps_hyena.specs._draws import InModel

HEADS = ("lm", "classification")
POOLINGS = ("mean", "last", "first", "sum")


@dataclass(frozen=True, kw_only=True)
class HyenaDNA(BlockSpec):
    r"""A model of long sequences of tokens: embedding, `num_layers` Hyena blocks, LayerNorm, head.

    .. math::
        x = E_{tokens},\quad x \leftarrow \mathrm{block}_i(x),\quad f = \mathrm{LN}(x)

    `head` says what comes of the features f (B, T, D):

    - None: y = f;
    - ``"lm"``: the next token's logits y = f Eᵀ, or f W without `tie_embeddings`;
    - ``"classification"``: y = pool(f) W + b (B, classes), b with `head_bias`. `pooling` over the
      real steps: their ``"mean"``, the ``"last"``, the ``"first"`` or their ``"sum"``; 0 where no
      step is real.

    The table E has `vocab_size` rows, rounded up to a multiple of `pad_vocab_size_multiple`: V. A
    token at or above vocab_size is refused; the logits have all V columns.

    The sum over the blocks is kept in float32, whatever the layer's dtype. `embedding_dropout`
    drops entries of the embedded tokens. `mask`, `l_max` and ``step`` are those of `HyenaSpec`; a
    classification has one output for a whole sequence and no step.

    Shape: x (B, T) or (T,), integers in [0, vocab_size), T ≤ l_max → y (B, T, D), (B, T, V) or
    (B, classes), without B for (T,).
    Raises: SpecError when an option has a value that the layer cannot have; IndicesError when x is
    not of tokens; ShapeError for more than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794; defaults of its released models, initial values
    N(0, initializer_range²), of what is added to the residual stream divided by √(2·num_layers).
    """

    layer: ClassVar[str] = "HyenaDNA"
    sized: ClassVar[bool] = False
    indices: ClassVar[bool] = True

    units: int
    num_layers: int
    vocab_size: int = 12
    pad_vocab_size_multiple: int = 8
    head: str | None = None
    classes: int | None = None
    pooling: str = "mean"
    head_bias: bool = True
    tie_embeddings: bool = True
    embedding_dropout: float = 0.0
    initializer_range: float = 0.02
    emb_dim: int = 5
    frequency: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("units", "num_layers", "vocab_size", "pad_vocab_size_multiple"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        for option in ("head_bias", "tie_embeddings"):
            options.flag(self.layer, option, getattr(self, option))
        options.choice(self.layer, "pooling", self.pooling, POOLINGS)
        self._set(
            embedding_dropout=options.fraction(
                self.layer, "embedding_dropout", self.embedding_dropout
            ),
            initializer_range=options.at_least_zero(
                self.layer, "initializer_range", self.initializer_range
            ),
        )
        self._check_head()

    def _check_head(self) -> None:
        if self.head is not None:
            options.choice(self.layer, "head", self.head, HEADS)
        if self.head == "classification":
            if self.classes is None:
                raise SpecError(
                    "HyenaDNA expected classes with head='classification', got None. Pass the "
                    "number of classes."
                )
            self._set(classes=options.integer(self.layer, "classes", self.classes))
        elif self.classes is not None:
            raise SpecError(
                f"HyenaDNA expected no classes with head={self.head!r}, got {self.classes!r}. "
                "Pass head='classification'."
            )

    @property
    def features(self) -> int:
        """The number of features in the blocks, D."""
        return self.units

    @property
    def padded_vocab_size(self) -> int:
        """Rows of the embedding, V: vocab_size rounded up."""
        multiple = self.pad_vocab_size_multiple
        return -(-self.vocab_size // multiple) * multiple

    @property
    def pooled(self) -> bool:
        """Whether there is one output for a whole sequence."""
        return self.head == "classification"

    @property
    def forward_only(self) -> bool:
        """Whether the output at a step depends on no later one."""
        return super().forward_only and not self.pooled

    @property
    def block(self) -> HyenaBlock:
        """The spec of each block."""
        return HyenaBlock(**self._options_of(BlockSpec, input_size=self.units))

    @property
    def output_size(self) -> int:
        """Features, logits or classes."""
        if self.head is None:
            return self.units
        return self.padded_vocab_size if self.classes is None else self.classes

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T) → (B, T, O), or (B, classes); (T,) → the same without B."""
        self.check_features(input_shape, (1, 2), "(B, T) or (T,)")
        lead = input_shape[:-1] if self.pooled else input_shape
        return (*lead, self.output_size)

    def check_streams(self) -> None:
        """SpecError unless ``step`` carries a sequence on."""
        if self.pooled:
            raise SpecError(
                "HyenaDNA expected head=None or 'lm' for step, got 'classification': it has one "
                "output for a whole sequence. Call the layer."
            )
        super().check_streams()

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Random tokens, the first and the last of the vocabulary among them."""
        found = rng.integers(0, self.vocab_size, shape)
        found.reshape(-1)[:2] = (0, self.vocab_size - 1)[: found.size]
        return found

    def check_range(self, smallest: int, largest: int) -> None:
        """IndicesError unless both are tokens."""
        if smallest < 0 or largest >= self.vocab_size:
            wrong = smallest if smallest < 0 else largest
            raise IndicesError(
                f"HyenaDNA expected tokens from 0 to {self.vocab_size - 1}, got {wrong}. "
                "Tokenise with the vocabulary that the model was made for, or pass a larger "
                "vocab_size."
            )

    def not_integers(self, dtype: str) -> IndicesError:
        """The error for an input of another dtype."""
        return IndicesError(
            f"HyenaDNA expected tokens of an integer dtype, got {dtype}. Cast them first."
        )

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        draws = InModel(self.initializer_range, self.num_layers)
        inside = block_parameters(self, draws)
        found = [Parameter("embeddings", (self.padded_vocab_size, self.units), draws.kernel(1))]
        for i in range(self.num_layers):
            found += [replace(p, name=f"blocks.{i}.{p.name}") for p in inside]
        return (*found, *norm_parameters("norm", self.units), *self._head())

    def _head(self) -> tuple[Parameter, ...]:
        if self.head is None or (self.head == "lm" and self.tie_embeddings):
            return ()
        outs = self.output_size
        kernel = Parameter("head.kernel", (self.units, outs), Normal(self.initializer_range))
        if self.head == "lm" or not self.head_bias:
            return (kernel,)
        return (kernel, Parameter("head.bias", (outs,), Constant(0.0)))
