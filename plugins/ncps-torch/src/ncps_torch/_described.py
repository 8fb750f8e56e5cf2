"""What one of torch's own layers means: its spec and its tensors, or why neither can be said."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils import parametrize

from ncps.errors import ConversionError, NcpsError
from ncps.specs import Spec, build
from ncps_torch import _described_sliding as sliding
from ncps_torch import ops
from ncps_torch.layers._bare import BARE, bare

LAYERS = {**{cls: layer for layer, cls in BARE.items()}, **sliding.LAYERS}


def layer_of(module: Any) -> str | None:
    """The layer name of exactly one of torch's layers, its weights parametrized or not."""
    if not isinstance(module, nn.Module):
        return None
    if type(module) is nn.LazyLinear:
        raise ConversionError(
            "expected a layer with parameters, got a torch.nn.LazyLinear whose input size is not "
            "known. Call it once on an example first."
        )
    # torch makes a parametrized layer an instance of a subclass
    return LAYERS.get(parametrize.type_before_parametrizations(module))


def change_of(module: nn.Module) -> str | None:
    """What may make this module compute something else than its type says, and the way back."""
    if parametrize.is_parametrized(module):
        return "parametrized weights. Call torch.nn.utils.parametrize.remove_parametrizations"
    if module._forward_hooks or module._forward_pre_hooks:
        return "hooks on its forward. Call remove_weight_norm, prune.remove or the handle's remove"
    if "forward" in vars(module):
        return "a forward of its own. Delete that attribute"
    return None


def spec_of(layer: str, module: Any) -> Spec:
    """The spec of a layer of torch's.

    Raises: ConversionError when it has something that no spec can say.
    """
    change = change_of(module)
    if change:
        raise _refused(module, "as torch made it", f"one with {change} first")
    try:
        return build(layer, **_options(layer, module))
    except NcpsError as error:
        raise ConversionError(f"no spec describes {module}: {error}") from error


def arrays_of(spec: Spec, module: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Copies of all tensors of a layer of torch's.

    Raises: ConversionError when it has others than its type has, or they have no real values.
    """
    own = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers())
    with torch.device("meta"):
        usual = {name: tuple(p.shape) for name, p in bare(spec).named_parameters()}
    given = {name: tuple(p.shape) for name, p in own.items()}
    if given != usual:
        raise _refused(module, f"with the tensors {usual}", f"{given}. Make a new one")
    for name, p in own.items():
        dtype = ops.dtype_name(p.dtype)
        if p.is_meta or dtype not in ops.DTYPES:
            got = "one on the device meta" if p.is_meta else f"dtype {dtype}"
            expected = f"with values of a dtype of {list(ops.DTYPES)}"
            raise _refused(module, expected, f"{got} for {name}. Load its values or cast it")
    return {name: ops.to_numpy(p) for name, p in own.items()}


def _options(layer: str, module: Any) -> dict[str, Any]:
    if layer in sliding.READ:
        return sliding.READ[layer](module)
    return _sizes(layer, module) | _activation(layer, module) | _levels(module)


def _sizes(layer: str, module: Any) -> dict[str, Any]:
    if layer == "Dense":  # its forward goes by the weight
        units, size = module.weight.shape
        return {"input_size": size, "units": units, "use_bias": module.bias is not None}
    sizes = {"input_size": module.input_size, "units": module.hidden_size}
    return {**sizes, "use_bias": module.bias}


def _activation(layer: str, module: Any) -> dict[str, Any]:
    if layer == "RNN":  # its forward goes by the mode
        return {"activation": module.mode.removeprefix("RNN_").lower()}
    return {"activation": module.nonlinearity} if layer == "RNNCell" else {}


def _levels(module: Any) -> dict[str, Any]:
    """Layers and directions; a cell has neither."""
    if not isinstance(module, nn.RNNBase):
        return {}
    if module.proj_size:
        got = f"{module.proj_size}. Convert it by hand: no spec has a projection"
        raise _refused(module, "with proj_size 0", got)
    if module.dropout and module.num_layers > 1:
        raise _refused(
            module,
            "without dropout between its layers",
            f"{module.dropout}. Set its dropout to 0 if you only infer",
        )
    return {"num_layers": module.num_layers, "bidirectional": module.bidirectional}


def _refused(module: nn.Module, expected: str, got: str) -> ConversionError:
    name = parametrize.type_before_parametrizations(module).__name__
    return ConversionError(f"expected a torch.nn.{name} {expected}, got {got}.")
