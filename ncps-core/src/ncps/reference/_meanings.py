"""What a layer of a plugin means: the functions that its manifest names under [references]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ncps import specs
from ncps.errors import SpecError
from ncps.reference._functions import Array
from ncps.reference._gated import Parameters, State, hidden
from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes

Step = Callable[[Any, Parameters, Array, State, Array], State]
Readout = Callable[[Any, Parameters, State], Array]


@dataclass(frozen=True)
class Recurrent:
    """The meaning of a cell and of its sequence.

    ``step(spec, p, x, state, dt)`` gives the new state after x (B, D) and the elapsed times dt
    (B or 1, 1); a state is a tuple of arrays (B, …) as `state_shapes` says. ``readout(spec, p,
    state)`` gives y (B, O), the state's first array unless it is given. Masks, times, several
    layers and two directions are done around it.

    `p` maps canonical names to arrays. All arrays may be complex, for derivatives by complex step.
    """

    step: Step
    readout: Readout = hidden


@dataclass(frozen=True)
class Feedforward:
    """The meaning of a layer without a state of its own.

    ``call(spec, p, x, mask)`` gives y. For a layer that is `masked`, x always has a batch axis,
    holds 0 in masked steps, and mask is (B, T) of bools; for others x is as it came and mask is
    None. ``step(spec, p, x, state, mask)`` gives y and the new state of a layer that carries a
    sequence on; x (B, S, D) follows what the state has seen, and None stands for nothing.

    `p` maps canonical names to arrays. All arrays may be complex, for derivatives by complex step.
    """

    call: Callable[[Any, Parameters, Array, Array | None], Array]
    step: Callable[[Any, Parameters, Array, Any, Array], tuple[Array, Any]] | None = None


Meaning = Recurrent | Feedforward


def meaning_of(layer: str) -> Meaning | None:
    """The meaning of a plugin's layer; None when no plugin that is in use names one.

    Raises: PluginError when it cannot be loaded.
    """
    entry = specs.added(layer)
    if entry is None or entry.reference is None:
        return None
    kinds = (Recurrent, Feedforward)
    found: Meaning = specs.load_target(f"the reference of {layer}", entry.reference, kinds)
    return found


def feedforward(meaning: Feedforward, spec: Spec, p: Parameters, x: Array, mask: Any) -> Array:
    """y of a plugin's layer without a state."""
    if not spec.masked:
        spec.output_shape(x.shape)
        return meaning.call(spec, p, x, None)
    axes = inputs.sequence_axes(spec, x.shape)
    y = meaning.call(spec, p, *_cleared(spec, axes, x, mask))
    return y if axes.batched else y[0]


def carried_on(spec: Spec, p: Parameters, x: Array, state: Any, mask: Any) -> tuple[Array, Any]:
    """y of the steps that follow those in the state, and the new state.

    Raises: SpecError for a layer that runs over whole sequences only.
    """
    meaning = meaning_of(spec.layer)
    if not isinstance(meaning, Feedforward) or meaning.step is None:
        raise SpecError(
            f"{spec.layer} expected whole sequences: it has no step that carries one on. Call it."
        )
    axes = inputs.sequence_axes(spec, x.shape)
    x, real = _cleared(spec, axes, x, mask)
    y, new = meaning.step(spec, p, x, state, real)
    return (y if axes.batched else y[0]), new


def _cleared(spec: Spec, axes: Axes, x: Array, mask: Any) -> tuple[Array, Array]:
    """x with a batch axis and 0 in masked steps, and the mask (B, T)."""
    x = x.reshape(axes.batch, axes.steps, *(() if spec.indices else x.shape[-1:]))
    if mask is None:
        return x, np.ones((axes.batch, axes.steps), dtype=bool)
    given = np.asarray(mask)
    inputs.check_mask(spec, axes, given.shape)
    real = given.astype(bool).reshape(axes.batch, axes.steps)
    # whatever stands in a masked step, NaN included, is not even looked at
    return np.where(real if spec.indices else real[..., None], x, 0), real
