"""The continuous-time GRU: the paper's equations, its scales, and what its options refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import SpecError
from ncps.reference import run
from ncps.specs import CTGRU, CTGRUCell

T, D, H, M = 6, 2, 3, 4
EXACT = TOLERANCES["float64"].values
SPEC = CTGRU(input_size=D, units=H, num_scales=M, tau_min=0.2, tau_ratio=3.0)
RNG = np.random.default_rng(4)
X, GAPS = RNG.standard_normal((T, D)), RNG.uniform(0.0, 3.0, T)


def gate(p: dict[str, np.ndarray], name: str, x: np.ndarray, h: np.ndarray, j: int) -> float:
    W, R, b = (p[f"{name}.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
    return float(x @ W[:, j] + h @ R[:, j] + b[j])


def softmax(scores: list[float]) -> np.ndarray:
    e = np.exp(scores)
    return e / e.sum()


def as_in_the_paper(p: dict[str, np.ndarray], gaps_after: np.ndarray) -> np.ndarray:
    """Σ ĥ of every unit before the decay that ends each step, unit by unit."""
    taus = [0.2 * 3.0**i for i in range(M)]
    memory, outputs = np.zeros((H, M)), []
    for x, gap in zip(X, gaps_after, strict=True):
        h, new = memory.sum(axis=1), np.zeros((H, M))
        wanted = {
            name: [gate(p, name, x, h, j) for j in range(H)] for name in ("retrieval", "storage")
        }
        r, s = (
            np.array([softmax([-((w - np.log(tau)) ** 2) for tau in taus]) for w in wanted[name]])
            for name in ("retrieval", "storage")
        )
        read = (r * memory).sum(axis=1)
        for j in range(H):
            q = np.tanh(gate(p, "signal", x, read, j))
            new[j] = (1 - s[j]) * memory[j] + s[j] * q
        outputs.append(new.sum(axis=1))
        memory = new * np.exp(-gap / np.array(taus))
    return np.array(outputs)


def test_ctgru_is_the_paper_s_with_the_time_before_each_step() -> None:
    p = SPEC.initial_parameters(0)
    # nothing has been stored yet that the first gap could fade
    expected = as_in_the_paper(p, np.append(GAPS[1:], 0.0))
    np.testing.assert_allclose(run(SPEC, p, X, None, GAPS)[0], expected, **EXACT)


def test_memories_fade_at_their_own_scales() -> None:
    p = {name: np.zeros_like(a) for name, a in SPEC.initial_parameters(0).items()}
    p["storage.bias"][:] = -500.0  # what is written goes to the shortest scale alone
    start = np.ones(H * M)
    _, state = run(SPEC, p, X[:1], start, 2.0)
    faded = np.exp(-2.0 / np.exp(SPEC.log_scales))
    np.testing.assert_allclose(state.reshape(H, M)[:, 1:], np.tile(faded[1:], (H, 1)), **EXACT)
    np.testing.assert_allclose(state.reshape(H, M)[:, 0], 0.0, **EXACT)


def test_an_input_acts_without_time_and_very_long_gaps_forget() -> None:
    p, start = SPEC.initial_parameters(0), np.linspace(-1, 1, H * M)
    for dt, other in ((0.0, False), (1e30, True)):
        _, one = run(SPEC, p, X[:1], start, dt)
        _, two = run(SPEC, p, X[:1], 2 * start, dt)
        assert np.all(one != start)
        assert np.array_equal(one, two) is other


def test_cell_clip_bounds_every_memory() -> None:
    p, start = SPEC.initial_parameters(0), np.full(H * M, 5.0)
    clipped = CTGRUCell(input_size=D, units=H, num_scales=M, cell_clip=0.25)
    _, state = run(clipped, p, X[0], start, 0.0)
    assert np.abs(state).max() == 0.25
    _, free = run(CTGRUCell(input_size=D, units=H, num_scales=M), p, X[0], start, 0.0)
    np.testing.assert_array_equal(state, np.clip(free, -0.25, 0.25))


def test_gates_start_spread_over_the_scales() -> None:
    wide = CTGRU(input_size=D, units=200, num_scales=5, tau_min=0.1)
    bias = wide.initial_parameters(0)["storage.bias"]
    low, high = wide.log_scales[0], wide.log_scales[-1]
    assert low <= bias.min() < bias.max() <= high
    assert np.ptp(bias) > 0.95 * (high - low)
    np.testing.assert_allclose(np.exp(wide.log_scales), 0.1 * np.sqrt(10.0) ** np.arange(5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_scales": 0}, r"CTGRU expected num_scales to be an integer >= 1, got 0"),
        ({"tau_min": 0}, r"CTGRU expected tau_min to be a number > 0, got 0"),
        ({"tau_ratio": 1.0}, r"CTGRU expected tau_ratio to be a number > 1, got 1.0"),
        ({"tau_ratio": float("nan")}, r"tau_ratio to be a number > 1, got nan"),
        ({"cell_clip": -1}, r"CTGRU expected cell_clip to be a number > 0, got -1"),
        ({"tau_min": "1"}, r"tau_min to be a number > 0, got '1'"),
    ],
)
def test_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        CTGRU(units=H, **options)
