"""Several layers and two directions are what one gets by putting plain layers together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run
from ncps.specs import CTRNN, GRU, LSTM, LTC, RNN, CfC, SequenceSpec
from ncps.wirings import AutoNCP

B, T, D = 3, 6, 2
EXACT = TOLERANCES["float64"].values
BOTH = {"input_size": D, "bidirectional": True}
SPECS = {
    "rnn": RNN(units=4, **BOTH),
    "gru": GRU(units=4, **BOTH),
    "lstm": LSTM(units=4, **BOTH),
    "cfc": CfC(units=4, backbone_units=5, proj_size=3, **BOTH),
    "wired_cfc": CfC(units=AutoNCP(9, 2), mixed_memory=True, **BOTH),
    "ltc": LTC(units=AutoNCP(9, 2), **BOTH),
    "ltc_memory": LTC(units=3, mixed_memory=True, **BOTH),
    "ctrnn": CTRNN(units=4, **BOTH),
}
every = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
PLAIN = {"bidirectional": False, "num_layers": 1, "return_sequences": True}


def data(spec: SequenceSpec) -> tuple[Any, ...]:
    rng = np.random.default_rng(1)
    state = tuple(rng.standard_normal((B, *shape)) for _, shape in spec.state_shapes())
    return spec.initial_parameters(0), rng.standard_normal((B, T, D)), state, rng.random((B, T))


def own(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def named(spec: SequenceSpec, state: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    return {name: s for (name, _), s in zip(spec.state_shapes(), state, strict=True)}


def states(state: Any) -> tuple[np.ndarray, ...]:
    return state if isinstance(state, tuple) else (state,)


@every
def test_two_directions_are_two_runs(spec: SequenceSpec) -> None:
    p, x, state, dt = data(spec)
    y, last = run(spec, p, x, state, dt)
    plain = replace(spec, **PLAIN)
    begin = named(spec, state)
    a = run(plain, own(p, "stack_0.forward."), x, list(own(begin, "stack_0.forward.").values()), dt)
    # the time between two neighbours is the later one's Δt; nothing comes after the last one,
    # so it takes what the first one has
    back = np.concatenate([dt[:, :1], dt[:, :0:-1]], axis=1)
    initial = list(own(begin, "stack_0.reverse.").values())
    b = run(plain, own(p, "stack_0.reverse."), x[:, ::-1], initial, back)
    np.testing.assert_array_equal(y, np.concatenate([a[0], b[0][:, ::-1]], axis=-1))
    for got, expected in zip(last, (*states(a[1]), *states(b[1])), strict=True):
        np.testing.assert_array_equal(got, expected)


@every
def test_layers_are_a_stack_of_runs(spec: SequenceSpec) -> None:
    stacked = replace(spec, num_layers=3, bidirectional=False)
    p, x, state, dt = data(stacked)
    y, last = run(stacked, p, x, state, dt)
    begin, end = named(stacked, state), named(stacked, last)
    signal = x
    for i in range(3):
        plain = replace(spec, input_size=signal.shape[-1], **PLAIN)
        prefix = f"stack_{i}.forward."
        initial = list(own(begin, prefix).values())
        signal, new = run(plain, own(p, prefix), signal, initial, dt)
        for got, expected in zip(own(end, prefix).values(), states(new), strict=True):
            np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(y, signal)


@every
def test_upper_layers_read_both_directions(spec: SequenceSpec) -> None:
    stacked = replace(spec, num_layers=2)
    p, x, state, dt = data(stacked)
    y, _ = run(stacked, p, x, state, dt)
    half = len(state) // 2

    def layer(i: int) -> dict[str, np.ndarray]:
        return {k.replace(f"stack_{i}.", "stack_0."): v for k, v in p.items() if f"stack_{i}." in k}

    middle, _ = run(spec, layer(0), x, state[:half], dt)
    upper = replace(spec, input_size=middle.shape[-1])
    np.testing.assert_array_equal(y, run(upper, layer(1), middle, state[half:], dt)[0])


@every
def test_last_output_is_forward_s_last_and_reverse_s_first(spec: SequenceSpec) -> None:
    stacked = replace(spec, num_layers=2)
    p, x, state, dt = data(stacked)
    y, whole = run(stacked, p, x, state, dt)
    last, new = run(replace(stacked, return_sequences=False), p, x, state, dt)
    size = y.shape[-1] // 2
    expected = np.concatenate([y[:, -1, :size], y[:, 0, size:]], axis=-1)
    np.testing.assert_array_equal(last, expected)
    for a, b in zip(new, whole, strict=True):
        np.testing.assert_array_equal(a, b)


@every
def test_padding_does_not_reach_either_direction(spec: SequenceSpec) -> None:
    stacked = replace(spec, num_layers=2)
    p, x, state, dt = data(stacked)
    lengths = np.array([T, 4, 1])
    mask = np.arange(T) < lengths[:, None]
    x, dt = np.where(mask[..., None], x, 1e3), np.where(mask, dt, 50.0)
    y, last = run(stacked, p, x, state, dt, mask)
    for i, length in enumerate(lengths):
        short = slice(i, i + 1), slice(0, length)
        alone, end = run(stacked, p, x[short], tuple(s[i : i + 1] for s in state), dt[short])
        np.testing.assert_allclose(y[short], alone, **EXACT)
        for a, b in zip(last, end, strict=True):
            np.testing.assert_allclose(a[i : i + 1], b, **EXACT)


@every
def test_steps_masked_anywhere_are_passed_over(spec: SequenceSpec) -> None:
    p, x, state, dt = data(spec)
    mask = np.ones((B, T), dtype=bool)
    mask[:, [0, 3, 5]] = False
    keep = [1, 2, 4]
    y, last = run(spec, p, x, state, dt, mask)
    y_kept, last_kept = run(spec, p, x[:, keep], state, dt[:, keep])
    np.testing.assert_array_equal(y[:, keep], y_kept)
    size = y.shape[-1] // 2
    np.testing.assert_array_equal(y[:, 3, :size], y[:, 2, :size])
    np.testing.assert_array_equal(y[:, 3, size:], y[:, 4, size:])
    for a, b in zip(last, last_kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_timestamps_mean_the_same_gaps_in_both_directions() -> None:
    spec = SPECS["ltc"]
    p, x, state, dt = data(spec)
    dt[:, 0] = 0.0
    times = np.cumsum(dt, axis=1)
    y, _ = run(spec, p, x, state, timestamps=times)
    np.testing.assert_allclose(y, run(spec, p, x, state, dt)[0], **EXACT)
    # seen from behind, the clock runs the other way
    swapped = {
        k.replace("forward", "X").replace("reverse", "forward").replace("X", "reverse"): v
        for k, v in p.items()
    }
    back, _ = run(spec, swapped, x[:, ::-1], state[::-1], timestamps=-times[:, ::-1])
    mirrored = np.roll(back[:, ::-1], y.shape[-1] // 2, axis=-1)
    np.testing.assert_allclose(y, mirrored, **EXACT)


def test_a_single_time_holds_in_both_directions() -> None:
    spec = SPECS["ctrnn"]
    p, x, state, _ = data(spec)
    y, _ = run(spec, p, x, state, 0.4)
    np.testing.assert_array_equal(y, run(spec, p, x, state, np.full((B, T), 0.4))[0])


@every
def test_no_batch_and_no_step_work_in_both_directions(spec: SequenceSpec) -> None:
    p, x, state, dt = data(spec)
    y, last = run(spec, p, x[0], tuple(s[0] for s in state), dt[0])
    whole, _ = run(spec, p, x[:1], tuple(s[:1] for s in state), dt[:1])
    np.testing.assert_array_equal(y, whole[0])
    assert [s.shape for s in last] == [shape for _, shape in spec.state_shapes()]
    y, last = run(spec, p, x[:, :0], state)
    assert y.shape == (B, 0, spec.output_size)
    for a, b in zip(last, state, strict=True):
        np.testing.assert_array_equal(a, b)
