"""Layer types of a third party's plugin, with the reference and the cases that it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ncps
from ncps import reference, registry, specs
from ncps.errors import PluginError, SpecError, UnknownNameError
from ncps.specs._added import ADDED
from ncps.testing._technology import exactly, layers_of
from ncps.testing._verify import verify

if TYPE_CHECKING:
    Site = Any

SPECS = """
from dataclasses import dataclass
from typing import ClassVar
from ncps.specs import Parameter, SequenceSpec, Spec
from ncps.specs._initializers import Constant

@dataclass(frozen=True, kw_only=True)
class LeakyCell(Spec):
    layer: ClassVar[str] = "LeakyCell"
    kind: ClassVar[str] = "cell"

    @property
    def output_size(self):
        return self.known_input_size()

    def state_shapes(self):
        return (("h", (self.known_input_size(),)),)

    def _parameters(self, input_size):
        return (Parameter("decay", (input_size,), Constant(0.5)),)

    def output_shape(self, input_shape):
        self.check_features(input_shape, (1, 2), "(B, D) or (D,)")
        return input_shape

@dataclass(frozen=True, kw_only=True)
class Leaky(SequenceSpec, LeakyCell):
    layer: ClassVar[str] = "Leaky"
    kind: ClassVar[str] = "sequence"

@dataclass(frozen=True, kw_only=True)
class Sum(Spec):
    layer: ClassVar[str] = "Sum"
    kind: ClassVar[str] = "feedforward"
    masked: ClassVar[bool] = True

    @property
    def output_size(self):
        return self.known_input_size()

    def _parameters(self, input_size):
        return (Parameter("gain", (input_size,), Constant(2.0)),)

    def output_shape(self, input_shape):
        self.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        return input_shape
"""
REFERENCE = """
import numpy as np
from ncps.reference import Feedforward, Recurrent

def leak(spec, p, x, state, dt):
    return (p["decay"] * state[0] + x,)

def add(spec, p, x, mask):
    return p["gain"] * np.cumsum(x, axis=1) * mask[..., None]

def carry(spec, p, x, state, mask):
    total = np.cumsum(x, axis=1) + (0.0 if state is None else state)
    return p["gain"] * total * mask[..., None], total[:, -1:]

leaky, sums, wrong = Recurrent(leak), Feedforward(add, carry), 3
"""
CASES = """
from ncps.testing import Case, LayerCases

leaky = LayerCases(
    broad=(Case("Leaky", {"input_size": 3}, state=True),),
    small=(Case("Leaky", {"input_size": 2}, state=True),),
)
"""
MANIFEST = """
schema = 1
api = 1
[[technology]]
name = "leaky"
framework = "numpy"
priority = 1
[technology.layers]
Leaky = "ncps.reference.layers:ReferenceLayer"
Sum = "ncps.reference.layers:StreamingLayer"
[specs]
Leaky = "leaks.specs:Leaky"
Sum = "leaks.specs:Sum"
[references]
Leaky = "leaks.reference:leaky"
Sum = "leaks.reference:sums"
[cases]
Leaky = "leaks.cases:leaky"
"""


@pytest.fixture(autouse=True)
def forgotten() -> Any:
    yield
    for name in ("Leaky", "Sum"):
        ADDED.pop(name, None)


def installed(site: Site, manifest: str = MANIFEST) -> None:
    site.plugin("leaks", manifest)
    site.package("leaks", {"ncps_plugin.toml": manifest, "specs.py": SPECS, "cases.py": CASES,
                           "reference.py": REFERENCE})  # fmt: skip
    registry.reload()


def test_recurrent_layer_means_what_its_reference_says(site: Site) -> None:
    installed(site)
    layer = ncps.create("Leaky", technology="leaky", input_size=2, bidirectional=True)
    y, state = layer(np.ones((1, 3, 2)), mask=np.array([[True, True, False]]))
    np.testing.assert_allclose(y[0, :, 0], [1.0, 1.5, 1.5])
    np.testing.assert_allclose(y[0, :, 2], [1.5, 1.0, 0.0])
    assert [name for name, _ in layer.spec.state_shapes()] == [
        "stack_0.forward.h",
        "stack_0.reverse.h",
    ]
    assert len(state) == 2


def test_feedforward_layer_gets_its_mask_and_steps(site: Site) -> None:
    installed(site)
    layer = ncps.create("Sum", technology="leaky", input_size=1)
    x, mask = np.array([[[1.0], [np.nan], [3.0]]]), np.array([[True, False, True]])
    whole = reference.run(layer.spec, {"gain": np.full(1, 2.0)}, x, mask=mask)
    np.testing.assert_allclose(whole[0, :, 0], [2.0, 0.0, 8.0])
    first, state = layer.step(x[:, :2], mask=mask[:, :2])
    last, _ = layer.step(x[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first, last], axis=1), whole)
    np.testing.assert_allclose(layer.step(x[0, :1])[0], [[2.0]])


def test_layer_without_a_step_says_so(site: Site) -> None:
    installed(site)
    spec = specs.build("Dense", input_size=2, units=2)
    with pytest.raises(SpecError, match="Dense expected whole sequences"):
        reference.step(spec, spec.initial_parameters(0), np.ones((1, 2)))


def test_kit_runs_the_cases_that_a_plugin_brings(site: Site) -> None:
    installed(site)
    info = exactly("leaky", "numpy")
    found = list(verify(info, ("Leaky",)))
    assert len(found) > 20
    assert [r for r in found if r.outcome != "pass"] == []


def test_layer_without_cases_is_refused_by_the_kit(site: Site) -> None:
    installed(site)
    with pytest.raises(PluginError, match=r"cases for the layer 'Sum', got none. Name an"):
        layers_of(exactly("leaky", "numpy"), ("Sum",))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("leaks.reference:wrong", "expected the reference of Leaky 'leaks.reference:wrong' to be"),
        ("leaks.reference:none", "loading the reference of Leaky 'leaks.reference:none' failed"),
        ("leaks.nothing:leaky", "loading the reference of Leaky 'leaks.nothing:leaky' failed"),
    ],
)
def test_reference_that_is_none_is_said(site: Site, target: str, message: str) -> None:
    installed(site, MANIFEST.replace("leaks.reference:leaky", target))
    layer = ncps.create("Leaky", technology="leaky", input_size=2)
    with pytest.raises(PluginError, match=message):
        layer(np.ones((1, 3, 2)))


def test_layer_without_a_reference_is_said(site: Site) -> None:
    installed(site, MANIFEST.replace('Leaky = "leaks.reference:leaky"\n', ""))
    layer = ncps.create("Leaky", technology="leaky", input_size=2)
    with pytest.raises(UnknownNameError, match="unknown layer of the reference 'Leaky'"):
        layer(np.ones((1, 3, 2)))
