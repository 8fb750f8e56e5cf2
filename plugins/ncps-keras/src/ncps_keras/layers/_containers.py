"""What containers share: layers inside a layer, and calls that pass time, mask and states on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from ncps import registry
from ncps.canonical import Inside, ParameterMap
from ncps.specs import CompoundSpec, Spec, inputs
from ncps_keras import layers, ops
from ncps_keras.layers._base import NativeLayer
from ncps_keras.layers._recurrent import RecurrentLayer, States


def class_of(spec: Spec) -> Any:
    """Our class for a member, or that of the plugin which brings the layer type."""
    found = getattr(layers, spec.layer, None)
    if found is None:
        found = registry.load(registry.select(spec.layer, framework="keras", spec=spec))
    return found


class Compound(NativeLayer):
    """A layer that holds others, under their names in `layers`; see `ncps.specs.CompoundSpec`.

    `layers` is there once it is built.
    """

    spec: Any

    def _make(self, first: ops.First) -> None:
        made = {
            name: class_of(member)(
                member,
                seed=first.within(f"{name}."),
                dtype=self.dtype_policy,
                device=self._device,
                trainable=self.trainable,
                # TensorFlow takes no other characters in a name
                name=re.sub(r"\W", "_", f"{member.layer.lower()}_{name}", flags=re.ASCII),
            )
            for name, member in self.spec.members().items()
        }
        self.layers = self._held(made)

    def _held(self, members: dict[str, Any]) -> Any:
        """What Keras finds layers in: a dict here."""
        return members

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """The maps of the members behind their names."""
        assert isinstance(spec, CompoundSpec), "the registry gives each class specs of its own"
        return ParameterMap(
            tuple(
                Inside(f"{name}.", f"{name}.", class_of(member).parameter_map(member))
                for name, member in spec.members().items()
            )
        )

    def members(self) -> dict[str, Any]:
        """The layers inside by name."""
        return dict(self.layers)

    def _named(self) -> dict[str, Any]:
        if not self.built:
            return {}
        return {
            f"{name}.{native}": variable
            for name, member in self.members().items()
            for native, variable in member._named().items()
        }


class Container(Compound, RecurrentLayer):
    """A layer made of others; see `ncps.specs.ContainerSpec`.

    ``y = layer(x)``, or with a recurrent member ``y, state = layer(x, state=None, timespans=None,
    mask=None, timestamps=None)``.
    """

    def _some_axes(self) -> tuple[None, ...]:
        return (None,) * (self.spec.example(np.random.default_rng(0)).ndim - 1)

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        **options: Any,
    ) -> Any:
        """Run x; see the class for what else is taken, and what comes back."""
        # here and not in call, where Keras passes on the mask that x has
        self.spec.refuse(state, timespans, mask, timestamps)
        arguments = {"state": state, "timespans": timespans, "mask": mask, "timestamps": timestamps}
        return self._passed_on(x, arguments, options)

    def call(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        x_mask: Any = None,
    ) -> Any:
        """Run x; see `__call__`. Keras puts x's own mask into `mask` or `x_mask`."""
        spec, dtype = self.spec, self.compute_dtype
        x = ops.as_tensor(x) if spec.indices else self._input(x)
        spec.output_shape(tuple(x.shape))
        if spec.kind == "feedforward":
            return self._feed(x)
        axes = inputs.sequence_axes(spec, tuple(x.shape))
        x = x if axes.batched else x[None]
        states = ops.initial_states(spec, axes, state, kops.cast(x, dtype))
        dt = ops.elapsed(spec, axes, timespans, timestamps, dtype)
        if dt is not None and len(dt.shape):
            dt = kops.broadcast_to(dt, kops.shape(x)[:2])
        real = ops.real_steps(spec, axes, x_mask if mask is None else mask)
        y, states = self._scan(self._clean(x, real), states, ops.Times(dt, real))
        y = y if axes.batched else y[0]
        return (y, self._given(states, axes.batched)) if spec.return_state else y

    def compute_output_spec(self, x: Any, **_: Any) -> Any:
        """The symbolic y, and state, for symbolic arguments."""
        y = keras.KerasTensor(self.spec.output_shape(tuple(x.shape)), dtype=self.compute_dtype)
        if self.spec.kind == "feedforward" or not self.spec.return_state:
            return y
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        return y, self._symbolic_states(axes.batch, axes.batched)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """The mask of y: that of x, if y has all steps."""
        if self.spec.kind == "feedforward":
            for member in self.members().values():
                mask = member.compute_mask(x, mask) if member.supports_masking else None
            return mask
        y_mask = mask if self.spec.return_sequences else None
        if not self.spec.return_state:
            return y_mask
        return [y_mask, *(None for _ in self.spec.state_shapes())]

    def _clean(self, x: Any, real: Any) -> Any:
        """x with zeros in masked steps: zero times NaN is NaN, and would reach the gradient."""
        if real is None:
            return x
        return kops.where(real if self.spec.indices else real[..., None], x, kops.zeros_like(x))

    def _feed(self, x: Any) -> Any:
        """y for x, without a recurrent member."""
        for member in self.members().values():
            x = member(x)
        return x

    def _scan(self, x: Any, states: States, times: ops.Times) -> tuple[Any, States]:
        """y and the new states, each (B, ·), for x (B, T, …)."""
        new: list[Any] = []
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
            yield member, tuple(states[at : at + number])
            at += number


def call(member: Any, x: Any, states: States, times: ops.Times) -> tuple[Any, States]:
    """y and the new states of a recurrent member."""
    given = states[0] if len(states) == 1 else states
    y, new = member(x, given, timespans=times.dt, mask=times.mask)
    return y, tuple(new) if isinstance(new, (tuple, list)) else (new,)
