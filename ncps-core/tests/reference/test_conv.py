"""The reference's convolutions and pools, against their equations written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps import specs
from ncps.reference import run
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float64"].values
RNG = np.random.default_rng(0)


def parameters(spec: specs.Spec) -> dict[str, Any]:
    return {p.name: RNG.standard_normal(p.shape) for p in spec.parameters()}


def test_convolution_is_the_sum_of_its_equation() -> None:
    spec = specs.Conv1D(input_size=3, filters=4, kernel_size=3, strides=2, padding=2, dilation=2)
    p, x = parameters(spec), RNG.standard_normal((8, 3))
    y = run(spec, p, x)
    for t in range(len(y)):
        places = [(j, 2 * t + 2 * j - 2) for j in range(3)]
        wanted = sum(x[i] @ p["kernel"][j] for j, i in places if 0 <= i < 8) + p["bias"]
        np.testing.assert_allclose(y[t], wanted, **BOUNDS)


def test_groups_do_not_see_each_other() -> None:
    spec = specs.Conv2D(input_size=4, filters=6, kernel_size=2, groups=2, use_bias=False)
    p, x = parameters(spec), RNG.standard_normal((5, 5, 4))
    y = run(spec, p, x)
    half = specs.Conv2D(input_size=2, filters=3, kernel_size=2, use_bias=False)
    second = run(half, {"kernel": p["kernel"][..., 3:]}, x[..., 2:])
    np.testing.assert_allclose(y[..., 3:], second, **BOUNDS)


def test_causal_convolution_sees_nothing_that_comes_later() -> None:
    spec = specs.Conv1D(input_size=2, filters=3, kernel_size=4, padding="causal", dilation=2)
    p, x = parameters(spec), RNG.standard_normal((2, 9, 2))
    before = run(spec, p, x)
    x[:, 5:] += 1.0
    after = run(spec, p, x)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert np.all(before[:, 5] != after[:, 5])


@pytest.mark.parametrize("n", [5, 6, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_same_padding_gives_one_output_for_each_stride_the_odd_entry_after(
    n: int, size: int, strides: int
) -> None:
    window = specs.Window(size, strides, 1, "same")
    before, after = window.pads(n)
    assert window.length(n) == -(-n // strides)
    assert after - before in (0, 1)


@pytest.mark.parametrize("padding", ["valid", "same", 1])
@pytest.mark.parametrize(("size", "strides", "dilation"), [(3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_transposed_convolution_is_the_adjoint(
    padding: str | int, size: int, strides: int, dilation: int
) -> None:
    options: dict[str, Any] = {"kernel_size": size, "strides": strides, "dilation": dilation}
    options |= {"padding": padding, "use_bias": False}
    spread = specs.Conv1DTranspose(input_size=4, filters=3, **options)
    x = RNG.standard_normal((5, 4))
    p = parameters(spread)
    y = run(spread, p, x)
    slide = specs.Conv1D(input_size=3, filters=4, **options)
    other = RNG.standard_normal(y.shape)
    back = run(slide, {"kernel": p["kernel"].swapaxes(1, 2)}, other)
    np.testing.assert_allclose(np.sum(y * other), np.sum(x * back), **BOUNDS)


def test_average_at_the_border_counts_what_the_window_holds_unless_told_otherwise() -> None:
    x = np.arange(1.0, 5.0)[:, None]
    options: dict[str, Any] = {"pool_size": 3, "strides": 2, "padding": 1}
    held = run(specs.AveragePool1D(**options), {}, x)
    counted = run(specs.AveragePool1D(**options, count_include_pad=True), {}, x)
    np.testing.assert_allclose(held[:, 0], [1.5, 3.0], **BOUNDS)
    np.testing.assert_allclose(counted[:, 0], [1.0, 3.0], **BOUNDS)


def test_maximum_never_is_the_padding() -> None:
    x = -np.arange(1.0, 6.0)[:, None]
    y = run(specs.MaxPool1D(pool_size=2, padding="same"), {}, x)
    np.testing.assert_array_equal(y[:, 0], [-1.0, -3.0, -5.0])


def test_flatten_with_channels_first_lays_features_slowest() -> None:
    x = np.arange(12.0).reshape(1, 2, 3, 2)
    np.testing.assert_array_equal(run(specs.Flatten(), {}, x)[0], np.arange(12.0))
    first = run(specs.Flatten(channels_first=True), {}, x)[0]
    np.testing.assert_array_equal(first, [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11])
