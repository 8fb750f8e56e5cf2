"""What every layer's description shares: checks, shapes, parameters, JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from ncps.errors import BuildError, ShapeError, SpecError, unknown
from ncps.specs import _validate
from ncps.specs._initializers import Initializer

SCHEMA = 1

Shape = tuple[int | None, ...]
# the name of each state array, and its shape behind the batch axis
StateShapes = tuple[tuple[str, tuple[int, ...]], ...]
States = tuple[npt.NDArray[np.float32], ...]
Kind = Literal["feedforward", "cell", "sequence", "collection"]

_drawing: ContextVar[bool] = ContextVar("ncps_drawing", default=True)


@contextmanager
def undrawn() -> Iterator[None]:
    """Layers made inside start from zeros: their values come afterwards, and to draw takes time."""
    token = _drawing.set(False)
    try:
        yield
    finally:
        _drawing.reset(token)


@dataclass(frozen=True)
class Parameter:
    """One canonical parameter: its name, its shape, and how its first value is drawn.

    One that is not `trainable`, such as a running mean, is no weight: no gradient changes it. One
    that is `nonnegative`, such as a variance, means nothing below zero.
    """

    name: str
    shape: tuple[int, ...]
    initializer: Initializer
    trainable: bool = True
    nonnegative: bool = False


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The configuration of one layer, checked once; every technology builds from it.

    A spec never changes. `input_size=None` leaves the size open until the layer is built. A layer
    that is not `sized`, such as an activation, takes inputs of any size and has no `input_size`.
    For one that `needs_batch`, the first axis of x always is a batch; one of `indices` takes
    integers.
    A feed-forward layer that is `masked` takes a `mask` (B, T), as recurrent ones do.

    Raises: SpecError when an option has a value that the layer cannot have.
    """

    layer: ClassVar[str]
    kind: ClassVar[Kind]
    sized: ClassVar[bool] = True
    needs_batch: ClassVar[bool] = False
    indices: ClassVar[bool] = False
    masked: ClassVar[bool] = False

    input_size: int | None = None

    def __post_init__(self) -> None:
        if self.input_size is None:
            return
        if not self.sized:
            raise SpecError(
                f"{self.layer} expected no input_size, got {self.input_size!r}: it takes inputs "
                "of any size. Leave input_size out."
            )
        self._set(input_size=_validate.integer(self.layer, "input_size", self.input_size))

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def output_size(self) -> int:
        """Length of the last axis of the output."""
        raise NotImplementedError(f"{type(self).__name__} must define output_size")

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        raise NotImplementedError(f"{type(self).__name__} must define _parameters")

    def state_shapes(self) -> StateShapes:
        """Name and shape of each state array without the batch, e.g. ``(("h", (64,)),)``.

        Zeros are the empty state.
        """
        return ()

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """The dtype of each state array in a layer of this dtype, by name.

        It is the layer's, unless a state adds up so much that half precision would lose it.
        """
        return (dtype,) * len(self.state_shapes())

    def parameters(self) -> tuple[Parameter, ...]:
        """The canonical parameters, in a fixed order."""
        return self._parameters(self.known_input_size() if self.sized else 0)

    @property
    def is_open(self) -> bool:
        """Whether the parameters wait for an input size."""
        return self.sized and self.input_size is None

    @property
    def size_unit(self) -> int:
        """The smallest input size; all others are multiples of it."""
        return 1

    def known_input_size(self) -> int:
        """The input size, or BuildError while it is open."""
        if self.input_size is None:
            raise BuildError(
                f"{self.layer} is not built: its input_size is not known yet. "
                "Pass input_size, call layer.build(shape), or call the layer once."
            )
        return self.input_size

    def initial_parameters(self, seed: int | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """First values of all parameters; a seed fixes them, whatever the technology.

        Each parameter has a random stream of its own, so that one more option in a spec does
        not change the values of the parameters that were there before. Inside `undrawn` all are 0.
        """
        fresh = np.random.SeedSequence().entropy
        root = _validate.integer(self.layer, "seed", fresh if seed is None else seed, minimum=0)
        if not _drawing.get():
            return {p.name: np.zeros(p.shape, np.float32) for p in self.parameters()}
        return {
            p.name: p.initializer(
                np.random.default_rng(np.random.SeedSequence([root, *p.name.encode()])), p.shape
            ).astype(np.float32)
            for p in self.parameters()
        }

    def with_input_size(self, input_size: int) -> Self:
        """This spec with its input size filled in; ShapeError when it has another one.

        A layer without an input size stays as it is.
        """
        if not self.sized:
            return self
        if self.input_size is None:
            return dataclasses.replace(self, input_size=input_size)
        if self.input_size != input_size:
            raise ShapeError(
                f"{self.layer} expected {self.input_size} input features, got {input_size}. "
                "Pass data with the size that the layer was built for, or make a new layer."
            )
        return self

    def with_input_shape(self, input_shape: Shape) -> Self:
        """As `with_input_size`, for the last axis of an input; an open one changes nothing."""
        size = input_shape[-1] if self.sized and input_shape else None
        return self if size is None else self.with_input_size(size)

    @property
    def forward_only(self) -> bool:
        """Whether the output at a step depends on no later one."""
        return True

    @property
    def streams(self) -> bool:
        """Whether a feed-forward layer has ``y, state = layer.step(x, state=None, mask=None)``.

        It carries a sequence on: the result of any pieces, each with the state of those before, is
        that of one call over the whole.
        """
        return False

    @property
    def max_steps(self) -> int | None:
        """The most steps that a sequence may have, pieces together; None for any number."""
        return None

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output for an input of `input_shape`; None stands for any length."""
        raise NotImplementedError(f"{type(self).__name__} must define output_shape")

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """A small random input: x (B, T, D), (B, D) for a cell, (B, T) of indices."""
        size = self.known_input_size() if self.sized else 3
        lead = (2,) if self.kind == "cell" else (2, 7)
        return self.draw(rng, lead if self.indices else (*lead, size))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """A random x of this shape: normal numbers, unless the layer takes others."""
        return rng.standard_normal(shape).astype(np.float32)

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state behind the axes `lead`: normal numbers, unless the layer takes others."""
        return tuple(drawn(rng, (*lead, *shape)) for _, shape in self.state_shapes())

    def check_features(self, input_shape: Shape, axes: tuple[int, ...], names: str) -> None:
        """ShapeError unless `input_shape` has one of the ranks `axes` and the right last axis."""
        features = "D" if self.input_size is None else self.input_size
        if len(input_shape) not in axes:
            raise ShapeError(
                f"{self.layer} expected an input of shape {names.replace('D', str(features))}, "
                f"got {tuple(input_shape)}."
            )
        if self.input_size is not None and input_shape[-1] not in (None, self.input_size):
            raise ShapeError(
                f"{self.layer} expected {self.input_size} input features on the last axis, "
                f"got shape {tuple(input_shape)}."
            )

    def to_config(self) -> dict[str, Any]:
        """All options as JSON values, with the schema version and the layer's name."""
        fields = {f.name: _encode(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"schema": SCHEMA, "layer": self.layer, **fields}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The spec that `to_config` described.

        Raises: SpecError for another schema or layer, UnknownNameError for an unknown option.
        """
        options = dict(config)
        schema = options.pop("schema", None)
        if schema != SCHEMA:
            raise SpecError(
                f"{cls.layer} expected a config with schema {SCHEMA}, got {schema!r}. "
                "It was written by another version of ncps: use one that reads it."
            )
        layer = options.pop("layer", cls.layer)
        if layer != cls.layer:
            raise SpecError(f"expected the config of a {cls.layer}, got one of a {layer!r}.")
        return cls.from_options({name: _decode(value) for name, value in options.items()})

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """The spec with these options; an unknown or missing one raises with its name."""
        fields = dataclasses.fields(cls)
        names = [f.name for f in fields]
        for name in options:
            if name not in names:
                raise unknown(f"option of {cls.layer}", name, names)
        for f in fields:
            open_ = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            if open_ and f.name not in options:
                raise SpecError(f"{cls.layer} needs the option {f.name}. Pass {f.name}=….")
        return cls(**options)


def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Small normal numbers for a random state."""
    return (0.5 * rng.standard_normal(shape)).astype(np.float32)


def _encode(value: object) -> object:
    if isinstance(value, Spec):
        return {"spec": value.to_config()}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _encode(item) for name, item in value.items()}
    to_config = getattr(value, "to_config", None)
    return {"wiring": to_config()} if to_config else value


def _decode(value: object) -> object:
    if isinstance(value, Mapping) and set(value) == {"wiring"}:
        from ncps import wirings

        return wirings.from_config(value["wiring"])
    if isinstance(value, Mapping) and set(value) == {"spec"}:
        from ncps import specs

        return specs.from_config(value["spec"])
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    return value
