"""Activation: a layer that takes inputs of any size."""

from __future__ import annotations

import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.errors import SpecError


def test_layer_of_any_size_is_built_from_the_start() -> None:
    layer = ncps.create("Activation", activation="relu", technology="numpy")
    assert layer.built
    assert ncps.parameters(layer) == {}
    for shape in ((2, 3), (4,), (2, 5, 7)):
        assert layer(-np.ones(shape)).shape == shape
    layer.build((None, 9))
    assert layer.spec.with_input_size(4) is layer.spec


def test_layer_of_any_size_refuses_an_input_size() -> None:
    with pytest.raises(SpecError, match="Activation expected no input_size, got 3"):
        specs.Activation(activation="relu", input_size=3)
