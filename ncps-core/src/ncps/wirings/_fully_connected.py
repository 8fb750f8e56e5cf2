"""All neurons connected to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _checks as checks
from ._wiring import Wiring

# two thirds of the synapses are excitatory
_POLARITIES = (-1, 1, 1)


class FullyConnected(Wiring):
    """Every input and every neuron is connected to every neuron.

    Args:
        units: the number of neurons.
        output_dim: the number of motor neurons; all of them if None.
        erev_init_seed: seed of the polarities; None takes a fresh one.
        self_connections: whether a neuron is connected to itself too.
    """

    def __init__(
        self,
        units: int,
        output_dim: int | None = None,
        erev_init_seed: int | None = 1111,
        self_connections: bool = True,
    ) -> None:
        super().__init__(units)
        self.set_output_dim(self.units if output_dim is None else output_dim)
        self.self_connections = bool(self_connections)
        self._erev_init_seed = checks.seed("erev_init_seed", erev_init_seed)
        self._rng = np.random.default_rng(self._erev_init_seed)
        wanted = np.ones((self.units, self.units), dtype=bool)
        if not self.self_connections:
            np.fill_diagonal(wanted, False)
        # one draw for each synapse, row by row: the stream that ncps 1.0.1 draws one by one
        self.adjacency_matrix[wanted] = self._rng.choice(_POLARITIES, size=int(wanted.sum()))

    def build(self, input_dim: int) -> None:
        """Connect every input to every neuron; see ``Wiring.build``."""
        super().build(input_dim)
        sensory = self._sensory()
        sensory[:] = self._rng.choice(_POLARITIES, size=sensory.shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "units": self.units,
            "output_dim": self.output_dim,
            "erev_init_seed": self._erev_init_seed,
            "self_connections": self.self_connections,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FullyConnected:
        """The wiring that ``get_config`` described; built if the config has ``input_dim``."""
        from ._config import construct

        return construct(cls, config)
