"""What the residual blocks share: D features in and out, a convolution, and their state."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ncps.errors import SpecError
from ncps.specs import Parameter, SequenceSpec, States, StateShapes, options
from ncps.specs.initializers import fan_in_uniform
from ncps_xlstm.specs import _checks


@dataclass(frozen=True, kw_only=True)
class BlockSpec(SequenceSpec):
    """A layer over a sequence that adds to its input: y has the features of x.

    `num_blocks` is the number of blocks in the stack that the block is for: the first values of
    what is added to the residual stream shrink with it.
    """

    num_heads: int = 4
    epsilon: float = 1e-5
    num_blocks: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("num_heads", "num_blocks"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        self._set(epsilon=options.above_zero(self.layer, "epsilon", self.epsilon))
        self._check()

    def _check(self) -> None:
        """Check the options of one kind of block."""

    @property
    def direction_size(self) -> int:
        """As many features as the input has."""
        return self.known_input_size()

    def _cell_shapes(self) -> StateShapes:
        """Names and shapes of the state after y."""
        raise NotImplementedError(f"{type(self).__name__} must define _cell_shapes")

    def state_shapes(self) -> StateShapes:
        """Output y, then what the convolution and the cell keep."""
        if self.composed:
            return super().state_shapes()
        return (("y", (self.known_input_size(),)), *self._cell_shapes())

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """In half precision all but y and the convolution's inputs is kept in single precision."""
        if self.composed:
            return super().state_dtypes(dtype)
        return _checks.state_dtypes(self, dtype)

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state with n > 0."""
        return _checks.draw_state(self, rng, lead)


def check_kernel_size(layer: str, value: object, optional: bool) -> int:
    """The length of a causal convolution: two steps or more, or 0 where there may be none."""
    size = options.integer(layer, "kernel_size", value, minimum=0)
    if size < 2 and not (optional and size == 0):
        other = ", or 0 for no convolution" if optional else ""
        raise SpecError(f"{layer} expected kernel_size >= 2{other}, got {size}.")
    return size


def convolution(kernel_size: int, size: int) -> list[Parameter]:
    """Kernel and bias of a causal depthwise convolution."""
    init = fan_in_uniform(kernel_size)
    return [
        Parameter("conv.kernel", (kernel_size, 1, size), init),
        Parameter("conv.bias", (size,), init),
    ]


def inside(prefix: str, parameters: list[Parameter]) -> list[Parameter]:
    """The parameters behind a prefix."""
    return [dataclasses.replace(p, name=f"{prefix}.{p.name}") for p in parameters]
