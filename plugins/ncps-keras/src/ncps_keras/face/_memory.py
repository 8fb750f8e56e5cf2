"""`ncps.keras.MixedMemoryRNN`: a cell behind an LSTM cell, with the weights of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops as kops

from ncps.errors import SpecError
from ncps.specs import GATES, KERAS_1, CfCCell
from ncps_keras.face._canonical import MEMORY_GATES
from ncps_keras.face._cell import CellFace, CfCCore, LTCCore, x_shape
from ncps_keras.face._cfc_cell import CfCCell as CfCCellFace
from ncps_keras.face._configs import PACKAGE, options_of, written
from ncps_keras.face._dialects import DialectWeights
from ncps_keras.face._ltc_cell import LTCCell as LTCCellFace
from ncps_keras.face._wired_cfc_cell import WiredCfCCell

_PARTS = {"kernel": "input_kernel", "recurrent_kernel": "recurrent_kernel", "bias": "bias"}
_OFFSET = 1.0


@keras.saving.register_keras_serializable(package=PACKAGE, name="MixedMemoryRNN")
class MixedMemoryRNN(DialectWeights, CellFace):
    """A cell of this package behind an LSTM cell that keeps a memory c.

    In our dialect the cell reads x, from the LSTM's h; in that of ncps 1.0.1 it reads the LSTM's
    output in place of x, from its own h. Call: ``y, [c, h] = cell(inputs, states)``.
    """

    def __init__(self, rnn_cell: Any, forget_gate_bias: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(rnn_cell, CellFace) or isinstance(rnn_cell, MixedMemoryRNN):
            raise SpecError(
                "MixedMemoryRNN expected a CfCCell, WiredCfCCell or LTCCell of ncps.keras, got a "
                f"{type(rnn_cell).__name__}."
            )
        self.rnn_cell = rnn_cell
        self.forget_gate_bias = forget_gate_bias

    @property
    def stands_for(self) -> type:  # type: ignore[override]
        """The native layer that means the same."""
        return type(self.rnn_cell).stands_for

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """Which equations the weights belong to."""
        return self.rnn_cell.dialect

    @property
    def spec(self) -> Any:
        """What the cell means."""
        if self.core is None:
            return replace(self.rnn_cell.spec, mixed_memory=True)
        return self.core.spec

    @property
    def state_size(self) -> list[int]:
        """Length of the memory c, and number of neurons."""
        return [self.flat_size, self.flat_size]

    @property
    def output_size(self) -> int:
        """Features of the output."""
        return self.rnn_cell.output_size

    @property
    def flat_size(self) -> int:
        """Number of neurons."""
        return self.rnn_cell.state_size

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape."""
        size, units = x_shape(input_shape)[-1], self.flat_size
        self._input_size = size
        self.rnn_cell.build((None, units if self.dialect == KERAS_1 else size))
        self.input_kernel = self.add_weight(
            shape=(size, 4 * units), initializer="glorot_uniform", name="input_kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(units, 4 * units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(4 * units,), initializer="zeros", name="bias")
        self._make_core()
        self.built = True

    def _make_core(self) -> None:
        cell = self.rnn_cell
        # a wiring is built for what the neurons read, which need not be x
        spec = replace(cell.spec, input_size=self._input_size, mixed_memory=True)
        if isinstance(spec, CfCCell):
            self.core = CfCCore(spec, self.read, self.compute_dtype, getattr(cell, "_noise", None))
        else:
            self.core = LTCCore(spec, self.read, self.compute_dtype)

    def read(self, name: str) -> Any:
        """An array of the native layer by its name there; its gates have another order."""
        if not name.startswith("memory."):
            return self.rnn_cell.read(name)
        part = name.removeprefix("memory.")
        value = kops.cast(getattr(self, _PARTS[part]), self.compute_dtype)
        gates = dict(zip(MEMORY_GATES, kops.split(value, 4, axis=-1), strict=True))
        if part == "bias":
            gates["forget_gate"] = gates["forget_gate"] + (self.forget_gate_bias - _OFFSET)
        return kops.concatenate([gates[gate] for gate in GATES], axis=-1)

    def native_states(self, states: Any) -> list[Any]:
        """(c, h) → (h, c)."""
        memory, h = states
        return [h[0] if isinstance(h, (list, tuple)) else h, memory]

    def keras_states(self, states: Any) -> list[Any]:
        """(h, c) → (c, h)."""
        h, memory = states
        return [memory, h]

    def _named(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in _PARTS.values()}
        return {**self.rnn_cell._named(), **own}

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all variables; what the forget gate's offset is beside 1 is in the bias."""
        own = super().get_native()
        arrays = {**self.rnn_cell.get_native(), **{name: own[name] for name in _PARTS.values()}}
        arrays["bias"] = arrays["bias"] + self._offsets()
        return arrays

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all variables at once; see `get_native` for the bias."""
        given = dict(arrays)
        offsets, bias = self._offsets(), given.get("bias")
        if bias is not None and np.shape(bias) == offsets.shape:
            given["bias"] = np.asarray(bias - offsets)
        super().set_native(given)

    def _offsets(self) -> npt.NDArray[np.float32]:
        per_gate = [0.0] * 4
        per_gate[MEMORY_GATES.index("forget_gate")] = self.forget_gate_bias - _OFFSET
        return np.repeat(np.array(per_gate, "float32"), self.flat_size)

    def _set_dialect(self, dialect: str) -> None:
        raise SpecError(
            f"MixedMemoryRNN with dialect={self.dialect!r} expected weights of it, got weights of "
            f"{dialect!r}, whose cell reads something else. Make the layer with "
            f"dialect={dialect!r}."
        )

    def get_config(self) -> dict[str, Any]:
        """The cell's config, the forget gate's offset, and our schema."""
        base = {name: v for name, v in super().get_config().items() if name != "name"}
        own = {
            "rnn_cell": self.rnn_cell.get_config(),
            "rnn_cell_class": type(self.rnn_cell).__name__,
            "forget_gate_bias": self.forget_gate_bias,
        }
        schema = written(self.dialect)
        del schema["dialect"]  # the cell's config says it
        return {**base, **own, **schema}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Self:
        """The cell that `get_config` described, ours or that of ncps 1.0.1."""
        options = options_of(config)
        options.pop("dialect", None)
        inner = options.pop("rnn_cell")
        name = options.pop("rnn_cell_class", None) or _class_of(inner)
        return cls(_CELLS[name].from_config(inner), **options)


_CELLS: dict[str, Any] = {c.__name__: c for c in (CfCCellFace, WiredCfCCell, LTCCellFace)}


def _class_of(config: Mapping[str, Any]) -> str:
    """The class of a cell from the config that ncps 1.0.1 wrote without it."""
    if "ode_unfolds" in config:
        return "LTCCell"
    return "WiredCfCCell" if "wiring" in config else "CfCCell"
