"""Rules of parameter maps that the package's state dicts need beside the core's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncps.canonical import Array, Arrays
from ncps.specs import GATES


@dataclass(frozen=True)
class OneMore:
    """Factors that are stored without the 1 that is always added to them."""

    native: str
    canonical: str

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Add it."""
        return {self.canonical: 1.0 + native[self.native]}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Take it away."""
        return {self.native: canonical[self.canonical] - 1.0}


@dataclass(frozen=True)
class Recurrent:
    """The recurrent kernels of the gates i, f, z, o in one array, of d units in each head.

    Either (NH, 4·d, d), rows gate by gate, each (out, in); or, `cuda`, (NH, d, 4·d), columns gate
    by gate.
    """

    native: str
    cuda: bool

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Cut it into gates, each (NH, in, out)."""
        parts = np.split(native[self.native], len(GATES), axis=2 if self.cuda else 1)
        return {
            f"{gate}.recurrent_kernel": part if self.cuda else part.transpose(0, 2, 1)
            for gate, part in zip(GATES, parts, strict=True)
        }

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Lay the gates side by side."""
        parts = [canonical[f"{gate}.recurrent_kernel"] for gate in GATES]
        if self.cuda:
            return {self.native: np.concatenate(parts, axis=2)}
        return {self.native: np.concatenate([p.transpose(0, 2, 1) for p in parts], axis=1)}


@dataclass(frozen=True)
class Biases:
    """The biases of the gates i, f, z, o in one vector: gate by gate, or, `cuda`, head by head."""

    native: str
    num_heads: int
    cuda: bool

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """Cut it into gates."""
        bias, axes = native[self.native], (len(GATES), self.num_heads)
        parts = bias.reshape(*axes, -1)
        if self.cuda:
            parts = bias.reshape(*axes[::-1], -1).swapaxes(0, 1)
        return {f"{gate}.bias": p.reshape(-1) for gate, p in zip(GATES, parts, strict=True)}

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """Lay the gates one after the other."""
        parts = np.stack([canonical[f"{gate}.bias"].reshape(self.num_heads, -1) for gate in GATES])
        return {self.native: (parts.swapaxes(0, 1) if self.cuda else parts).reshape(-1)}
