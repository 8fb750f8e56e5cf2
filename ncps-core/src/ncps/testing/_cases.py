"""One case: a spec, the sizes of a call, and data that its name alone fixes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ncps import specs
from ncps.specs import CollectionSpec, Spec
from ncps.testing._arrays import Array
from ncps.wirings import Wiring


@dataclass(frozen=True)
class Case:
    """A layer's options and the inputs of one call; `batch` None stands for no batch axis.

    A feed-forward layer may name the whole `shape` of x instead of batch and steps. `context` is
    the number of steps of what attention attends to, where that is not x itself.
    """

    layer: str
    options: Mapping[str, Any]
    batch: int | None = 3
    steps: int = 7
    timespans: bool = True
    mask: bool = False
    state: bool = False
    shape: tuple[int, ...] | None = None
    context: int | None = None

    def spec(self, **changes: Any) -> Spec:
        """The spec, with some options changed."""
        return specs.build(self.layer, **{**self.options, **changes})

    def with_options(self, **changes: Any) -> Case:
        """The same call of a layer with other options."""
        return replace(self, options={**self.options, **changes})

    def rng(self, purpose: str = "") -> np.random.Generator:
        """A generator that this case and a purpose fix."""
        return np.random.default_rng(zlib.crc32(f"{purpose} {self}".encode()))

    @property
    def lead(self) -> tuple[int, ...]:
        """All axes of x but the last."""
        if self.shape is not None:
            return self.shape[:-1]
        batch = () if self.batch is None else (self.batch,)
        return batch if self.spec().kind == "cell" else (*batch, self.steps)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """All axes of x."""
        if self.shape is not None:
            return self.shape
        spec = self.spec()
        return self.lead if spec.indices else (*self.lead, spec.known_input_size())

    def inputs(self) -> dict[str, Any]:
        """Float32 inputs under the names of the call; a collection's by layer."""
        rng, spec = self.rng("inputs"), self.spec()
        if isinstance(spec, CollectionSpec):
            return _of_members(spec, rng)
        data: dict[str, Any] = {"x": spec.draw(rng, self.x_shape)}
        if spec.kind == "feedforward":
            return data | self._beside(rng)
        if self.state:
            data["state"] = self.random_state(rng)
        if self.timespans:
            data["timespans"] = rng.uniform(0.1, 2.0, self.lead).astype(np.float32)
        if self.mask:
            data["mask"] = self.random_mask(rng)
        return data

    def _beside(self, rng: np.random.Generator) -> dict[str, Any]:
        """What a feed-forward call takes beside x: mask, context and context_mask."""
        data: dict[str, Any] = {"mask": self.random_mask(rng)} if self.mask else {}
        if self.context is not None:
            lead = (*self.lead[:-1], self.context)
            data["context"] = _normal(rng, (*lead, self.x_shape[-1]))
            if self.mask:
                data["context_mask"] = rng.random(lead) < 0.6
        return data

    @property
    def takes_mask(self) -> bool:
        """Whether a call of the layer takes a mask."""
        spec = specs.get(self.layer)
        return spec.kind == "sequence" or spec.masked

    def random_state(self, rng: np.random.Generator) -> Any:
        """A state as a call takes it: one array, or several in a tuple."""
        batch = () if self.batch is None else (self.batch,)
        states = self.spec().draw_state(rng, batch)
        return states[0] if len(states) == 1 else states

    def random_mask(self, rng: np.random.Generator) -> Array:
        """A mask with real and masked steps in every row that has two steps or more."""
        mask: Array = rng.random(self.lead) < 0.6
        # the first step is masked in one row, the last in another, and each row has a real step
        rows = mask.reshape(-1, self.steps)
        rows[0, 0], rows[-1, -1] = False, False
        rows[:, self.steps // 2] = True
        return rows.reshape(self.lead)

    def __str__(self) -> str:
        options = ", ".join(f"{k}={_short(v)}" for k, v in self.options.items())
        spec = self.spec()
        if isinstance(spec, CollectionSpec):
            return f"{self.layer}({options})"
        recurrent = spec.kind != "feedforward"
        taken = ("timespans", "mask", "state") if recurrent else ("mask", "context")
        extras = [name for name in taken if getattr(self, name)]
        return f"{self.layer}({options}) on {', '.join([f'x {self.shape or self.lead}', *extras])}"


def _of_members(spec: CollectionSpec, rng: np.random.Generator) -> dict[str, Any]:
    return {
        name: _of_members(one, rng) if isinstance(one, CollectionSpec) else {"x": one.example(rng)}
        for name, one in spec.members().items()
    }


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def _short(value: object) -> str:
    if isinstance(value, Wiring):
        return f"{type(value).__name__}({value.units}, layers={value.num_layers})"
    return repr(value)
