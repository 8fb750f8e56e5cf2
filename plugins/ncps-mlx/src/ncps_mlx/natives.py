"""The adapter through which conversion reads and makes MLX's own modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import mlx.nn as nn
import numpy.typing as npt
from mlx.utils import tree_unflatten

from ncps.canonical import Kind, ParameterMap, check_parameters
from ncps.errors import ConversionError, unknown
from ncps.specs import Dense, SequenceSpec, Spec
from ncps_mlx import ops
from ncps_mlx._described import (
    BARE,
    LAYERS,
    MODULES,
    arrays_of,
    bare,
    function_of,
    native_map,
    spec_of,
)
from ncps_mlx._described_sliding import MAKE, lacking
from ncps_mlx._plugin import ncps_supports

Array = npt.NDArray[Any]


class MlxNatives:
    """Modules of `mlx.nn`, and what they mean; see `ncps.canonical.Natives`."""

    framework = "mlx"

    def is_module(self, obj: object) -> bool:
        """Whether this is an `mlx.nn.Module`."""
        return isinstance(obj, nn.Module)

    def describe(self, module: Any) -> tuple[Spec, dict[str, Array]] | None:
        """Spec and canonical parameters of a layer of MLX's; None for another module.

        Raises: ConversionError when it has something that no spec can say.
        """
        layer = LAYERS.get(type(module))
        if layer is None:
            return None
        spec = spec_of(layer, module)
        found = native_map(spec).to_canonical(arrays_of(spec, module))
        return spec, {p.name: found[p.name] for p in spec.parameters()}

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the arrays of MLX's own layer relate to the canonical parameters.

        Raises: ConversionError when MLX has no such layer.
        """
        _refuse_lacking(spec)
        return native_map(spec)

    def make(
        self,
        spec: Spec,
        parameters: Mapping[str, Array],
        dtype: str | None = None,
        device: str | None = None,
    ) -> nn.Module:
        """The layer of MLX's that computes this, in float32 unless dtype says otherwise.

        It returns what MLX's layer returns, whatever `return_sequences` and `return_state` say.
        `device` is checked and has no effect: in MLX it belongs to an operation, not to a layer.

        Raises: ConversionError when MLX has no such layer, or its layer lacks what the spec asks
        for; ParameterError when the parameters do not fit; BuildError for an open size.
        """
        values = self.parameter_map(spec).to_native(check_parameters(spec, parameters))
        kind = ops.DTYPES[ops.check_dtype(dtype)]
        ops.check_device(device)
        with ops.untouched_random():
            module = bare(spec)
        module.update(tree_unflatten([(n, ops.from_numpy(a, kind)) for n, a in values.items()]))
        return module

    def fill(self, module: nn.Module, parameters: Mapping[str, Array]) -> None:
        """Give a layer of MLX's these parameters, keeping its dtype.

        Raises: ConversionError and ParameterError, as `describe` and `make`.
        """
        found = self.describe(module)
        if found is None:
            raise ConversionError(f"expected a layer of MLX's own, got {type(module).__name__}.")
        made = self.make(found[0], parameters, dtype=self.dtype(module))
        module.update(made.parameters())

    def run(self, module: Any, x: Array) -> Array:
        """The output (B, T, O) of a layer of MLX's for x (B, T, D), from zeros."""
        given = ops.from_numpy(x, ops.DTYPES[self.dtype(module)])
        training = module.training
        module.eval()
        try:
            y = module(given)
        finally:
            module.train(training)
        return ops.to_numpy(y[0] if isinstance(y, tuple) else y)

    def dtype(self, module: nn.Module) -> str:
        """Name of the dtype of the module's first array; float32 without one."""
        first = ops.first_parameter(module)
        return "float32" if first is None else ops.dtype_name(first)

    def own(self, module: nn.Module) -> list[str]:
        """Names of the arrays that the module holds itself, not in a module inside it."""
        inside = tuple(f"{name}." for name in self.children(module))
        return [n for n in ops.named(module.parameters()) if not n.startswith(inside)]

    def children(self, module: Any) -> dict[str, Any]:
        """Direct submodules by name, in order; of a sequential, the functions in it too."""
        functions = self.kind(module) is not None
        return dict(_modules(module, functions))

    def kind(self, module: Any) -> Kind | None:
        """``"sequential"`` for exactly an `mlx.nn.Sequential` with nothing but its layers."""
        exact = type(module) is nn.Sequential and list(module) == ["layers"]
        return "sequential" if exact else None

    def assemble(self, kind: Kind, children: Mapping[str, Any]) -> Any:
        """An `mlx.nn.Sequential`, or a plain list or dict, for which MLX has no modules."""
        if kind == "dict":
            return dict(children)
        return list(children.values()) if kind == "list" else nn.Sequential(*children.values())

    def function(self, module: Any) -> str | None:
        """Name of the function that a module without parameters, or MLX's function, applies."""
        return function_of(module)

    def make_function(self, name: str) -> nn.Module:
        """The module of MLX's that applies this function; UnknownNameError for another name."""
        if name not in MODULES:
            raise unknown("function with a module in mlx.nn", name, MODULES)
        return MODULES[name]()


def _modules(value: Any, functions: bool, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in a module, list or dict: MLX looks for modules in these three alone."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        name = f"{prefix}{key}"
        if isinstance(item, nn.Module) or (functions and callable(item)):
            yield name, item
        elif isinstance(item, dict | list):
            yield from _modules(item, functions, f"{name}.")


def _refuse_lacking(spec: Spec) -> None:
    """ConversionError unless MLX has a layer of its own for all that the spec asks for."""
    ours = "Make it with ncps.create, whose layers are MLX modules as well."
    if spec.layer not in BARE and spec.layer not in MAKE:
        *names, last = sorted(cls.__name__ for cls in LAYERS)
        raise ConversionError(
            f"expected a layer that MLX has too, got {spec.layer}: mlx.nn has {', '.join(names)} "
            f"and {last} of its own. {ours}"
        )
    if isinstance(spec, SequenceSpec) and spec.composed:
        raise ConversionError(
            f"expected a {spec.layer} of one layer and one direction, as mlx.nn has, got "
            f"num_layers={spec.num_layers}, bidirectional={spec.bidirectional}. {ours}"
        )
    reason = ncps_supports(spec, "mlx", "mlx") or lacking(spec)
    if reason is not None:
        raise ConversionError(f"{spec.layer} cannot be one of MLX's own: {reason}.")
    activation = getattr(spec, "activation", None)
    if isinstance(spec, Dense) and activation not in (None, "linear"):
        raise ConversionError(
            f"expected a Dense without activation, got {activation!r}: mlx.nn.Linear has none. "
            "Make it without one, and put the activation's module after it."
        )
