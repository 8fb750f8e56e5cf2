"""Maps of layers inside layers: each behind a prefix of its names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ncps.canonical._maps import Array, Arrays, ParameterMap
from ncps.specs import SequenceSpec, Spec


@dataclass(frozen=True)
class Inside:
    """The map of one layer inside another, behind a prefix of its native and canonical names."""

    native: str
    canonical: str
    inner: ParameterMap

    def to_canonical(self, native: Arrays) -> dict[str, Array]:
        """The canonical arrays of this layer."""
        return _moved(native, self.native, self.canonical, self.inner.to_canonical)

    def to_native(self, canonical: Arrays) -> dict[str, Array]:
        """The native arrays of this layer."""
        return _moved(canonical, self.canonical, self.native, self.inner.to_native)


def composed_map(
    spec: Spec, plain: Callable[[Any], ParameterMap], numbered: bool = False
) -> ParameterMap:
    """The maps of the plain layers that make up this one, or its own if it is plain.

    The native names of a plain layer stand behind ``stack.0.forward.``, or with `numbered`, for a
    framework that keeps layers in lists alone, ``stack.0.0.``.
    """
    if not (isinstance(spec, SequenceSpec) and spec.composed):
        return plain(spec)
    return ParameterMap(
        tuple(
            Inside(f"stack.{i}.{j if numbered else side}.", part.prefix, plain(part.spec))
            for i, parts in enumerate(spec.parts)
            for j, (side, part) in enumerate(zip(spec.directions, parts, strict=True))
        )
    )


def _moved(
    arrays: Arrays, old: str, new: str, to: Callable[[Arrays], dict[str, Array]]
) -> dict[str, Array]:
    own = {name.removeprefix(old): a for name, a in arrays.items() if name.startswith(old)}
    return {new + name: a for name, a in to(own).items()}
