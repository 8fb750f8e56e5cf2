"""torch's own layers behind the contract of ncps: the technology `torch`.

None of the recurrent ones knows time: `timespans` is checked and has no effect.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from ncps.canonical import ParameterMap
from ncps.errors import SpecError
from ncps.specs import GRU as GRUSpec
from ncps.specs import LSTM as LSTMSpec
from ncps.specs import RNN as RNNSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch._plugin import ncps_supports
from ncps_torch.layers._activation import Activation as Activation
from ncps_torch.layers._bare import bare
from ncps_torch.layers._conv import Conv1D as Conv1D
from ncps_torch.layers._conv import Conv1DTranspose as Conv1DTranspose
from ncps_torch.layers._conv import Conv2D as Conv2D
from ncps_torch.layers._conv import Conv2DTranspose as Conv2DTranspose
from ncps_torch.layers._dense import Dense as Dense
from ncps_torch.layers._embedding import Embedding as Embedding
from ncps_torch.layers._norms import BatchNorm as BatchNorm
from ncps_torch.layers._norms import GroupNorm as GroupNorm
from ncps_torch.layers._norms import LayerNorm as LayerNorm
from ncps_torch.layers._norms import RMSNorm as RMSNorm
from ncps_torch.layers._plain import Dropout as Dropout
from ncps_torch.layers._plain import Flatten as Flatten
from ncps_torch.layers._pool import AveragePool1D as AveragePool1D
from ncps_torch.layers._pool import AveragePool2D as AveragePool2D
from ncps_torch.layers._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps_torch.layers._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps_torch.layers._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps_torch.layers._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps_torch.layers._pool import MaxPool1D as MaxPool1D
from ncps_torch.layers._pool import MaxPool2D as MaxPool2D
from ncps_torch.layers._recurrent import Cell, Sequence, States
from ncps_torch.parameters import composed_map
from ncps_torch.stock_parameters import stock_map


class _Stock:
    """What cells and sequences share: one of torch's layers, under `inner`."""

    inner: ClassVar[str]
    suffix: ClassVar[str]

    @property
    def _torch(self) -> Any:
        return getattr(self, self.inner)

    def _structure(self, spec: Any) -> None:
        # asked by the registry too; here for those who make a layer from its spec
        lacking = ncps_supports(spec, "torch", "torch")
        if lacking is not None:
            raise SpecError(f"{spec.layer} cannot be made so on torch: {lacking}.")
        setattr(self, self.inner, bare(spec))

    def _constants(self, spec: Any) -> None:
        self._torch.input_size = spec.known_input_size()

    def _compute_dtype(self, parameter: Tensor) -> torch.dtype:
        return parameter.dtype

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the tensors of torch's layer relate to the canonical parameters."""
        cells = (GRUCellSpec, LSTMCellSpec, RNNCellSpec)
        if not isinstance(spec, cells):
            raise TypeError(f"expected the spec of a {cls.__name__}, got {type(spec).__name__}.")
        return composed_map(spec, lambda plain: stock_map(plain, f"{cls.inner}.", cls.suffix))


class _StockCell(_Stock, Cell):
    """One step by a cell of torch's."""

    suffix = ""

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        after = self._torch(x[0], _given(states))
        return tuple(s[None] for s in _all(after))


class _StockSequence(_Stock, Sequence):
    """A sequence by a layer of torch's, one direction of one layer."""

    suffix = "_l0"

    def _constants(self, spec: Any) -> None:
        super()._constants(spec)
        self._torch.flatten_parameters()

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
        before = _given(tuple(s[None] for s in initial))
        if steps is None:
            h, last = self._torch(x, before)
            return h, tuple(s[0] for s in _all(last))
        x = steps.gather(x)
        h, _ = self._torch(x, before)
        return steps.spread(initial[0], h), self._last(x, initial, before, steps)

    def _last(self, x: Tensor, initial: States, before: Any, steps: ops.Steps) -> States:
        """The states after each row's own last real step; torch packs no row without steps."""
        lengths = steps.lengths.clamp(min=1).cpu()
        packed: Any = x
        if len(lengths):  # and no batch without rows
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, after = self._torch(packed, before)
        empty = (steps.lengths == 0)[:, None]
        pairs = zip(initial, _all(after), strict=True)
        return tuple(torch.where(empty, i, a[0]) for i, a in pairs)


def _given(states: States) -> Any:
    """States as torch's layers take them: one alone, several in a tuple."""
    return states if len(states) > 1 else states[0]


def _all(states: Any) -> States:
    """The states that a layer of torch's gave."""
    return states if isinstance(states, tuple) else (states,)


class RNNCell(_StockCell):
    """A `torch.nn.RNNCell`; see `ncps.specs.RNNCell` for the equation and shapes."""

    spec: RNNCellSpec
    inner = "rnn"


class RNN(_StockSequence):
    """A `torch.nn.RNN`; see `ncps.specs.RNN` for the equation and shapes."""

    spec: RNNSpec
    inner = "rnn"


class GRUCell(_StockCell):
    """A `torch.nn.GRUCell`; see `ncps.specs.GRUCell`. It has `reset_after` only."""

    spec: GRUCellSpec
    inner = "gru"


class GRU(_StockSequence):
    """A `torch.nn.GRU`; see `ncps.specs.GRU`. It has `reset_after` only."""

    spec: GRUSpec
    inner = "gru"


class LSTMCell(_StockCell):
    """A `torch.nn.LSTMCell`; see `ncps.specs.LSTMCell` for equations and shapes."""

    spec: LSTMCellSpec
    inner = "lstm"


class LSTM(_StockSequence):
    """A `torch.nn.LSTM`; see `ncps.specs.LSTM` for equations and shapes.

    Its gradients on a CPU in float32 are oneDNN's, which have no derivative of their own: for
    second derivatives use technology `ncps`.
    """

    spec: LSTMSpec
    inner = "lstm"
