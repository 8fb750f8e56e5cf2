"""Wirings by hand, for what the generated ones never show."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ncps.wirings import Wiring


def deep_wiring() -> Wiring:
    """Four layers of 4, 3, 3 and 2 neurons; the motor neurons come first."""
    layers = [[8, 9, 10, 11], [5, 6, 7], [2, 3, 4], [0, 1]]
    rng = np.random.default_rng(20)
    adjacency = np.zeros((12, 12), dtype=int)
    for before, after in pairwise(layers):
        block = rng.choice([-1, 0, 1], size=(len(before), len(after)), p=[0.3, 0.4, 0.3])
        block[0] = 1
        adjacency[np.ix_(before, after)] = block
    return Wiring.from_adjacency(adjacency, layers=layers)


def late_motors() -> Wiring:
    """Two layers of 4 and 2 neurons, the motor neurons last, synapses within both layers."""
    rng = np.random.default_rng(21)
    adjacency = rng.choice([-1, 0, 1], size=(6, 6))
    adjacency[4:, :4] = 0
    return Wiring.from_adjacency(adjacency, layers=[[0, 1, 2, 3], [4, 5]])
