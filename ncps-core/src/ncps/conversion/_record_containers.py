"""Every step of a container with a recurrent member, from the recordings of its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.canonical import Layer
from ncps.reference import following, held, merged
from ncps.specs import Bidirectional, Residual, Spec

Array = npt.NDArray[Any]


class Call(NamedTuple):
    """Arguments of a call in one form: x (B, T, D), Δt (B, T), real (B, T), states (B, ·)."""

    x: Array
    dt: Array
    real: Array
    states: tuple[Array, ...]

    @property
    def backwards(self) -> Call:
        """The call that the reverse direction sees."""
        dt = following(self.dt, self.real)
        return Call(self.x[:, ::-1], dt[:, ::-1], self.real[:, ::-1], self.states)


Recording = Mapping[str, Array]
Record = Callable[[Layer, Call, Recording | None], dict[str, Array]]
Output = Callable[[Layer, Array], Array]


def inside(
    layer: Any, call: Call, along: Recording | None, record: Record, output: Output
) -> dict[str, Array]:
    """y and the states, (B, T, ·), from `record` for recurrent members and `output` for others."""
    spec = layer.spec
    real = call.real if spec.indices else call.real[..., None]
    call = call._replace(x=np.where(real, call.x, 0))
    if isinstance(spec, Bidirectional):
        return _both_ways(layer, call, along, record)
    found: dict[str, Array] = {}
    rest, y, stepwise = call.states, call.x, True
    for name, member in layer.members().items():
        if member.spec.kind == "feedforward":
            y = output(member, y) if stepwise else _each(output, member, y)
            continue
        number = len(member.spec.state_shapes())
        own, rest = rest[:number], rest[number:]
        given = call._replace(x=y, states=own)
        steps = record(member, given, behind(name, along))
        y = output_of(steps, member.spec)
        stepwise = getattr(member.spec, "return_sequences", True)
        found |= {f"{name}.{state}": array for state, array in steps.items()}
    if isinstance(spec, Residual):
        found["residual"] = held(call.x, rest[0], call.real)[:, 1:]
        y = found["residual"] + y
    return {"y": y, **found}


def output_of(steps: dict[str, Array], spec: Spec) -> Array:
    """y of recorded steps, which then hold the states alone; a state called y is y itself."""
    kept = any(name == "y" for name, _ in spec.state_shapes())
    return steps["y"] if kept else steps.pop("y")


def behind(name: str, along: Recording | None) -> dict[str, Array] | None:
    """What a recording says of a member."""
    if along is None:
        return None
    prefix = f"{name}."
    return {n.removeprefix(prefix): a for n, a in along.items() if n.startswith(prefix)}


def _each(output: Output, member: Layer, x: Array) -> Array:
    """A layer that is given one output, on each step's."""
    return output(member, x.reshape(-1, x.shape[-1])).reshape(*x.shape[:2], -1)


def _both_ways(layer: Any, call: Call, along: Recording | None, record: Record) -> dict[str, Array]:
    one, two = layer.members().items()
    number = len(call.states) // 2
    forward = record(one[1], call._replace(states=call.states[:number]), behind(one[0], along))
    other = behind(two[0], along)
    reverse = record(
        two[1],
        call.backwards._replace(states=call.states[number:]),
        None if other is None else _flipped(other),
    )
    reverse = _flipped(reverse)
    y = merged(layer.spec.merge, output_of(forward, one[1].spec), output_of(reverse, two[1].spec))
    named = ((one[0], forward), (two[0], reverse))
    return {"y": y, **{f"{name}.{n}": a for name, steps in named for n, a in steps.items()}}


def _flipped(steps: Recording) -> dict[str, Array]:
    return {name: array[:, ::-1] for name, array in steps.items()}
