"""Where the features stand between the parts of a sequential, for what is sensitive to it.

Torch's own convolutions and pools have them on the second axis, Linear and all layers of ncps on
the last one. A sequential is read and made so that no part sees the other order, and so that a
Flatten between the two takes the same entries in the same order wherever it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from ncps.errors import ConversionError
from ncps.specs import Flatten as FlattenSpec
from ncps_torch._described_sliding import CHANNELS_FIRST
from ncps_torch.layers import Flatten, NativeLayer

Axis = Literal["any", "second", "last"]
Way = Literal["reading", "making"]
SECOND = (*CHANNELS_FIRST, nn.BatchNorm2d, nn.BatchNorm3d)
LAST = (nn.Linear, nn.RNNBase, nn.LayerNorm, nn.RMSNorm, nn.Embedding, NativeLayer)
ANYWHERE = ("Activation", "Dropout", "Flatten")


def arranged(parts: Mapping[str, Any], way: Way) -> dict[str, Any]:
    """The parts of a sequential, each fit for what it gets from the one before.

    Reading a torch model, a Flatten of channels that come first becomes one of ncps that says so;
    making one, it becomes torch's again.

    Raises: ConversionError when a part would get its features on another axis than it takes.
    """
    axis: Axis = "any"
    found: dict[str, Any] = {}
    for name, part in parts.items():
        found[name] = _entered(part, axis, way)
        axis = _left(found[name], axis)
    return found


def _own(part: Any) -> Axis:
    """Where a part takes and gives features: on the second axis, the last, or wherever."""
    if isinstance(part, SECOND):
        return "second"
    if isinstance(part, NativeLayer) and part.spec.layer in ANYWHERE:
        return "any"
    return "last" if isinstance(part, LAST) else "any"


def _left(part: Any, axis: Axis) -> Axis:
    if isinstance(part, (Flatten, nn.Flatten)):
        return "any"
    if type(part) is nn.Sequential:
        for inner in part:
            axis = _left(inner, axis)
        return axis
    own = _own(part)
    return axis if own == "any" else own


def _entered(part: Any, axis: Axis, way: Way) -> Any:
    """The part as it must be behind one that gives its features on this axis."""
    if type(part) is nn.Sequential:
        return _sequential(part, axis, way)
    if isinstance(part, (Flatten, nn.Flatten)):
        return _flatten(part, way) if axis == "second" else part
    own = _own(part)
    if "any" not in (own, axis) and own != axis:
        raise _between(f"a {type(part).__name__}, whose features are on the {own} axis,", axis)
    return part


def _sequential(part: nn.Sequential, axis: Axis, way: Way) -> nn.Sequential:
    """The inner parts up to the first that minds; those behind it follow that one."""
    found = dict(part.named_children())
    for name, inner in found.items():
        found[name] = _entered(inner, axis, way)
        if _left(inner, axis) != axis or _left(inner, "any") != "any":
            break
    same = all(found[name] is inner for name, inner in part.named_children())
    return part if same else nn.Sequential(OrderedDict(found))


def _flatten(part: Any, way: Way) -> Any:
    if way == "reading" and isinstance(part, nn.Flatten):
        return Flatten(FlattenSpec(channels_first=True))
    if way == "making" and isinstance(part, Flatten) and part.spec.channels_first:
        return nn.Flatten()
    raise _between("a Flatten of channels that come last", "second")


def _between(got: str, axis: Axis) -> ConversionError:
    return ConversionError(
        f"expected parts that fit behind one with its features on the {axis} axis, got {got} "
        "behind it. torch's own convolutions and pools take channels first: put a Flatten between, "
        'or convert with technology="ncps", whose layers take them last in every framework.'
    )
