"""The sizes and counts that wired classes of ncps 1.0.1 have."""

from __future__ import annotations

from typing import Any

from ncps.wirings import Wiring


class CircuitFace:
    """Properties of a layer on a wiring."""

    spec: Any

    @property
    def _wiring(self) -> Wiring:
        wiring: Wiring = self.spec.wiring
        return wiring

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        size: int = self.spec.state_size
        return size

    @property
    def sensory_size(self) -> int | None:
        """Features of the input."""
        size: int | None = self.spec.input_size
        return size

    @property
    def motor_size(self) -> int:
        """Number of motor neurons."""
        return len(self.spec.output_neurons)

    @property
    def output_size(self) -> int:
        """Number of motor neurons."""
        return self.motor_size

    @property
    def synapse_count(self) -> int:
        """Number of synapses between neurons."""
        return self._wiring.synapse_count

    @property
    def sensory_synapse_count(self) -> int:
        """Number of synapses from the inputs."""
        return self._wiring.sensory_synapse_count
