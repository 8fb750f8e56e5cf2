"""What one of MLX's own layers means: its spec and its arrays, or why neither can be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy.typing as npt

from ncps.canonical import ParameterMap
from ncps.errors import ConversionError, NcpsError
from ncps.specs import GRU, LSTM, RNN, AttentionSpec, Dense, Embedding, SlidingSpec, Spec, build
from ncps_mlx import _families as families
from ncps_mlx import ops
from ncps_mlx.layers.stock import NONLINEARITIES
from ncps_mlx.norm_parameters import EMBEDDING, norm_map
from ncps_mlx.own_attention import attention_map
from ncps_mlx.parameters import conv_map, dense_map, lstm_map, stock_gru_map, stock_rnn_map

BARE: Mapping[str, Any] = {
    "Dense": nn.Linear,
    "GRU": nn.GRU,
    "LSTM": nn.LSTM,
    "RNN": nn.RNN,
}
LAYERS = {**{cls: layer for layer, cls in BARE.items()}, **families.LAYERS}
MODULES: Mapping[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
FUNCTIONS = (
    ("gelu", (nn.gelu,)),
    ("relu", (nn.relu, NONLINEARITIES["relu"])),
    ("sigmoid", (nn.sigmoid, mx.sigmoid)),
    ("silu", (nn.silu,)),
    ("tanh", (nn.tanh, mx.tanh, NONLINEARITIES["tanh"])),
)


def bare(spec: Any) -> nn.Module:
    """The layer of MLX's with the sizes and options of this spec."""
    if spec.layer in families.MAKE:
        return families.MAKE[spec.layer](spec)
    sizes = spec.known_input_size(), spec.units
    if isinstance(spec, RNN):
        return nn.RNN(*sizes, spec.use_bias, NONLINEARITIES[spec.activation])
    module: nn.Module = BARE[spec.layer](*sizes, bias=spec.use_bias)
    return module


def native_map(spec: Spec) -> ParameterMap:
    """How the arrays of such a layer, as it stands, relate to the canonical ones."""
    if isinstance(spec, Dense):
        return dense_map(spec, "")
    if not spec.parameters():
        return ParameterMap(())
    if isinstance(spec, Embedding):
        return EMBEDDING
    if isinstance(spec, SlidingSpec):
        return conv_map(spec, "")
    if isinstance(spec, AttentionSpec):
        return attention_map(spec)
    if spec.layer in families.MAKE:
        return norm_map(spec)
    if isinstance(spec, GRU):
        return stock_gru_map(spec, "")
    if isinstance(spec, LSTM):
        return lstm_map(spec, "")
    assert isinstance(spec, RNN), f"MLX has no {spec.layer} of its own"
    return stock_rnn_map(spec, "")


def function_of(value: Any) -> str | None:
    """The name of the function that a module without parameters, or MLX's function, applies."""
    if type(value) is nn.GELU and value._approx != "none":
        return None
    if isinstance(value, nn.Module):
        return next((name for name, cls in MODULES.items() if type(value) is cls), None)
    return next((name for name, same in FUNCTIONS if any(value is f for f in same)), None)


def spec_of(layer: str, module: Any) -> Spec:
    """The spec of a layer of MLX's.

    Raises: ConversionError when it has something that no spec can say.
    """
    try:
        return build(layer, **_options(layer, module))
    except NcpsError as error:
        raise ConversionError(f"no spec describes {module}: {error}") from error


def _options(layer: str, module: Any) -> dict[str, Any]:
    if layer in families.READ:
        return families.READ[layer](module)
    first = {"Dense": "weight", "RNN": "Wxh"}.get(layer, "Wx")
    bias = {"GRU": "b"}.get(layer, "bias")
    rows, size = module[first].shape
    units = rows if layer == "Dense" else module.hidden_size
    options = {"input_size": size, "units": units, "use_bias": bias in module}
    if layer in ("GRU", "RNN"):  # they give y alone; an LSTM gives its states too
        options["return_state"] = False
    if layer == "RNN":
        options["activation"] = _nonlinearity(module)
    return options


def arrays_of(spec: Spec, module: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Copies of all arrays of a layer of MLX's.

    Raises: ConversionError when it has others than its type has, or of a dtype of no layer.
    """
    own = ops.named(module.parameters())
    with ops.untouched_random():
        usual = {name: a.shape for name, a in ops.named(bare(spec).parameters()).items()}
    given = {name: a.shape for name, a in own.items()}
    name = f"mlx.nn.{type(module).__name__}"
    if given != usual:
        raise ConversionError(
            f"expected a {name} with the arrays {usual}, got {given}. Make a new one."
        )
    for key, array in own.items():
        if ops.dtype_name(array) not in ops.DTYPES:
            raise ConversionError(
                f"expected a {name} of a dtype of {list(ops.DTYPES)}, got "
                f"{ops.dtype_name(array)} for {key}. Cast it with set_dtype first."
            )
    return {key: ops.to_numpy(array) for key, array in own.items()}


def _nonlinearity(module: Any) -> str:
    name = function_of(module.nonlinearity)
    if name not in NONLINEARITIES:
        raise ConversionError(
            f"expected an mlx.nn.RNN with mlx.nn.tanh or mlx.nn.relu, got {module.nonlinearity}. "
            "No spec has that nonlinearity: convert it by hand."
        )
    return str(name)
