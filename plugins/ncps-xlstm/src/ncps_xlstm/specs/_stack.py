"""xLSTMBlockStack: residual blocks one after the other, sLSTM ones at some places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ncps.errors import SpecError
from ncps.specs import Parameter, SequenceSpec, States, StateShapes, options
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._blocks import BlockSpec, inside
from ncps_xlstm.specs._mlstm_block import mLSTMBlock
from ncps_xlstm.specs._slstm_block import sLSTMBlock

_GIVEN = ("num_blocks", "block_index")


@dataclass(frozen=True, kw_only=True)
class StackOptions(SequenceSpec):
    """The options of a stack of sLSTM and mLSTM blocks.

    `slstm_at` names the places of sLSTM blocks, from 0, or is ``"all"``; the others are mLSTM
    blocks. `num_heads`, `dropout`, `epsilon`, and for mLSTM blocks `use_bias`, `form` and
    `chunk_size`, are handed to the blocks; `slstm` and `mlstm` are further options of
    `sLSTMBlock` and `mLSTMBlock`, as a dict or pairs, and win over these. The spec keeps pairs.
    """

    num_blocks: int
    slstm_at: Any = ()
    num_heads: int = 4
    use_bias: bool = False
    dropout: float = 0.0
    epsilon: float = 1e-5
    form: str = "chunkwise"
    chunk_size: int = 64
    final_norm: bool = True
    slstm: Any = ()
    mlstm: Any = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("num_blocks", "num_heads"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        for option in ("use_bias", "final_norm"):
            options.flag(self.layer, option, getattr(self, option))
        self._set(
            slstm_at=_places(self.layer, self.slstm_at, self.num_blocks),
            dropout=options.fraction(self.layer, "dropout", self.dropout),
            epsilon=options.above_zero(self.layer, "epsilon", self.epsilon),
            chunk_size=_checks.form(self.layer, self.form, self.chunk_size),
            slstm=_pairs(self.layer, "slstm", self.slstm),
            mlstm=_pairs(self.layer, "mlstm", self.mlstm),
        )

    def _blocks(self, input_size: int | None) -> tuple[BlockSpec, ...]:
        """The blocks for inputs of this size."""
        both = {o: getattr(self, o) for o in ("num_heads", "dropout", "epsilon")}
        for_mlstm = {o: getattr(self, o) for o in ("use_bias", "form", "chunk_size")}

        def block(place: int) -> BlockSpec:
            given = {"input_size": input_size, "num_blocks": self.num_blocks}
            if place in self.slstm_at:
                own = {**both, **dict(self.slstm), **given, "block_index": place}
                return sLSTMBlock.from_options(own)
            return mLSTMBlock.from_options({**both, **for_mlstm, **dict(self.mlstm), **given})

        return tuple(map(block, range(self.num_blocks)))

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """In half precision all but y and the convolution's inputs is kept in single precision."""
        if self.composed:
            return super().state_dtypes(dtype)
        return _checks.state_dtypes(self, dtype)

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state with n > 0."""
        return _checks.draw_state(self, rng, lead)


@dataclass(frozen=True, kw_only=True)
class xLSTMBlockStack(StackOptions):
    """Residual blocks one after the other, and a layer norm without an offset (`final_norm`).

    See `StackOptions` for the options, `sLSTMBlock` and `mLSTMBlock` for the equations.

    Shape: x (B, T, D) → y (B, T, D); the state is y (B, D) and then each block's but its y, called
    ``blocks.<i>.<name>``.
    Source: the PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "xLSTMBlockStack"

    def __post_init__(self) -> None:
        super().__post_init__()
        # the options of the blocks are checked where the blocks are made
        _ = self.blocks

    @cached_property
    def blocks(self) -> tuple[BlockSpec, ...]:
        """The blocks, in order."""
        return self._blocks(self.input_size)

    @property
    def size_unit(self) -> int:
        """The largest that a block has: they divide each other, or are 1."""
        return int(np.lcm.reduce([block.size_unit for block in self.blocks]))

    @property
    def direction_size(self) -> int:
        """As many features as the input has."""
        return self.known_input_size()

    @cached_property
    def _shapes(self) -> StateShapes:
        return (("y", (self.known_input_size(),)), *block_shapes(self.blocks))

    def state_shapes(self) -> StateShapes:
        """Output y, then what the blocks keep."""
        if self.composed:
            return super().state_shapes()
        return self._shapes

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        norm = [_checks.gamma("norm", input_size)] if self.final_norm else []
        return (*block_parameters(self.blocks), *norm)


def block_shapes(blocks: tuple[BlockSpec, ...]) -> StateShapes:
    """The states of blocks but their y."""
    return tuple(
        (f"blocks.{i}.{name}", shape)
        for i, block in enumerate(blocks)
        for name, shape in block.state_shapes()[1:]
    )


def block_parameters(blocks: tuple[BlockSpec, ...]) -> list[Parameter]:
    """The parameters of blocks."""
    return [
        p for i, block in enumerate(blocks) for p in inside(f"blocks.{i}", [*block.parameters()])
    ]


def _places(layer: str, given: Any, num_blocks: int) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(num_blocks))
    if not isinstance(given, (tuple, list)):
        raise SpecError(
            f'{layer} expected slstm_at to be places of blocks or "all", got {given!r}. Pass (1,) '
            "for the second block."
        )
    places = sorted({options.integer(layer, "slstm_at", place, minimum=0) for place in given})
    if places and places[-1] >= num_blocks:
        raise SpecError(
            f"{layer} expected slstm_at below num_blocks={num_blocks}, got {places[-1]}. The first "
            "block is 0."
        )
    return tuple(places)


def _pairs(layer: str, option: str, given: Any) -> tuple[tuple[str, Any], ...]:
    items: Any = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(items, (tuple, list)) or any(
        not isinstance(p, (tuple, list)) or len(p) != 2 for p in items
    ):
        raise SpecError(
            f"{layer} expected {option} to be a dict of options, got {given!r}. "
            'Pass {"num_heads": 2}, or leave it out.'
        )
    for name, _ in items:
        if name in (*_GIVEN, *SequenceSpec.__dataclass_fields__):
            raise SpecError(
                f"{layer} expected {option} without {name}, which it sets itself. Leave it out."
            )
    return tuple(sorted((str(name), value) for name, value in items))
