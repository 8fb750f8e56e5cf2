"""The torch half of training: one AdamW step, a prediction, and the optimiser's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ncps.errors import ParameterError
from ncps_torch import ops
from ncps_torch.layers import NativeLayer

if TYPE_CHECKING:
    from ncps.training import Batch

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class _Net(nn.Module):
    """prediction = head([recurrent(x), context])."""

    def __init__(self, recurrent: NativeLayer, head: NativeLayer) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.head = head

    def forward(self, x: Tensor, timespans: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        y = self.recurrent(x, timespans=timespans, mask=mask)
        prediction: Tensor = self.head(torch.cat([y, context.to(y.dtype)], dim=-1))
        return prediction.float()


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
        parameters = dict(self._net.named_parameters())
        self._optimizer = torch.optim.AdamW(parameters.values(), lr=0.0, weight_decay=weight_decay)
        for parameter in parameters.values():
            # from the start, so that a run can be saved before its first step
            moments = {name: torch.zeros_like(parameter) for name in MOMENTS[1:]}
            self._optimizer.state[parameter] = {"step": torch.zeros(()), **moments}

    def step(self, batch: Batch, learning_rate: float) -> float:
        """One update on a batch; the loss before it."""
        self._net.train()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.zero_grad()
        loss = nn.functional.mse_loss(self._forward(batch), self._tensor(batch.target))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._net.parameters(), self._clip_norm)
        self._optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def predict(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Predictions (B, outputs), without dropout."""
        self._net.eval()
        return ops.to_numpy(self._forward(batch))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Step count and moments of the optimiser."""
        return {name: ops.to_numpy(tensor) for name, tensor in self._moments().items()}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Put back what `state` gave.

        Raises: ParameterError when it belongs to another model; nothing is changed then.
        """
        own = self._moments()
        wanted = {name: tuple(t.shape) for name, t in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in state.items()}
        if wanted != given:
            wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
            raise ParameterError(
                f"expected the optimiser state of this model, got another at {', '.join(wrong)}. "
                "Nothing was changed. Resume with the layers and options that the run began with."
            )
        for name, array in state.items():
            own[name].copy_(ops.from_numpy(np.asarray(array)))

    def _moments(self) -> dict[str, Tensor]:
        """The optimiser's own tensors by name."""
        return {
            f"{parameter}.{name}": self._optimizer.state[tensor][name]
            for parameter, tensor in self._net.named_parameters()
            for name in MOMENTS
        }

    def _forward(self, batch: Batch) -> Tensor:
        arrays = (batch.x, batch.timespans, batch.mask, batch.context)
        prediction: Tensor = self._net(*map(self._tensor, arrays))
        return prediction

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return ops.from_numpy(array, device=next(self._net.parameters()).device)
