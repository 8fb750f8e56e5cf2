"""Files: safetensors with the specs in the metadata, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ncps import __version__, specs
from ncps.canonical._layer import Layer
from ncps.canonical._parameters import load_parameters, parameters
from ncps.errors import FileFormatError, ParameterError

SCHEMA = 1


class Saved(NamedTuple):
    """What a file says of one layer; no dtype means the technology's own."""

    layer: str
    config: dict[str, Any]
    dtype: str | None


def save(model: Layer | Mapping[str, Layer], path: str | os.PathLike[str]) -> None:
    """Write a layer, or several under names, to one safetensors file.

    The metadata holds each layer's spec and dtype, the file's schema and the version of ncps.
    The file appears under its name only when it is complete.

    Raises: ParameterError when a layer is not ours; BuildError when it is not built; OSError
    when the file cannot be written.
    """
    layers = _named(model)
    tensors = {
        _join(name, key): np.ascontiguousarray(value)
        for name, layer in layers.items()
        for key, value in parameters(layer).items()
    }
    description = {
        name: {"spec": layer.spec.to_config(), "dtype": _dtype(layer)}
        for name, layer in layers.items()
    }
    metadata = {
        "format": "ncps",
        "schema": str(SCHEMA),
        "ncps_version": __version__,
        "layers": json.dumps(description),
    }
    write_atomically(Path(path), to_bytes(tensors, metadata))


def load(
    path: str | os.PathLike[str],
    technology: str | None = None,
    framework: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    """The layer, or the dict of layers, that `save` wrote, in the chosen technology.

    `dtype` defaults to that of the saved layer.

    Raises: FileFormatError when the file is missing, damaged, or not written by `save`.
    """
    from ncps.registry import create, plugin_spec, select

    saved, tensors = read(Path(path))
    place = {"technology": technology, "framework": framework, "device": device}
    layers: dict[str, Layer] = {}
    for name, entry in saved.items():
        plugin_spec(entry.layer)  # makes the layer type of a plugin known
        spec = specs.from_config(entry.config)
        reference = select(spec.layer, spec=spec, **place).framework == "numpy"
        kept = None if reference else entry.dtype
        # the values are replaced at once: a fixed seed leaves global generators alone
        layer = create(spec, dtype=dtype or kept, seed=0, **place)
        prefix = _join(name, "")
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        load_parameters(layer, own)
        layers[name] = layer
    return layers[""] if list(layers) == [""] else layers


def read(path: Path) -> tuple[dict[str, Saved], dict[str, npt.NDArray[Any]]]:
    """The layers' descriptions and all tensors of a file that `save` wrote."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != "ncps":
                raise FileFormatError(
                    f"{path} has no ncps metadata. Pass a file that ncps.save wrote."
                )
            if metadata.get("schema") != str(SCHEMA):
                raise FileFormatError(
                    f"{path} expected schema {SCHEMA}, got {metadata.get('schema')!r} "
                    f"(ncps {metadata.get('ncps_version')}). Use a version of ncps that reads it."
                )
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            saved = {
                name: Saved(entry["spec"]["layer"], entry["spec"], entry["dtype"])
                for name, entry in json.loads(metadata["layers"]).items()
            }
            return saved, tensors
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path} cannot be read as a safetensors file: {error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then rename."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder, make it first", str(path.parent))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes the file private; give it the mode that open() would have given
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _dtype(layer: Layer) -> str | None:
    """The dtype to load with; the reference always computes in float64, which says nothing."""
    return None if layer.framework == "numpy" else layer.dtype


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _named(model: object) -> Mapping[str, Layer]:
    # a layer first: an mlx.nn.Module is a mapping too
    if isinstance(model, Layer):
        return {"": model}
    if isinstance(model, Mapping) and model:
        names = [n for n in model if isinstance(n, str) and n and "." not in n]
        if len(names) == len(model) and all(isinstance(v, Layer) for v in model.values()):
            return model
    raise ParameterError(
        "expected a layer made by ncps, or a dict of such layers under names without a dot, "
        f"got {type(model).__name__}{list(model) if isinstance(model, Mapping) else ''}."
    )
