"""How the native arrays of each layer relate to the canonical parameters.

Kernels are (in, out) on both sides; gates stand side by side in the order of Keras' own layers.
"""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename, Rule, SplitGates
from ncps.canonical import composed_map as composed_map
from ncps.specs import (
    GATES,
    CfCCell,
    CTRNNCell,
    GRUCell,
    LSTMCell,
    LTCCell,
    RNNCell,
    Spec,
)

HEADS = ("ff1", "ff2", "time_a", "time_b")
# Keras' order
GRU_GATES = ("update_gate", "reset_gate", "new_gate")
NEURON = ("gleak", "vleak", "cm")
SYNAPSE = ("w", "sigma", "mu", "erev")


def feedforward_map(spec: Spec) -> ParameterMap:
    """The canonical names, as Keras' own layers have them."""
    return ParameterMap(tuple(_same(*(p.name for p in spec.parameters()))))


def lstm_map(spec: LSTMCell) -> ParameterMap:
    """Four gates fused as in keras.layers.LSTM."""
    return ParameterMap(tuple(_gates("", "", GATES, spec.use_bias)))


def rnn_map(spec: RNNCell) -> ParameterMap:
    """As in keras.layers.SimpleRNN."""
    bias = ("bias",) if spec.use_bias else ()
    return ParameterMap(tuple(_same("kernel", "recurrent_kernel", *bias)))


def gru_map(spec: GRUCell) -> ParameterMap:
    """Three gates fused as in keras.layers.GRU, but one bias, and the candidate's recurrent one."""
    rules = _gates("", "", GRU_GATES, spec.use_bias)
    if spec.use_bias and spec.reset_after:
        rules.append(Rename("recurrent_bias", "new_gate.recurrent_bias"))
    return ParameterMap(tuple(rules))


def cfc_map(spec: CfCCell) -> ParameterMap:
    """The canonical names, but for the heads, which are fused."""
    rules: list[Rule] = []
    heads = HEADS[:1] if spec.mode == "pure" else HEADS
    for block in spec.blocks:
        for i in range(len(block.backbone)):
            rules += _same(*(f"{block.prefix}backbone.{i}.{part}" for part in ("kernel", "bias")))
        for part, axis in (("kernel", 1), ("bias", 0)):
            names = tuple(f"{block.prefix}{head}.{part}" for head in heads)
            rules.append(SplitGates(f"{block.prefix}heads.{part}", names, axis=axis))
        if spec.mode == "pure":
            rules += _same(*(block.prefix + name for name in ("w_tau", "A")))
    if spec.mixed_memory:
        rules += _gates("memory.", "memory.", GATES, use_bias=True)
    if getattr(spec, "proj_size", None) is not None:
        rules += _same("projection.kernel", "projection.bias")
    return ParameterMap(tuple(rules))


def ctrnn_map(spec: CTRNNCell) -> ParameterMap:
    """The canonical names."""
    return ParameterMap(tuple(_same("kernel", "recurrent_kernel", "bias", "log_tau")))


def ltc_map(spec: LTCCell) -> ParameterMap:
    """The canonical names, but for the memory's gates, which are fused."""
    rules = _same(*NEURON, *(prefix + n for prefix in ("", "sensory_") for n in SYNAPSE))
    for name in ("input", "output"):
        rules += _same(*(f"{name}_{part}" for part in mapping_parts(spec, name)))
    if spec.mixed_memory:
        rules += _gates("memory.", "memory.", GATES, use_bias=True)
    return ParameterMap(tuple(rules))


def mapping_parts(spec: LTCCell, name: str) -> str:
    """Which of w and b the input or output mapping has."""
    return {"affine": "wb", "linear": "w", None: ""}[getattr(spec, f"{name}_mapping")]


def _same(*names: str) -> list[Rule]:
    return [Rename(name, name) for name in names]


def _gates(native: str, canonical: str, gates: tuple[str, ...], use_bias: bool) -> list[Rule]:
    """kernel (D, n·H), recurrent_kernel (H, n·H), bias (n·H) of n gates."""
    axes = {"kernel": 1, "recurrent_kernel": 1, "bias": 0}
    if not use_bias:
        del axes["bias"]
    return [
        SplitGates(native + part, tuple(f"{canonical}{gate}.{part}" for gate in gates), axis=axis)
        for part, axis in axes.items()
    ]


def map_of(spec: Spec) -> ParameterMap:
    """The map of our own layer with this spec."""
    if spec.kind == "feedforward":
        return feedforward_map(spec)
    if isinstance(spec, CfCCell):
        return cfc_map(spec)
    if isinstance(spec, LSTMCell):
        return lstm_map(spec)
    if isinstance(spec, RNNCell):
        return rnn_map(spec)
    if isinstance(spec, GRUCell):
        return gru_map(spec)
    if isinstance(spec, CTRNNCell):
        return ctrnn_map(spec)
    if isinstance(spec, LTCCell):
        return ltc_map(spec)
    raise TypeError(f"expected the spec of a layer of ncps-keras, got {type(spec).__name__}.")
