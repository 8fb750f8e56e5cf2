"""From the tensors of the public implementations to canonical parameters.

C = (N - 1)·D channels of all long convolutions. The sines of a filter's network share one
frequency, which a file may hold once or under each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.errors import FileFormatError
from ncps_hyena.specs import HyenaBlock, HyenaDNA, HyenaOperator, HyenaSpec

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Named = Iterator[tuple[str, Array]]

EMBEDDINGS = "backbone.embeddings.word_embeddings.weight"
# the classification heads of the standalone file, of its training code, and of the hub's models
HEADS = ("head.output_transform", "decoder.0.output_transform", "score")


def model_arrays(spec: HyenaDNA, arrays: Arrays) -> dict[str, Array]:
    """Canonical parameters of a model; KeyError with the name of a tensor that is missing."""
    return dict(_model(spec, Part(arrays)))


def operator_arrays(spec: HyenaOperator, arrays: Arrays) -> dict[str, Array]:
    """Canonical parameters of one operator, whose tensors are under its own names."""
    return dict(_operator(spec, Part(arrays)))


def _model(spec: HyenaDNA, arrays: Arrays) -> Named:
    yield "embeddings", arrays[EMBEDDINGS]
    for i in range(spec.num_layers):
        yield from _under(f"blocks.{i}", _block(spec.block, inside(arrays, f"backbone.layers.{i}")))
    yield from _norm("norm", "backbone.ln_f", arrays)
    if spec.head == "classification":
        head = next((name for name in HEADS if f"{name}.weight" in arrays), HEADS[0])
        yield "head.kernel", arrays[f"{head}.weight"].T
        if spec.head_bias:
            yield "head.bias", arrays[f"{head}.bias"]
    elif spec.head == "lm" and not spec.tie_embeddings:
        yield "head.kernel", arrays["lm_head.weight"].T


def _block(spec: HyenaBlock, arrays: Arrays) -> Named:
    yield from _norm("norm_1", "norm1", arrays)
    yield from _under("operator", _operator(spec.operator, inside(arrays, "mixer")))
    yield from _norm("norm_2", "norm2", arrays)
    yield from _affine("mlp.up", "mlp.fc1", arrays)
    yield from _affine("mlp.down", "mlp.fc2", arrays)


def _operator(spec: HyenaOperator, arrays: Arrays) -> Named:
    # the gates come first, and v last
    names = (*spec.projections[1:], spec.projections[0])
    parts = {
        "kernel": np.split(arrays["in_proj.weight"].T, len(names), axis=1),
        "bias": np.split(_bias(arrays, "in_proj.bias", spec.features * len(names)), len(names)),
        "short_kernel": np.split(arrays["short_filter.weight"][:, 0].T, len(names), axis=1),
        "short_bias": np.split(arrays["short_filter.bias"], len(names)),
    }
    for i, name in enumerate(names):
        for part, split in parts.items():
            yield f"{name}.{part}", split[i]
    yield from _filter(spec, inside(arrays, "filter_fn"))
    yield from _affine("output", "out_proj", arrays)


def _filter(spec: HyenaOperator, arrays: Arrays) -> Named:
    for j in range(spec.num_inner + 1):
        yield from _affine(f"filter.hidden_{j}", f"implicit_filter.{2 * j}", arrays)
    if spec.learn_frequency:
        yield "filter.frequency", frequency(arrays).reshape(-1)
    if spec.learn_positions:
        yield "filter.positions", arrays["pos_emb.z"][0]
    last = f"implicit_filter.{2 * spec.num_inner + 2}.weight"
    for o, kernel in enumerate(apart(spec, arrays[last])):
        yield f"long_{o}.kernel", kernel.T
    skips = _bias(arrays, "bias", spec.features * spec.convolutions)
    for o, skip in enumerate(apart(spec, skips)):
        yield f"long_{o}.skip", skip
    if spec.learn_decay:
        for o, delta in enumerate(apart(spec, arrays["modulation.deltas"].reshape(-1))):
            yield f"long_{o}.delta", delta


def _bias(arrays: Arrays, name: str, size: int) -> Array:
    # a version of the training code computes without these two and does not save them
    return arrays[name] if name in arrays else np.zeros(size, np.float32)


def frequency(arrays: Arrays) -> Array:
    """The frequency of a filter's sines, from whichever of them hold it.

    Raises: FileFormatError when they hold different ones.
    """
    names = [n for n in arrays if n.endswith(".freq")] or ["implicit_filter.1.freq"]
    first = arrays[names[0]]
    if not all(np.array_equal(first, arrays[name]) for name in names):
        raise FileFormatError(
            f"expected one frequency for all sines of a filter, got others in {', '.join(names)}."
        )
    return first


def apart(spec: HyenaSpec, array: Array) -> Array:
    """What belongs to each long convolution (N - 1, D, …), of an array (C, …)."""
    if spec.layout == "order":
        return array.reshape(spec.convolutions, spec.features, *array.shape[1:])
    return np.swapaxes(array.reshape(spec.features, spec.convolutions, *array.shape[1:]), 0, 1)


class Part(dict[str, Array]):
    """Tensors by their names in a part; one that is missing is named in full."""

    def __init__(self, arrays: Arrays, start: str = "") -> None:
        super().__init__(arrays)
        self.start = start

    def __missing__(self, name: str) -> Array:
        raise KeyError(self.start + name)


def inside(arrays: Arrays, prefix: str) -> Part:
    """The tensors of a part."""
    start = f"{prefix}."
    own = {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
    return Part(own, getattr(arrays, "start", "") + start)


def _under(prefix: str, named: Named) -> Named:
    return ((f"{prefix}.{name}", array) for name, array in named)


def _affine(name: str, native: str, arrays: Arrays) -> Named:
    yield f"{name}.kernel", arrays[f"{native}.weight"].T
    yield f"{name}.bias", arrays[f"{native}.bias"]


def _norm(name: str, native: str, arrays: Arrays) -> Named:
    yield f"{name}.gamma", arrays[f"{native}.weight"]
    yield f"{name}.beta", arrays[f"{native}.bias"]
