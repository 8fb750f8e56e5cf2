"""How the arrays of Keras' own layers relate to the canonical parameters.

They are those of our layers, but for the two biases of a GRU that resets after the product.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncps.canonical import Array, Arrays, Inside, ParameterMap, ResetBias
from ncps.specs import GRUCell, SequenceSpec, Spec
from ncps_keras._described_plain import own_map
from ncps_keras.parameters import GRU_GATES, gru_map, map_of

SIDES = ("forward", "backward")


@dataclass(frozen=True)
class StackedBias:
    """The bias (2, 3H) of a GRU that resets after the product: the input's over the state's."""

    native: str
    canonical: tuple[str, ...]
    recurrent: str

    @property
    def _rows(self) -> ResetBias:
        return ResetBias(("input", "state"), self.canonical, self.recurrent)

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """The biases of the gates, and the candidate's recurrent one."""
        rows = native[self.native]
        return self._rows.to_canonical({"input": rows[0], "state": rows[1]})

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Put everything but the candidate's recurrent bias into the first row."""
        rows = self._rows.to_native(canonical)
        return {self.native: np.stack([rows["input"], rows["state"]])}


def stock_map(spec: Any) -> ParameterMap:
    """A layer of Keras' of one direction, or a cell."""
    own = own_map(spec)
    if own is not None:
        return own
    if not (isinstance(spec, GRUCell) and spec.reset_after and spec.use_bias):
        return map_of(spec)
    kernels = gru_map(dataclasses.replace(spec, use_bias=False)).rules
    names = tuple(f"{gate}.bias" for gate in GRU_GATES)
    return ParameterMap((*kernels, StackedBias("bias", names, "new_gate.recurrent_bias")))


def native_map(spec: Spec) -> ParameterMap:
    """A layer of Keras' as it stands, in both its directions where it has two."""
    if not (isinstance(spec, SequenceSpec) and spec.composed):
        return stock_map(spec)
    (parts,) = spec.parts
    return ParameterMap(
        tuple(
            Inside(f"{side}.", part.prefix, stock_map(part.spec))
            for side, part in zip(SIDES, parts, strict=True)
        )
    )
