"""What the sequence layers of `ncps.torch` share: the call and the attributes of ncps 1.0.1."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from ncps.errors import ShapeError
from ncps_torch import layers, ops


class SequenceFace(layers.Sequence):
    """A native sequence layer called as ``readout, hx = layer(input, hx=None, timespans=None)``.

    Shape: input (B, T, D), (T, B, D) without `batch_first`, or (T, D); timespans a scalar, (T,),
    or as input with D left out or 1; a batch axis of 1 in timespans stands for all rows, as in
    ncps 1.0.1.
    """

    batch_first: bool

    @property
    def input_size(self) -> int | None:
        """Features of the input."""
        size: int | None = self.spec.input_size
        return size

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        size: int = self.spec.state_size
        return size

    @property
    def output_size(self) -> int:
        """Features of the output before any projection, as in ncps 1.0.1."""
        return len(self.spec.output_neurons)

    @property
    def wiring_or_units(self) -> Any:
        """The wiring, or the number of neurons."""
        return self.spec.units

    @property
    def use_mixed(self) -> bool:
        """Whether there is an LSTM memory."""
        mixed: bool = self.spec.mixed_memory
        return mixed

    @property
    def return_sequences(self) -> bool:
        """Whether the readout has all steps, or the last one only; may be set."""
        everything: bool = self.spec.return_sequences
        return everything

    @return_sequences.setter
    def return_sequences(self, value: bool) -> None:
        self.spec = dataclasses.replace(self.spec, return_sequences=value)

    def forward(  # type: ignore[override]
        self,
        input: Any,  # noqa: A002
        hx: Any = None,
        timespans: Any = None,
    ) -> tuple[Tensor, Any]:
        """Run a sequence from the state `hx`; the readout and the new state."""
        if isinstance(input, Tensor):
            x = input
        else:
            x = torch.as_tensor(input, device=self._first().device)
        time_first = not self.batch_first and x.dim() == 3
        if timespans is not None and x.dim() == 3:
            timespans = ops.exact(timespans)
            if time_first:
                self._check_time_first(x, timespans)
            timespans = _batch_first(timespans, time_first)
        readout, hx = super().forward(x.transpose(0, 1) if time_first else x, hx, timespans)
        if time_first and self.return_sequences:
            readout = readout.transpose(0, 1)
        return readout, hx

    def _check_time_first(self, x: Tensor, dt: Tensor) -> None:
        steps, batch, _ = x.shape
        shapes = (), (steps,), (steps, batch), (steps, 1), (steps, batch, 1), (steps, 1, 1)
        if tuple(dt.shape) not in shapes:
            raise ShapeError(
                f"{self.spec.layer} with batch_first=False expected timespans {(steps, batch)}, "
                f"got {tuple(dt.shape)}. Pass one elapsed time per step, time first, or a scalar."
            )


def _batch_first(dt: Tensor, time_first: bool) -> Tensor:
    """Times of a batch as () or (T,) for all rows, or (B, T), (B, T, 1)."""
    if dt.dim() < 2:
        return dt
    if time_first:
        dt = dt.transpose(0, 1)
    every_row = dt.shape[0] == 1 and dt.numel() == dt.shape[1]
    return dt.reshape(-1) if every_row else dt
