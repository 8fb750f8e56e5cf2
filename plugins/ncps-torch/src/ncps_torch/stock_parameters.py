"""How the tensors of torch's own layers relate to the canonical parameters.

Torch's recurrent layers have two biases that are always added, save in a GRU's candidate.
"""

from __future__ import annotations

from typing import Any

from ncps.canonical import Inside, ParameterMap, Permute, Rename, ResetBias, Rule, SumBias
from ncps.specs import (
    GATES,
    GRU_GATES,
    AttentionSpec,
    BatchNorm,
    Dense,
    Embedding,
    GroupNorm,
    GRUCell,
    LayerNorm,
    LSTMCell,
    RMSNorm,
    SequenceSpec,
    SlidingSpec,
    Spec,
)
from ncps_torch.own_attention import attention_map
from ncps_torch.parameters import dense_map, gate_names, gate_rules

NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
EMBEDDING = ParameterMap((Rename("weight", "embeddings"),))


def norm_map(spec: Spec) -> ParameterMap:
    """A normalisation's tensors as they are, under torch's names."""
    return ParameterMap(tuple(Rename(NORM_NAMES[p.name], p.name) for p in spec.parameters()))


def stock_map(spec: Any, native: str, suffix: str) -> ParameterMap:
    """One direction of one layer (suffix "_l0") or a cell (""), behind the prefix `native`."""
    gates = _gates(spec)
    rules = gate_rules(tuple(f"{g}." for g in gates) or ("",), False, native, suffix)
    return ParameterMap((*rules, *_biases(spec, gates, native, suffix)))


def native_map(spec: Spec) -> ParameterMap:
    """A layer of torch's as it stands: all its layers and directions, without a prefix."""
    if isinstance(spec, Dense):
        return dense_map(spec, "")
    if not spec.parameters():
        return ParameterMap(())
    if isinstance(spec, SlidingSpec):
        return conv_map(spec, "")
    if isinstance(spec, Embedding):
        return EMBEDDING
    if isinstance(spec, (BatchNorm, GroupNorm, LayerNorm, RMSNorm)):
        return norm_map(spec)
    if isinstance(spec, AttentionSpec):
        return attention_map(spec)
    if not isinstance(spec, SequenceSpec):
        return stock_map(spec, "", "")
    return ParameterMap(
        tuple(
            Inside("", part.prefix, stock_map(part.spec, "", suffix_of(i, part.reverse)))
            for i, parts in enumerate(spec.parts)
            for part in parts
        )
    )


def conv_map(spec: Any, native: str) -> ParameterMap:
    """A convolution (out, in, …) or a transposed one (in, out, …), channels before the taps."""
    taps = tuple(range(2, 2 + spec.rank))
    channels = (0, 1) if spec.layer.endswith("Transpose") else (1, 0)
    kernel = Permute(f"{native}weight", "kernel", (*taps, *channels))
    bias = (Rename(f"{native}bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((kernel, *bias))


def suffix_of(layer: int, reverse: bool) -> str:
    """What torch's names of one direction of one layer end in."""
    return f"_l{layer}_reverse" if reverse else f"_l{layer}"


def _gates(spec: Any) -> tuple[str, ...]:
    if isinstance(spec, LSTMCell):
        return GATES
    return GRU_GATES if isinstance(spec, GRUCell) else ()


def _biases(spec: Any, gates: tuple[str, ...], native: str, suffix: str) -> list[Rule]:
    if not spec.use_bias:
        return []
    own = (f"{native}bias_ih{suffix}", f"{native}bias_hh{suffix}")
    canonical = gate_names(gates, "bias") or ("bias",)
    if isinstance(spec, GRUCell):
        return [ResetBias(own, canonical, "new_gate.recurrent_bias")]
    return [SumBias(own, canonical)]
