"""What layers on a wiring share: `units` is a number or a circuit, and the circuit gives masks."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.specs import _validate
from ncps.specs._base import Spec
from ncps.wirings import FullyConnected, Wiring

Mask = npt.NDArray[np.float32]


class Masks(NamedTuple):
    """Where a circuit has synapses, 1 or 0: from inputs (D, H) and from neurons (H, H)."""

    sensory: Mask
    inner: Mask


def mask_of(synapses: npt.NDArray[np.generic]) -> Mask:
    """1 for each synapse of any sign, 0 elsewhere; it cannot be written to."""
    mask: Mask = np.not_equal(synapses, 0).astype(np.float32)
    mask.flags.writeable = False
    return mask


def signs_of(synapses: npt.NDArray[np.generic]) -> Mask:
    """1 or -1 for each synapse, 0 elsewhere; it cannot be written to."""
    signs: Mask = synapses.astype(np.float32)
    signs.flags.writeable = False
    return signs


def sensory_synapses(built: Wiring) -> npt.NDArray[np.int32]:
    """The signs of a built wiring's synapses from inputs, (D, H)."""
    sensory = built.sensory_adjacency_matrix
    assert sensory is not None, "a built wiring has its sensory synapses"
    return sensory


@dataclass(frozen=True, kw_only=True)
class WiredSpec(Spec):
    """A spec whose `units` is the number of neurons, or a wiring of them.

    The spec keeps a wiring of its own, built as soon as the input size is known.
    """

    units: int | Wiring

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.units, Wiring):
            self._set(units=_validate.integer(self.layer, "units", self.units))
            return
        if self.reads_memory:
            self._set(units=self.units.built(self.state_size))
            return
        size = self.units.input_dim if self.input_size is None else self.input_size
        # an own copy: the caller may still build or change an unbuilt wiring
        own = deepcopy(self.units) if size is None else self.units.built(size)
        self._set(input_size=size, units=own)

    @property
    def reads_memory(self) -> bool:
        """Whether the neurons read the output of a mixed memory in place of x."""
        return False

    @property
    def sensory_size(self) -> int:
        """How many values the neurons read at a step: D, or those of the memory."""
        return self.state_size if self.reads_memory else self.known_input_size()

    @property
    def wiring(self) -> Wiring | None:
        """The wiring, or None when every neuron is connected to all."""
        return self.units if isinstance(self.units, Wiring) else None

    @property
    def state_size(self) -> int:
        """Number of neurons, H."""
        return self.units.units if isinstance(self.units, Wiring) else self.units

    @cached_property
    def output_neurons(self) -> tuple[int, ...]:
        """Where the output neurons stand in the state."""
        if self.wiring is None:
            return tuple(range(self.state_size))
        return tuple(self.wiring.get_output_neurons())

    @property
    def output_size(self) -> int:
        """Number of motor neurons of the wiring, else H."""
        return len(self.output_neurons)

    @cached_property
    def masks(self) -> Masks | None:
        """Where the built wiring has synapses; None without a wiring."""
        return None if self.wiring is None else self._masks(self.wiring)

    def _masks(self, wiring: Wiring) -> Masks:
        built = wiring.built(self.sensory_size)
        return Masks(mask_of(sensory_synapses(built)), mask_of(built.adjacency_matrix))


@dataclass(frozen=True, kw_only=True)
class CircuitSpec(WiredSpec):
    """A wired spec in which a number of units stands for a ``FullyConnected`` wiring of them."""

    @cached_property
    def wiring(self) -> Wiring:
        """The wiring, built when the input size is known."""
        if isinstance(self.units, Wiring):
            return self.units
        wiring = FullyConnected(self.units)
        if self.input_size is None and not self.reads_memory:
            return wiring
        return wiring.built(self.sensory_size)

    @cached_property
    def masks(self) -> Masks:
        """Where the built wiring has synapses."""
        return self._masks(self.wiring)
