"""The layers and arrays of one framework, in one dtype, on one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ncps import registry
from ncps.errors import PluginError, unknown
from ncps.neural._functions import OPERATIONS, Functions

NORMS = {"batch": "BatchNorm", "group": "GroupNorm", "layer": "LayerNorm", "rms": "RMSNorm"}
GATED = {"geglu": "GeGLU", "swiglu": "SwiGLU"}


class NeuralBackend(Protocol):
    """What `create_neural_backend` returns.

    Layers are what `ncps.create` makes: native objects of the framework, in this dtype, on this
    device. `functional` has the operations on native arrays.
    """

    @property
    def name(self) -> str:
        """``"mlx"``, ``"torch"``, ``"keras"``, ``"jax"``, ….

        It is the framework's name, or that of the library whose arrays are meant.
        """

    @property
    def framework(self) -> str:
        """The framework of its layers: ``"keras"`` for ``"jax"``."""

    @property
    def functional(self) -> Functions:
        """The operations on arrays: activations, norms, attention, losses."""

    @property
    def dtype(self) -> str:
        """Name of the dtype of the arrays and layers that it makes."""

    @property
    def device(self) -> Any:
        """Where they are; None is the framework's default."""

    @property
    def capabilities(self) -> dict[str, str]:
        """For each operation the framework's own function that does it, or ``"composed"``."""

    def with_dtype(self, dtype: str) -> NeuralBackend:
        """The same in another dtype. Raises: UnknownNameError for one that the framework lacks."""

    def array(self, values: Any) -> Any:
        """A native array; floats get this dtype, integers and bools stay what they are."""

    def numpy(self, x: Any) -> Any:
        """A NumPy array with the values of a native one; float32 for bfloat16."""

    def layer(self, kind: str, **config: Any) -> Any:
        """A layer of the catalogue by its name: ``layer("CfC", input_size=3, units=8)``.

        Raises: as `ncps.create`; PluginError when the framework's layers do not take these arrays.
        """

    def linear(self, input_size: int, units: int, **config: Any) -> Any:
        """y = x W + b, as the layer `Dense`. Raises: as `layer`."""

    def activation(self, name: str) -> Any:
        """A function of each entry, as the layer `Activation`. Raises: as `layer`."""

    def embedding(self, vocabulary_size: int, units: int, **config: Any) -> Any:
        """Indices of any shape → (…, units), as the layer `Embedding`. Raises: as `layer`."""

    def norm(self, kind: str, input_size: int | None = None, **config: Any) -> Any:
        """The layer `LayerNorm`, `RMSNorm`, `GroupNorm` or `BatchNorm`. Raises: as `layer`.

        `kind` is ``"layer"``, ``"rms"``, ``"group"`` (with `groups`) or ``"batch"``.
        """

    def attention(
        self,
        input_size: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        **config: Any,
    ) -> Any:
        """The layer `MultiHeadAttention`, or `GroupedQueryAttention` with `num_kv_heads`.

        `head_dim` is input_size / num_heads unless given. Raises: as `layer`.
        """

    def gated(self, kind: str, input_size: int, hidden_units: int, **config: Any) -> Any:
        """The layer `GeGLU` (``"geglu"``) or `SwiGLU` (``"swiglu"``). Raises: as `layer`.

        It gives as many features as it takes, unless told `units`.
        """

    def sequential(self, *layers: Any, **config: Any) -> Any:
        """One layer after the other: `layers` as `Sequential` takes them. Raises: as `layer`."""


@dataclass(frozen=True)
class Backend:
    """Layers from the registry, operations from the framework's plugin."""

    name: str
    framework: str
    functional: Functions
    dtype: str
    device: Any = None

    @property
    def capabilities(self) -> dict[str, str]:
        """For each operation the framework's own function that does it, or ``"composed"``."""
        return self.functional.capabilities(OPERATIONS)

    def with_dtype(self, dtype: str) -> NeuralBackend:
        """The same in another dtype."""
        return replace(self, dtype=self.functional.check_dtype(dtype))

    def array(self, values: Any) -> Any:
        """A native array; floats get this dtype, integers and bools stay what they are."""
        import numpy as np

        values = np.asarray(values)
        floats = np.issubdtype(values.dtype, np.floating)
        return self.functional.array(values, self.dtype if floats else None, self.device)

    def numpy(self, x: Any) -> Any:
        """A NumPy array with the values of a native one."""
        return self.functional.numpy(x)

    def layer(self, kind: str, **config: Any) -> Any:
        """A layer of the catalogue by its name."""
        taken = registry.runs_on(self.framework)
        if self.name not in (self.framework, taken):
            raise PluginError(
                f"layers on {self.name} expected {self.framework} to run on {self.name} in this "
                f"process, but it runs on {taken}. Set {self.framework.upper()}_BACKEND="
                f"{self.name} before Python starts, or use `functional`, which needs no layers."
            )
        return registry.create(
            kind, framework=self.framework, dtype=self.dtype, device=self.device, **config
        )

    def linear(self, input_size: int, units: int, **config: Any) -> Any:
        """y = x W + b."""
        return self.layer("Dense", input_size=input_size, units=units, **config)

    def activation(self, name: str) -> Any:
        """A function of each entry."""
        return self.layer("Activation", activation=name)

    def embedding(self, vocabulary_size: int, units: int, **config: Any) -> Any:
        """Indices of any shape → (…, units)."""
        return self.layer("Embedding", vocabulary_size=vocabulary_size, units=units, **config)

    def norm(self, kind: str, input_size: int | None = None, **config: Any) -> Any:
        """One of the normalisations."""
        return self.layer(_named("norm", kind, NORMS), input_size=input_size, **config)

    def attention(
        self,
        input_size: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        **config: Any,
    ) -> Any:
        """Attention, its keys and values in groups or not."""
        head_dim = input_size // num_heads if head_dim is None else head_dim
        sizes = {"input_size": input_size, "num_heads": num_heads, "head_dim": head_dim}
        if num_kv_heads is None:
            return self.layer("MultiHeadAttention", **sizes, **config)
        return self.layer("GroupedQueryAttention", num_kv_heads=num_kv_heads, **sizes, **config)

    def gated(self, kind: str, input_size: int, hidden_units: int, **config: Any) -> Any:
        """A gated feed-forward layer."""
        sizes = {"units": input_size, "input_size": input_size, "hidden_units": hidden_units}
        return self.layer(_named("gated layer", kind, GATED), **{**sizes, **config})

    def sequential(self, *layers: Any, **config: Any) -> Any:
        """One layer after the other."""
        return self.layer("Sequential", layers=layers, **config)


def _named(what: str, kind: str, names: Mapping[str, str]) -> str:
    if kind not in names:
        raise unknown(what, kind, names)
    return names[kind]
