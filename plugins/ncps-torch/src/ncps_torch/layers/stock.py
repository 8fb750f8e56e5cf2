"""torch's own layers behind the contract of ncps: the technology `torch`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ncps.canonical import ParameterMap
from ncps.specs import LSTM as LSTMSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch.layers._dense import Dense as Dense
from ncps_torch.layers._recurrent import Cell, Sequence, States
from ncps_torch.parameters import composed_map, stock_lstm_map


class LSTMCell(Cell):
    """A `torch.nn.LSTMCell`; see `ncps.specs.LSTMCell` for equations and shapes.

    `timespans` is checked and has no effect: an LSTM knows no time.
    """

    spec: LSTMCellSpec

    def _structure(self, spec: LSTMCellSpec) -> None:
        self.lstm = nn.LSTMCell(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def _constants(self, spec: LSTMCellSpec) -> None:
        self.lstm.input_size = spec.known_input_size()

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        h, c = self.lstm(x[0], states)
        return h[None], c[None]

    def _compute_dtype(self, parameter: Tensor) -> torch.dtype:
        return parameter.dtype

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the tensors of the `torch.nn.LSTMCell` relate to the canonical parameters."""
        assert isinstance(spec, LSTMCellSpec), f"the spec of a {spec.layer} is not one of an LSTM"
        return stock_lstm_map(spec, "")


class LSTM(Sequence):
    """A `torch.nn.LSTM`; see `ncps.specs.LSTM` for equations and shapes.

    `timespans` is checked and has no effect. Its gradients on a CPU in float32 are oneDNN's,
    which have no derivative of their own: for second derivatives use technology `ncps`.
    """

    spec: LSTMSpec

    def _structure(self, spec: LSTMSpec) -> None:
        size = spec.known_input_size()
        self.lstm = nn.LSTM(size, spec.units, bias=spec.use_bias, batch_first=True)

    def _constants(self, spec: LSTMSpec) -> None:
        self.lstm.input_size = spec.known_input_size()
        self.lstm.flatten_parameters()

    def _compute_dtype(self, parameter: Tensor) -> torch.dtype:
        return parameter.dtype

    def scan(
        self, x: Tensor, initial: States, times: ops.Times, everything: bool
    ) -> tuple[Tensor, States]:
        """As `Sequence.scan`; autocast is left to torch's layer."""
        if x.shape[1] == 0:
            return super().scan(x, initial, times, everything)
        h, last = self._through(x, initial, times.dt, times.steps)
        return h if everything else last[0], last

    def _through(
        self, x: Tensor, initial: States, dt: Tensor | None, steps: ops.Steps | None
    ) -> tuple[Tensor, States]:
        before = tuple(s[None] for s in initial)
        if steps is None:
            h, last = self.lstm(x, before)
            return h, tuple(s[0] for s in last)
        x = steps.gather(x)
        h, _ = self.lstm(x, before)
        return steps.spread(initial[0], h), self._last(x, initial, before, steps)

    def _last(self, x: Tensor, initial: States, before: Any, steps: ops.Steps) -> States:
        """The states after each row's own last real step; torch packs no row without steps."""
        lengths = steps.lengths.clamp(min=1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, after = self.lstm(packed, before)
        empty = (steps.lengths == 0)[:, None]
        return tuple(torch.where(empty, i, a[0]) for i, a in zip(initial, after, strict=True))

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the tensors of the `torch.nn.LSTM` relate to the canonical parameters."""
        assert isinstance(spec, LSTMCellSpec), f"the spec of a {spec.layer} is not one of an LSTM"
        return composed_map(spec, lambda plain: stock_lstm_map(plain, "_l0"))
