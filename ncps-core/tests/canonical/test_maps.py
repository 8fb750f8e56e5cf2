"""Parameter maps: native arrays to canonical parameters and back."""

from __future__ import annotations

import numpy as np
import pytest

from ncps.canonical import (
    ParameterMap,
    Permute,
    Rename,
    ResetBias,
    Reshape,
    SplitGates,
    SumBias,
    Transpose,
)
from ncps.errors import ParameterError

MAP = ParameterMap(
    (
        Rename("b", "bias"),
        Transpose("w", "kernel"),
        SplitGates("wx", ("i.kernel", "f.kernel", "o.kernel"), transpose=True),
        SplitGates("bx", ("i.bias", "f.bias"), axis=0),
        SplitGates("heads", ("p", "q"), axis=1),
        Permute("taps", "taps.kernel", (2, 0, 1)),
    )
)


def native() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"b": (3,), "w": (3, 2), "wx": (12, 5), "bx": (8,), "heads": (2, 6)}
    shapes["taps"] = (4, 3, 2)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_maps_name_every_gate_with_kernels_in_out() -> None:
    arrays = native()
    canonical = MAP.to_canonical(arrays)
    np.testing.assert_array_equal(canonical["kernel"], arrays["w"].T)
    np.testing.assert_array_equal(canonical["f.kernel"], arrays["wx"][4:8].T)
    np.testing.assert_array_equal(canonical["f.bias"], arrays["bx"][4:])
    np.testing.assert_array_equal(canonical["q"], arrays["heads"][:, 3:])
    np.testing.assert_array_equal(canonical["taps.kernel"], np.moveaxis(arrays["taps"], 2, 0))


def test_to_native_undoes_to_canonical() -> None:
    arrays = native()
    again = MAP.to_native(MAP.to_canonical(arrays))
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_missing_array_is_named() -> None:
    arrays = native()
    del arrays["wx"]
    with pytest.raises(ParameterError, match="expected a native array 'wx'"):
        MAP.to_canonical(arrays)
    with pytest.raises(ParameterError, match="expected a canonical array 'bias'"):
        MAP.to_native({})


def test_summed_biases_mean_their_sum() -> None:
    rule = ParameterMap((SumBias(("b_ih", "b_hh"), ("i.bias", "f.bias")),))
    arrays = {"b_ih": np.array([1.0, 2.0, 3.0, 4.0]), "b_hh": np.array([10.0, 20.0, 30.0, 40.0])}
    canonical = rule.to_canonical(arrays)
    np.testing.assert_array_equal(canonical["i.bias"], [11.0, 22.0])
    np.testing.assert_array_equal(canonical["f.bias"], [33.0, 44.0])
    again = rule.to_native(canonical)
    np.testing.assert_array_equal(again["b_ih"], [11.0, 22.0, 33.0, 44.0])
    np.testing.assert_array_equal(again["b_hh"], np.zeros(4))


def test_biases_of_a_gru_are_added_but_for_the_candidates() -> None:
    rule = ParameterMap((ResetBias(("b_ih", "b_hh"), ("r", "z", "n"), "n.recurrent"),))
    arrays = {"b_ih": np.arange(6.0), "b_hh": 10.0 * np.arange(6.0)}
    canonical = rule.to_canonical(arrays)
    wanted = {"r": [0.0, 11.0], "z": [22.0, 33.0], "n": [4.0, 5.0], "n.recurrent": [40.0, 50.0]}
    assert {name: list(value) for name, value in canonical.items()} == wanted
    again = rule.to_native(canonical)
    np.testing.assert_array_equal(again["b_ih"], [0.0, 11.0, 22.0, 33.0, 4.0, 5.0])
    np.testing.assert_array_equal(again["b_hh"], [0.0, 0.0, 0.0, 0.0, 40.0, 50.0])


def test_reshape_goes_both_ways() -> None:
    rule = ParameterMap((Reshape("A", "A", (1, 3), (3,)),))
    row = np.array([[1.0, 2.0, 3.0]])
    canonical = rule.to_canonical({"A": row})
    np.testing.assert_array_equal(canonical["A"], row[0])
    np.testing.assert_array_equal(rule.to_native(canonical)["A"], row)
