"""A random sparse circuit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ncps.errors import WiringError

from . import _checks as checks
from ._checks import Matrix
from ._wiring import Wiring

# two thirds of the synapses are excitatory
_POLARITIES = (-1, 1, 1)


class Random(Wiring):
    """Synapses drawn at random, all pairs alike.

    Args:
        units: the number of neurons.
        output_dim: the number of motor neurons; all of them if None.
        sparsity_level: the part of all possible synapses that is left out, in [0, 1).
        random_seed: seed of synapses and polarities; None takes a fresh one.
    """

    def __init__(
        self,
        units: int,
        output_dim: int | None = None,
        sparsity_level: float = 0.0,
        random_seed: int | None = 1111,
    ) -> None:
        super().__init__(units)
        self.set_output_dim(self.units if output_dim is None else output_dim)
        if not 0.0 <= sparsity_level < 1.0:
            raise WiringError(
                f"sparsity_level: expected a number in [0, 1), got {sparsity_level!r}. "
                "0 keeps every synapse, 0.9 one in ten."
            )
        self.sparsity_level = float(sparsity_level)
        self._random_seed = checks.seed("random_seed", random_seed)
        self._rng = np.random.default_rng(self._random_seed)
        self._connect(self.adjacency_matrix, draws=1)

    def build(self, input_dim: int) -> None:
        """Connect inputs to neurons at random; see ``Wiring.build``."""
        super().build(input_dim)
        # ncps 1.0.1 draws the sign of a sensory synapse twice and keeps the second
        self._connect(self._sensory(), draws=2)

    def _connect(self, matrix: Matrix, draws: int) -> None:
        # as many synapses as ncps 1.0.1 rounds to: the product is taken in this order
        size = int(np.round(matrix.shape[0] * matrix.shape[1] * (1 - self.sparsity_level)))
        pairs = self._rng.choice(matrix.size, size=size, replace=False)
        signs = self._rng.choice(_POLARITIES, size=size * draws)
        matrix.flat[pairs] = signs[draws - 1 :: draws]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "units": self.units,
            "output_dim": self.output_dim,
            "sparsity_level": self.sparsity_level,
            "random_seed": self._random_seed,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Random:
        """The wiring that ``get_config`` described; built if the config has ``input_dim``."""
        from ._config import construct

        return construct(cls, config)
