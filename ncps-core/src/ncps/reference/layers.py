"""The reference served as layers: the technology ``numpy``, float64 on the CPU, no framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.canonical import ParameterMap, Rename
from ncps.errors import ParameterError, PluginError, ShapeError
from ncps.reference._containers import inside
from ncps.reference._run import run, step
from ncps.specs import ContainerSpec, Shape, Spec

Array = npt.NDArray[Any]


class ReferenceLayer:
    """A layer of the reference: its native parameters are the canonical ones, in float64.

    It computes what the layer means and trains nothing: it is the judge of the other
    technologies, and runs a trained model where no framework is installed.
    """

    framework: ClassVar[str] = "numpy"

    def __init__(
        self,
        spec: Spec,
        *,
        seed: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        if dtype not in (None, "float64") or device not in (None, "cpu"):
            raise PluginError(
                f"technology numpy expected dtype 'float64' and device 'cpu', got {dtype!r} and "
                f"{device!r}. Leave them out, or choose another technology."
            )
        self.spec = spec
        self._seed = seed
        self._arrays: dict[str, Array] = {}
        self.built = False
        if not spec.is_open:
            self._initialise()

    def _initialise(self) -> None:
        values = self.spec.initial_parameters(self._seed)
        self._arrays = {name: value.astype(np.float64) for name, value in values.items()}
        self.built = True

    @property
    def dtype(self) -> str:
        """Always float64."""
        return "float64"

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Every parameter under its own name."""
        return ParameterMap(tuple(Rename(p.name, p.name) for p in spec.parameters()))

    def build(self, input_shape: Shape) -> None:
        """Create the parameters for inputs (…, D)."""
        if self.built and not self.spec.sized:
            self.spec.output_shape(input_shape)
            return
        if self.spec.sized and (not input_shape or input_shape[-1] is None):
            raise ShapeError(
                f"{self.spec.layer} expected a shape that ends in the number of features, got "
                f"{tuple(input_shape)}. Pass that number as the last entry."
            )
        self.spec.output_shape(input_shape)
        self.spec = self.spec.with_input_shape(input_shape)
        if not self.built:
            self._initialise()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""
        return self.spec.output_shape(input_shape)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state array, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        states = tuple(np.zeros((*lead, *shape)) for _, shape in self.spec.state_shapes())
        return states[0] if len(states) == 1 else states or None

    def get_native(self) -> dict[str, Array]:
        """Copies of the parameters."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def set_native(self, arrays: Mapping[str, Array]) -> None:
        """Replace all parameters.

        Raises: ParameterError when a name or a shape does not fit; nothing is changed then.
        """
        own = {name: array.shape for name, array in self._arrays.items()}
        given = {name: np.shape(array) for name, array in arrays.items()}
        if own != given:
            raise ParameterError(
                f"{self.spec.layer} expected the arrays {own}, got {given}. "
                "Pass what get_native gives."
            )
        self._arrays = {k: np.array(arrays[k], dtype=np.float64) for k in self._arrays}

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the layer; see `ncps.reference.run` for the arguments after x."""
        if not self.built:
            self.build(np.shape(x))
        result = run(self.spec, self._arrays, x, *args, **kwargs)
        return result if getattr(self.spec, "return_state", True) else result[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.spec!r})"


class Activation(ReferenceLayer):
    """See `ncps.specs.Activation`."""


class AveragePool1D(ReferenceLayer):
    """See `ncps.specs.AveragePool1D`."""


class AveragePool2D(ReferenceLayer):
    """See `ncps.specs.AveragePool2D`."""


class Conv1D(ReferenceLayer):
    """See `ncps.specs.Conv1D`."""


class Conv1DTranspose(ReferenceLayer):
    """See `ncps.specs.Conv1DTranspose`."""


class Conv2D(ReferenceLayer):
    """See `ncps.specs.Conv2D`."""


class Conv2DTranspose(ReferenceLayer):
    """See `ncps.specs.Conv2DTranspose`."""


class Dropout(ReferenceLayer):
    """See `ncps.specs.Dropout`."""


class Flatten(ReferenceLayer):
    """See `ncps.specs.Flatten`."""


class GlobalAveragePool1D(ReferenceLayer):
    """See `ncps.specs.GlobalAveragePool1D`."""


class GlobalAveragePool2D(ReferenceLayer):
    """See `ncps.specs.GlobalAveragePool2D`."""


class GlobalMaxPool1D(ReferenceLayer):
    """See `ncps.specs.GlobalMaxPool1D`."""


class GlobalMaxPool2D(ReferenceLayer):
    """See `ncps.specs.GlobalMaxPool2D`."""


class MaxPool1D(ReferenceLayer):
    """See `ncps.specs.MaxPool1D`."""


class MaxPool2D(ReferenceLayer):
    """See `ncps.specs.MaxPool2D`."""


class Dense(ReferenceLayer):
    """See `ncps.specs.Dense`."""


class FeedForward(ReferenceLayer):
    """See `ncps.specs.FeedForward`."""


class GeGLU(ReferenceLayer):
    """See `ncps.specs.GeGLU`."""


class SwiGLU(ReferenceLayer):
    """See `ncps.specs.SwiGLU`."""


class StreamingLayer(ReferenceLayer):
    """A layer without a state of its own that also carries a sequence on, as attention does."""

    def step(self, x: Any, state: Any = None, mask: Any = None) -> tuple[Array, Any]:
        """y and the new state for the steps x that follow those in `state`."""
        if not self.built:
            self.build(np.shape(x))
        return step(self.spec, self._arrays, x, state, mask)


class MultiHeadAttention(StreamingLayer):
    """See `ncps.specs.MultiHeadAttention`."""


class GroupedQueryAttention(StreamingLayer):
    """See `ncps.specs.GroupedQueryAttention`."""


class NCPDense(ReferenceLayer):
    """See `ncps.specs.NCPDense`."""


class RNNCell(ReferenceLayer):
    """See `ncps.specs.RNNCell`."""


class RNN(ReferenceLayer):
    """See `ncps.specs.RNN`."""


class GRUCell(ReferenceLayer):
    """See `ncps.specs.GRUCell`."""


class GRU(ReferenceLayer):
    """See `ncps.specs.GRU`."""


class LSTMCell(ReferenceLayer):
    """See `ncps.specs.LSTMCell`."""


class LSTM(ReferenceLayer):
    """See `ncps.specs.LSTM`."""


class CfCCell(ReferenceLayer):
    """See `ncps.specs.CfCCell`."""


class CfC(ReferenceLayer):
    """See `ncps.specs.CfC`."""


class LTCCell(ReferenceLayer):
    """See `ncps.specs.LTCCell`."""


class LTC(ReferenceLayer):
    """See `ncps.specs.LTC`."""


class ELTCCell(ReferenceLayer):
    """See `ncps.specs.ELTCCell`."""


class ELTC(ReferenceLayer):
    """See `ncps.specs.ELTC`."""


class CTGRUCell(ReferenceLayer):
    """See `ncps.specs.CTGRUCell`."""


class CTGRU(ReferenceLayer):
    """See `ncps.specs.CTGRU`."""


class CTRNNCell(ReferenceLayer):
    """See `ncps.specs.CTRNNCell`."""


class CTRNN(ReferenceLayer):
    """See `ncps.specs.CTRNN`."""


class BatchNorm(ReferenceLayer):
    """See `ncps.specs.BatchNorm`."""


class Embedding(ReferenceLayer):
    """See `ncps.specs.Embedding`."""


class GroupNorm(ReferenceLayer):
    """See `ncps.specs.GroupNorm`."""


class LayerNorm(ReferenceLayer):
    """See `ncps.specs.LayerNorm`."""


class RMSNorm(ReferenceLayer):
    """See `ncps.specs.RMSNorm`."""


class _Container(ReferenceLayer):
    """A layer made of others."""

    spec: ContainerSpec

    def members(self) -> dict[str, ReferenceLayer]:
        """The layers inside by name, with copies of their parameters."""
        found: dict[str, ReferenceLayer] = {}
        for name, spec in self.spec.members().items():
            kind = _Container if isinstance(spec, ContainerSpec) else ReferenceLayer
            found[name] = kind(spec, seed=0)
            found[name].set_native(inside(self._arrays, name))
        return found


class Bidirectional(_Container):
    """See `ncps.specs.Bidirectional`."""


class Residual(_Container):
    """See `ncps.specs.Residual`."""


class Sequential(_Container):
    """See `ncps.specs.Sequential`."""
