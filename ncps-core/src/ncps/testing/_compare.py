"""Comparisons that say where two results differ, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ncps.conversion.tolerances import Bounds
from ncps.testing._arrays import Array
from ncps.testing._subject import Output

EXACT = Bounds(rtol=0.0, atol=0.0)


def close(what: str, got: Any, expected: Any, bounds: Bounds) -> None:
    """AssertionError unless both have one shape and differ by no more than `bounds`."""
    a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert a.shape == b.shape, f"{what}: expected shape {b.shape}, got {a.shape}"
    if not a.size:
        return
    finite(what, a)
    excess = np.abs(a - b) - (bounds["atol"] + bounds["rtol"] * np.abs(b))
    if np.max(excess) > 0:
        at = tuple(int(i) for i in np.unravel_index(np.argmax(excess), a.shape))
        raise AssertionError(
            f"{what}: expected {b[at]:.9g} at {at}, got {a[at]:.9g}; "
            f"largest difference {np.max(np.abs(a - b)):.3g}, allowed {bounds['atol']:g} + "
            f"{bounds['rtol']:g}·|expected|"
        )


def outputs_close(got: Output, expected: Output, bounds: Bounds, what: str = "") -> None:
    """As `close`, for an output and its states; a state that was not returned is passed over."""
    close(f"{what}y", got.y, expected.y, bounds)
    if got.state is not None and expected.state is not None:
        for i, (a, b) in enumerate(zip(got.state, expected.state, strict=True)):
            close(f"{what}state[{i}]", a, b, bounds)


def same_arrays(what: str, got: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    """AssertionError unless both hold the same names with equal arrays."""
    assert list(got) == list(expected), f"{what}: expected {list(expected)}, got {list(got)}"
    for name in expected:
        close(f"{what} {name}", got[name], expected[name], EXACT)


def finite(what: str, array: Any) -> None:
    """AssertionError when a value is NaN or infinite."""
    wrong = np.argwhere(~np.isfinite(np.asarray(array, np.float64)))
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        raise AssertionError(f"{what}: expected finite values, got {np.asarray(array)[at]} at {at}")


def raises(expected: type[Exception], action: Callable[[], object], what: str) -> None:
    """AssertionError unless `action` raises `expected` with a message."""
    try:
        action()
    except expected as error:
        assert str(error), f"{what}: expected {expected.__name__} to say what is wrong"
        return
    except Exception as error:
        raise AssertionError(
            f"{what}: expected {expected.__name__}, got {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what}: expected {expected.__name__}, but nothing was raised")
