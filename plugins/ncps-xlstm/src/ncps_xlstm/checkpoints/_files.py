"""A checkpoint's tensors and config, whether it is one file or a folder of them."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from ncps.errors import FileFormatError
from ncps_xlstm.checkpoints._safetensors import Arrays, arrays_in, names_in

# what torch.save writes
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
INDEX = "model.safetensors.index.json"
CONFIGS = ("config.json", "config.yaml")


def mentions(path: Path, mark: str) -> bool:
    """Whether a tensor has a name with this in it; False for what cannot be read."""
    try:
        if path.is_dir() or path.suffix == ".safetensors":
            return any(mark in name for file in _parts(path) for name in names_in(file))
        return path.suffix in TORCH_SUFFIXES and mark.encode() in _pickled(path)
    except Exception:  # whatever a foreign file makes a parser of archives or JSON say
        return False


def read_arrays(path: Path) -> Arrays:
    """All tensors of a file or folder by name; those of safetensors files stay on the disk."""
    if not path.is_dir() and path.suffix != ".safetensors":
        return _torch(path)
    found: Arrays = {}
    for file in _parts(path):
        arrays = arrays_in(file)
        twice = sorted(found.keys() & arrays)
        if twice:
            raise FileFormatError(f"{file} expected tensors of its own, got {twice[:8]} again.")
        found |= arrays
    return found


def read_config(path: Path) -> dict[str, Any]:
    """The config beside the tensors of a folder; empty for a file, and where there is none."""
    place = next((p for n in CONFIGS if path.is_dir() and (p := path / n).is_file()), None)
    if place is None:
        return {}
    try:
        text = place.read_text("utf-8")
        config = json.loads(text) if place.suffix == ".json" else _flat(text)
    except ValueError as error:
        raise FileFormatError(f"{place} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise FileFormatError(f"{place} expected names and values, got a {type(config).__name__}.")
    return config


def _parts(path: Path) -> list[Path]:
    """The files of a folder: one, those that an index names, or those with numbers."""
    if not path.is_dir():
        return [path]
    whole, index = path / "model.safetensors", path / INDEX
    if whole.is_file():
        return [whole]
    if index.is_file():
        return _indexed(index)
    numbered = sorted(path.glob("model_*.safetensors"), key=lambda p: (len(p.name), p.name))
    if not numbered:
        raise FileFormatError(
            f"{path} expected model.safetensors, {INDEX} or model_0.safetensors, got none of them."
        )
    return numbered


def _indexed(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{index} cannot be read: {error!r}.") from error
    for name in names:
        # an index names files beside it, and no others of this machine
        if Path(name).name != name:
            raise FileFormatError(f"{index} expected the names of files beside it, got {name!r}.")
        if not (index.parent / name).is_file():
            raise FileFormatError(f"{index} names {name}, which is not there. Download it again.")
    return [index.parent / name for name in names]


def _flat(text: str) -> dict[str, Any]:
    """Lines ``name: value`` of YAML, as the package's config has them."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        content = line.partition(" #")[0].rstrip()
        if not content or content.startswith(("#", "---")):
            continue
        name, colon, value = content.partition(": ")
        if not colon or name != name.strip():
            raise ValueError(f"expected lines of a name and a value, got {line!r}")
        found[name] = _scalar(value.strip())
    return found


def _scalar(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value.strip("'\"")


def _pickled(path: Path) -> bytes:
    """The part of a file of torch.save in which names stand."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        return archive.read(name)


def _torch(path: Path) -> Arrays:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        first = str(error).strip().splitlines()[0]
        raise FileFormatError(
            f"{path} holds more than tensors, and Python objects from a file are never loaded "
            f"({first}). {_SAVE}"
        ) from error
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} cannot be read as a file of torch.save: {error}") from error
    for key in ("state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise FileFormatError(
            f"{path} expected a state dict, got {type(content).__name__}. {_SAVE}"
        )
    others = [str(n) for n, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise FileFormatError(f"{path} expected tensors, got others under {others[:8]}. {_SAVE}")
    return {
        str(name): (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t).detach().numpy()
        for name, t in content.items()
    }


_SAVE = "Save the model's state dict: torch.save(model.state_dict(), path)."
