"""Tensors held against a spec, and turned into its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from ncps.canonical import ParameterMap, Saved
from ncps.errors import FileFormatError, NcpsError, ParameterError, unknown
from ncps.specs import Spec
from ncps_xlstm.checkpoints._safetensors import Arrays

Found = TypeVar("Found")


def check_options(spec: type[Spec], given: Iterable[str]) -> None:
    """UnknownNameError for the first that is no option of the spec."""
    known = {field.name for field in dataclasses.fields(spec)} | {"prefix"}
    for name in given:
        if name not in known:
            raise unknown("option of this checkpoint", name, known)


def described(where: str, describe: Callable[[], Found]) -> Found:
    """What tensors show; FileFormatError when they are not those of one model."""
    try:
        return describe()
    except (KeyError, IndexError, ValueError) as error:
        if isinstance(error, NcpsError):
            raise
        raise FileFormatError(
            f"{where} expected the tensors of one model, got {error!r} of what tells its sizes. "
            "Save its whole state dict again."
        ) from error


def fitted(where: str, spec: Spec, rules: ParameterMap, arrays: Arrays) -> Saved:
    """The spec with its parameters.

    Raises: ParameterError when the arrays are not those of the spec, naming all that differ.
    """
    # one number seen everywhere: the shapes of a large model take no memory
    like = {p.name: np.broadcast_to(np.float32(0), p.shape) for p in spec.parameters()}
    wanted = _shapes(rules.to_native(like))
    got = _shapes(arrays)
    if wanted != got:
        wrong = sorted(n for n in wanted.keys() | got.keys() if wanted.get(n) != got.get(n))
        listing = ", ".join(f"{n}: {wanted.get(n)} != {got.get(n)}" for n in wrong[:20])
        raise ParameterError(
            f"{where} expected other tensors (expected != got): {listing}. Pass the options that "
            "it was made with, or prefix= to read the model under one name."
        )
    return Saved(spec, rules.to_canonical(arrays))


def _shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}


def inside(arrays: Arrays, start: str) -> Arrays:
    """The arrays whose names have this start, by the rest of their names."""
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}


def starting(arrays: Arrays, prefix: str) -> str:
    """The prefix with its dot; UnknownNameError when no tensor has it."""
    start = f"{prefix.removesuffix('.')}." if prefix else ""
    if not inside(arrays, start):
        depth = start.count(".")
        raise unknown("prefix", prefix, {".".join(n.split(".")[:-1][:depth]) for n in arrays})
    return start
