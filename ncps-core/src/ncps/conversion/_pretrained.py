"""Checkpoints of other libraries, read by the readers that plugins bring."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ncps import registry
from ncps.canonical import Saved, make
from ncps.errors import FileFormatError


class Reader(Protocol):
    """What a name under ``[checkpoints]`` of a plugin's manifest stands for."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or folder, looks like one of its own; cheap, and raises nothing."""

    @staticmethod
    def read(path: Path, /, **options: Any) -> Mapping[str, Saved]:
        """A `Saved` for each layer, under its path in the model."""


def from_pretrained(
    path: str | os.PathLike[str],
    technology: str | None = None,
    framework: str | None = None,
    *,
    format: str | None = None,  # noqa: A002
    device: Any = None,
    dtype: str | None = None,
    **options: Any,
) -> Any:
    """The layer, or the dict of layers by path, of another library's checkpoint.

    `format` names the reader, such as ``"ncps-1.0"`` for the torch layers of ncps 1.0.1; without
    it the installed readers are asked whose file it is. `options` are the reader's, for what the
    file does not say.

    Raises: FileFormatError when no reader knows the file, or it is damaged; UnknownNameError for
    an unknown format or option; as `ncps.create` for the technology.
    """
    place = {"technology": technology, "framework": framework, "device": device}
    read = read_checkpoint(Path(path), format, options)
    layers = {name: make(saved, dtype=dtype, **place) for name, saved in read.items()}
    return layers[""] if list(layers) == [""] else layers


def read_checkpoint(path: Path, name: str | None, options: Mapping[str, Any]) -> dict[str, Saved]:
    """The layers of a checkpoint by path."""
    if not path.exists():
        raise FileFormatError(f"{path} expected a checkpoint, got nothing: there is no such file.")
    reader = registry.checkpoint_reader(name) if name is not None else _reader_for(path)
    found = reader.read(path, **options)
    return dict(found)


def _reader_for(path: Path) -> Any:
    failures = []
    for name in registry.checkpoint_formats():
        try:
            reader = registry.checkpoint_reader(name)
        except ImportError as error:  # a reader that cannot be loaded hides none of the others
            failures.append(f"{name}: {error}")
            continue
        if reader.recognises(path):
            return reader
    known = ", ".join(registry.checkpoint_formats()) or "none"
    because = "".join(f" {failure}." for failure in failures)
    raise FileFormatError(
        f"{path} is no checkpoint that an installed reader knows. Formats: {known}.{because} Name "
        "one with format=, or read a file of ncps.save with ncps.load."
    )
