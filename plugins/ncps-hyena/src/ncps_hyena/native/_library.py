"""The functions of `operator.h`, by ctypes."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_int, c_int64, c_void_p
from functools import lru_cache
from pathlib import Path

NAME = "_operator.so"
NUMBERS = (
    *("rows", "features", "steps", "taps", "convolutions", "h_step", "h_convolution"),
    *("size", "apart", "threads"),
)
POINTERS = (
    *("radices", "twiddles", "twist"),
    *("z", "w", "b", "h", "s", "r", "real", "noise", "spectra", "y", "v"),
    *("dy", "dz", "dw", "db", "dh", "ds", "dr"),
)


class Operator(ctypes.Structure):
    """Sizes, and addresses of arrays; see `operator.h`."""

    _fields_ = (
        *((name, c_int64) for name in NUMBERS),
        *((name, c_void_p) for name in POINTERS),
    )


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """The library; None if there is none."""
    try:
        found = ctypes.CDLL(str(Path(__file__).with_name(NAME)))
    except OSError:
        # none was compiled, or it was for another machine
        return None
    for count in (found.ncps_hyena_width, found.ncps_hyena_struct):
        count.argtypes, count.restype = [], c_int64
    found.ncps_hyena_allow.argtypes, found.ncps_hyena_allow.restype = [c_int64], None
    found.ncps_hyena_spectra.argtypes = [POINTER(Operator), c_int, c_void_p]
    for function in (found.ncps_hyena_forward, found.ncps_hyena_backward):
        function.argtypes = [POINTER(Operator), c_int]
    # one that another version of the source has left reads other fields
    return found if found.ncps_hyena_struct() == ctypes.sizeof(Operator) else None


def width() -> int:
    """Bytes of the vectors that the functions work on; 0 where there are none."""
    library = _library()
    return 0 if library is None else int(library.ncps_hyena_width())


def available() -> bool:
    """Whether there are functions for this processor."""
    return width() > 0


def allow(widest: int) -> None:
    """Let them use vectors of at most so many bytes; with 0, do without them."""
    library = _library()
    if library is not None:
        library.ncps_hyena_allow(widest)


def forward(operator: Operator, itemsize: int) -> None:
    """Write y, and v unless it is None."""
    _checked(_present().ncps_hyena_forward(operator, itemsize == 8))


def backward(operator: Operator, itemsize: int) -> None:
    """Write dz and, unless they are None, dh and dr; add to dw, db and ds."""
    _checked(_present().ncps_hyena_backward(operator, itemsize == 8))


def spectra(operator: Operator, itemsize: int, out: int) -> None:
    """Write the transforms of the filters to an address."""
    _checked(_present().ncps_hyena_spectra(operator, itemsize == 8, out))


def _present() -> ctypes.CDLL:
    library = _library()
    if library is None or not available():
        raise ImportError("there are no compiled functions here; see ncps_hyena.native")
    return library


def _checked(result: int) -> None:
    if result:
        raise MemoryError("there is not enough memory for the transforms of a Hyena operator")
