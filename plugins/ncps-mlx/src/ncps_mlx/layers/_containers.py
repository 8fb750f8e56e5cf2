"""What containers share: modules inside a module, and calls that pass time, mask and states on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import mlx.core as mx

from ncps import registry
from ncps.canonical import Inside, ParameterMap
from ncps.specs import CompoundSpec, Spec, inputs, undrawn
from ncps_mlx import layers, ops
from ncps_mlx.layers._base import NativeLayer

States = tuple[mx.array, ...]


def class_of(spec: Spec) -> Any:
    """Our class for a member, or that of the plugin which brings the layer type."""
    found = getattr(layers, spec.layer, None)
    if found is None:
        found = registry.load(registry.select(spec.layer, framework="mlx", spec=spec))
    return found


class Compound(NativeLayer):
    """A layer that holds others, under their names in `layers`; see `ncps.specs.CompoundSpec`."""

    # what stands before a member's name in those of its arrays
    prefix: ClassVar[str] = "layers."
    spec: Any

    def _structure(self) -> None:
        # the values come afterwards, from the whole layer's
        options = {"seed": 0, **self._options()}
        with undrawn():
            self._hold({n: class_of(m)(m, **options) for n, m in self.spec.members().items()})

    def _options(self) -> dict[str, Any]:
        """What the members are made with; the dtype is set for all of them afterwards."""
        return {}

    def _hold(self, members: dict[str, Any]) -> None:
        self.layers = self._held(members)

    def _held(self, members: dict[str, Any]) -> Any:
        """What MLX finds modules in: a dict here."""
        return members

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        assert isinstance(spec, CompoundSpec), "the registry gives each class specs of its own"
        return ParameterMap(
            tuple(
                Inside(f"{cls.prefix}{name}.", f"{name}.", class_of(member).parameter_map(member))
                for name, member in spec.members().items()
            )
        )

    def members(self) -> dict[str, Any]:
        """The layers inside by name."""
        found: dict[str, Any] = self.layers
        return found


class Container(Compound):
    """A layer made of others; see `ncps.specs.ContainerSpec`.

    ``y = layer(x)``, or with a recurrent member ``y, state = layer(x, state=None, timespans=None,
    mask=None, timestamps=None)``.
    """

    def _input(self, x: Any) -> mx.array:
        if not self.spec.indices:
            return super()._input(x)
        array: mx.array = ops.as_array(x)
        if not self._built:
            self.build(array.shape)
        return array

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x; see the class for what else is taken, and what comes back."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            if self.spec.kind == "feedforward":
                self.spec.refuse(state, timespans, mask, timestamps)
                return self._feed(x)
            axes = inputs.sequence_axes(self.spec, x.shape)
            dtype = ops.DTYPES[self.dtype]
            states = ops.initial_states(self.spec, axes, state, dtype)
            dt = ops.elapsed(self.spec, axes, timespans, timestamps, dtype)
            times = ops.Times(dt, ops.real_steps(self.spec, axes, mask))
            x = x.reshape(axes.batch, axes.steps, *x.shape[x.ndim - (not self.spec.indices) :])
            y, states = self._scan(self._clean(x, times.mask), states, times)
            if not axes.batched:
                y, states = y[0], tuple(s[0] for s in states)
            if not self.spec.return_state:
                return y
            return y, states[0] if len(states) == 1 else states

    def _clean(self, x: mx.array, real: mx.array | None) -> mx.array:
        """x with zeros in masked steps: zero times NaN is NaN, and would reach the gradient."""
        if real is None:
            return x
        return mx.where(real if self.spec.indices else real[..., None], x, mx.zeros_like(x))

    def _feed(self, x: mx.array) -> mx.array:
        """y for x, without a recurrent member."""
        for member in self.members().values():
            x = member(x)
        return x

    def _scan(self, x: mx.array, states: States, times: ops.Times) -> tuple[mx.array, States]:
        """y and the new states, each (B, ·), for x (B, T, …)."""
        new: list[mx.array] = []
        for member, own in self._with_states(states):
            if member.spec.kind == "feedforward":
                x = member(x)
            else:
                x, after = call(member, x, own, times)
                new += after
        return x, tuple(new)

    def _with_states(self, states: States) -> Iterator[tuple[Any, States]]:
        """Each member and the states that are its own."""
        at = 0
        for member in self.members().values():
            number = len(member.spec.state_shapes())
            yield member, states[at : at + number]
            at += number


def call(member: Any, x: mx.array, states: States, times: ops.Times) -> tuple[mx.array, States]:
    """y and the new states of a recurrent member."""
    given = states[0] if len(states) == 1 else states
    y, new = member(x, given, timespans=times.dt, mask=times.mask)
    return y, new if isinstance(new, tuple) else (new,)
