"""`mlx.nn.MultiHeadAttention`: what it means as self-attention, and making one."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap, Rename, Rule, Transpose
from ncps.errors import ConversionError
from ncps.specs import AttentionSpec

_NATIVE = {
    "query": "query_proj",
    "key": "key_proj",
    "value": "value_proj",
    "output": "out_proj",
}


def options_of(module: Any) -> dict[str, Any]:
    """The options of its spec; the mask of a call is no part of it.

    Raises: ConversionError when it has something that no spec can say.
    """
    shapes = {name: module[native].weight.shape for name, native in _NATIVE.items()}
    heads, size = shapes["query"]
    if shapes["key"] != (heads, size) or shapes["value"] != (heads, size):
        raise ConversionError(
            "expected an mlx.nn.MultiHeadAttention with keys and values of the queries' size, got "
            f"weights {shapes['query']}, {shapes['key']} and {shapes['value']}. Map them to that "
            "size with an mlx.nn.Linear before it."
        )
    if shapes["output"] != (size, heads):
        raise ConversionError(
            f"expected an mlx.nn.MultiHeadAttention whose output has the {size} features of its "
            f"input, got {shapes['output'][0]}. Map it with an mlx.nn.Linear after it."
        )
    return {
        "input_size": size,
        "num_heads": module.num_heads,
        "head_dim": heads // module.num_heads,
        "use_bias": "bias" in module.query_proj,
    }


def lacking(spec: AttentionSpec) -> str | None:
    """What such a spec asks for that MLX's layer has not, or None."""
    if spec.causal:
        return "mlx.nn.MultiHeadAttention is causal by the mask of a call, not as a layer"
    if spec.positions is not None:
        return f"mlx.nn.MultiHeadAttention has no {spec.positions} positions"
    return "mlx.nn.MultiHeadAttention has no dropout" if spec.dropout else None


def bare_attention(spec: AttentionSpec) -> nn.Module:
    """The layer of MLX's with the sizes and options of this spec."""
    size, inner = spec.known_input_size(), spec.num_heads * spec.head_dim
    return nn.MultiHeadAttention(
        *(inner, spec.num_heads),
        query_input_dims=size,
        key_input_dims=size,
        value_output_dims=size,
        bias=spec.use_bias,
    )


def attention_map(spec: AttentionSpec) -> ParameterMap:
    """Four linear layers."""
    rules: list[Rule] = []
    for name, native in _NATIVE.items():
        rules.append(Transpose(f"{native}.weight", f"{name}.kernel"))
        if spec.use_bias:
            rules.append(Rename(f"{native}.bias", f"{name}.bias"))
    return ParameterMap(tuple(rules))


def self_attention(module: Any, x: mx.array) -> mx.array:
    """y (B, T, D) for x (B, T, D)."""
    y: mx.array = module(x, x, x)
    return y
