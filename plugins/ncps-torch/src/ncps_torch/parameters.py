"""How the native tensors of each layer relate to the canonical parameters.

Names and layouts are those of ncps 1.0.1, so that its checkpoints load as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps import canonical
from ncps.canonical import ParameterMap, Rename, Reshape, Rule, SplitGates, Transpose
from ncps.specs import (
    CTGRU_GATES,
    GATES,
    GRU_GATES,
    CfCBlock,
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
# an LTC's tensors, in the order of ncps 1.0.1
NEURON = ("gleak", "vleak", "cm")
SYNAPSE = ("sigma", "mu", "w", "erev")
# the LSTM of mixed memory has its gates in this order; a layer LSTM has them as torch.nn.LSTM
MEMORY_GATES = ("cell_gate", "input_gate", "forget_gate", "output_gate")


def composed_map(spec: Spec, plain: Callable[[Any], ParameterMap]) -> ParameterMap:
    """The maps of the plain layers, which stand in lists here, or its own if it is plain."""
    return canonical.composed_map(spec, plain, numbered=True)


def dense_map(spec: Dense | NCPDense, native: str = "linear.") -> ParameterMap:
    """An nn.Linear under `linear`."""
    bias = (Rename(f"{native}bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((Transpose(f"{native}weight", "kernel"), *bias))


def linears_map(spec: Spec) -> ParameterMap:
    """An nn.Linear under the name of each kernel: ``query.weight`` is ``query.kernel``."""
    rules: list[Rule] = []
    for name in (p.name for p in spec.parameters()):
        if name.endswith(".kernel"):
            rules.append(Transpose(f"{name.removesuffix('kernel')}weight", name))
        else:
            rules.append(Rename(name, name))
    return ParameterMap(tuple(rules))


def lstm_map(spec: LSTMCell) -> ParameterMap:
    """Four gates fused as in torch.nn.LSTM, with one bias."""
    return ParameterMap(tuple(gate_rules(tuple(f"{gate}." for gate in GATES), spec.use_bias)))


def gru_map(spec: GRUCell) -> ParameterMap:
    """Three gates fused as in torch.nn.GRU, and the candidate's recurrent bias."""
    rules = gate_rules(tuple(f"{gate}." for gate in GRU_GATES), spec.use_bias)
    if spec.use_bias and spec.reset_after:
        rules.append(Rename("recurrent_bias", "new_gate.recurrent_bias"))
    return ParameterMap(tuple(rules))


def rnn_map(spec: RNNCell) -> ParameterMap:
    """As a gate alone."""
    return ParameterMap(tuple(gate_rules(("",), spec.use_bias)))


def gate_rules(
    gates: tuple[str, ...], use_bias: bool, native: str = "", suffix: str = ""
) -> list[Rule]:
    """weight_ih (n·H, D), weight_hh (n·H, H), bias (n·H) of n gates by canonical prefixes."""

    def names(part: str) -> tuple[str, ...]:
        return tuple(f"{gate}{part}" for gate in gates)

    rules: list[Rule] = [
        SplitGates(f"{native}weight_ih{suffix}", names("kernel"), transpose=True),
        SplitGates(f"{native}weight_hh{suffix}", names("recurrent_kernel"), transpose=True),
    ]
    return [*rules, SplitGates(f"{native}bias{suffix}", names("bias"))] if use_bias else rules


def cfc_map(spec: CfCCell) -> ParameterMap:
    """The cells of the network, memory and projection; a sequence holds its cells in `rnn_cell`."""
    sequence = spec.kind == "sequence"
    rules: list[Rule] = []
    for block in spec.blocks:
        native = f"{'rnn_cell.' if sequence else ''}{block.prefix}"
        rules += block_rules(native, block, spec)
    if spec.mixed_memory:
        rules += memory_rules("lstm.")
    if getattr(spec, "proj_size", None) is not None:
        rules += affine_rules("fc.", "projection.")
    return ParameterMap(tuple(rules))


def memory_rules(native: str) -> list[Rule]:
    """The LSTM of mixed memory."""
    kernels = gate_names(MEMORY_GATES, "kernel", "memory.")
    recurrent = gate_names(MEMORY_GATES, "recurrent_kernel", "memory.")
    return [
        SplitGates(f"{native}input_map.weight", kernels, transpose=True),
        SplitGates(f"{native}recurrent_map.weight", recurrent, transpose=True),
        SplitGates(f"{native}input_map.bias", gate_names(MEMORY_GATES, "bias", "memory.")),
    ]


def ctgru_map(spec: CTGRUCell) -> ParameterMap:
    """The gates retrieval, storage and signal, fused like a GRU's."""
    names = tuple(f"{gate}." for gate in CTGRU_GATES)
    return ParameterMap(tuple(gate_rules(names, use_bias=True)))


def ctrnn_map(spec: CTRNNCell) -> ParameterMap:
    """As an RNN, and the time constants."""
    return ParameterMap((*gate_rules(("",), use_bias=True), Rename("log_tau", "log_tau")))


def ltc_map(spec: LTCCell) -> ParameterMap:
    """The circuit under its canonical names, and the memory; a sequence holds it in `rnn_cell`."""
    names = [*NEURON, *SYNAPSE, *(f"sensory_{name}" for name in SYNAPSE)]
    for name in ("input", "output"):
        names += [f"{name}_{part}" for part in mapping_parts(spec, name)]
    cell = "rnn_cell." if spec.kind == "sequence" else ""
    rules: list[Rule] = [Rename(cell + name, name) for name in names]
    return ParameterMap((*rules, *(memory_rules("lstm.") if spec.mixed_memory else ())))


def mapping_parts(spec: LTCCell, name: str) -> str:
    """What an LTC's input or output mapping has: w and b, w, or neither."""
    return {"affine": "wb", "linear": "w", None: ""}[getattr(spec, f"{name}_mapping")]


def block_rules(native: str, block: CfCBlock, spec: CfCCell) -> list[Rule]:
    """The tensors of one plain cell."""
    prefix = block.prefix
    rules: list[Rule] = []
    for i in range(len(block.backbone)):
        place = f"{native}backbone.{backbone_place(i, spec.backbone_dropout or 0.0)}."
        rules += affine_rules(place, f"{prefix}backbone.{i}.")
    for head in HEADS[:1] if spec.mode == "pure" else HEADS:
        rules += affine_rules(f"{native}{head}.", f"{prefix}{head}.")
    if spec.mode == "pure":
        shapes = (1, block.units), (block.units,)
        rules += [Reshape(f"{native}{n}", f"{prefix}{n}", *shapes) for n in ("w_tau", "A")]
    return rules


def backbone_place(index: int, dropout: float) -> int:
    """Where ncps 1.0.1 has this affine map among the activations and dropouts of its backbone."""
    # its first layer has no dropout behind it
    return 3 * index - 1 if dropout and index else 2 * index


def affine_rules(native: str, canonical: str) -> list[Rule]:
    """A (out, in) weight and a bias."""
    return [
        Transpose(f"{native}weight", f"{canonical}kernel"),
        Rename(f"{native}bias", f"{canonical}bias"),
    ]


def gate_names(gates: tuple[str, ...], part: str, prefix: str = "") -> tuple[str, ...]:
    """Canonical names of one part of each gate."""
    return tuple(f"{prefix}{gate}.{part}" for gate in gates)


def map_of(spec: Spec) -> ParameterMap:
    """The map of our own layer with this spec."""
    if isinstance(spec, (Dense, NCPDense)):
        return dense_map(spec)
    if isinstance(spec, CfCCell):
        return cfc_map(spec)
    if isinstance(spec, LSTMCell):
        return lstm_map(spec)
    if isinstance(spec, GRUCell):
        return gru_map(spec)
    if isinstance(spec, RNNCell):
        return rnn_map(spec)
    if isinstance(spec, CTGRUCell):
        return ctgru_map(spec)
    if isinstance(spec, CTRNNCell):
        return ctrnn_map(spec)
    if isinstance(spec, LTCCell):
        return ltc_map(spec)
    raise TypeError(f"expected the spec of a layer of ncps-torch, got {type(spec).__name__}.")
