"""Tensors of whatever framework is in use, and their way from one framework to another."""

from __future__ import annotations

from typing import Any

from ncps import registry
from ncps.abstractions._frameworks import functions, functions_of


class TensorAbstraction:
    """Tensors of one framework, of JAX or TensorFlow, or of the framework in use.

    ``TensorAbstraction("torch").zeros((2, 3))``.
    """

    def __init__(self, backend: str | None = None) -> None:
        self._backend = backend

    def get_active_backend(self) -> str:
        """The framework that tensors are made in. Raises: PluginError when none can be used."""
        return self._backend or registry.active().framework

    def tensor(self, values: Any, dtype: str | None = None, device: Any = None) -> Any:
        """A native tensor with these values, in memory of its own.

        Without `dtype` it has that of the values, or the nearest that the framework has.

        Raises: UnknownNameError for a dtype or device that the framework has not.
        """
        return self._functions().array(values, dtype, device)

    def zeros(self, shape: tuple[int, ...], dtype: str = "float32", device: Any = None) -> Any:
        """A native tensor of zeros. Raises: as `tensor`."""
        return self._functions().zeros(shape, dtype, device)

    def ones(self, shape: tuple[int, ...], dtype: str = "float32", device: Any = None) -> Any:
        """A native tensor of ones. Raises: as `tensor`."""
        return self._functions().ones(shape, dtype, device)

    def convert(self, tensor: Any, backend: str | None = None) -> Any:
        """The tensor in another framework, by DLPack: over the same memory where that can be.

        A gradient does not pass. What one side cannot say in DLPack is copied through NumPy.

        Raises: ConversionError when it is no tensor of a framework that can be used.
        """
        source, target = functions_of(tensor), functions(backend or self.get_active_backend())
        return tensor if target.is_array(tensor) else target.taken_over(tensor, source)

    def namespace(self) -> Any:
        """The framework's functions under the names of the array API standard.

        Raises: PluginError when it has no such names.
        """
        return self._functions().namespace()

    def _functions(self) -> Any:
        return functions(self.get_active_backend())
