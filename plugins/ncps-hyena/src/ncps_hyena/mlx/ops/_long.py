"""The long convolutions of an operator: their filters are remembered, unless they are trained.

Inside an MLX transformation parameters may be anything, and a derivative by them may be wanted:
then filters are made anew, and the convolution has a backward pass of its own.

Shapes: u, y (B, D, T); a (S, F) is what the network says of the first S lags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import mlx.core as mx

from ncps_hyena.mlx.kernels import Filter, long_convolution, with_skip
from ncps_hyena.mlx.ops._host import kit
from ncps_hyena.mlx.ops._remembered import Remembered

Network = Callable[[int], mx.array]


class Long(Protocol):
    """Parameters that make filters of what the network says."""

    skip: mx.array
    both: bool

    def lags(self, a: mx.array) -> mx.array:
        """The filter of earlier steps, h (D, S)."""

    def later(self, a: mx.array) -> mx.array:
        """The filter of later steps, r (D, S), if `both`."""


class Filters:
    """The filters of all convolutions of an operator, for sequences of at most `longest` steps."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._remembered: Remembered[tuple[Filter, ...]] = Remembered(kit.in_transform)

    def __call__(
        self, parameters: Sequence[mx.array], network: Network, longs: Sequence[Long]
    ) -> tuple[Filter, ...]:
        """Those that are kept, or new ones; `parameters` are all that they are made from."""
        return self._remembered(
            parameters, lambda: tuple(_filter(self._longest, network, long) for long in longs)
        )

    def kept(
        self, parameters: Sequence[mx.array], network: Network, longs: Sequence[Long]
    ) -> tuple[Filter, ...] | None:
        """The same, or None where new ones could not be kept."""
        known = self._remembered.known(parameters)
        if known is None and not kit.in_transform():
            return self(parameters, network, longs)
        return known

    def __deepcopy__(self, memo: Any) -> Filters:
        """Others, none of them made: the parameters of the copy are others."""
        return Filters(self._longest)

    def __reduce__(self) -> tuple[Any, ...]:
        """Filters are not pickled."""
        return Filters, (self._longest,)


def written_convolution(u: mx.array, long: Long, a: mx.array, own_backward: bool) -> mx.array:
    """y with a derivative by the filters; a has as many lags as u has steps."""
    r = long.later(a) if long.both else None
    return long_convolution(u, long.lags(a), long.skip, r, own_backward)


def _filter(longest: int, network: Network, long: Long) -> Filter:
    def make(lags: int) -> mx.array:
        return with_skip(long.lags(network(lags)), long.skip)

    def later(lags: int) -> mx.array:
        return long.later(network(lags)).astype(mx.float32)

    return Filter(make, longest, later if long.both else None, _outside)


def _outside() -> bool:
    return not kit.in_transform()
