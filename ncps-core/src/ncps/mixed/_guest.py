"""A layer of another technology as its host sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy.typing as npt

from ncps import registry, specs
from ncps.canonical import ParameterMap
from ncps.errors import MixedError
from ncps.mixed._sides import Answer, GuestSide, Request
from ncps.specs import Spec


class Guest:
    """A built layer that computes with parameters that its host holds.

    Its own parameters are the host's first ones and play no part afterwards: a copy, or a guest
    out of a pickle, has others. `trainable` are the native names of those that training changes.
    """

    def __init__(self, layer: Any, trainable: Iterable[str] = ()) -> None:
        self.layer = layer
        self.trainable = frozenset(trainable)

    @cached_property
    def side(self) -> GuestSide:
        """What the guest's plugin does for it."""
        found: GuestSide = registry.guest(self.layer.framework)
        return found

    @property
    def spec(self) -> Spec:
        """The layer's."""
        spec: Spec = self.layer.spec
        return spec

    @property
    def name(self) -> str:
        """The layer and its framework, for messages."""
        return f"{self.spec.layer} on {self.layer.framework}"

    def parameters(self) -> Mapping[str, npt.NDArray[Any]]:
        """The layer's own parameters under their native names; bfloat16 ones as float32."""
        found: Mapping[str, npt.NDArray[Any]] = self.layer.get_native()
        return found

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the native parameters of such a layer relate to the canonical ones."""
        rules: ParameterMap = self.layer.parameter_map(spec)
        return rules

    def run(self, request: Request, dtype: str) -> Answer:
        """Run the layer; MixedError when it cannot compute in the dtype of the parameters."""
        known = self.side.dtypes(self.layer)
        if dtype not in known:
            raise MixedError(
                f"{self.name} expected parameters in {' or '.join(known)}, got {dtype}. Cast the "
                "module that holds them to such a dtype."
            )
        return self.side.run(self.layer, request)

    def alike(self, spec: Spec, dtype: str) -> Guest:
        """A guest of the same technology with another spec, and any parameters, all trainable."""
        word = provider_word(self.layer)
        if word is None:
            raise MixedError(f"{self.name} comes from no plugin, which could make another such.")
        made = _made(word, self.layer.framework, spec, dtype)
        return Guest(made, self.side.trainable(made))

    def __reduce__(self) -> tuple[Any, ...]:
        layer, word = self.layer, provider_word(self.layer)
        if word is None:
            return Guest, (layer, self.trainable)
        return _again, (word, layer.framework, layer.spec.to_config(), layer.dtype, self.trainable)


def bare(layer: Any) -> Any:
    """A layer of the same technology, spec and dtype; the layer itself if it has no provider."""
    word = provider_word(layer)
    return layer if word is None else _made(word, layer.framework, layer.spec, layer.dtype)


def provider_word(layer: Any) -> str | None:
    """The word that means the technology of a layer and no other."""
    provider = registry.provider_of(layer)
    return None if provider is None else f"{provider.distribution}:{provider.technology}"


def _again(
    word: str, framework: str, config: Mapping[str, Any], dtype: str, trainable: frozenset[str]
) -> Guest:
    return Guest(_made(word, framework, specs.from_config(config), dtype), trainable)


def _made(word: str, framework: str, spec: Spec, dtype: str) -> Any:
    provider = registry.select(spec.layer, technology=word, framework=framework)
    return registry.load(provider)(spec, seed=0, dtype=dtype, device=None)
