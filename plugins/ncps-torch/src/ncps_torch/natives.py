"""The adapter through which conversion reads and makes torch's own modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from ncps.canonical import Kind, ParameterMap, check_parameters
from ncps.errors import ConversionError, unknown
from ncps.specs import Dense, Spec
from ncps_torch import ops
from ncps_torch._axes import arranged
from ncps_torch._described import LAYERS, arrays_of, change_of, layer_of, spec_of
from ncps_torch._described_sliding import CHANNELS_FIRST, MAKE, lacking
from ncps_torch._plugin import ncps_supports
from ncps_torch.layers._bare import BARE, bare
from ncps_torch.stock_parameters import native_map

Array = npt.NDArray[Any]
KINDS: Mapping[type[nn.Module], Kind] = {
    nn.Sequential: "sequential",
    nn.ModuleList: "list",
    nn.ModuleDict: "dict",
}
FUNCTIONS: Mapping[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class TorchNatives:
    """Modules of `torch.nn`, and what they mean; see `ncps.canonical.Natives`."""

    framework = "torch"

    def is_module(self, obj: object) -> bool:
        """Whether this is a `torch.nn.Module`."""
        return isinstance(obj, nn.Module)

    def describe(self, module: Any) -> tuple[Spec, dict[str, Array]] | None:
        """Spec and canonical parameters of a layer of torch's; None for another module.

        `batch_first` is not part of it: it says how the layer is called, not what it computes.

        Raises: ConversionError when it has something that no spec can say, or has no values.
        """
        layer = layer_of(module)
        if layer is None:
            return None
        spec = spec_of(layer, module)
        arrays = arrays_of(spec, module)
        found = native_map(spec).to_canonical(arrays)
        return spec, {p.name: found[p.name] for p in spec.parameters()}

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the tensors of torch's own layer relate to the canonical parameters.

        Raises: ConversionError when torch has no such layer.
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
        """The layer of torch's that computes this, with `batch_first`.

        It returns what torch's layer returns, whatever `return_sequences` and `return_state` say.

        Raises: ConversionError when torch has no such layer, or its layer lacks what the spec
        asks for; ParameterError when the parameters do not fit; BuildError for an open size.
        """
        values = self.parameter_map(spec).to_native(check_parameters(spec, parameters))
        kind, place = ops.check_dtype(dtype), ops.check_device(device) or torch.get_default_device()
        # without memory at first: nothing is drawn, so torch's generators stay where they are
        with torch.device("meta"):
            module: nn.Module = bare(spec)
        module = module.to(dtype=kind).to_empty(device=place)
        _write(module, values)
        return module

    def fill(self, module: nn.Module, parameters: Mapping[str, Array]) -> None:
        """Give a layer of torch's these parameters, keeping its dtype and device.

        Raises: ConversionError and ParameterError, as `describe` and `make`.
        """
        found = self.describe(module)
        if found is None:
            raise ConversionError(f"expected a layer of torch's own, got {type(module).__name__}.")
        spec, _ = found
        _write(module, native_map(spec).to_native(check_parameters(spec, parameters)))

    def run(self, module: Any, x: Array) -> Array:
        """The output (B, T, O) of a layer of torch's for x (B, T, D), from zeros.

        The features are last, here, of a layer that takes channels first too.
        """
        with torch.no_grad(), _inferring(module):
            steps = ops.from_numpy(x).to(next(module.parameters(), torch.empty(0)))
            if isinstance(module, nn.RNNCellBase):
                return ops.to_numpy(_stepped(module, steps))
            if not isinstance(module, nn.RNNBase):
                return ops.to_numpy(_channels_last(module, steps))
            if module.batch_first:
                return ops.to_numpy(module(steps)[0])
            return ops.to_numpy(module(steps.transpose(0, 1))[0].transpose(0, 1))

    def dtype(self, module: nn.Module) -> str:
        """Name of the dtype of the module's first parameter; torch's own without one."""
        first = next(module.parameters(), None)
        return ops.dtype_name(torch.get_default_dtype() if first is None else first.dtype)

    def own(self, module: nn.Module) -> list[str]:
        """Names of the parameters and saved buffers that the module holds itself."""
        buffers = [n for n, _ in module.named_buffers(recurse=False)]
        saved = [n for n in buffers if n not in module._non_persistent_buffers_set]
        return [name for name, _ in module.named_parameters(recurse=False)] + saved

    def children(self, module: Any) -> dict[str, Any]:
        """Direct submodules by name, in order; one that has two names is there twice.

        A Flatten of a sequential becomes one of ncps where channels come first.

        Raises: ConversionError when the parts of a sequential take features on several axes.
        """
        # not named_children(), which leaves out a module's second name
        found = {n: m for n, m in module._modules.items() if m is not None}
        return arranged(found, "reading") if self.kind(module) == "sequential" else found

    def kind(self, module: Any) -> Kind | None:
        """Which of torch's containers this is; None for another module, or one with hooks."""
        if type(module) not in KINDS or change_of(module):
            return None
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        return None if own else KINDS[type(module)]

    def assemble(self, kind: Kind, children: Mapping[str, Any]) -> nn.Module:
        """The container of this kind; names with a dot, as MLX has, become numbers.

        Raises: ConversionError when the parts of a sequential take features on several axes.
        """
        if kind == "list":
            return nn.ModuleList(children.values())
        if kind == "dict":
            return nn.ModuleDict(children)
        dotted = any("." in name for name in children)
        names = map(str, range(len(children))) if dotted else children
        parts = arranged(children, "making").values()
        return nn.Sequential(OrderedDict(zip(names, parts, strict=True)))

    def function(self, module: Any) -> str | None:
        """Name of the function that a module without parameters applies, or None."""
        if not self.is_module(module) or change_of(module):
            return None
        if type(module) is nn.GELU and module.approximate != "none":
            return None
        return next((name for name, cls in FUNCTIONS.items() if type(module) is cls), None)

    def make_function(self, name: str) -> nn.Module:
        """The module of torch's that applies this function; UnknownNameError for another name."""
        if name not in FUNCTIONS:
            raise unknown("function with a module in torch.nn", name, FUNCTIONS)
        return FUNCTIONS[name]()


def _write(module: nn.Module, values: Mapping[str, Array]) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(ops.from_numpy(values[name]))


def _channels_last(module: nn.Module, x: Tensor) -> Tensor:
    first = isinstance(module, CHANNELS_FIRST)
    y: Tensor = module(x.movedim(-1, 1) if first else x)
    return y.movedim(1, -1) if first else y


@contextmanager
def _inferring(module: nn.Module) -> Iterator[None]:
    """Within this context the module infers."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def _stepped(cell: nn.RNNCellBase, x: Tensor) -> Tensor:
    """h (B, T, H) of a cell over x (B, T, D)."""
    state: Any = None
    history = []
    for x_t in x.unbind(1):
        state = cell(x_t, state)
        history.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(history, dim=1)


def _refuse_lacking(spec: Spec) -> None:
    """ConversionError unless torch has a layer of its own for all that the spec asks for."""
    names = sorted({cls.__name__ for cls in LAYERS})
    has = f"torch.nn has {', '.join(names[:-1])} and {names[-1]} of its own"
    if spec.layer not in BARE and spec.layer not in MAKE:
        raise ConversionError(
            f"expected a layer that torch has too, got {spec.layer}: {has}. "
            "Make it with ncps.create, whose layers are torch modules as well."
        )
    reason = ncps_supports(spec, "torch", "torch") or lacking(spec)
    if reason is not None:
        raise ConversionError(f"{spec.layer} cannot be one of torch's own: {reason}.")
    activation = getattr(spec, "activation", None)
    if isinstance(spec, Dense) and activation not in (None, "linear"):
        raise ConversionError(
            f"expected a Dense without activation, got {activation!r}: torch.nn.Linear has none. "
            "Make it without one, and put the activation's module after it."
        )
