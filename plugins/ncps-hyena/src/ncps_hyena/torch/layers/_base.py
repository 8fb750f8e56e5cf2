"""What all layers here share: the base that torch's plugin lends, and the parameter map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from ncps.canonical import FromOptions, ParameterMap
from ncps.specs import Spec
from ncps_hyena.parameters import native_map
from ncps_hyena.torch import ops
from ncps_hyena.torch.layers._parts import Norm

if TYPE_CHECKING:
    from ncps_torch.toolkit import NativeLayer as HostLayer
else:
    HostLayer = ops.kit.NativeLayer


class Layer(FromOptions, HostLayer):
    """Made from a spec or options; tensors are called as in `ncps_hyena.parameters`."""

    sizes: ClassVar[tuple[str, ...]] = ("input_size", "l_max")
    spec: Any

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return native_map(spec, taps_last=True)

    def _constants(self, spec: Any) -> None:
        # modules that were made before the input size was known say the sizes that they have
        for part in self.modules():
            if isinstance(part, nn.Linear):
                part.out_features, part.in_features = part.weight.shape
            elif isinstance(part, Norm):
                part.normalized_shape = tuple(part.weight.shape)


def settle(layer: Layer, spec: Spec) -> None:
    """Tell a layer inside of another its spec, once all sizes are known."""
    layer.spec, layer._built = spec, True
