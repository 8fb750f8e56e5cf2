"""Layers on top of each other and in two directions: plain scans, put together in one place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncps.errors import unknown
from ncps.reference._cfc import cfc_readout, cfc_step
from ncps.reference._ctgru import ctgru_readout, ctgru_step
from ncps.reference._functions import Array
from ncps.reference._gated import Parameters, State, gru_step, hidden, lstm_step, rnn_step
from ncps.reference._meanings import Readout, Recurrent, Step, meaning_of
from ncps.reference._ode import ctrnn_readout, ctrnn_step, ltc_readout, ltc_step
from ncps.specs import Part, SequenceSpec, Spec

_KINDS: dict[str, tuple[Step, Readout]] = {
    "CfC": (cfc_step, cfc_readout),
    "CTGRU": (ctgru_step, ctgru_readout),
    "CTRNN": (ctrnn_step, ctrnn_readout),
    "ELTC": (ltc_step, ltc_readout),
    "GRU": (gru_step, hidden),
    "LSTM": (lstm_step, hidden),
    "LTC": (ltc_step, ltc_readout),
    "RNN": (rnn_step, hidden),
}
STEPS = _KINDS | {f"{layer}Cell": functions for layer, functions in _KINDS.items()}


class Times(NamedTuple):
    """What all scans of a call share: Δt (B or 1, T), and which steps are real (B, T)."""

    dt: Array
    real: Array


def run_parts(
    spec: Spec, p: Parameters, x: Array, state: State, times: Times
) -> tuple[Array, State]:
    """y and the new state of all parts, for x (B, T, D)."""
    parts = spec.parts if isinstance(spec, SequenceSpec) else ((Part("", spec),),)
    rest, new = list(state), list[Array]()
    for layer in parts:
        outputs, ends = [], []
        for part in layer:
            size = len(part.spec.state_shapes())
            own, rest = tuple(rest[:size]), rest[size:]
            y, end, own = _scan(part, p, x, own, times)
            outputs.append(y)
            ends.append(end)
            new += own
        x = np.concatenate(outputs, axis=-1)
    if isinstance(spec, SequenceSpec) and not spec.return_sequences:
        x = np.concatenate(ends, axis=-1)
    return x, tuple(new)


def _scan(
    part: Part, p: Parameters, x: Array, state: State, times: Times
) -> tuple[Array, Array, State]:
    """y after every step (B, T, ·), y of the last state, and that state."""
    step, readout = functions(part.spec)
    if part.prefix:
        p = {q.name: p[part.prefix + q.name] for q in part.spec.parameters()}
    steps = range(x.shape[1])
    dt = following(*times) if part.reverse else times.dt
    outputs = {}
    for t in reversed(steps) if part.reverse else steps:
        new = step(part.spec, p, x[:, t], state, dt[:, t : t + 1])
        state = tuple(_kept(times.real[:, t], *pair) for pair in zip(new, state, strict=True))
        outputs[t] = readout(part.spec, p, state)
    end = readout(part.spec, p, state)
    y = np.stack([outputs[t] for t in steps], axis=1) if outputs else end[:, None][:, :0]
    return y, end, state


def _kept(real: Array, new: Array, old: Array) -> Array:
    """The new arrays (B, …) in real rows (B,), the old ones in others."""
    return np.where(real.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def functions(spec: Spec) -> tuple[Step, Readout]:
    """Step and readout of a recurrent layer.

    Raises: UnknownNameError when there are none.
    """
    if spec.layer in STEPS:
        return STEPS[spec.layer]
    meaning = meaning_of(spec.layer)
    if not isinstance(meaning, Recurrent):
        raise unknown("layer of the reference", spec.layer, [*STEPS])
    return meaning.step, meaning.readout


def following(dt: Array, real: Array) -> Array:
    """Δt (B, T) of the reverse direction: that of the next real step, of the first for the last.

    So the time between two real neighbours is the same in both directions, and what masked steps
    hold does not matter.
    """
    steps = real.shape[1]
    dt = np.broadcast_to(dt, real.shape)
    if steps == 0:
        return dt
    index = np.where(real, np.arange(steps), steps)
    at_or_after = np.minimum.accumulate(index[:, ::-1], axis=1)[:, ::-1]
    after = np.roll(at_or_after, -1, axis=1)
    # rolled to the end: the first real step
    after = np.where(after == steps, at_or_after[:, :1], after)
    return np.take_along_axis(dt, after % steps, axis=1)
