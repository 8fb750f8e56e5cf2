"""Tensors of a checkpoint file by name, without ever running code from it."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ncps.errors import FileFormatError
from ncps_torch import ops

Arrays = dict[str, npt.NDArray[Any]]

# a liquid layer of ncps 1.0.1 has one of these
MARKS = ("ff1.weight", "sensory_erev")
# and a file of a whole model names its module
_MODULE = b"ncps.torch"
# what torch.save writes, before and since it writes archives
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_SEARCHED = 4 << 20


def looks_like(path: Path) -> bool:
    """Whether the file names a tensor of a liquid layer; False for what cannot be read."""
    try:
        if path.suffix == ".safetensors":
            header = _header(path)
            own = header.pop("__metadata__", {}).get("format") == "ncps"
            return not own and any(name.endswith(MARKS) for name in header)
        if path.suffix not in TORCH_SUFFIXES:
            return False
        names = _names(path)
        return any(mark in names for mark in (_MODULE, *(m.encode() for m in MARKS)))
    except Exception:  # whatever a foreign file makes a parser of archives or JSON say
        return False


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(min(size, 100 << 20)))
    return header


def _names(path: Path) -> bytes:
    """The part of a file of torch.save in which names stand; empty for any other file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("/data.pkl"):
                    return archive.read(name)
        return b""
    with path.open("rb") as file:
        start = file.read(_SEARCHED)
    return start if start.startswith(_LEGACY) else b""


def read_arrays(path: Path) -> Arrays:
    """The arrays of a state dict, alone in its file or under "state_dict", "model_state_dict"."""
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    for key in ("state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        got = "an empty one" if content == {} else f"a {type(content).__name__}"
        raise FileFormatError(f"{path} expected a state dict, got {got}. {_SAVE_STATE_DICT}")
    others = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise FileFormatError(
            f"{path} expected a state dict of tensors, got other values under {others[:8]}. "
            + _SAVE_STATE_DICT
        )
    return {str(name): ops.to_numpy(tensor) for name, tensor in content.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FileFormatError(f"{path} cannot be read as a safetensors file: {error}") from error


def _torch(path: Path) -> Any:
    try:
        if not _names(path):
            raise FileFormatError(f"{path} cannot be read: it is no file that torch.save wrote.")
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        first = str(error).strip().splitlines()[0]
        raise FileFormatError(
            f"{path} holds more than tensors, and Python objects from a file are never loaded "
            f"({first}). {_SAVE_STATE_DICT}"
        ) from error
    except (OSError, RuntimeError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} cannot be read as a file of torch.save: {error}") from error


_SAVE_STATE_DICT = (
    "With ncps 1.0.1, load the model and save its state dict: torch.save(model.state_dict(), path)."
)
