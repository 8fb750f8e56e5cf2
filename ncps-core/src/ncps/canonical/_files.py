"""Files: safetensors with the specs in the metadata, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ncps import __version__, specs
from ncps.canonical._layer import Layer
from ncps.canonical._layouts import Layout, to_canonical, to_native
from ncps.canonical._models import Leaf, joined, leaves, natives_of
from ncps.canonical._parameters import load_parameters
from ncps.errors import ConversionError, FileFormatError, ParameterError
from ncps.specs import Spec, undrawn

SCHEMA = 1


class Saved(NamedTuple):
    """One layer of a file; no dtype means the technology's own.

    `own` says that it was one of a framework's own, such as `torch.nn.Linear`.
    """

    spec: Spec
    parameters: Mapping[str, npt.NDArray[Any]]
    dtype: str | None = None
    own: bool = False


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to one safetensors file, layer by layer under their paths.

    A model is a layer, a dict of layers under names, or a module of the framework that holds
    layers of ncps or the framework's own. The metadata holds each layer's spec and dtype, the
    file's schema and the version of ncps. The file appears under its name only when it is
    complete.

    Raises: ConversionError when a part is no layer that ncps knows, or there is no layer at all;
    BuildError when one is not built; OSError when the file cannot be written.
    """
    found = leaves(_named(model))
    if not found:
        raise ConversionError(
            f"expected a model with layers, got a {type(model).__name__} without any. Call it once "
            "if it makes its layers at the first call."
        )
    write({name: saved(leaf) for name, leaf in found.items()}, path)


def saved(leaf: Leaf) -> Saved:
    """What a file says of a layer; of the reference no dtype, since float64 is its only one."""
    reference = getattr(leaf.module, "framework", None) == "numpy"
    dtype = None if reference else leaf.dtype
    return Saved(leaf.spec, leaf.parameters, dtype, own=leaf.natives is not None)


def write(
    layers: Mapping[str, Saved],
    path: str | os.PathLike[str],
    layouts: Mapping[str, Layout] | None = None,
) -> None:
    """Write layers to a file, with the native names and shapes of their layouts if given.

    `load` reads a file in any layout whose technology is installed.
    """
    tensors, description = dict[str, npt.NDArray[Any]](), dict[str, Any]()
    for name, layer in layers.items():
        arrays = layer.parameters
        entry: dict[str, Any] = {"spec": layer.spec.to_config(), "dtype": layer.dtype}
        if layer.own:
            entry["own"] = True
        if layouts is not None:
            layout = layouts[name]
            arrays = to_native(arrays, layout, layer.spec)
            entry["layout"] = layout._asdict()
        tensors |= {joined(name, key): np.ascontiguousarray(a) for key, a in arrays.items()}
        description[name] = entry
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
    """The layer, or the dict of layers by path, that `save` wrote, in the chosen technology.

    `dtype` defaults to that of the saved layer.

    Raises: FileFormatError when the file is missing, damaged, or not written by `save`.
    """
    place = {"technology": technology, "framework": framework, "device": device}
    layers = {name: make(one, dtype=dtype, **place) for name, one in read(Path(path)).items()}
    return layers[""] if list(layers) == [""] else layers


def make(layer: Saved, *, dtype: str | None = None, **place: Any) -> Layer:
    """A layer with this spec and these parameters, in the chosen technology."""
    from ncps.registry import create, select

    spec = layer.spec
    reference = select(spec.layer, spec=spec, **place).framework == "numpy"
    kept = None if reference else layer.dtype
    # the values are replaced at once: a fixed seed leaves global generators alone
    with undrawn():
        made: Layer = create(spec, dtype=dtype or kept, seed=0, **place)
    load_parameters(made, layer.parameters)
    return made


def is_saved(path: Path) -> bool:
    """Whether `save` wrote this file, as far as its metadata says."""
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("format") == "ncps"
    except (OSError, SafetensorError):
        return False


def read(path: Path) -> dict[str, Saved]:
    """All layers of a file that `save` wrote, with canonical parameters."""
    metadata, tensors = _open(path)
    if metadata.get("format") != "ncps":
        raise FileFormatError(
            f"{path} has no ncps metadata. Pass a file that ncps.save wrote, or read a checkpoint "
            "of another library with ncps.from_pretrained."
        )
    if metadata.get("schema") != str(SCHEMA):
        raise FileFormatError(
            f"{path} expected schema {SCHEMA}, got {metadata.get('schema')!r} "
            f"(ncps {metadata.get('ncps_version')}). Use a version of ncps that reads it."
        )
    try:
        entries = json.loads(metadata["layers"]).items()
        named = [
            (name, {entry["spec"]["layer"]} | layers_named(entry["spec"]), _Entry(**entry))
            for name, entry in entries
        ]
        layouts = [Layout(**entry.layout) for _, _, entry in named]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} cannot be read: damaged metadata, {error!r}.") from error
    return {
        name: _saved(types, entry, layout, _own(name, tensors))
        for (name, types, entry), layout in zip(named, layouts, strict=True)
    }


def _open(path: Path) -> tuple[dict[str, str], dict[str, npt.NDArray[Any]]]:
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, tensors
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path} cannot be read as a safetensors file: {error}") from error


def _own(name: str, tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    prefix = joined(name, "")
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class _Entry(NamedTuple):
    """What the metadata says of one layer."""

    spec: dict[str, Any]
    dtype: str | None
    own: bool = False
    layout: Mapping[str, Any] = MappingProxyType({})


def _saved(
    types: set[str], entry: _Entry, layout: Layout, own: dict[str, npt.NDArray[Any]]
) -> Saved:
    from ncps.registry import plugin_spec

    for name in types:
        plugin_spec(name)  # makes the layer type of a plugin known
    spec = specs.from_config(entry.spec)
    values = own if layout == Layout() else to_canonical(own, layout, spec)
    return Saved(spec, values, entry.dtype, entry.own)


def layers_named(config: Any) -> set[str]:
    """The layer types that a config speaks of, inside containers too."""
    if isinstance(config, Mapping):
        own = {config["layer"]} if isinstance(config.get("layer"), str) else set()
        return own.union(*map(layers_named, config.values()))
    return set().union(*map(layers_named, config)) if isinstance(config, list) else set()


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then rename."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder, make it first", str(path.parent))
    # renaming would put a file in the place of a device such as /dev/null
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "no file, so it is not replaced", str(path))
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


def _named(model: object) -> object:
    """The model, unless it is a dict that cannot be told apart from the layers in it."""
    # modules first: an mlx.nn.Module is a mapping too
    if not isinstance(model, Mapping) or isinstance(model, Layer) or natives_of(model) is not None:
        return model
    names = [n for n in model if isinstance(n, str) and n and "." not in n]
    if not model or len(names) < len(model):
        raise ParameterError(
            f"expected a dict of layers under names without a dot, got {list(model)}."
        )
    return model
