"""The MLX half of training: one AdamW step, a prediction, and the optimiser's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import numpy.typing as npt
from mlx.utils import tree_map_with_path

from ncps.errors import ParameterError
from ncps_mlx import ops
from ncps_mlx.layers import NativeLayer

if TYPE_CHECKING:
    from ncps.training import Batch


class _Net(nn.Module):
    """prediction = head([recurrent(x), context])."""

    def __init__(self, recurrent: NativeLayer, head: NativeLayer) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.head = head

    def __call__(
        self, x: mx.array, timespans: mx.array, mask: mx.array, context: mx.array
    ) -> mx.array:
        y = self.recurrent(x, timespans=timespans, mask=mask)
        prediction: mx.array = self.head(mx.concatenate([y, context.astype(y.dtype)], axis=-1))
        return prediction.astype(mx.float32)


class Trainer:
    """Trains a recurrent layer and a head together on mean squared error.

    `model` has "recurrent", a sequence layer with neither `return_sequences` nor `return_state`,
    and "head", a Dense on [y, context]. The gradient's norm is clipped at `clip_norm`.
    """

    def __init__(
        self, model: Mapping[str, NativeLayer], *, weight_decay: float, clip_norm: float
    ) -> None:
        self._net = _Net(model["recurrent"], model["head"])
        self._clip_norm = clip_norm
        self._optimizer = optim.AdamW(0.0, weight_decay=weight_decay, bias_correction=True)
        self._optimizer.init(self._net.trainable_parameters())
        everything = [self._net.state, self._optimizer.state, mx.random.state]
        # only the outermost compile pays: inside a gradient, compiled functions are traced anew
        self._update = mx.compile(self._plain_update, inputs=everything, outputs=everything)

    def step(self, batch: Batch, learning_rate: float) -> float:
        """One update on a batch; the loss before it."""
        self._net.train()
        self._optimizer.learning_rate = learning_rate
        loss = self._update(*_arrays(batch), mx.array(batch.target))
        mx.eval(loss, self._net.state, self._optimizer.state)
        return float(loss)

    def predict(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Predictions (B, outputs), without dropout."""
        self._net.eval()
        return ops.to_numpy(self._net(*_arrays(batch)))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Step count and moments of the optimiser."""
        return {name: ops.to_numpy(a) for name, a in self._moments().items()}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` gave.

        Raises: ParameterError when it belongs to another model; nothing is changed then.
        """
        own = self._moments()
        wanted = {name: tuple(a.shape) for name, a in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in state.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            raise ParameterError(
                f"expected the optimiser state of this model, got another at {', '.join(wrong)}. "
                "Nothing was changed. Resume with the layers and options that the run began with."
            )
        new = {name: mx.array(np.asarray(a)).astype(own[name].dtype) for name, a in state.items()}
        # in place: the compiled step holds this dict; leaf by leaf: an unflattened tree would
        # lose the empty containers, such as the backbone of a wired CfC
        whole = tree_map_with_path(lambda name, a: new.get(name, a), self._optimizer.state)
        self._optimizer.state.update(whole)

    def _moments(self) -> dict[str, mx.array]:
        flat = ops.named(self._optimizer.state)
        return {name: a for name, a in flat.items() if name != "learning_rate"}

    def _plain_update(
        self, x: mx.array, timespans: mx.array, mask: mx.array, context: mx.array, target: mx.array
    ) -> mx.array:
        def loss_of() -> mx.array:
            return mx.mean(mx.square(self._net(x, timespans, mask, context) - target))

        loss: mx.array
        loss, gradients = nn.value_and_grad(self._net, loss_of)()
        gradients, _ = optim.clip_grad_norm(gradients, self._clip_norm)
        self._optimizer.update(self._net, gradients)
        return loss


def _arrays(batch: Batch) -> tuple[mx.array, mx.array, mx.array, mx.array]:
    return (
        mx.array(batch.x),
        mx.array(batch.timespans),
        mx.array(batch.mask),
        mx.array(batch.context),
    )
