"""A neural circuit policy from nothing but its size and its number of outputs."""

from __future__ import annotations

from typing import Any

from ncps.errors import WiringError

from . import _checks as checks
from ._ncp import NCP


class AutoNCP(NCP):
    """An ``NCP`` whose layers and fan-outs follow from its size.

    Of the neurons that are not motor neurons, 40 % become command neurons and the others inter
    neurons.

    Args:
        units: the number of neurons.
        output_size: the number of motor neurons; less than units - 2, a third of units is a good
            choice.
        sparsity_level: from 0.1 (dense) to 1.0 (as few synapses as possible).
        seed: seed of synapses and polarities; None takes a fresh one.
        inter_layers: over how many layers the inter neurons are spread, evenly.
    """

    def __init__(
        self,
        units: int,
        output_size: int,
        sparsity_level: float = 0.5,
        seed: int | None = 22222,
        *,
        inter_layers: int = 1,
    ) -> None:
        self._output_size = checks.count("output_size", output_size)
        self._sparsity_level = float(_checked_sparsity(sparsity_level))
        others = _other_neurons(checks.count("units", units), self._output_size)
        command = max(int(0.4 * others), 1)
        inter = _spread(others - command, checks.count("inter_layers", inter_layers))
        density = 1.0 - self._sparsity_level
        super().__init__(
            inter,
            command,
            self._output_size,
            sensory_fanout=max(int(inter[0] * density), 1),
            inter_fanout=[max(int(size * density), 1) for size in (*inter[1:], command)],
            recurrent_command_synapses=max(int(command * density * 2), 1),
            motor_fanin=max(int(command * density), 1),
            seed=seed,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "units": self.units,
            "output_size": self._output_size,
            "sparsity_level": self._sparsity_level,
            "seed": self._seed,
            "inter_layers": len(self._inter_layers),
        }


def _checked_sparsity(value: float) -> float:
    if not 0.1 <= value <= 1.0:
        raise WiringError(
            f"sparsity_level: expected a number from 0.1 to 1.0, got {value!r}. "
            "0.1 is a dense circuit, 0.9 a very sparse one."
        )
    return value


def _other_neurons(units: int, output_size: int) -> int:
    if output_size >= units - 2:
        raise WiringError(
            f"AutoNCP: expected output_size below units - 2 = {units - 2}, got {output_size}. "
            f"Use at least {output_size + 3} units."
        )
    return units - output_size


def _spread(neurons: int, layers: int) -> list[int]:
    if layers > neurons:
        raise WiringError(
            f"inter_layers: expected at most {neurons}, the number of inter neurons, got {layers}. "
            "Use more units or fewer layers."
        )
    share, rest = divmod(neurons, layers)
    return [share + (i < rest) for i in range(layers)]
