"""The framework in use, by the word "backend": a face over `ncps.use`, `set_default` and registry.

``"tensorflow"`` and ``"jax"`` mean Keras on that back end, which a process has one of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ncps import registry
from ncps.errors import PluginError

_ON_KERAS = ("jax", "tensorflow")


class NCPSBackend:
    """Which technology serves layers; all methods concern the whole process, or a scope of it."""

    @staticmethod
    def register(
        name: str,
        framework: str,
        layers: Mapping[str, Callable[..., Any] | str],
        priority: float = 0,
    ) -> None:
        """Offer a technology's layers from now on. As `ncps.registry.register`."""
        registry.register(name, framework, layers, priority=priority)

    @staticmethod
    def set_backend(name: str | None) -> None:
        """Take layers from here unless a call or scope says otherwise; None removes that.

        Raises: UnknownNameError for a name that is not known; PluginError for a back end that
        Keras does not run on in this process.
        """
        registry.set_default(_checked(name))

    @staticmethod
    def get_backend() -> str:
        """The framework in use; ``"keras"`` for Keras on any back end."""
        return registry.active().framework

    @staticmethod
    def get_implementation(layer: str, backend: str | None = None) -> Callable[..., Any]:
        """The class of the layer that `ncps.create` would make. Raises: as `ncps.create`."""
        return registry.load(registry.select(layer, technology=_checked(backend)))

    @staticmethod
    @contextmanager
    def backend_scope(name: str | None) -> Iterator[None]:
        """``with NCPSBackend.backend_scope("torch"):``. Raises: as `set_backend`."""
        with registry.use(_checked(name)):
            yield


def _checked(name: str | None) -> str | None:
    if name not in _ON_KERAS:
        return name
    taken = registry.runs_on("keras")
    if taken != name:
        raise PluginError(
            f"backend {name!r} expected Keras to run on {name} in this process, but it runs on "
            f"{taken}. Set KERAS_BACKEND={name} before Python starts."
        )
    return "keras"
