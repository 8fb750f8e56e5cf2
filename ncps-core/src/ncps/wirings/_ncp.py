"""Neural circuit policies: sensory → inter → command → motor neurons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ncps.errors import WiringError

from . import _checks as checks
from ._wiring import Wiring


class NCP(Wiring):
    """The sparse four-layer circuit of the nematode's nervous system.

    Every sensory neuron reaches ``sensory_fanout`` inter neurons, every inter neuron
    ``inter_fanout`` neurons of the next layer, every motor neuron listens to ``motor_fanin``
    command neurons; neurons that were left out are connected afterwards. Command neurons have
    ``recurrent_command_synapses`` synapses among themselves, self synapses included.
    Neurons are numbered from the output on: motor, command, then inter. ``AutoNCP`` chooses the
    numbers for you.

    Args:
        inter_neurons: the number of inter neurons, or those of several inter layers, the one that
            the inputs reach first.
        command_neurons: the number of command neurons.
        motor_neurons: the number of motor neurons, which is the number of outputs.
        sensory_fanout: inter neurons (of the first layer) that each input reaches.
        inter_fanout: neurons of the next layer that each inter neuron reaches; with several inter
            layers one number for all, or one for each.
        recurrent_command_synapses: draws of a synapse between two command neurons.
        motor_fanin: command neurons that each motor neuron listens to.
        seed: seed of synapses and polarities; None takes a fresh one.

    Source: Lechner et al. 2020, "Neural circuit policies enabling auditable autonomy".
    """

    def __init__(
        self,
        inter_neurons: int | Sequence[int],
        command_neurons: int,
        motor_neurons: int,
        sensory_fanout: int,
        inter_fanout: int | Sequence[int],
        recurrent_command_synapses: int,
        motor_fanin: int,
        seed: int | None = 22222,
    ) -> None:
        inter = _counts("inter_neurons", inter_neurons)
        command = checks.count("command_neurons", command_neurons)
        motor = checks.count("motor_neurons", motor_neurons)
        super().__init__(sum(inter) + command + motor)
        self.set_output_dim(motor)
        self._seed = checks.seed("seed", seed)
        self._rng = np.random.RandomState(self._seed)
        self._sensory_fanout = checks.count("sensory_fanout", sensory_fanout, minimum=0)
        self._inter_fanout = _counts("inter_fanout", inter_fanout, minimum=0)
        self._recurrent_command_synapses = checks.count(
            "recurrent_command_synapses", recurrent_command_synapses, minimum=0
        )
        self._motor_fanin = checks.count("motor_fanin", motor_fanin, minimum=0)

        self._motor_neurons = list(range(motor))
        self._command_neurons = list(range(motor, motor + command))
        ends = (self.units - np.cumsum([0, *inter])).tolist()
        self._inter_layers = [list(range(low, high)) for high, low in pairwise(ends)]
        self._check_fans()

    def _check_fans(self) -> None:
        fanouts = self._inter_fanout
        if len(fanouts) not in (1, len(self._inter_layers)):
            raise WiringError(
                f"NCP: expected one inter_fanout, or one for each of {len(self._inter_layers)} "
                f"inter layers, got {len(fanouts)}. Pass an int to use it for every layer."
            )
        if len(fanouts) == 1:
            self._inter_fanout = fanouts * len(self._inter_layers)
        _check_fan("sensory_fanout", self._sensory_fanout, self._inter_layers[0], "inter")
        following = [*self._inter_layers[1:], self._command_neurons]
        for fanout, layer in zip(self._inter_fanout, following, strict=True):
            kind = "command" if layer is self._command_neurons else "inter"
            _check_fan("inter_fanout", fanout, layer, kind)
        _check_fan("motor_fanin", self._motor_fanin, self._command_neurons, "command")

    @property
    def num_layers(self) -> int:
        """The inter layers, the command layer and the motor layer: 3 unless you asked for more."""
        return len(self._inter_layers) + 2

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        """The neurons of a layer: inter layers, then command, then motor neurons."""
        layers = [*self._inter_layers, self._command_neurons, self._motor_neurons]
        return list(layers[checks.neuron("layer_id", layer_id, len(layers))])

    def get_type_of_neuron(self, neuron_id: int) -> str:
        """The kind of a neuron: "motor", "command" or "inter"."""
        neuron = checks.neuron("neuron_id", neuron_id, self.units)
        if neuron < len(self._motor_neurons):
            return "motor"
        return "command" if neuron <= self._command_neurons[-1] else "inter"

    def build(self, input_dim: int) -> None:
        """Draw all synapses, from the inputs to the outputs; see ``Wiring.build``."""
        super().build(input_dim)
        inputs = list(range(len(self._sensory())))
        first, command, motor = self._inter_layers[0], self._command_neurons, self._motor_neurons
        self._link(inputs, first, self._sensory_fanout, len(inputs), self.add_sensory_synapse)
        following = [*self._inter_layers[1:], command]
        fans = self._inter_fanout
        for layer, after, fan in zip(self._inter_layers, following, fans, strict=True):
            # ncps 1.0.1 bounds by the targets here, by the choosers elsewhere
            self._link(layer, after, fan, len(after), self.add_synapse)
        for _ in range(self._recurrent_command_synapses):
            source, target = self._rng.choice(command), self._rng.choice(command)
            self.add_synapse(source, target, self._polarity())
        self._link(motor, command, self._motor_fanin, len(motor), self._add_backwards)

    def _link(
        self,
        choosers: list[int],
        chosen: list[int],
        fan: int,
        most: int,
        add: Callable[[int, int, int], None],
    ) -> None:
        """Let each chooser pick ``fan`` of the others, then connect those whom nobody picked."""
        forgotten = set(chosen)
        for one in choosers:
            for other in self._rng.choice(chosen, size=fan, replace=False):
                forgotten.discard(int(other))
                add(one, other, self._polarity())
        mean = int(np.clip(len(choosers) * fan // len(chosen), 1, most))
        for other in sorted(forgotten):
            for one in self._rng.choice(choosers, size=mean, replace=False):
                add(one, other, self._polarity())

    def _add_backwards(self, dest: int, src: int, polarity: int) -> None:
        self.add_synapse(src, dest, polarity)

    def _polarity(self) -> int:
        return int(self._rng.choice([-1, 1]))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        inter = [len(layer) for layer in self._inter_layers]
        fanout = list(self._inter_fanout)
        single = len(inter) == 1
        return {
            "inter_neurons": inter[0] if single else inter,
            "command_neurons": len(self._command_neurons),
            "motor_neurons": len(self._motor_neurons),
            "sensory_fanout": self._sensory_fanout,
            "inter_fanout": fanout[0] if single else fanout,
            "recurrent_command_synapses": self._recurrent_command_synapses,
            "motor_fanin": self._motor_fanin,
            "seed": self._seed,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NCP:
        """The wiring that ``get_config`` described; built if the config has ``input_dim``."""
        from ._config import construct

        return construct(cls, config)


def _counts(name: str, value: int | Sequence[int], minimum: int = 1) -> tuple[int, ...]:
    items = list(value) if isinstance(value, Sequence) else [value]
    if not items:
        raise WiringError(
            f"{name}: expected a number, or one for each inter layer, got {value!r}. "
            "Pass an int for a single inter layer."
        )
    return tuple(checks.count(name, item, minimum) for item in items)


def _check_fan(name: str, fan: int, layer: list[int], kind: str) -> None:
    if fan > len(layer):
        raise WiringError(
            f"NCP: expected {name} of at most {len(layer)}, the number of {kind} neurons it draws "
            f"from, got {fan}. Lower {name} or add {kind} neurons."
        )
