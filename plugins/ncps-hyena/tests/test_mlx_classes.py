"""How the classes on MLX are made: from sizes, from a spec, by a first call, by the registry."""

from __future__ import annotations

import numpy as np
import pytest

mx = pytest.importorskip("mlx.core")
pytest.importorskip("ncps_mlx")

import ncps  # noqa: E402
from ncps.errors import SpecError  # noqa: E402
from ncps_hyena.mlx import HyenaDNA, HyenaOperator  # noqa: E402


@pytest.fixture
def x():
    return mx.array(np.random.default_rng(0).standard_normal((2, 9, 6)).astype(np.float32))


def test_classes_are_made_from_sizes_or_a_spec(x):
    layer = HyenaOperator(6, 40, order=3, seed=2)
    assert (layer.spec.input_size, layer.spec.l_max, layer.spec.order) == (6, 40, 3)
    assert mx.array_equal(HyenaOperator(layer.spec, seed=2)(x), layer(x)).item()
    spec = HyenaDNA(40, 6, 2).spec
    assert (spec.l_max, spec.units, spec.num_layers) == (40, 6, 2)
    with pytest.raises(SpecError, match="at most the sizes input_size, l_max"):
        HyenaOperator(6, 40, 3)
    with pytest.raises(SpecError, match="a spec or sizes and options, got both"):
        HyenaOperator(layer.spec, order=2)


def test_a_layer_without_input_size_is_built_by_its_first_call(x):
    layer = HyenaOperator(l_max=20, seed=1)
    assert not layer.built
    y = layer(x)
    assert layer.built
    assert mx.array_equal(y, HyenaOperator(6, 20, seed=1)(x)).item()


def test_the_registry_hands_these_classes_out():
    place = {"technology": "hyena", "framework": "mlx"}
    layer = ncps.create("HyenaDNA", **place, units=4, num_layers=1, l_max=9)
    assert type(layer) is HyenaDNA
