"""Layer types of a third party's plugin inside containers of ours: by name, in files, converted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ncps
from ncps import registry
from ncps.specs._added import ADDED

if TYPE_CHECKING:
    Site = Any

SPECS = """
from dataclasses import dataclass
from typing import ClassVar
from ncps.specs import Parameter, Spec
from ncps.specs._initializers import Constant

@dataclass(frozen=True, kw_only=True)
class Scale(Spec):
    layer: ClassVar[str] = "Scale"
    kind: ClassVar[str] = "feedforward"
    by: float = 2.0

    @property
    def output_size(self):
        return self.known_input_size()

    def _parameters(self, input_size):
        return (Parameter("factor", (input_size,), Constant(self.by)),)

    def output_shape(self, input_shape):
        self.check_features(input_shape, (1, 2, 3), "(…, D)")
        return input_shape
"""
LAYERS = """
import torch
from ncps.canonical import ParameterMap, Rename
from ncps_torch.layers import NativeLayer

class Scale(NativeLayer):
    def _structure(self, spec):
        self.weight = torch.nn.Parameter(torch.empty(spec.input_size))

    @classmethod
    def parameter_map(cls, spec):
        return ParameterMap((Rename("weight", "factor"),))

    def forward(self, x):
        return self._input(x) * self.weight
"""
MANIFEST = """
schema = 1
api = 1
[[technology]]
name = "acme"
framework = "torch"
priority = 1
layers = { Scale = "acme.layers:Scale" }
[specs]
Scale = "acme.specs:Scale"
"""
TORCH = {"technology": "ncps", "framework": "torch"}


@pytest.fixture(autouse=True)
def acme(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("ncps_torch")
    site.plugin("acme", MANIFEST, code=LAYERS)
    (site.path / "acme" / "specs.py").write_text(SPECS)
    registry.reload()
    monkeypatch.delitem(ADDED, "Scale", raising=False)


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("Sequential", {"input_size": 3, "layers": ["Scale", ("Dense", {"units": 2})]}),
        ("Residual", {"input_size": 3, "inner": ("Scale", {"by": 0.5})}),
        ("ModuleList", {"layers": [("Scale", {"input_size": 3})]}),
        ("ModuleDict", {"layers": {"gain": ("Scale", {"input_size": 3})}}),
        ("Sequential", {"input_size": 3, "layers": [("Sequential", {"layers": ["Scale"]})]}),
    ],
)
def test_member_of_a_plugin_is_named_saved_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: str, options: dict[str, Any]
) -> None:
    made = ncps.create(layer, **TORCH, **options)
    values = {name: value + 1 for name, value in ncps.parameters(made).items()}
    ncps.load_parameters(made, values)
    ncps.save(made, tmp_path / "model.safetensors")
    # a process that has not heard of the layer type yet
    monkeypatch.delitem(ADDED, "Scale", raising=False)
    again = ncps.load(tmp_path / "model.safetensors", **TORCH)
    assert again.spec == made.spec
    assert any(name.endswith("factor") for name in values)
    for name, value in ncps.parameters(again).items():
        np.testing.assert_array_equal(value, values[name])


def test_model_with_a_member_of_a_plugin_is_converted() -> None:
    layers = [("Dense", {"units": 4}), ("Scale", {"by": 3.0})]
    made = ncps.create("Sequential", input_size=3, layers=layers, seed=1, **TORCH)
    again = ncps.convert(made, dtype="float64", **TORCH)
    x = np.random.default_rng(0).normal(size=(2, 3))
    expected = 3.0 * (x @ ncps.parameters(made)["0.kernel"] + ncps.parameters(made)["0.bias"])
    np.testing.assert_allclose(again(x).detach().numpy(), expected, rtol=1e-6, atol=1e-6)


def test_collection_with_a_member_of_a_plugin_is_converted() -> None:
    made = ncps.create("ModuleList", layers=[("Scale", {"input_size": 3})], **TORCH)
    again = ncps.convert(made, dtype="float64", **TORCH)
    np.testing.assert_array_equal(again[0](np.ones(3)).detach().numpy(), [2.0] * 3)


def test_member_that_no_plugin_of_the_framework_has_is_refused() -> None:
    pytest.importorskip("ncps_mlx")
    with pytest.raises(ncps.NcpsError, match="'Scale'"):
        ncps.create("ModuleList", layers=[("Scale", {"input_size": 3})], framework="mlx")
