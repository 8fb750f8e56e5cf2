"""What sequence layers share: what they return, layers on top of each other, two directions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from ncps.errors import SpecError, WiringError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec, States, StateShapes
from ncps.specs._recurrent import sequence_output_shape
from ncps.wirings import Wiring


@dataclass(frozen=True)
class Part:
    """A plain layer inside a composed one: one direction of one layer.

    Its parameters and states have the plain names behind `prefix`.
    """

    prefix: str
    spec: Spec
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class SequenceSpec(Spec):
    """A layer over time steps, `num_layers` of them on top of each other, in one or two directions.

    With `num_layers` > 1 or `bidirectional`, the layer is composed of plain ones (`parts`): layer
    i reads the outputs of layer i - 1, forward and reverse side by side on the last axis, in this
    order. Parameters and states are then called ``stack_<i>.forward.<name>`` and
    ``stack_<i>.reverse.<name>``; the state is one tuple of all, in this order. A plain layer's
    names have no prefix.

    The reverse direction runs over time backwards from a state of its own. A masked step keeps
    the state there too, so padding at the end is passed over before the last real step. Its Δt is
    the time between the same two neighbours: a step's Δt in reverse is the Δt of the next real
    step, and the last real step, which is the first to run, takes the first real step's Δt (with
    timestamps: 0).

    Without `return_sequences`, y is the forward output after the last step beside the reverse
    output after the first one.

    A layer that is not `composable`, such as a language model, whose outputs are no inputs of its
    own, has one layer and one direction.
    """

    kind: ClassVar[Kind] = "sequence"
    composable: ClassVar[bool] = True

    return_sequences: bool = True
    return_state: bool = True
    bidirectional: bool = False
    num_layers: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("return_sequences", "return_state", "bidirectional"):
            _validate.flag(self.layer, option, getattr(self, option))
        layers = _validate.integer(self.layer, "num_layers", self.num_layers)
        self._set(num_layers=layers)
        if self.composed and not self.composable:
            raise SpecError(
                f"{self.layer} expected num_layers=1 and bidirectional=False, got "
                f"num_layers={layers} and bidirectional={self.bidirectional}: it cannot read what "
                "it gives. Leave both out."
            )
        if layers > 1 and self.input_size is not None:
            # a wiring that does not take the outputs of the layer below is refused here
            _ = self.parts

    @property
    def composed(self) -> bool:
        """Whether the layer is made of several plain ones."""
        return self.bidirectional or self.num_layers > 1

    @property
    def forward_only(self) -> bool:
        """Whether there is no reverse direction."""
        return not self.bidirectional

    @property
    def directions(self) -> tuple[str, ...]:
        """The names of the directions, in the order of their outputs."""
        return ("forward", "reverse") if self.bidirectional else ("forward",)

    @cached_property
    def parts(self) -> tuple[tuple[Part, ...], ...]:
        """The plain layers: for each layer from the input up, one part for each direction."""
        if not self.composed:
            return ((Part("", self),),)
        parts = []
        size = self.input_size
        for i in range(self.num_layers):
            plain = self._plain(i, size)
            names = [f"stack_{i}.{direction}." for direction in self.directions]
            parts.append(tuple(Part(name, plain, j == 1) for j, name in enumerate(names)))
            size = plain.output_size * len(names)
        return tuple(parts)

    def _plain(self, index: int, input_size: int | None) -> Self:
        try:
            return dataclasses.replace(
                self,
                input_size=input_size,
                num_layers=1,
                bidirectional=False,
                return_sequences=True,
                return_state=True,
            )
        except WiringError as error:
            raise SpecError(
                f"{self.layer} with num_layers={self.num_layers} feeds {input_size} features to "
                f"layer {index}, and its wiring does not take them: {error} Pass a wiring without "
                "sensory synapses of its own, or make the layers one by one."
            ) from error

    @property
    def direction_size(self) -> int:
        """Features that one direction adds to the output."""
        return super().output_size

    @property
    def output_size(self) -> int:
        """Features of the output, of all directions."""
        return self.direction_size * len(self.directions)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T, O), or (B, O) without `return_sequences`."""
        return sequence_output_shape(self, input_shape, self.return_sequences)

    def state_shapes(self) -> StateShapes:
        """Name and shape of each state array, part by part."""
        if not self.composed:
            return super().state_shapes()
        return tuple(
            (part.prefix + name, shape)
            for layer in self.parts
            for part in layer
            for name, shape in part.spec.state_shapes()
        )

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """The dtype of each state array, part by part."""
        if not self.composed:
            return super().state_dtypes(dtype)
        parts = (part for layer in self.parts for part in layer)
        return tuple(name for part in parts for name in part.spec.state_dtypes(dtype))

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state, part by part."""
        if not self.composed:
            return super().draw_state(rng, lead)
        parts = (part for layer in self.parts for part in layer)
        return tuple(s for part in parts for s in part.spec.draw_state(rng, lead))

    def parameters(self) -> tuple[Parameter, ...]:
        """The canonical parameters, part by part."""
        if not self.composed:
            return super().parameters()
        return tuple(
            dataclasses.replace(p, name=part.prefix + p.name)
            for layer in self.parts
            for part in layer
            for p in part.spec.parameters()
        )

    def to_config(self) -> dict[str, Any]:
        """All options as JSON values.

        Raises: SpecError when several layers share a wiring that can be written with its sensory
        synapses only: it could not be built again for the inputs of the upper layers.
        """
        config = super().to_config()
        units = getattr(self, "units", None)
        unbuilt = units.unbuilt() if isinstance(units, Wiring) else None
        if self.num_layers > 1 and unbuilt is not None and unbuilt.input_dim is None:
            try:
                config["units"] = {"wiring": unbuilt.to_config()}
            except WiringError as error:
                raise SpecError(
                    f"{self.layer} with num_layers={self.num_layers} cannot be written: {error} "
                    "Use a wiring of ncps.wirings, or make the layers one by one."
                ) from error
        return config
