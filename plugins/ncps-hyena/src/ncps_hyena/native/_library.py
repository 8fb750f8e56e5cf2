"""The functions of `operator.h`, by ctypes."""

from __future__ import annotations

import ctypes
import warnings
from ctypes import POINTER, c_char_p, c_int, c_int64, c_void_p
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent
NAME = "_operator.so"
NUMBERS = (
    *("rows", "features", "steps", "taps", "convolutions", "h_step", "h_convolution"),
    *("size", "apart", "threads", "width"),
)
POINTERS = (
    *("radices", "twiddles", "twist"),
    *("z", "w", "b", "h", "s", "r", "real", "noise", "spectra", "y", "v"),
    *("dy", "dz", "dw", "db", "dh", "ds", "dr"),
)
# bytes of the widest vectors to be used
_allowed = 64


class Operator(ctypes.Structure):
    """Sizes, and addresses of arrays; see `operator.h`."""

    _fields_ = (
        *((name, c_int64) for name in NUMBERS),
        *((name, c_void_p) for name in POINTERS),
    )


def sources() -> str:
    """What tells the C sources of this version."""
    files = sorted(path for path in FOLDER.iterdir() if path.suffix in (".c", ".h"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """The library; None if there is none."""
    if not (FOLDER / NAME).exists():
        return None
    try:
        found = ctypes.CDLL(str(FOLDER / NAME))
    except OSError as error:
        warnings.warn(
            f"{error}: ncps-hyena does without its compiled functions",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    try:
        found.ncps_hyena_sources.argtypes, found.ncps_hyena_sources.restype = [], c_char_p
        same = found.ncps_hyena_sources() == sources().encode()
    except AttributeError:
        same = False
    if not same:
        warnings.warn(
            f"{FOLDER / NAME} was compiled from other sources than are there now, and is not "
            "used: install ncps-hyena again",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    found.ncps_hyena_widest.argtypes, found.ncps_hyena_widest.restype = [], c_int64
    for function in (found.ncps_hyena_spectra, found.ncps_hyena_forward, found.ncps_hyena_backward):
        function.argtypes, function.restype = [POINTER(Operator), c_int], c_int
    return found


@lru_cache(maxsize=1)
def _widest() -> int:
    """Bytes of the widest vectors that this processor has functions for."""
    library = _library()
    return 0 if library is None else int(library.ncps_hyena_widest())


def width() -> int:
    """Bytes of the widest vectors that are used: 64, 32, or 0 where there are no functions."""
    return next((w for w in (64, 32) if w <= min(_widest(), _allowed)), 0)


def width_for(features: int, itemsize: int) -> int:
    """Bytes of the vectors that are faster for so many features of so many bytes each.

    Raises: ImportError where there are no functions.
    """
    widest = width()
    if not widest:
        raise _absent()
    if widest < 64:
        return widest
    # a vector of 32 bytes takes about 0.8 of the time of one of 64, though it be half empty
    wide, narrow = (-(-features * itemsize // w) for w in (64, 32))
    return 64 if wide <= 0.8 * narrow else 32


def available() -> bool:
    """Whether there are functions for this processor, and they may be used."""
    return width() > 0


def allow(widest: int) -> None:
    """Let them use vectors of at most so many bytes; with 0, do without them."""
    global _allowed
    _allowed = widest


def forward(operator: Operator, itemsize: int) -> None:
    """Write y, and v unless it is None."""
    _checked(_present(operator).ncps_hyena_forward(operator, itemsize == 8))


def backward(operator: Operator, itemsize: int) -> None:
    """Write dz and, unless they are None, dh and dr; add to dw, db and ds."""
    _checked(_present(operator).ncps_hyena_backward(operator, itemsize == 8))


def spectra(operator: Operator, itemsize: int) -> None:
    """Write the transforms of the filters."""
    _checked(_present(operator).ncps_hyena_spectra(operator, itemsize == 8))


def _present(operator: Operator) -> ctypes.CDLL:
    library = _library()
    if library is None or operator.width not in (32, 64):
        raise _absent()
    return library


def _absent() -> ImportError:
    return ImportError("there are no compiled functions here; see ncps_hyena.native")


def _checked(result: int) -> None:
    if result:
        raise MemoryError("there is not enough memory for the transforms of a Hyena operator")
