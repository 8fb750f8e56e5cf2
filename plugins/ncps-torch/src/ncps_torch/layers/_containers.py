"""What containers share: modules inside a module, and calls that pass time, mask and states on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ncps import registry
from ncps.canonical import Inside, ParameterMap
from ncps.specs import CompoundSpec, Spec, inputs, undrawn
from ncps_torch import layers, ops
from ncps_torch.layers._base import NativeLayer

States = tuple[Tensor, ...]


def class_of(spec: Spec) -> Any:
    """Our class for a member, or that of the plugin which brings the layer type."""
    found = getattr(layers, spec.layer, None)
    if found is None:
        found = registry.load(registry.select(spec.layer, framework="torch", spec=spec))
    return found


class Compound(NativeLayer):
    """A layer that holds others, each a submodule under its name; see `ncps.specs.CompoundSpec`."""

    # what follows a member's name in that of its submodule
    suffix: ClassVar[str] = ""
    spec: Any

    def _known(self, spec: Spec) -> Spec:
        return spec  # each member declares itself, whether its size is known or not

    def _declare(self, spec: CompoundSpec) -> None:
        # the values come afterwards, from the whole layer's
        with undrawn():
            for name, member in spec.members().items():
                self._hold(name + self.suffix, class_of(member)(member, seed=0))

    def _hold(self, name: str, layer: nn.Module) -> None:
        self.add_module(name, layer)

    def _finish(self, spec: CompoundSpec) -> None:
        for name, member in spec.members().items():
            layer: Any = self._modules[name + self.suffix]
            layer.spec = member
            layer._finish(member)
            layer._built = True

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """The maps of the members behind their names."""
        assert isinstance(spec, CompoundSpec), "the registry gives each class specs of its own"
        return ParameterMap(
            tuple(
                Inside(f"{name}{cls.suffix}.", f"{name}.", class_of(member).parameter_map(member))
                for name, member in spec.members().items()
            )
        )

    def members(self) -> dict[str, Any]:
        """The layers inside by name."""
        return {name: self._modules[name + self.suffix] for name in self.spec.members()}


class Container(Compound):
    """A layer made of others; see `ncps.specs.ContainerSpec`.

    ``y = layer(x)``, or with a recurrent member ``y, state = layer(x, state=None, timespans=None,
    mask=None, timestamps=None)``.
    """

    def _input(self, x: Any) -> Tensor:
        if not self.spec.indices:
            return super()._input(x)
        tensor = x if isinstance(x, Tensor) else torch.as_tensor(x, device=self._first().device)
        if not self._built:
            self.build(tuple(tensor.shape))
        return tensor

    def forward(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run x; see the class for what else is taken, and what comes back."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        if self.spec.kind == "feedforward":
            self.spec.refuse(state, timespans, mask, timestamps)
            return self._feed(x)
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        first = self._first()
        like = first.new_empty(0, dtype=self._compute_dtype(first))
        states = ops.initial_states(self.spec, axes, state, like)
        dt = ops.elapsed(self.spec, axes, timespans, timestamps, like)
        steps = ops.real_steps(self.spec, axes, mask, x.device)
        x = x.reshape(axes.batch, axes.steps, *x.shape[x.dim() - (not self.spec.indices) :])
        if steps is not None:
            real = steps.mask if self.spec.indices else steps.mask[..., None]
            # zero times NaN is NaN: a gap in the data must not reach the gradient
            x = torch.where(real, x, torch.zeros_like(x))
        y, states = self._scan(x, states, ops.Times(dt, steps))
        if not axes.batched:
            y, states = y[0], tuple(s[0] for s in states)
        if not self.spec.return_state:
            return y
        return y, states[0] if len(states) == 1 else states

    def _feed(self, x: Tensor) -> Tensor:
        """y for x, without a recurrent member."""
        for member in self.members().values():
            x = member(x)
        return x

    def _scan(self, x: Tensor, states: States, times: ops.Times) -> tuple[Tensor, States]:
        """y and the new states, each (B, ·), for x (B, T, …)."""
        new: list[Tensor] = []
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


def call(member: Any, x: Tensor, states: States, times: ops.Times) -> tuple[Tensor, States]:
    """y and the new states of a recurrent member."""
    mask = None if times.steps is None else times.steps.mask
    given = states[0] if len(states) == 1 else states
    y, new = member(x, given, timespans=times.dt, mask=mask)
    return y, new if isinstance(new, tuple) else (new,)
