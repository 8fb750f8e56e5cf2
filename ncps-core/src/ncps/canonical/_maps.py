"""Maps between a layer's native arrays and its canonical parameters.

A map is a tuple of small rules; each rule owns some native names and some canonical names and
is linear, so that a change of canonical parameters maps to the change of native ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ncps.errors import ParameterError

Array = npt.NDArray[np.floating]
Arrays = Mapping[str, Array]


class Rule(Protocol):
    """One piece of a map."""

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """The canonical arrays that this rule's native arrays stand for."""

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """The native arrays that this rule's canonical arrays become."""


@dataclass(frozen=True)
class Rename:
    """The same array under another name."""

    native: str
    canonical: str

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Take the array as it is."""
        return {self.canonical: native[self.native]}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Take the array as it is."""
        return {self.native: canonical[self.canonical]}


@dataclass(frozen=True)
class Transpose:
    """A native (out, in) matrix for a canonical (in, out) one."""

    native: str
    canonical: str

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Swap the two axes."""
        return {self.canonical: native[self.native].T}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Swap the two axes."""
        return {self.native: canonical[self.canonical].T}


@dataclass(frozen=True)
class Permute:
    """A native array whose axes stand in another order: `axes` are those of the canonical one."""

    native: str
    canonical: str
    axes: tuple[int, ...]

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Put the axes in canonical order."""
        return {self.canonical: native[self.native].transpose(self.axes)}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Put the axes back."""
        back = np.argsort(self.axes).tolist()
        return {self.native: canonical[self.canonical].transpose(back)}


@dataclass(frozen=True)
class SplitGates:
    """One native array that holds several canonical arrays of equal shape, side by side.

    `axis` is the native axis that is split; `transpose` says that each part is stored (out, in).
    """

    native: str
    canonical: tuple[str, ...]
    axis: int = 0
    transpose: bool = False

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Cut the native array into equal parts."""
        parts = np.split(native[self.native], len(self.canonical), axis=self.axis)
        return {n: p.T if self.transpose else p for n, p in zip(self.canonical, parts, strict=True)}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Lay the parts side by side."""
        parts = [canonical[n].T if self.transpose else canonical[n] for n in self.canonical]
        return {self.native: np.concatenate(parts, axis=self.axis)}


@dataclass(frozen=True)
class SumBias:
    """Several native biases that are always added, for one canonical bias per gate.

    Many native arrays mean the same canonical ones; going back, the first holds the sum and the
    others are zero.
    """

    native: tuple[str, ...]
    canonical: tuple[str, ...]

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Add the biases and cut the sum into equal parts."""
        total = np.sum([native[name] for name in self.native], axis=0)
        return dict(zip(self.canonical, np.split(total, len(self.canonical)), strict=True))

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Put everything into the first bias."""
        total = np.concatenate([canonical[name] for name in self.canonical])
        first, *others = self.native
        return {first: total, **{name: np.zeros_like(total) for name in others}}


@dataclass(frozen=True)
class ResetBias:
    """Two native biases of a GRU that resets after the product, candidate last in both.

    Its gates add the two; in the candidate the second one is within reach of the reset gate, and
    is the canonical array `recurrent`. Going back, the second is zero elsewhere.
    """

    native: tuple[str, str]
    canonical: tuple[str, ...]
    recurrent: str

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Add the biases of the gates, and keep those of the candidate apart."""
        first, second = (np.split(native[name], len(self.canonical)) for name in self.native)
        gates = [a + b for a, b in zip(first[:-1], second[:-1], strict=True)]
        biases = dict(zip(self.canonical, [*gates, first[-1]], strict=True))
        return {**biases, self.recurrent: second[-1]}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Put everything but the candidate's recurrent bias into the first bias."""
        apart = canonical[self.recurrent]
        first = np.concatenate([canonical[name] for name in self.canonical])
        second = np.concatenate([np.zeros_like(first[: -apart.size]), apart])
        return dict(zip(self.native, (first, second), strict=True))


@dataclass(frozen=True)
class Reshape:
    """The same values in another shape: a native (1, H) row for a canonical (H,) vector."""

    native: str
    canonical: str
    native_shape: tuple[int, ...]
    canonical_shape: tuple[int, ...]

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Reshape to the canonical shape."""
        return {self.canonical: native[self.native].reshape(self.canonical_shape)}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Reshape to the native shape."""
        return {self.native: canonical[self.canonical].reshape(self.native_shape)}


@dataclass(frozen=True)
class ParameterMap:
    """All rules of one layer, in both directions.

    Raises: ParameterError when an array that a rule needs is not there.
    """

    rules: Sequence[Rule]

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Canonical parameters from native arrays."""
        try:
            return {k: v for rule in self.rules for k, v in rule.to_canonical(native).items()}
        except KeyError as error:
            raise _missing("native", error, native) from None

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Native arrays from canonical parameters."""
        try:
            return {k: v for rule in self.rules for k, v in rule.to_native(canonical).items()}
        except KeyError as error:
            raise _missing("canonical", error, canonical) from None


def _missing(side: str, error: KeyError, arrays: Arrays) -> ParameterError:
    return ParameterError(
        f"expected a {side} array {error.args[0]!r}, got {sorted(arrays)}. "
        "Pass all parameters of the layer, or check that they belong to this layer type."
    )
