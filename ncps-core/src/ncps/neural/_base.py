"""What the operations of `ncps.neural` are written in: arrays, their dtypes, a namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ncps.errors import ShapeError, unknown

DTYPES = ("float32", "bfloat16", "float16", "float64")
NARROW = ("bfloat16", "float16")
COMPOSED = "composed"


class Arrays:
    """The arrays of one framework; a plugin's `Functions` say how they are made and looked at.

    `xp` has NumPy's names: exp, log, sum(x, axis=, keepdims=), where, reshape, transpose(x, axes),
    concatenate, take(x, indices, axis=), take_along_axis, arange, ….
    """

    framework: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    default_dtype: ClassVar[str] = "float32"
    native: ClassVar[Mapping[str, str]] = {}
    xp: Any

    def is_array(self, value: object) -> bool:
        """Whether the value is an array of this framework."""
        raise NotImplementedError(f"{type(self).__name__} must define is_array")

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> Any:
        """A native array with these values, in memory of its own."""
        raise NotImplementedError(f"{type(self).__name__} must define array")

    def numpy(self, x: Any) -> Any:
        """A NumPy array with the values of a native one; float32 for bfloat16."""
        raise NotImplementedError(f"{type(self).__name__} must define numpy")

    def from_dlpack(self, x: Any) -> Any:
        """A native array over the memory of another framework's array, where that can be."""
        raise NotImplementedError(f"{type(self).__name__} must define from_dlpack")

    def detached(self, x: Any) -> Any:
        """The array without its part in a gradient, as DLPack needs it."""
        return x

    def taken_over(self, x: Any, source: Arrays) -> Any:
        """Another framework's array in this one: by DLPack, else copied through NumPy."""
        try:
            return self.from_dlpack(source.detached(x))
        except (BufferError, RuntimeError, TypeError, ValueError):
            # a dtype, layout or device that one of the two cannot say in DLPack
            dtype = source.dtype(x)
            return self.array(source.numpy(x), dtype if dtype in self.dtypes else None)

    def dtype(self, x: Any) -> str:
        """Name of an array's dtype: ``"float32"`` for `mlx.core.float32`, `torch.float32`, …."""
        return str(x.dtype).rpartition(".")[2]

    def cast(self, x: Any, dtype: str) -> Any:
        """The same values in another dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define cast")

    def to_device(self, x: Any, device: Any) -> Any:
        """The same values on a device, named as the framework names it.

        Raises: UnknownNameError for a device that the framework has not; PluginError for one that
        this machine has not.
        """
        raise NotImplementedError(f"{type(self).__name__} must define to_device")

    def namespace(self) -> Any:
        """The framework's functions under the names of the array API standard.

        Raises: PluginError when the framework has no such names.
        """
        raise NotImplementedError(f"{type(self).__name__} must define namespace")

    def value_and_grad(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
        """A function that gives the value of another, and one gradient for each argument.

        In ``value, gradients = value_and_grad(f)(a, b)`` f returns one number, as an array; a and
        b are arrays of floats.
        """
        raise NotImplementedError(f"{type(self).__name__} must define value_and_grad")

    def zeros(self, shape: tuple[int, ...], dtype: str = "float32", device: Any = None) -> Any:
        """An array of zeros."""
        import numpy as np

        return self.array(np.zeros(shape, np.float32), dtype, device)

    def ones(self, shape: tuple[int, ...], dtype: str = "float32", device: Any = None) -> Any:
        """An array of ones."""
        import numpy as np

        return self.array(np.ones(shape, np.float32), dtype, device)

    def check_dtype(self, dtype: str) -> str:
        """The name itself if the framework has this dtype of floats.

        Raises: UnknownNameError with the names that it has.
        """
        if dtype not in self.dtypes:
            raise unknown(f"{self.framework} dtype", dtype, self.dtypes)
        return dtype

    def capabilities(self, operations: tuple[str, ...]) -> dict[str, str]:
        """For each operation the framework's own function that does it, or ``"composed"``."""
        return {name: self.native.get(name, COMPOSED) for name in operations}

    def _wide(self, x: Any) -> Any:
        """x in float32 where it has 16 bits: sums of many terms need more."""
        return self.cast(x, "float32") if self.dtype(x) in NARROW else x

    def _features(self, what: str, x: Any, **weights: Any) -> None:
        """Check that every weight has one number for each feature of x."""
        size = x.shape[-1]
        for name, weight in weights.items():
            if weight is not None and tuple(weight.shape) != (size,):
                raise ShapeError(
                    f"{what} expected {name} ({size},), one number for each feature of x "
                    f"{tuple(x.shape)}, got {tuple(weight.shape)}."
                )
