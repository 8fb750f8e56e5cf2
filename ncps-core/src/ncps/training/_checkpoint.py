"""What continuing a run takes, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ncps.errors import FileFormatError

from ._loop import Epoch, LoopState
from ._trainer import Arrays

_SCHEMA = "1"
_PARTS = ("parameters", "optimizer", "best")


def save_state(state: LoopState, path: Path) -> None:
    """Write the parameters, the best ones, the optimiser's state and the history."""
    arrays = {
        # not ascontiguousarray, which gives a scalar an axis
        f"{part}/{name}": np.array(value, order="C")
        for part in _PARTS
        for name, value in getattr(state, part).items()
    }
    history = json.dumps([asdict(epoch) for epoch in state.history])
    save_file(arrays, path, {"format": "ncps-checkpoint", "schema": _SCHEMA, "history": history})


def load_state(path: Path) -> LoopState:
    """The state that ``save_state`` wrote; FileFormatError for any other file."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FileFormatError(f"{path} cannot be read as a checkpoint: {error}") from None
    if metadata.get("format") != "ncps-checkpoint" or metadata.get("schema") != _SCHEMA:
        raise FileFormatError(f"{path} is no checkpoint of this version; expected schema {_SCHEMA}")
    history = tuple(Epoch(**epoch) for epoch in json.loads(metadata["history"]))
    parameters, optimizer, best = (_part(arrays, part) for part in _PARTS)
    return LoopState(parameters, optimizer, best, history)


def _part(arrays: Arrays, part: str) -> Arrays:
    return {k.removeprefix(f"{part}/"): v for k, v in arrays.items() if k.startswith(f"{part}/")}
