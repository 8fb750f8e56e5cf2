"""Windows that slide along an axis: how long the output is, and what lies beyond the border.

n is the length of the axis, k the window's size, s its stride, d its dilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ncps.errors import SpecError, unknown
from ncps.specs import _validate

Sizes = int | tuple[int, ...]
Padding = str | Sizes
Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window along one axis. `padding` is a word or the number of entries added at both ends.

    ``same`` gives ⌈n/s⌉ windows, as in TensorFlow and Keras: what they need beyond the axis is
    added half before and half after, the odd entry after. ``causal`` adds it all before.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    padding: str | int = "valid"

    @property
    def reach(self) -> int:
        """Entries from the first to the last one that a window touches, (k − 1)·d + 1."""
        return (self.size - 1) * self.dilation + 1

    def pads(self, n: int) -> Pair:
        """How many entries are added before and after the axis."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.reach - 1, 0
        if self.padding == "same":
            total = max((-(-n // self.stride) - 1) * self.stride + self.reach - n, 0)
            return total // 2, total - total // 2
        return int(self.padding), int(self.padding)

    def length(self, n: int) -> int:
        """How many windows there are; less than one where none fits."""
        return (n + sum(self.pads(n)) - self.reach) // self.stride + 1 if n > 0 else 0


@dataclass(frozen=True)
class Spread:
    """The transpose of a window: each entry is spread over what the window would have touched.

    ``same`` gives n·s entries: the window of that length with padding ``same`` gives n again.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    padding: str | int = "valid"
    output_padding: int = 0

    @property
    def reach(self) -> int:
        """Entries from the first to the last one that one entry is spread over, (k − 1)·d + 1."""
        return (self.size - 1) * self.dilation + 1

    @property
    def crop(self) -> Pair:
        """How many entries are cut off at the start and at the end; below 0: added as zeros."""
        if self.padding == "same":
            start = max(self.reach - self.stride, 0) // 2
            return start, self.reach - self.stride - start
        start = 0 if self.padding == "valid" else int(self.padding)
        return start, start - self.output_padding

    def length(self, n: int) -> int:
        """The output's length; less than one where nothing is left."""
        return (n - 1) * self.stride + self.reach - sum(self.crop) if n > 0 else 0


def sizes(layer: str, option: str, value: object, rank: int, minimum: int = 1) -> Sizes:
    """One integer for one axis, a tuple of them for several; one may stand for all."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != rank:
            raise SpecError(
                f"{layer} expected {option} to be one integer or {rank}, got {value!r}. "
                f"Pass one for each axis, or one for all."
            )
        given = [_validate.integer(layer, option, v, minimum) for v in value]
    else:
        given = [_validate.integer(layer, option, value, minimum)] * rank
    return given[0] if rank == 1 else tuple(given)


def padding(layer: str, value: object, rank: int, words: Sequence[str]) -> Padding:
    """One of `words`, or entries to add along each axis; none at all is ``valid``."""
    if isinstance(value, str):
        if value not in words:
            raise unknown(f"{layer} padding", value, words)
        return value
    given = sizes(layer, "padding", value, rank, minimum=0)
    return given if any(each(given, rank)) else "valid"


def each(value: Padding, rank: int) -> tuple[int, ...]:
    """The integer of every axis."""
    assert not isinstance(value, str), f"expected integers, got {value!r}"
    return (value,) * rank if isinstance(value, int) else value


def along(value: Padding, rank: int) -> tuple[str | int, ...]:
    """The word or the integer of every axis."""
    return (value,) * rank if isinstance(value, str) else each(value, rank)
