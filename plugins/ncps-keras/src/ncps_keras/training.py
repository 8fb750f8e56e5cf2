"""The Keras half of training: one AdamW step, a prediction, and the optimiser's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt

from ncps.errors import ParameterError
from ncps_keras import ops
from ncps_keras.layers import NativeLayer

if TYPE_CHECKING:
    from ncps.training import Batch

MOMENTS = ("momentum", "velocity")


class _Net(keras.Model):
    """prediction = head([recurrent(x), context])."""

    def __init__(self, recurrent: NativeLayer, head: NativeLayer) -> None:
        super().__init__(name="forecast")
        self.recurrent = recurrent
        self.head = head

    def call(self, batch: Mapping[str, Any], training: bool = False) -> Any:
        options = {"timespans": batch["timespans"], "mask": batch["mask"], "training": training}
        y = self.recurrent(batch["x"], **options)
        joined = keras.ops.concatenate([y, keras.ops.cast(batch["context"], y.dtype)], axis=-1)
        return keras.ops.cast(self.head(joined), "float32")


class Trainer:
    """Trains a recurrent layer and a head together on mean squared error.

    `model` has "recurrent", a sequence layer with neither `return_sequences` nor `return_state`,
    and "head", a Dense on [y, context]. The gradient's norm is clipped at `clip_norm`. A step is
    one compiled function on JAX, and a graph on TensorFlow.
    """

    def __init__(
        self, model: Mapping[str, NativeLayer], *, weight_decay: float, clip_norm: float
    ) -> None:
        self._net = _Net(model["recurrent"], model["head"])
        self._optimizer = keras.optimizers.AdamW(
            0.0, weight_decay=weight_decay, epsilon=1e-8, global_clipnorm=clip_norm
        )
        # from the start, so that a run can be saved before its first step
        self._optimizer.build(self._net.trainable_variables)
        # XLA makes TensorFlow's loop over time slower on a CPU, and Keras has none for torch
        compiled = keras.config.backend() == "jax"
        self._net.compile(self._optimizer, loss="mean_squared_error", jit_compile=compiled)

    def step(self, batch: Batch, learning_rate: float) -> float:
        """One update on a batch; the loss before it."""
        self._optimizer.learning_rate = learning_rate
        return float(self._net.train_on_batch(_arrays(batch), batch.target))

    def predict(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Predictions (B, outputs), without dropout."""
        return ops.to_numpy(self._net(_arrays(batch)))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Step count and moments of the optimiser."""
        return {name: ops.to_numpy(variable) for name, variable in self._moments().items()}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` gave.

        Raises: ParameterError when it belongs to another model; nothing is changed then.
        """
        own = self._moments()
        wanted = {name: tuple(variable.shape) for name, variable in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in state.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            raise ParameterError(
                f"expected the optimiser state of this model, got another at {', '.join(wrong)}. "
                "Nothing was changed. Resume with the layers and options that the run began with."
            )
        for name, array in state.items():
            own[name].assign(np.asarray(array))

    def _moments(self) -> dict[str, Any]:
        """The step count and the moments of each parameter, by name."""
        net, everything = self._net, self._optimizer.variables
        names = {
            id(variable): f"{part}.{name}"
            for part, layer in (("recurrent", net.recurrent), ("head", net.head))
            for name, variable in layer._named().items()
        }
        found = {"step": self._optimizer.iterations}
        for moment in MOMENTS:
            # Keras keeps them in the order of the parameters
            own = [variable for variable in everything if variable.name.endswith(f"_{moment}")]
            for parameter, variable in zip(net.trainable_variables, own, strict=True):
                found[f"{names[id(parameter)]}.{moment}"] = variable
        return found


def _arrays(batch: Batch) -> dict[str, npt.NDArray[Any]]:
    names = ("x", "timespans", "mask", "context")
    return {name: getattr(batch, name) for name in names}
