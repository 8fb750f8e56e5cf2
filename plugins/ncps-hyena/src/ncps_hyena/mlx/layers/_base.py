"""What the Hyena layers on MLX share: a call for whole sequences and a step that carries one on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import mlx.core as mx

from ncps.canonical import FromOptions, ParameterMap
from ncps.specs import Spec, inputs
from ncps_hyena.mlx import ops
from ncps_hyena.mlx.ops import HyenaState
from ncps_hyena.parameters import native_map

States = tuple[HyenaState, ...]

if TYPE_CHECKING:
    from ncps.specs.inputs import Axes
    from ncps_mlx.toolkit import NativeLayer as Host
else:
    Host = ops.kit.NativeLayer


class Hyena(FromOptions, Host):
    """Made from a spec or options; arrays are called as in `ncps_hyena.parameters`."""

    technology: ClassVar[str] = "hyena"
    sizes: ClassVar[tuple[str, ...]] = ("input_size", "l_max")
    spec: Any

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return native_map(spec, taps_last=False)

    def through(
        self, x: mx.array, real: mx.array | None, states: States | None
    ) -> tuple[mx.array, States]:
        """y for x (B, T, …), whose masked steps hold zeros; the new states of the operators in it.

        Without states x is a whole sequence, and there are no new ones.
        """
        raise NotImplementedError(f"{type(self).__name__} must define through")

    def __call__(self, x: Any, *, mask: Any = None) -> mx.array:
        """Run x; see the class for the shapes."""
        with ops.kit.on_device(self._device):
            x, axes, real = self._arguments(x, mask)
            y, _ = self.through(x, real, None)
            return y if axes.batched else y[0]

    def step(self, x: Any, state: Any = None, mask: Any = None) -> tuple[mx.array, Any]:
        """y and the new state for the steps x that follow those in `state`.

        The result of any pieces is that of one call over the whole. States are not changed.

        Raises: SpecError when the layer has no step; ShapeError when an argument does not fit, or
        when the steps that came and those of x are more than l_max.
        """
        self.spec.check_streams()
        with ops.kit.on_device(self._device):
            x, axes, real = self._arguments(x, mask)
            y, new = self.through(x, real, self._states(state, axes))
            return (y if axes.batched else y[0]), self._given(new)

    def _arguments(self, x: Any, mask: Any) -> tuple[mx.array, Axes, mx.array | None]:
        """x with a batch axis and zeros in masked steps, its axes, and which steps are real."""
        x = self._input(x)
        axes = inputs.sequence_axes(self.spec, x.shape)
        real = ops.kit.real_steps(self.spec, axes, mask)
        features = () if self.spec.indices else x.shape[-1:]
        return ops.cleared(x.reshape(axes.batch, axes.steps, *features), real), axes, real

    @property
    def _kind(self) -> mx.Dtype:
        """What the layer computes in, but for filters, transforms and sums over blocks."""
        kind: mx.Dtype = ops.kit.DTYPES[self.dtype]
        return kind

    def _states(self, state: Any, axes: Axes) -> States:
        """The states before x, checked."""
        if state is None:
            return (ops.empty_state(self.spec, axes.batch, self._kind),)
        ops.check_state(self.spec, state, axes.batch, axes.steps)
        return (state,)

    def _given(self, states: States) -> Any:
        """The states as the user gets them."""
        return states[0]
