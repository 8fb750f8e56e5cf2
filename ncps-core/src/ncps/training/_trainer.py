"""What the loop needs of a technology: one object that steps and predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ncps.errors import NcpsError

from ._batch import Batch

Arrays = dict[str, npt.NDArray[Any]]


class TrainingError(NcpsError, RuntimeError):
    """Training cannot go on: the loss is no longer a number, or there is nothing to continue."""


class InterruptedTrainingError(TrainingError):
    """Ctrl-C came before there was anything to keep."""


class Trainer(Protocol):
    """A technology's half of training, as a plugin's ``ncps_trainer`` hook gives it.

    The model is {"recurrent": sequence layer, "head": Dense}; its forecast is
    head([recurrent(x, timespans=timespans, mask=mask), context]).
    """

    def step(self, batch: Batch, learning_rate: float) -> float:
        """One AdamW update on the mean squared error; the loss before it."""

    def predict(self, batch: Batch) -> npt.NDArray[Any]:
        """The model's outputs, (B, outputs)."""

    def state(self) -> Arrays:
        """The optimiser's moments and step count."""

    def load_state(self, state: Arrays) -> None:
        """Continue from what ``state`` gave."""


class Parametric(Protocol):
    """What the loop needs of a layer: its parameters as NumPy arrays, out and in."""

    def get_native(self) -> Arrays:
        """A copy of the parameters."""

    def set_native(self, arrays: Arrays) -> None:
        """Replace all parameters."""


Model = Mapping[str, Parametric]


def snapshot(model: Model) -> Arrays:
    """All parameters of the model, under layer.name."""
    return {
        f"{name}.{key}": np.array(value)
        for name, layer in model.items()
        for key, value in layer.get_native().items()
    }


def restore(model: Model, arrays: Arrays) -> None:
    """Give the model the parameters of a snapshot."""
    for name, layer in model.items():
        prefix = f"{name}."
        layer.set_native(
            {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}
        )


def predict(trainer: Trainer, batch: Batch) -> npt.NDArray[np.float64]:
    """The model's outputs for all rows, in pieces, (B, outputs)."""
    pieces = [np.asarray(trainer.predict(piece), dtype=np.float64) for piece in batch.chunks()]
    return np.concatenate(pieces)
