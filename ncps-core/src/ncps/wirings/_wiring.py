"""The base of all wirings: two matrices of synapse signs, and layers of neurons."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ncps.errors import WiringError

from . import _checks as checks
from ._checks import Matrix
from ._equality import same
from ._once import once, runs_once

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_CIRCUIT = frozenset(
    {"adjacency_matrix", "input_dim", "output_dim", "sensory_adjacency_matrix", "units"}
)


class Wiring:
    """A sparse circuit of neurons with signed synapses.

    ``adjacency_matrix`` (units, units) and ``sensory_adjacency_matrix`` (input_dim, units) hold
    +1 for an excitatory synapse, -1 for an inhibitory one, 0 for none; rows are sources. The first
    ``output_dim`` neurons are the motor neurons, whose states are the outputs.

    A wiring learns its number of inputs with ``build`` and is frozen then: it can be shared, is
    compared by value, and nothing can be added to it. Subclasses add inner synapses in
    ``__init__`` and sensory ones in ``build``, after ``super().build(input_dim)``.

    Args:
        units: the number of neurons, without the sensory ones.

    Raises:
        WiringError: when a size, index or polarity is impossible, or a frozen wiring is changed.

    Source: Lechner et al. 2020, "Neural circuit policies enabling auditable autonomy".
    """

    units: int
    adjacency_matrix: Matrix
    sensory_adjacency_matrix: Matrix | None
    input_dim: int | None
    output_dim: int | None

    # on the class, so that a subclass may set attributes before it calls super().__init__
    _frozen: bool = False
    _building: bool = False
    _before_build: dict[str, Any] | None = None
    _fixed_layers: tuple[tuple[int, ...], ...] | None = None
    _fixed_types: tuple[str, ...] | None = None
    _dense_inputs: bool = False

    def __init__(self, units: int) -> None:
        self.units = checks.count("units", units)
        self.adjacency_matrix = np.zeros((self.units, self.units), dtype=np.int32)
        self.sensory_adjacency_matrix = None
        self.input_dim = None
        self.output_dim = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # looked up along the bases, as a mixin may bring a build of its own
        if not runs_once(cls.build):
            cls.build = once(cls.build)  # type: ignore[method-assign]

    @classmethod
    def from_adjacency(
        cls,
        adjacency: ArrayLike,
        sensory: ArrayLike | None = None,
        layers: Sequence[Sequence[int]] | None = None,
        output_dim: int | None = None,
        *,
        neuron_types: Sequence[str] | None = None,
    ) -> Wiring:
        """A wiring with exactly these synapses.

        Args:
            adjacency: (units, units) of -1, 0, +1; ``adjacency[i, j]`` is the synapse i → j.
            sensory: (inputs, units) alike; the wiring is then built. Without it, ``build``
                connects every input to every neuron of the first layer, excitatory.
            layers: the neurons of each layer, first to last; the last one holds the motor neurons.
                One layer of all neurons if None. Neurons are kept in ascending order.
            output_dim: the number of motor neurons: by default the last layer's. With one layer it
                may be smaller, and the first ``output_dim`` neurons are the motor neurons.
            neuron_types: one name for each neuron; by default inter, …, command, motor by layer.
        """
        from ._assemble import from_adjacency

        return from_adjacency(adjacency, sensory, layers, output_dim, neuron_types)

    @classmethod
    def from_graph(cls, graph: Any) -> Wiring:
        """A wiring from a ``networkx.DiGraph``, as ``get_graph`` returns or of your own making.

        Every node needs ``neuron_type`` ("sensory", "inter", "command", "motor"), every edge
        ``polarity`` ("excitatory" or "inhibitory", +1 or -1). With other types, give each neuron a
        whole number ``layer`` too. Nodes named "neuron_3" or "sensory_3" keep their index; in any
        other graph the motor neurons come first, as everywhere in ncps, and then the layer before.
        """
        from ._graph import from_graph

        return from_graph(graph)

    @property
    def num_layers(self) -> int:
        """The number of layers."""
        return 1 if self._fixed_layers is None else len(self._fixed_layers)

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        """The neurons of a layer, 0 being the one that the inputs reach first."""
        layers = self._fixed_layers or (tuple(range(self.units)),)
        return list(layers[checks.neuron("layer_id", layer_id, len(layers))])

    def get_type_of_neuron(self, neuron_id: int) -> str:
        """The kind of a neuron: "motor" for the first ``output_dim`` ones, else "inter"."""
        neuron = checks.neuron("neuron_id", neuron_id, self.units)
        if self._fixed_types is not None:
            return self._fixed_types[neuron]
        return "motor" if neuron < (self.output_dim or 0) else "inter"

    def get_output_neurons(self) -> list[int]:
        """The ``output_dim`` neurons whose states are the outputs."""
        motor = [i for i in range(self.units) if self.get_type_of_neuron(i) == "motor"]
        size = self.output_dim or 0
        return motor if len(motor) == size else list(range(size))

    def is_built(self) -> bool:
        """Whether the number of inputs is known."""
        return self.input_dim is not None

    @once
    def build(self, input_dim: int) -> None:
        """Add the sensory synapses for ``input_dim`` inputs, in place, and freeze the wiring.

        Building again for the same size changes nothing. Raises: WiringError for another size.
        """
        if self.input_dim is None:
            self.set_input_dim(input_dim)
            if self._dense_inputs and self.sensory_adjacency_matrix is not None:
                self.sensory_adjacency_matrix[:, self.get_neurons_of_layer(0)] = 1
        elif self.input_dim != input_dim:
            raise WiringError(
                f"{type(self).__name__} has sensory synapses for input_dim {self.input_dim}, got "
                f"{input_dim}. Feed {self.input_dim} inputs, or make a new wiring."
            )

    def built(self, input_dim: int) -> Self:
        """A copy built for ``input_dim`` inputs; itself when it is that already."""
        size = checks.count("input_dim", input_dim)
        if self._frozen and self.input_dim == size:
            return self
        clone = self.unbuilt()
        clone.build(size)
        return clone

    def unbuilt(self) -> Self:
        """A copy as it was before ``build``, which can be built for any number of inputs.

        Inputs that were fixed before, with sensory synapses of their own, stay fixed.
        """
        clone = copy.deepcopy(self)
        if clone._before_build is not None:
            clone.__dict__ = clone._before_build
        return clone

    def _freeze(self, size: int) -> None:
        if self.input_dim != size:
            raise WiringError(
                f"{type(self).__name__}.build expected input_dim {size} to be set, got "
                f"{self.input_dim}. Call super().build(input_dim) first in your build."
            )
        square = (self.units, self.units)
        self.adjacency_matrix = checks.polarities("adjacency_matrix", self.adjacency_matrix, square)
        self.sensory_adjacency_matrix = checks.polarities(
            "sensory_adjacency_matrix", self._sensory(), (size, self.units)
        )
        layers = checks.layering(self._layers(), self.units)
        if self.output_dim is None:
            self.output_dim = len(layers[-1])
        self._frozen = True
        self._lock()

    def _lock(self) -> None:
        for matrix in (self.adjacency_matrix, self._sensory()):
            matrix.flags.writeable = False

    def _layers(self) -> list[list[int]]:
        return [list(self.get_neurons_of_layer(i)) for i in range(self.num_layers)]

    def _sensory(self) -> Matrix:
        if self.sensory_adjacency_matrix is None:
            raise WiringError(
                f"{type(self).__name__} expected its number of inputs before its sensory synapses "
                "are used, got none. Call wiring.build(input_dim) first."
            )
        return self.sensory_adjacency_matrix

    def erev_initializer(self, shape: object = None, dtype: object = None) -> Matrix:
        """A copy of the adjacency matrix (units, units): the sign of each reversal potential."""
        return self.adjacency_matrix.copy()

    def sensory_erev_initializer(self, shape: object = None, dtype: object = None) -> Matrix:
        """A copy of the sensory adjacency matrix (input_dim, units)."""
        return self._sensory().copy()

    def set_input_dim(self, input_dim: int) -> None:
        """Fix the number of inputs, without any sensory synapse yet."""
        size = checks.count("input_dim", input_dim)
        if not (self._frozen and self.input_dim == size):
            self.input_dim = size
            self.sensory_adjacency_matrix = np.zeros((size, self.units), dtype=np.int32)

    def set_output_dim(self, output_dim: int) -> None:
        """Fix the number of motor neurons."""
        size = checks.count("output_dim", output_dim)
        if size > self.units:
            raise WiringError(
                f"output_dim: expected at most {self.units}, the number of units, got {size}. "
                "Use more units, or project the output."
            )
        if not (self._frozen and self.output_dim == size):
            self.output_dim = size

    def add_synapse(self, src: int, dest: int, polarity: int) -> None:
        """Connect neuron ``src`` to neuron ``dest``; a second call sets the polarity anew."""
        self._check_open()
        source = checks.neuron("src", src, self.units)
        target = checks.neuron("dest", dest, self.units)
        self.adjacency_matrix[source, target] = checks.polarity(polarity)

    def add_sensory_synapse(self, src: int, dest: int, polarity: int) -> None:
        """Connect input ``src`` to neuron ``dest``."""
        self._check_open()
        sensory = self._sensory()
        source = checks.neuron("src", src, len(sensory))
        target = checks.neuron("dest", dest, self.units)
        sensory[source, target] = checks.polarity(polarity)

    def _check_open(self) -> None:
        if self._frozen:
            raise WiringError(
                f"{type(self).__name__} is built, so its synapses cannot change. Add them before "
                "build(): inner ones after __init__, sensory ones after set_input_dim(n), or both "
                "in a build() of your own class."
            )

    @property
    def synapse_count(self) -> int:
        """The number of synapses between neurons, without the sensory ones."""
        return int(np.count_nonzero(self.adjacency_matrix))

    @property
    def sensory_synapse_count(self) -> int:
        """The number of synapses from inputs to neurons."""
        return int(np.count_nonzero(self._sensory()))

    def get_config(self) -> dict[str, Any]:
        """The circuit as JSON-able values, for ``from_config`` of the same class."""
        from ._assemble import describe

        return describe(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Wiring:
        """The wiring that ``get_config`` or ``to_config`` described."""
        from ._assemble import assemble
        from ._config import from_config

        return from_config(config) if "class" in config else assemble(config)

    def to_config(self) -> dict[str, Any]:
        """As ``get_config``, with the class and the inputs, for ``ncps.wirings.from_config``.

        A class of your own is written as a plain ``Wiring`` with its matrices, layers and neuron
        types, so that it can be read where your class is not known. Raises: WiringError when such
        a wiring is not built yet.
        """
        from ._config import to_config

        return to_config(self)

    def get_graph(self, include_sensory_neurons: bool = True) -> Any:
        """The circuit as a ``networkx.DiGraph``.

        Nodes "neuron_0", … and "sensory_0", … have ``neuron_type`` and ``layer`` (-1 for sensory
        neurons); edges have ``polarity``, "excitatory" or "inhibitory".
        """
        from ._graph import get_graph

        return get_graph(self, include_sensory_neurons)

    def draw_graph(
        self,
        layout: str = "layered",
        neuron_colors: Mapping[str, str] | None = None,
        synapse_colors: str | Mapping[str, str] | None = None,
        draw_labels: bool = False,
        ax: Axes | None = None,
    ) -> list[Artist]:
        """Draw the circuit with matplotlib and return the handles of its legend.

        Args:
            layout: "layered" draws sensory neurons at the left and motor neurons at the right.
                Others, by networkx: kamada, circular, random, shell, spring, spectral, spiral.
            neuron_colors: colours by neuron type, over the default ones.
            synapse_colors: one colour, or colours for "excitatory" and "inhibitory".
            draw_labels: write each neuron's index.
            ax: where to draw; the current axes if None.
        """
        from ._drawing import draw

        return draw(self, layout, neuron_colors, synapse_colors, draw_labels, ax)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._frozen and name in _CIRCUIT:
            raise WiringError(
                f"{type(self).__name__} is built, so {name} cannot change. Make a new wiring."
            )
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # neither a pickle nor a deep copy keeps an array's read-only flag
        if self._frozen:
            self._lock()

    def __eq__(self, other: object) -> bool:
        """Whether both are the same circuit once built; before, the same class and arguments."""
        if not isinstance(other, Wiring):
            return NotImplemented
        if self._frozen and other._frozen:
            return same(describe_circuit(self), describe_circuit(other))
        return type(self) is type(other) and same(self.__dict__, other.__dict__)

    def __hash__(self) -> int:
        # the one number that building and adding synapses do not change
        return hash((Wiring, self.units))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(units={self.units}, output_dim={self.output_dim}, "
            f"input_dim={self.input_dim}, synapses={self.synapse_count})"
        )


def describe_circuit(wiring: Wiring) -> tuple[Any, ...]:
    """What makes a built circuit: its matrices, layers, neuron types and outputs."""
    types = [wiring.get_type_of_neuron(i) for i in range(wiring.units)]
    matrices = (wiring.adjacency_matrix, wiring.sensory_adjacency_matrix)
    return (*matrices, wiring._layers(), types, wiring.output_dim)
