"""What is put to the test: one layer type of one technology, spoken to in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ncps.canonical import Layer, load, load_parameters, parameters
from ncps.specs import CollectionSpec, Spec
from ncps.testing._arrays import Array, Arrays, has_dtype


@dataclass(frozen=True)
class Output:
    """Output and new state as NumPy arrays; the state is None where the layer returns none."""

    y: Array
    state: tuple[Array, ...] | None


def together(outputs: Iterable[Output]) -> Output:
    """The outputs of a collection's layers as one, end to end."""
    return Output(np.concatenate([output.y.ravel() for output in outputs]), None)


def _accepts(spec: Spec) -> str | None:
    return None


@dataclass(frozen=True)
class Subject:
    """A layer factory and the adapter of its framework: all that a check needs.

    `create` and `loader` are how users make and load such a layer, through the registry; without
    them the factory is called. `supports` says why a spec is not offered, or None. `modules` are
    the modules that discovery must leave alone.
    """

    layer: str
    factory: Callable[..., Layer]
    arrays: Arrays
    technology: str = "unregistered"
    supports: Callable[[Spec], str | None] = _accepts
    create: Callable[..., Layer] | None = None
    loader: Callable[[Path], Layer] | None = None
    modules: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def make(self, spec: Spec, *, seed: int | None = 0, dtype: str | None = None) -> Layer:
        """A new layer, straight from the technology's factory, for inference as the reference."""
        return _inferring(self.factory(spec, seed=seed, dtype=dtype, device=None))

    def by_user(self, spec: Spec, seed: int) -> Layer:
        """A new layer, made the way users make it, for inference."""
        if self.create is None:
            return self.make(spec, seed=seed)
        return _inferring(self.create(spec, seed=seed))

    def load(self, path: Path) -> Layer:
        """The layer in a file that `ncps.save` wrote, in this technology."""
        if self.loader is not None:
            return _inferring(self.loader(path))
        # a technology that is not registered reads the file by way of the reference
        reference = load(path, technology="numpy")
        layer = self.make(reference.spec)
        load_parameters(layer, parameters(reference))
        return layer

    def native(self, inputs: dict[str, Any], dtype: str | None = None) -> dict[str, Any]:
        """The inputs as the framework's arrays; a number stays a number."""
        return {name: self._native(value, dtype) for name, value in inputs.items()}

    def _native(self, value: Any, dtype: str | None) -> Any:
        if value is None or isinstance(value, (int, float)):
            return value
        if isinstance(value, tuple):
            return tuple(self._native(v, dtype) for v in value)
        return self.arrays.asarray(value, dtype if has_dtype(value) else None)

    def call(self, layer: Layer, inputs: dict[str, Any], dtype: str | None = None) -> Output:
        """Call the layer on NumPy inputs (its own dtype unless given).

        A collection is not called: its layers are, each on its own inputs.
        """
        if isinstance(layer.spec, CollectionSpec):
            members: dict[str, Layer] = layer.members()  # type: ignore[attr-defined]
            return together(self.call(one, inputs[name], dtype) for name, one in members.items())
        native = self.native(inputs, dtype or layer.dtype)
        return self.output(layer, layer(native.pop("x"), **native))

    def output(self, layer: Layer, result: Any) -> Output:
        """A layer's result as NumPy arrays; AssertionError when it has another structure."""
        y, states = split(layer.spec, result)
        arrays = None if states is None else tuple(self.arrays.numpy(s) for s in states)
        return Output(self.arrays.numpy(y), arrays)


def _inferring(layer: Layer) -> Layer:
    """The layer in evaluation, where modules have modes: that is what the reference computes."""
    rest = getattr(layer, "eval", None)
    if callable(rest):
        rest()
    return layer


def split(spec: Spec, result: Any) -> tuple[Any, tuple[Any, ...] | None]:
    """Output and states of a native result, as section "the call" of the contract asks."""
    if spec.kind == "feedforward" or not getattr(spec, "return_state", True):
        assert not isinstance(result, (tuple, list)), (
            f"expected y alone, got a {type(result).__name__} of {len(result)}"
        )
        return result, None
    assert isinstance(result, tuple) and len(result) == 2, (
        f"expected a pair (y, state), got {type(result).__name__}"
    )
    y, state = result
    wanted = len(spec.state_shapes())
    if wanted == 1:
        assert not isinstance(state, (tuple, list)), (
            "expected the one state as an array, got a tuple"
        )
        return y, (state,)
    assert isinstance(state, (tuple, list)) and len(state) == wanted, (
        f"expected {wanted} state arrays in a tuple, got {type(state).__name__}"
    )
    return y, tuple(state)
