"""Tensors of a safetensors file as arrays on the mapped file: nothing is read before it is used.

The file is the length of its header (8 bytes, little endian), the header in JSON, and the tensors'
bytes, to which the header's offsets refer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.errors import FileFormatError

Arrays = dict[str, npt.NDArray[Any]]

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_LONGEST = 100 << 20


def names_in(path: Path) -> list[str]:
    """The names of the tensors."""
    return list(_header(path)[0])


def arrays_in(path: Path) -> Arrays:
    """The tensors by name; those in half precision become float32."""
    header, start = _header(path)
    try:
        # copy on write: frameworks refuse arrays that nobody may write to
        content = np.memmap(path, np.uint8, "c")[start:]
        return {name: _array(content, entry) for name, entry in header.items()}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, error) from error


def _header(path: Path) -> tuple[dict[str, Any], int]:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size <= _LONGEST else None
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is none")
    header.pop("__metadata__", None)
    return header, 8 + size


def _array(content: npt.NDArray[np.uint8], entry: dict[str, Any]) -> npt.NDArray[Any]:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(content):
        raise ValueError(f"expected {end} bytes of tensors, got {len(content)}")
    array = content[begin:end].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "F16":
        return array.astype(np.float32)
    # NumPy has no bfloat16: it is the upper half of a float32
    return (array.astype(np.uint32) << 16).view(np.float32) if entry["dtype"] == "BF16" else array


def _damaged(path: Path, why: object) -> FileFormatError:
    return FileFormatError(f"{path} cannot be read as a safetensors file of floats: {why!r}.")
