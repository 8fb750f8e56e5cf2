"""How the native arrays of each layer relate to the canonical parameters."""

from __future__ import annotations

from typing import Any

from ncps.canonical import ParameterMap, Permute, Rename, Rule, SplitGates, Transpose
from ncps.canonical import composed_map as composed_map
from ncps.specs import (
    CTGRU_GATES,
    GATES,
    GRU_GATES,
    CfCCell,
    CTGRUCell,
    CTRNNCell,
    Dense,
    GRUCell,
    LSTMCell,
    LTCCell,
    NCPDense,
    RNNCell,
    Spec,
)

HEADS = ("ff1", "ff2", "time_a", "time_b")


def dense_map(spec: Dense | NCPDense, prefix: str = "linear.") -> ParameterMap:
    """An nn.Linear under `linear`."""
    bias = (Rename(f"{prefix}bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((Transpose(f"{prefix}weight", "kernel"), *bias))


def conv_map(spec: Any, prefix: str = "conv.") -> ParameterMap:
    """A convolution or a transposed one (out, …, in) under `conv`."""
    *taps, features = range(1, 2 + spec.rank)
    kernel = Permute(f"{prefix}weight", "kernel", (*taps, features, 0))
    bias = (Rename(f"{prefix}bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((kernel, *bias))


def linears_map(spec: Spec) -> ParameterMap:
    """An nn.Linear under the name of each kernel: ``query.weight`` is ``query.kernel``."""
    rules: list[Rule] = []
    for name in (p.name for p in spec.parameters()):
        if name.endswith(".kernel"):
            rules.append(Transpose(f"{name.removesuffix('kernel')}weight", name))
        else:
            rules.append(Rename(name, name))
    return ParameterMap(tuple(rules))


def lstm_map(spec: LSTMCell, prefix: str = "gates.") -> ParameterMap:
    """Four gates fused as in mlx.nn.LSTM."""
    return ParameterMap(tuple(lstm_rules(prefix, "", spec.use_bias)))


def rnn_map(spec: RNNCell) -> ParameterMap:
    """One map of [x, h]."""
    return ParameterMap(tuple(gate_rules("gates.", ("",), spec.use_bias)))


def gru_map(spec: GRUCell) -> ParameterMap:
    """Three gates fused as in mlx.nn.GRU, and the candidate's recurrent bias."""
    gates = tuple(f"{gate}." for gate in GRU_GATES)
    rules = gate_rules("gates.", gates, spec.use_bias)
    if spec.use_bias and spec.reset_after:
        rules.append(Rename("recurrent_bias", "new_gate.recurrent_bias"))
    return ParameterMap(tuple(rules))


def stock_rnn_map(spec: RNNCell, prefix: str = "rnn.") -> ParameterMap:
    """An mlx.nn.RNN under `rnn`."""
    kernels = (
        Transpose(f"{prefix}Wxh", "kernel"),
        Transpose(f"{prefix}Whh", "recurrent_kernel"),
    )
    bias = (Rename(f"{prefix}bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((*kernels, *bias))


def stock_gru_map(spec: GRUCell, prefix: str = "gru.") -> ParameterMap:
    """An mlx.nn.GRU under `gru`."""

    def names(part: str) -> tuple[str, ...]:
        return tuple(f"{gate}.{part}" for gate in GRU_GATES)

    kernels = (
        SplitGates(f"{prefix}Wx", names("kernel"), transpose=True),
        SplitGates(f"{prefix}Wh", names("recurrent_kernel"), transpose=True),
    )
    if not spec.use_bias:
        return ParameterMap(kernels)
    bias = SplitGates(f"{prefix}b", names("bias"))
    return ParameterMap((*kernels, bias, Rename(f"{prefix}bhn", "new_gate.recurrent_bias")))


def cfc_map(spec: CfCCell) -> ParameterMap:
    """One entry of `blocks` for each layer of the wiring, heads fused; memory; projection."""
    rules: list[Rule] = []
    heads = HEADS[:1] if spec.mode == "pure" else HEADS
    for i, block in enumerate(spec.blocks):
        native = f"blocks.{i}."
        for j in range(len(block.backbone)):
            rules += affine_rules(f"{native}backbone.{j}.", f"{block.prefix}backbone.{j}.")
        kernels = tuple(f"{block.prefix}{head}.kernel" for head in heads)
        biases = tuple(f"{block.prefix}{head}.bias" for head in heads)
        rules.append(SplitGates(f"{native}heads.weight", kernels, transpose=True))
        rules.append(SplitGates(f"{native}heads.bias", biases))
        if spec.mode == "pure":
            rules += [Rename(f"{native}{n}", f"{block.prefix}{n}") for n in ("w_tau", "A")]
    if spec.mixed_memory:
        rules += lstm_rules("memory.", "memory.", use_bias=True)
    if getattr(spec, "proj_size", None) is not None:
        rules += affine_rules("projection.", "projection.")
    return ParameterMap(tuple(rules))


def ctgru_map(spec: CTGRUCell) -> ParameterMap:
    """The gates retrieval, storage and signal, fused like a GRU's."""
    names = tuple(f"{gate}." for gate in CTGRU_GATES)
    return ParameterMap(tuple(gate_rules("gates.", names, use_bias=True)))


def ctrnn_map(spec: CTRNNCell) -> ParameterMap:
    """One map of [x, h], and the time constants."""
    rules = gate_rules("gates.", ("",), use_bias=True)
    return ParameterMap((*rules, Rename("log_tau", "log_tau")))


def ltc_map(spec: LTCCell) -> ParameterMap:
    """Tables of synapses under `inner` and `sensory`, mappings, and the memory's gates."""
    rules: list[Rule] = [Rename(name, name) for name in ("gleak", "vleak", "cm")]
    for native, canonical in (("inner.", ""), ("sensory.", "sensory_")):
        rules += [Rename(native + n, canonical + n) for n in ("w", "sigma", "mu", "erev")]
    for name in ("input", "output"):
        mapping = getattr(spec, f"{name}_mapping")
        parts = {"affine": "wb", "linear": "w", None: ""}[mapping]
        rules += [Rename(f"{name}.{part}", f"{name}_{part}") for part in parts]
    if spec.mixed_memory:
        rules += lstm_rules("memory.", "memory.", use_bias=True)
    return ParameterMap(tuple(rules))


def affine_rules(native: str, canonical: str) -> list[Rule]:
    """A (out, in) weight and a bias."""
    return [
        Transpose(f"{native}weight", f"{canonical}kernel"),
        Rename(f"{native}bias", f"{canonical}bias"),
    ]


def lstm_rules(native: str, canonical: str, use_bias: bool) -> list[Rule]:
    """Wx (4H, D), Wh (4H, H), bias (4H), in the order of `GATES`."""
    return gate_rules(native, tuple(f"{canonical}{gate}." for gate in GATES), use_bias)


def gate_rules(native: str, gates: tuple[str, ...], use_bias: bool) -> list[Rule]:
    """Wx (n·H, D), Wh (n·H, H), bias (n·H) of n gates, whose canonical prefixes are `gates`."""

    def names(part: str) -> tuple[str, ...]:
        return tuple(f"{gate}{part}" for gate in gates)

    rules: list[Rule] = [
        SplitGates(f"{native}Wx", names("kernel"), transpose=True),
        SplitGates(f"{native}Wh", names("recurrent_kernel"), transpose=True),
    ]
    return [*rules, SplitGates(f"{native}bias", names("bias"))] if use_bias else rules


def map_of(spec: Spec) -> ParameterMap:
    """The map of our own layer with this spec."""
    if isinstance(spec, (Dense, NCPDense)):
        return dense_map(spec)
    if isinstance(spec, CfCCell):
        return cfc_map(spec)
    if isinstance(spec, LSTMCell):
        return lstm_map(spec)
    if isinstance(spec, RNNCell):
        return rnn_map(spec)
    if isinstance(spec, GRUCell):
        return gru_map(spec)
    if isinstance(spec, CTGRUCell):
        return ctgru_map(spec)
    if isinstance(spec, CTRNNCell):
        return ctrnn_map(spec)
    if isinstance(spec, LTCCell):
        return ltc_map(spec)
    raise TypeError(f"expected the spec of a layer of ncps-mlx, got {type(spec).__name__}.")
