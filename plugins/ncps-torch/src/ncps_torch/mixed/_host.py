"""A torch module whose computation happens in another framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ncps.errors import MixedError
from ncps.mixed import Guest, Hosted, Request, flatten, rebuild
from ncps_torch import ops
from ncps_torch.mixed._crossing import cross


class TorchHost:
    """Makes torch modules of other frameworks' layers; see `ncps.mixed.HostSide`."""

    framework = "torch"

    def module(self, guest: Guest) -> MixedLayer:
        """The module that runs the guest."""
        return MixedLayer(guest)


class MixedLayer(Hosted, nn.Module):
    """A layer of another framework as a torch module: same call, same parameters, gradients.

    `weights` holds the parameters under the guest's native names.
    """

    framework = "torch"

    def __init__(self, guest: Guest) -> None:
        super().__init__()
        self.guest = guest
        self.weights = nn.Module()
        kind = ops.DTYPES[guest.layer.dtype]
        for name, array in guest.parameters().items():
            tensor = ops.from_numpy(array, kind)
            _put(self.weights, name, nn.Parameter(tensor, requires_grad=name in guest.trainable))

    @property
    def dtype(self) -> str:
        """Name of the parameters' dtype; without parameters, the guest's."""
        first = next(self.parameters(), None)
        return self.guest.layer.dtype if first is None else ops.dtype_name(first.dtype)

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Zeros (B, …) for each state tensor, (…) without a batch; None if there is no state."""
        lead = () if batch_size is None else (batch_size,)
        kind = ops.DTYPES[self.dtype]
        states = tuple(torch.zeros(*lead, *n, dtype=kind) for _, n in self.spec.state_shapes())
        return states[0] if len(states) == 1 else states or None

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters by native name; bfloat16 ones as float32."""
        return {name: ops.to_numpy(p) for name, p in self.weights.named_parameters()}

    def set_native(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace all parameters' values at once, keeping their dtype.

        Raises: ParameterError when names or shapes do not fit; nothing is changed then.
        """
        own = dict(self.weights.named_parameters())
        self._check_native(own, arrays)
        with torch.no_grad():
            for name, array in arrays.items():
                own[name].copy_(ops.from_numpy(np.asarray(array)))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the guest; its own class says the arguments and shapes.

        Raises: MixedError inside torch.func, forward-mode AD, compile or export, and on tensors
        that are not in the CPU's memory.
        """
        if ops.in_transform():
            raise MixedError(
                f"{self.guest.name} was called inside torch.func, forward-mode AD, compile or "
                "export, which cannot follow it out of torch. Call it eagerly: for compile, mark "
                "the code around it with torch.compiler.disable."
            )
        kind = ops.DTYPES[self.dtype]
        named = dict(self.weights.named_parameters())
        arrays, pattern = flatten((args, self._exact(kwargs)), torch.is_tensor)
        arrays = [t.to(kind) if t.is_floating_point() else t for t in arrays]
        self._check_place([*named.values(), *arrays])

        def request(operands: list[Tensor], wanted: list[bool]) -> Request:
            pairs = zip(named, operands, strict=False)
            return Request(dict(pairs), operands[len(named) :], pattern, wanted, self.training)

        outputs, pattern_out = cross(self.guest, request, [*named.values(), *arrays], self.dtype)
        return rebuild(pattern_out, outputs)

    def _exact(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Points in time as NumPy arrays, which keep the precision that their differences need."""
        times = kwargs.get("timestamps")
        if not isinstance(times, Tensor) or times.requires_grad:
            return kwargs
        return {**kwargs, "timestamps": ops.to_numpy(times)}

    def _check_place(self, tensors: list[Tensor]) -> None:
        other = next((t.device for t in tensors if t.device.type != "cpu"), None)
        if other is not None:
            raise MixedError(
                f"{self.guest.name} takes tensors in the CPU's memory, got one on {other}. Keep "
                "this module and its inputs on the CPU: x.cpu()."
            )

    def extra_repr(self) -> str:
        """The guest."""
        return self.guest.name


def _put(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Set a parameter whose name may have dots: each is a module's."""
    *path, last = name.split(".")
    # past the checks of add_module, which refuses names such as "forward"
    for part in path:
        inner = module._modules.setdefault(part, nn.Module())
        assert inner is not None
        module = inner
    module._parameters[last] = parameter
