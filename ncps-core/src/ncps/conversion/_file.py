"""Files of layers rewritten in another technology's names and shapes, each layer checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ncps.canonical import Layout, Saved, is_saved, layout_of, make, read, to_native, write
from ncps.conversion._compare import Comparison, compare
from ncps.conversion._pretrained import read_checkpoint
from ncps.errors import ConversionError
from ncps.specs import Spec


class Tensor(NamedTuple):
    """One tensor of a written file, and the canonical parameters that went into it."""

    name: str
    shape: tuple[int, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ConvertedLayer:
    """One layer of a converted file: its path, its tensors, and how far the two are apart."""

    path: str
    comparison: Comparison
    tensors: tuple[Tensor, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "path": self.path,
            "compared": [self.comparison.first, self.comparison.second],
            "differences": [vars(d) | {"within": d.within} for d in self.comparison.differences],
            "tensors": [t._asdict() for t in self.tensors],
        }


def convert_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    technology: str | None = None,
    framework: str | None = None,
    *,
    beside: str = "numpy",
    format: str | None = None,  # noqa: A002
    options: Mapping[str, Any] | None = None,
) -> list[ConvertedLayer]:
    """Rewrite a file of `ncps.save`, or a foreign checkpoint, as a technology's own layout.

    Each layer runs in the technology and in `beside`; `out` is written only when all of their
    differences are allowed, which the result says. `format` and `options` are those of
    `ncps.from_pretrained`.

    Raises: FileFormatError when `source` cannot be read; ConversionError when `out` is `source`,
    or when a file of `ncps.save` is given options; as `ncps.create` for the names; OSError when
    `out` cannot be written.
    """
    source, out = Path(source), Path(out)
    if out.exists() and source.exists() and out.samefile(source):
        raise ConversionError(f"{out} is the file to convert. Name another file for the result.")
    ours = format is None and is_saved(source)
    if ours and options:
        raise ConversionError(
            f"{source} expected no options, got {', '.join(options)}: a file of ncps.save says all "
            "of its layers. Leave them out."
        )
    layers = read(source) if ours else read_checkpoint(source, format, options or {})
    place = {"technology": technology, "framework": framework}
    done = [_converted(path, layer, place, beside) for path, layer in layers.items()]
    if all(layer.comparison.within for layer in done):
        layouts = {path: _layout(layer, place) for path, layer in layers.items()}
        write(layers, out, layouts)
    return done


def _converted(
    path: str, layer: Saved, place: Mapping[str, str | None], beside: str
) -> ConvertedLayer:
    made = make(layer, technology=place["technology"], framework=place["framework"])
    comparison = compare(make(layer, technology=beside), made)
    tensors = _tensors(layer.spec, _layout(layer, place))
    prefix = f"{path}." if path else ""
    named = tuple(t._replace(name=prefix + t.name) for t in tensors)
    return ConvertedLayer(path, comparison, named)


def _layout(layer: Saved, place: Mapping[str, str | None]) -> Layout:
    return layout_of(layer.spec, place["technology"], place["framework"], own=layer.own)


def _tensors(spec: Spec, layout: Layout) -> list[Tensor]:
    """Native tensors, each with the parameters in it: those that it changes with."""
    zeros = {p.name: np.zeros(p.shape, np.float32) for p in spec.parameters()}
    shapes = {name: array.shape for name, array in to_native(zeros, layout, spec).items()}
    sources: dict[str, list[str]] = {name: [] for name in shapes}
    for parameter, array in zeros.items():
        marked = to_native({**zeros, parameter: np.ones_like(array)}, layout, spec)
        for name, value in marked.items():
            if value.any():
                sources[name].append(parameter)
    return [Tensor(name, shape, tuple(sources[name])) for name, shape in shapes.items()]
