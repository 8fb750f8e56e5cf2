"""Files of torch.save, read with NumPy alone and without ever running code from them.

Such a file is a zip archive: a pickle that says which tensors there are, and their bytes beside it.
The pickle may also hold other objects, as a training run's configuration. None of their classes
is looked up: each becomes an `Inert`, which takes whatever is given to it and keeps nothing.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.errors import FileFormatError, NcpsError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

_BFLOAT16 = "bfloat16"
_DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class Inert:
    """What stands for an object that is not looked at."""

    def __init__(self, *args: object, **options: object) -> None: ...

    def __call__(self, *args: object, **options: object) -> Inert:
        return self

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None:
        """Take an item."""

    extend = add = append


class _Storage(NamedTuple):
    """Numbers of an archive that a tensor is a view of."""

    dtype: str
    key: str
    size: int


def read_archive(path: Path) -> Any:
    """What torch.save wrote, tensors as arrays and everything that is no container as `Inert`.

    Raises: FileFormatError for a file that is none, or that is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _Unpickler(archive).load()
    except NcpsError:
        raise
    except Exception as error:  # a damaged pickle may make any of its instructions fail
        raise FileFormatError(
            f"{path} cannot be read as a file of torch.save: {error!r}. If a version before 1.6 "
            "wrote it, load it there and save it again."
        ) from error


def pickled_names(path: Path) -> bytes:
    """The bytes in which the names of tensors stand; empty for any other file."""
    if not zipfile.is_zipfile(path):
        return b""
    with zipfile.ZipFile(path) as archive:
        return archive.read(_root(archive) + "data.pkl")


def _root(archive: zipfile.ZipFile) -> str:
    for name in archive.namelist():
        if name.endswith("/data.pkl"):
            return name.removesuffix("data.pkl")
    raise FileFormatError(f"{archive.filename} expected a file of torch.save, got another archive.")


class _Unpickler(pickle.Unpickler):
    """Makes arrays of tensors, and knows no other class than that of a state dict."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._top = archive, _root(archive)
        self._read: dict[str, bytes] = {}
        names = archive.namelist()
        little = f"{self._top}byteorder" not in names or self._bytes("byteorder") == b"little"
        self._order: Literal["<", ">"] = "<" if little else ">"
        super().__init__(io.BytesIO(archive.read(f"{self._top}data.pkl")))

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _first
        return _DTYPES.get(name, Inert) if module == "torch" else Inert

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, size = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown kind {kind!r}")
        return _Storage(dtype, str(key), int(size)) if isinstance(dtype, str) else Inert()

    def _tensor(
        self,
        storage: Any,
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *_: object,
    ) -> Any:
        """The array of a tensor: a copy of the part of its storage that it shows."""
        if not isinstance(storage, _Storage):
            return Inert()
        flat = self._numbers(storage)
        count = math.prod(shape)
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        inside = min((offset, *shape, *strides)) >= 0 and count <= len(flat)
        if not inside or (count and last >= len(flat)):
            raise FileFormatError(
                f"{self._archive.filename} expected tensors inside of their storage, got shape "
                f"{shape} with strides {strides} at {offset} of {len(flat)} numbers."
            )
        if not count:
            return np.empty(shape, flat.dtype)
        steps = [step * flat.itemsize for step in strides]
        view = np.lib.stride_tricks.as_strided(flat[offset:], shape, steps)
        return np.array(view)

    def _numbers(self, storage: _Storage) -> Array:
        bfloat16 = storage.dtype == _BFLOAT16
        dtype = np.dtype("u2" if bfloat16 else storage.dtype).newbyteorder(self._order)
        flat = np.frombuffer(self._bytes(f"data/{storage.key}"), dtype, storage.size)
        return from_bfloat16(flat) if bfloat16 else flat.astype(dtype.newbyteorder("="))

    def _bytes(self, name: str) -> bytes:
        """An entry of the archive, none of which torch.save compresses."""
        if name not in self._read:
            entry = self._archive.getinfo(self._top + name)
            if entry.compress_type != zipfile.ZIP_STORED:
                raise FileFormatError(
                    f"{self._archive.filename} expected plain entries, as torch.save writes them, "
                    f"got a compressed one, {entry.filename}."
                )
            self._read[name] = self._archive.read(entry)
        return self._read[name]


def from_bfloat16(bits: Array) -> Array:
    """The float32 of bfloat16 numbers, whose bits are its upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _first(value: object, *_: object) -> object:
    return value
