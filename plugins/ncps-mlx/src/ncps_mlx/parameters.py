"""How the native arrays of each layer relate to the canonical parameters."""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename, Rule, SplitGates, Transpose
from ncps.specs import GATES, CfCCell, Dense, LSTMCell, Spec

HEADS = ("ff1", "ff2", "time_a", "time_b")


def dense_map(spec: Dense) -> ParameterMap:
    """An nn.Linear under `linear`."""
    bias = (Rename("linear.bias", "bias"),) if spec.use_bias else ()
    return ParameterMap((Transpose("linear.weight", "kernel"), *bias))


def lstm_map(spec: LSTMCell, prefix: str = "gates.") -> ParameterMap:
    """Four gates fused as in mlx.nn.LSTM."""
    return ParameterMap(tuple(lstm_rules(prefix, "", spec.use_bias)))


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


def affine_rules(native: str, canonical: str) -> list[Rule]:
    """A (out, in) weight and a bias."""
    return [
        Transpose(f"{native}weight", f"{canonical}kernel"),
        Rename(f"{native}bias", f"{canonical}bias"),
    ]


def lstm_rules(native: str, canonical: str, use_bias: bool) -> list[Rule]:
    """Wx (4H, D), Wh (4H, H), bias (4H), in the order of `GATES`."""

    def names(part: str) -> tuple[str, ...]:
        return tuple(f"{canonical}{gate}.{part}" for gate in GATES)

    rules: list[Rule] = [
        SplitGates(f"{native}Wx", names("kernel"), transpose=True),
        SplitGates(f"{native}Wh", names("recurrent_kernel"), transpose=True),
    ]
    return [*rules, SplitGates(f"{native}bias", names("bias"))] if use_bias else rules


def map_of(spec: Spec) -> ParameterMap:
    """The map of our own layer with this spec."""
    if isinstance(spec, Dense):
        return dense_map(spec)
    if isinstance(spec, CfCCell):
        return cfc_map(spec)
    if isinstance(spec, LSTMCell):
        return lstm_map(spec)
    raise TypeError(f"expected a spec of Dense, LSTM or CfC, got {type(spec).__name__}.")
