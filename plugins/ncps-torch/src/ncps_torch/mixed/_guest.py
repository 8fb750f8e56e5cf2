"""A torch layer that computes with another framework's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.utils.dlpack import from_dlpack

from ncps.mixed import Answer, Request, flatten
from ncps_torch import ops
from ncps_torch.layers import NativeLayer


class TorchGuest:
    """Runs torch layers inside another framework's model; see `ncps.mixed.GuestSide`."""

    framework = "torch"

    def refusal(self, layer: NativeLayer, host: str) -> str | None:
        """None: every torch layer can be a guest."""
        return None

    def dtypes(self, layer: NativeLayer) -> tuple[str, ...]:
        """All that layers can have."""
        return tuple(ops.DTYPES)

    def trainable(self, layer: NativeLayer) -> set[str]:
        """Native names of the parameters that require a gradient."""
        return {name for name, p in layer.named_parameters() if p.requires_grad}

    def run(self, layer: NativeLayer, request: Request) -> Answer:
        """Run the layer; the graph of this very run gives the gradients."""
        layer.train(request.training)
        operands = [from_dlpack(a) for a in request.operands]
        # as leaves of a graph, not even a layer that writes in place could change them
        leaves = [operands[i].requires_grad_() for i in request.chosen]
        parameters, args, kwargs = request.split(operands)
        with torch.inference_mode(False), torch.set_grad_enabled(bool(leaves)):
            result = functional_call(layer, parameters, args, kwargs)
        outputs, pattern = flatten(result, torch.is_tensor)

        def pull(cotangents: Sequence[Any]) -> list[Tensor]:
            pairs = zip(outputs, map(from_dlpack, cotangents), strict=True)
            joined = [(y, dy.to(y.dtype)) for y, dy in pairs if y.requires_grad]
            if not joined:
                return [torch.zeros_like(leaf) for leaf in leaves]
            ys, dys = zip(*joined, strict=True)
            return list(
                torch.autograd.grad(
                    ys, leaves, dys, retain_graph=True, allow_unused=True, materialize_grads=True
                )
            )

        return Answer([y.detach() for y in outputs], pattern, pull if leaves else None)
