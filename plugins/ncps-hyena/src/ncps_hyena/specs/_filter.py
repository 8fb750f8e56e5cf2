"""What the Hyena layers share: their length, and the filters that a small network writes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import ShapeError, SpecError
from ncps.specs import Kind, Shape, Spec, options
from ncps_hyena.specs import _tables

LAYOUTS = ("order", "value")
_FLAGS = ("learn_frequency", "learn_positions", "learn_decay", "modulate", "bidirectional")


@dataclass(frozen=True, kw_only=True)
class HyenaSpec(Spec):
    r"""What the Hyena layers share: N - 1 long convolutions with filters that a network writes.

    Filter o at lag j = 0 … l_max - 1, with t_j = j / (l_max - 1), w_j = 2πj / l_max and the
    frequencies f evenly between 1e-4 and (E - 3) / 2:

    .. math::
        z_j = [t_j, \cos f w_j, -\sin f w_j],\quad
        a^0_j = \sin\omega(z_j W_0 + b_0),\quad a^{i}_j = \sin\omega(a^{i-1}_j W_i + b_i)

        h^o_j = a_j W^o \odot (e^{-t_j |\delta_o|} + \text{shift})

    with `num_inner` maps W_i after the first one, and one ω (F,) for all sines, `frequency` at
    first. δ lies evenly between ln(decay_target) / slow_decay and ln(decay_target) / fast_decay
    over all (N - 1)·D filters: those of one convolution side by side with `layout` ``"order"``,
    those of one feature with ``"value"``. Without `modulate` there is no factor after W^o.
    `learn_frequency`, `learn_positions` and `learn_decay` train ω, z and δ.

    The filters are stretched over l_max: a layer with another l_max means another function. A
    sequence may be shorter, and may not be longer.

    `mask` (B, T), True = real: a masked step keeps its place in time and contributes nothing, as
    zeros enter every convolution there; whatever stands in it (NaN included) is not looked at, and
    its own y is 0.

    ``y, state = layer.step(x, state=None, mask=None)`` carries a sequence on: the result of any
    pieces is that of one call over the whole. With `bidirectional` there is no step, as every step
    sees the later ones.

    Source: Poli et al. 2023, arXiv:2302.10866; shift 0.05, layout "order" of the standalone
    HyenaDNA file (Nguyen et al. 2023, arXiv:2306.15794); its training code has 0.0 and "value".
    """

    kind: ClassVar[Kind] = "feedforward"
    masked: ClassVar[bool] = True

    l_max: int
    order: int = 2
    filter_order: int = 64
    emb_dim: int = 3
    num_inner: int = 2
    short_filter_order: int = 3
    frequency: float = 1.0
    learn_frequency: bool = True
    learn_positions: bool = False
    modulate: bool = True
    shift: float = 0.05
    fast_decay: float = 0.3
    slow_decay: float = 1.5
    decay_target: float = 1e-2
    learn_decay: bool = False
    layout: str = "order"
    bidirectional: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        smallest = {"order": 2, "emb_dim": 3, "num_inner": 0}
        sizes = ("l_max", "order", "filter_order", "emb_dim", "num_inner", "short_filter_order")
        for option in sizes:
            minimum = smallest.get(option, 1)
            value = options.integer(self.layer, option, getattr(self, option), minimum)
            self._set(**{option: value})
        for option in _FLAGS:
            options.flag(self.layer, option, getattr(self, option))
        options.choice(self.layer, "layout", self.layout, LAYOUTS)
        for option in ("frequency", "fast_decay", "slow_decay", "decay_target"):
            number = options.above_zero(self.layer, option, getattr(self, option))
            self._set(**{option: number})
        self._set(
            shift=options.at_least_zero(self.layer, "shift", self.shift),
            dropout=options.fraction(self.layer, "dropout", self.dropout),
        )
        self._check_filter()

    def _check_filter(self) -> None:
        if self.emb_dim % 2 == 0:
            raise SpecError(
                f"{self.layer} expected an odd emb_dim, the time beside pairs of cosine and sine, "
                f"got {self.emb_dim}. Pass emb_dim={self.emb_dim + 1}."
            )
        if self.decay_target >= 1.0:
            raise SpecError(
                f"{self.layer} expected decay_target below 1, got {self.decay_target}. It is what "
                "is left of a filter at t = slow_decay: pass 0.01."
            )
        if self.learn_decay and not self.modulate:
            raise SpecError(
                f"{self.layer} expected modulate=True with learn_decay, got False: without it "
                "there is no decay. Leave one of them out."
            )

    def _options_of(self, part: type[Spec], **others: Any) -> dict[str, Any]:
        """The options that this layer shares with `part`, for the spec of a part of it."""
        names = [f.name for f in dataclasses.fields(part)]
        return {**{name: getattr(self, name) for name in names}, **others}

    @property
    def features(self) -> int:
        """The number of features that the operators work on, D."""
        return self.known_input_size()

    @property
    def convolutions(self) -> int:
        """The number of long convolutions, N - 1."""
        return self.order - 1

    @property
    def forward_only(self) -> bool:
        """Whether the output at a step depends on no later one."""
        return not self.bidirectional

    @property
    def streams(self) -> bool:
        """Whether ``step`` carries a sequence on."""
        return self.forward_only

    @property
    def max_steps(self) -> int:
        """The most steps that a sequence may have, l_max."""
        return self.l_max

    def times(self, length: int | None = None) -> npt.NDArray[np.float64]:
        """t_j of the first `length` lags, all l_max unless given (length,)."""
        return _tables.times(self.l_max, self.l_max if length is None else length)

    def positions(self, length: int | None = None) -> npt.NDArray[np.float64]:
        """z_j of the first `length` lags, all l_max unless given (length, emb_dim)."""
        length = self.l_max if length is None else length
        return _tables.positions(self.l_max, self.emb_dim, length)

    def deltas(self) -> npt.NDArray[np.float64]:
        """δ of each convolution and feature, at first if it is learned (N - 1, D)."""
        return _tables.deltas(*self.decay_arguments())

    def decay_arguments(self) -> tuple[Any, ...]:
        """What `deltas` is computed from: convolutions, features, layout and the line."""
        line = (self.layout, self.fast_decay, self.slow_decay, self.decay_target)
        return (self.convolutions, self.features, *line)

    def check_steps(self, steps: int | None, seen: int = 0) -> None:
        """ShapeError when so many steps, after those that were seen before, are past l_max."""
        if steps is None or seen + steps <= self.l_max:
            return
        after = f"{steps} after {seen} of a state" if seen else f"{steps}"
        raise ShapeError(
            f"{self.layer} expected at most l_max={self.l_max} steps, got {after}. Its filters are "
            "stretched over l_max: cut the sequence into pieces of that length, or make the layer "
            "with a larger l_max and train it."
        )

    def check_features(self, input_shape: Shape, axes: tuple[int, ...], names: str) -> None:
        """ShapeError unless `input_shape` is as it should be, and of l_max steps at most."""
        super().check_features(input_shape, axes, names)
        self.check_steps(input_shape[-1 if self.indices else -2])

    def check_streams(self) -> None:
        """SpecError unless ``step`` carries a sequence on."""
        if not self.streams:
            raise SpecError(
                f"{self.layer} expected bidirectional=False for step, got True: every step sees "
                "the later ones. Pass the whole sequence to the layer."
            )

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """A small random x (B, T, D), or indices (B, T)."""
        lead = (2, min(7, self.l_max))
        return self.draw(rng, lead if self.indices else (*lead, self.known_input_size()))
