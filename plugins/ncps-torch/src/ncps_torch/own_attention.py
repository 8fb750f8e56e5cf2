"""`torch.nn.MultiheadAttention`: what it means as self-attention, and making one."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ncps.canonical import ParameterMap, Rename, Rule, SplitGates, Transpose
from ncps.errors import ConversionError
from ncps.specs import AttentionSpec

_PACKED = ("query", "key", "value")


def options_of(module: nn.MultiheadAttention) -> dict[str, Any]:
    """The options of its spec. `batch_first` and the masks of a call are no part of it.

    Raises: ConversionError when it has something that no spec can say.
    """
    size = module.embed_dim
    if not module._qkv_same_embed_dim:
        raise _refused(
            "with keys and values of the queries' size",
            f"kdim={module.kdim} and vdim={module.vdim} beside embed_dim={size}. "
            "Map them to that size with a torch.nn.Linear before it",
        )
    if module.bias_k is not None:
        raise _refused("without add_bias_kv", "one with it. Convert it by hand: no spec has it")
    if module.add_zero_attn:
        raise _refused("without add_zero_attn", "one with it. Convert it by hand: no spec has it")
    return {
        "input_size": size,
        "num_heads": module.num_heads,
        "head_dim": module.head_dim,
        "use_bias": module.in_proj_bias is not None,
        "dropout": module.dropout,
    }


def lacking(spec: AttentionSpec) -> str | None:
    """What such a spec asks for that torch's layer has not, or None."""
    if spec.causal:
        return "torch.nn.MultiheadAttention is causal by the masks of a call, not as a layer"
    if spec.positions is not None:
        return f"torch.nn.MultiheadAttention has no {spec.positions} positions"
    size = spec.known_input_size()
    if spec.num_heads * spec.head_dim != size:
        return (
            f"torch.nn.MultiheadAttention has num_heads · head_dim = input_size, the spec has "
            f"{spec.num_heads} · {spec.head_dim} and {size}"
        )
    return None


def bare_attention(spec: AttentionSpec) -> nn.MultiheadAttention:
    """The layer of torch's with the options of this spec, on x (B, T, D)."""
    options = {"dropout": spec.dropout, "bias": spec.use_bias}
    return nn.MultiheadAttention(
        spec.known_input_size(), spec.num_heads, batch_first=True, **options
    )


def attention_map(spec: AttentionSpec) -> ParameterMap:
    """Queries, keys and values are one packed matrix (3 D, D); the output is a linear layer."""
    rules: list[Rule] = [
        SplitGates("in_proj_weight", tuple(f"{n}.kernel" for n in _PACKED), transpose=True),
        Transpose("out_proj.weight", "output.kernel"),
    ]
    if spec.use_bias:
        rules.append(SplitGates("in_proj_bias", tuple(f"{n}.bias" for n in _PACKED)))
        rules.append(Rename("out_proj.bias", "output.bias"))
    return ParameterMap(tuple(rules))


def self_attention(module: nn.MultiheadAttention, x: Tensor) -> Tensor:
    """y (B, T, D) for x (B, T, D), without dropout."""
    x = x if module.batch_first else x.transpose(0, 1)
    training = module.training
    module.eval()
    try:
        y: Tensor = module(x, x, x, need_weights=False)[0]
    finally:
        module.train(training)
    return y if module.batch_first else y.transpose(0, 1)


def _refused(expected: str, got: str) -> ConversionError:
    return ConversionError(f"expected a torch.nn.MultiheadAttention {expected}, got {got}.")
