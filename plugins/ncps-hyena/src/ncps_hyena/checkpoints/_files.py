"""Which files a checkpoint is made of, and their tensors under the names of the standalone file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize

from ncps.errors import FileFormatError
from ncps_hyena.checkpoints._archive import from_bfloat16, pickled_names, read_archive
from ncps_hyena.checkpoints._layout import EMBEDDINGS

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Config = Mapping[str, Any]

# a filter's network is there in each block of a Hyena model and in nothing else
MARK = "filter_fn.implicit_filter.0.weight"
ARCHIVES = (".ckpt", ".pt", ".pth", ".bin")
_INDEX = "model.safetensors.index.json"
_USUAL = ("model.safetensors", _INDEX, "weights.ckpt", "pytorch_model.bin")
# what holds a layer so that it is computed again in the backward pass
_HELD = re.compile(r"(\blayers\.\d+\.(?:mixer|mlp))\.layer\.")
_NUMPY = {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "U8": "u1", "BOOL": "?"}


def looks_like(path: Path) -> bool:
    """Whether it is a HyenaDNA checkpoint, by its config or its names; never raises."""
    try:
        if path.is_dir():
            return bool(read_config(path)) or looks_like(weights(path))
        if path.suffix in ARCHIVES:
            return MARK.encode() in pickled_names(path)
        if path.suffix == ".safetensors":
            return any(name.endswith(MARK) for name in _header(path))
        return path.name == _INDEX and any(name.endswith(MARK) for name in _shards(path))
    except Exception:  # whatever a foreign file makes a parser of archives or JSON say
        return False


def weights(path: Path) -> Path:
    """The file with the tensors: the path itself, or that of a folder."""
    if not path.is_dir():
        return path
    for name in _USUAL:
        if (path / name).is_file():
            return path / name
    others = [p for p in path.iterdir() if p.suffix in (*ARCHIVES, ".safetensors")]
    if len(others) != 1:
        names = ", ".join(sorted(p.name for p in others)) or "none"
        raise FileFormatError(
            f"{path} expected one file of weights ({', '.join(_USUAL)}), got {names}. Pass the "
            "path of the file."
        )
    return others[0]


def read_config(path: Path) -> Config:
    """The config.json of a folder, or beside a file, if it is a HyenaDNA's; else nothing."""
    file = (path if path.is_dir() else path.parent) / "config.json"
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(config, dict):
        return {}
    layer = config.get("layer")
    ours = isinstance(layer, dict) and "filter_order" in layer
    return config if ours or config.get("model_type") == "hyenadna" else {}


def read_arrays(path: Path) -> Arrays:
    """The tensors of a file by their names in the standalone file, half precision in float32."""
    if path.suffix in ARCHIVES:
        found = _state_dict(path)
    elif path.name == _INDEX:
        shards = sorted(set(_shards(path).values()))
        found = {n: a for shard in shards for n, a in _safetensors(path.parent / shard).items()}
    else:
        found = _safetensors(path)
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in _renamed(path, found).items()
    }


def _renamed(path: Path, arrays: Arrays) -> Arrays:
    """Without what a program put before all names of the model, and what holds its layers."""
    starts = [n.removesuffix(EMBEDDINGS) for n in arrays if n.endswith(EMBEDDINGS)]
    if len(starts) != 1:
        raise FileFormatError(
            f"{path} expected the tensors of one HyenaDNA, got {len(starts)} that end in "
            f"{EMBEDDINGS}: {', '.join(list(arrays)[:5])}, …"
        )
    return {_HELD.sub(r"\1.", name.removeprefix(starts[0])): a for name, a in arrays.items()}


def _state_dict(path: Path) -> Arrays:
    content = read_archive(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise FileFormatError(
            f"{path} expected a state dict, alone or under 'state_dict', got another object. Save "
            "the model's state_dict()."
        )
    return {str(n): a for n, a in content.items() if isinstance(a, np.ndarray)}


def _safetensors(path: Path) -> Arrays:
    try:
        named = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (OSError, SafetensorError) as error:
        raise FileFormatError(f"{path} cannot be read as a safetensors file: {error}") from error
    return {name: _array(path, name, entry) for name, entry in named}


def _array(path: Path, name: str, entry: Mapping[str, Any]) -> Array:
    kind = entry["dtype"]
    if kind == "BF16":
        flat = from_bfloat16(np.frombuffer(entry["data"], "<u2"))
    elif kind in _NUMPY:
        flat = np.frombuffer(entry["data"], np.dtype(_NUMPY[kind]).newbyteorder("<"))
    else:
        raise FileFormatError(
            f"{path} expected tensors of {', '.join(_NUMPY)} or BF16, got {kind} for {name}."
        )
    return flat.reshape(entry["shape"])


def _shards(path: Path) -> dict[str, str]:
    """The file of each tensor, all of them in the folder of the index."""
    index = json.loads(path.read_text(encoding="utf-8"))
    files: dict[str, str] = index["weight_map"]
    outside = [name for name in files.values() if Path(name).name != name]
    if outside:
        raise FileFormatError(f"{path} expected files of its own folder, got {outside[0]!r}.")
    return files


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(min(size, 100 << 20)))
    return header
