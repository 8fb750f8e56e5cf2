"""The float64 meaning: convolutions by hand, both directions, masks and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.errors import IndicesError, ShapeError, SpecError
from ncps.reference import run, step
from ncps.testing import TOLERANCES, LayerConformance
from ncps_hyena.reference._filter import filters
from ncps_hyena.reference._operator import short
from ncps_hyena.specs import HyenaDNA, HyenaOperator

BOUNDS = TOLERANCES["float64"].values


class TestNumpy(LayerConformance):
    technology, framework = "hyena", "numpy"


def drawn(spec: specs.Spec, scale: float = 0.5) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {p.name: scale * rng.standard_normal(p.shape) for p in spec.parameters()}


def test_operator_is_its_equation_written_as_matrices() -> None:
    spec = HyenaOperator(input_size=2, l_max=6, order=3, bidirectional=True, filter_order=3)
    p = drawn(spec)
    x = np.random.default_rng(5).standard_normal((1, 6, 2))

    def projected(name: str) -> Any:
        return short(p, name, x @ p[f"{name}.kernel"] + p[f"{name}.bias"])[0]

    v = projected("value")
    for o, gate in enumerate(("gate_2", "gate_1")):
        u = v * projected(gate)
        later, earlier = (filters(spec, p, o, n, 6) for n in ("reverse_kernel", "kernel"))
        v = np.empty_like(u)
        for d in range(2):
            matrix = [
                [earlier[t - s, d] if s <= t else later[s - t, d] for s in range(6)]
                for t in range(6)
            ]
            v[:, d] = np.array(matrix) @ u[:, d] + p[f"long_{o}.skip"][d] * u[:, d]
    y = (v * projected("gate_0")) @ p["output.kernel"] + p["output.bias"]
    np.testing.assert_allclose(run(spec, p, x)[0], y, **BOUNDS)


def test_last_tap_of_a_short_convolution_is_the_step_itself() -> None:
    p = {"value.short_kernel": np.array([[100.0], [10.0], [1.0]]), "value.short_bias": np.zeros(1)}
    y = short(p, "value", np.arange(1.0, 5.0).reshape(1, 4, 1))
    np.testing.assert_array_equal(y.ravel(), [1.0, 12.0, 123.0, 234.0])


def test_more_taps_than_steps() -> None:
    p = {"value.short_kernel": np.ones((8, 1)), "value.short_bias": np.zeros(1)}
    np.testing.assert_array_equal(short(p, "value", np.ones((1, 3, 1))).ravel(), [1.0, 2.0, 3.0])


def test_masked_step_keeps_its_place_in_time() -> None:
    spec = HyenaOperator(input_size=2, l_max=9)
    p, x = drawn(spec), np.random.default_rng(6).standard_normal((1, 8, 2))
    mask = np.array([[True, True, False, False, True, True, True, False]])
    gap = run(spec, p, x, mask=mask)
    closed = run(spec, p, x[:, mask[0]])
    np.testing.assert_allclose(gap[:, :2], closed[:, :2], **BOUNDS)
    assert not np.allclose(gap[:, 4:7], closed[:, 2:])
    later = run(spec, p, np.roll(x, 1, axis=1), mask=np.roll(mask, 1, axis=1))
    np.testing.assert_allclose(later[:, 1:], gap[:, :-1], **BOUNDS)


def test_operator_depends_on_what_l_max_is() -> None:
    x = np.random.default_rng(7).standard_normal((1, 8, 2))
    short_, long_ = (HyenaOperator(input_size=2, l_max=n) for n in (8, 9))
    p = drawn(short_)
    assert not np.allclose(run(short_, p, x), run(long_, p, x))


@pytest.mark.parametrize("pooling", ["mean", "last", "first", "sum"])
def test_pooling_is_over_the_real_steps(pooling: str) -> None:
    options = {"units": 4, "num_layers": 1, "l_max": 9}
    spec = HyenaDNA(**options, head="classification", classes=2, pooling=pooling)
    p = drawn(spec)
    bare = {n: a for n, a in p.items() if not n.startswith("head")}
    tokens = np.random.default_rng(8).integers(0, 12, (3, 7))
    mask = np.ones((3, 7), dtype=bool)
    mask[1, [0, 3, 6]], mask[2] = False, False
    f = run(HyenaDNA(**options), bare, tokens, mask=mask)
    pooled = {
        "mean": [f[0].mean(axis=0), f[1, [1, 2, 4, 5]].mean(axis=0), np.zeros(4)],
        "last": [f[0, 6], f[1, 5], np.zeros(4)],
        "first": [f[0, 0], f[1, 1], np.zeros(4)],
        "sum": [f[0].sum(axis=0), f[1].sum(axis=0), np.zeros(4)],
    }[pooling]
    y = np.stack(pooled) @ p["head.kernel"] + p["head.bias"]
    np.testing.assert_allclose(run(spec, p, tokens, mask=mask), y, **BOUNDS)


def test_no_step_at_all() -> None:
    options = {"units": 4, "num_layers": 1, "l_max": 9}
    spec = HyenaDNA(**options, head="classification", classes=2)
    p = drawn(spec)
    y = run(spec, p, np.zeros((3, 0), dtype=int))
    np.testing.assert_array_equal(y, np.tile(p["head.bias"], (3, 1)))
    operator = HyenaOperator(input_size=2, l_max=9, bidirectional=True)
    assert run(operator, drawn(operator), np.zeros((3, 0, 2))).shape == (3, 0, 2)


def test_model_wants_tokens() -> None:
    spec = HyenaDNA(units=4, num_layers=1, l_max=9)
    p = drawn(spec)
    with pytest.raises(IndicesError, match="tokens of an integer dtype, got float64"):
        run(spec, p, np.zeros((2, 7)))
    with pytest.raises(IndicesError, match="expected tokens from 0 to 11, got 12"):
        run(spec, p, np.full((2, 7), 12))
    with pytest.raises(ShapeError, match=r"\(B, T\) or \(T,\)"):
        run(spec, p, np.zeros((2, 7, 1), dtype=int))


def test_steps_say_what_does_not_fit() -> None:
    spec = HyenaOperator(input_size=2, l_max=9)
    p, x = drawn(spec), np.zeros((3, 4, 2))
    _, state = step(spec, p, x)
    with pytest.raises(ShapeError, match=r"a state of 2 rows, got one of x \(3, 4, 2\)"):
        step(spec, p, x[:2], state)
    with pytest.raises(ShapeError, match="a state of 3 rows, got something else"):
        step(spec, p, x, x)
    with pytest.raises(ShapeError, match="got 6 after 4 of a state"):
        step(spec, p, np.zeros((3, 6, 2)), state)
    both = HyenaOperator(input_size=2, l_max=9, bidirectional=True)
    with pytest.raises(SpecError, match="expected bidirectional=False for step"):
        step(both, drawn(both), x)


def test_users_create_the_layers_by_name() -> None:
    layer = ncps.create("HyenaDNA", technology="hyena", framework="numpy", seed=1, head="lm",
                        units=4, num_layers=1, l_max=9)  # fmt: skip
    tokens = np.arange(7)
    y, state = layer.step(tokens[:3])
    rest, _ = layer.step(tokens[3:], state)
    np.testing.assert_allclose(np.concatenate([y, rest]), layer(tokens), **BOUNDS)
