"""The layout of xLSTM Large, as the package has it and as models on the hub have it."""

from __future__ import annotations

from ncps.canonical import Inside, ParameterMap, Rename, Rule
from ncps.errors import SpecError
from ncps.specs import Spec
from ncps_xlstm.layouts._stack import linear
from ncps_xlstm.specs import xLSTMLarge, xLSTMLargeBlock

_LAYER = {
    "q": "query",
    "k": "key",
    "v": "value",
    "ogate_preact": "output_gate",
    "out_proj": "output",
}
_GATES = {"igate_preact": "input_gate", "fgate_preact": "forget_gate"}
_FEED_FORWARD = {"proj_up_gate": "gate", "proj_up": "up", "proj_down": "down"}


def large_map(spec: Spec, hub: bool = False) -> ParameterMap:
    """Names and shapes of a state dict of the package's module for this layer.

    With `hub` those of a model on the hub, whose table of tokens is called otherwise.

    Raises: SpecError for a layer that it has no module for.
    """
    if isinstance(spec, xLSTMLargeBlock):
        return ParameterMap(_block(spec))
    if not isinstance(spec, xLSTMLarge) or spec.head is None:
        raise SpecError(f"the package xlstm has no module for {spec}.")
    table = "backbone.embeddings.weight" if hub else "embedding.weight"
    rules: list[Rule] = [Rename(table, "embedding.embeddings")]
    rules += [
        Inside(f"backbone.blocks.{i}.", f"blocks.{i}.", large_map(block))
        for i, block in enumerate(spec.blocks)
    ]
    if spec.final_norm:
        rules += _norm("backbone.out_norm", "norm", spec.use_bias)
    if spec.has_kernel:
        rules += linear("lm_head", "head", False)
    return ParameterMap(rules)


def _block(spec: xLSTMLargeBlock) -> list[Rule]:
    layer, bias = "mlstm_layer.", spec.use_bias
    rules = _norm("norm_mlstm", "norm", bias)
    for native, name in _LAYER.items():
        rules += linear(f"{layer}{native}", name, bias)
    for native, name in _GATES.items():
        rules += linear(f"{layer}{native}", name, True)
    rules += _norm(f"{layer}multihead_norm", "cell_norm", bias)
    rules += _norm("norm_ffn", "ffn_norm", bias)
    for native, name in _FEED_FORWARD.items():
        rules += linear(f"ffn.{native}", f"ffn.{name}", bias)
    return rules


def _norm(native: str, canonical: str, bias: bool) -> list[Rule]:
    factors = Rename(f"{native}.weight", f"{canonical}.gamma")
    return [factors, Rename(f"{native}.bias", f"{canonical}.beta")] if bias else [factors]
