"""``ncps.layers``: every layer type by name, made where `create` would make it."""

from __future__ import annotations

import pytest

import ncps
from ncps.layers.base import Layer
from ncps.specs import BUILTIN


def test_layer_by_name_is_what_create_makes() -> None:
    with ncps.use("numpy"):
        layer = ncps.layers.Dense(input_size=2, units=3, seed=1)
        same = ncps.create("Dense", input_size=2, units=3, seed=1)
    assert isinstance(layer, Layer)
    assert type(layer) is type(same)
    assert (ncps.parameters(layer)["kernel"] == ncps.parameters(same)["kernel"]).all()


def test_every_layer_type_is_listed() -> None:
    assert set(BUILTIN) <= set(dir(ncps.layers))


def test_misspelt_layer_gets_the_nearest_name() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Densse'.*Did you mean 'Dense'\?"):
        _ = ncps.layers.Densse


def test_faces_are_reached_from_the_package() -> None:
    assert ncps.layers.__name__ == "ncps.layers"
    assert {"mlx", "torch"} <= set(dir(ncps))
    with pytest.raises(AttributeError, match="module 'ncps' has no attribute 'torhc'"):
        _ = ncps.torhc
