"""Layer types of a third party's plugin, with the reference and the cases that it brings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ncps
from ncps import reference, registry, specs
from ncps.dynamics import StateManager
from ncps.errors import PluginError, ShapeError, SpecError, UnknownNameError
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
        size = self.known_input_size()
        return (("h", (size,)), ("products", (size, 2)))

    def draw_state(self, rng, lead):
        h, products = super().draw_state(rng, lead)
        return h, products**2

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
    h = p["decay"] * state[0] + x
    return h, state[1] + h[..., None] * dt[..., None] * np.array([1.0, 2.0])

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
    assert layer.spec.state_shapes() == (
        ("stack_0.forward.h", (2,)),
        ("stack_0.forward.products", (2, 2)),
        ("stack_0.reverse.h", (2,)),
        ("stack_0.reverse.products", (2, 2)),
    )
    np.testing.assert_allclose(state[1], np.full((1, 2, 2), 2.5) * [1.0, 2.0])


def test_state_of_any_rank_is_drawn_checked_and_recorded(site: Site) -> None:
    installed(site)
    layer = ncps.create("Leaky", technology="leaky", input_size=3, num_layers=2)
    rng = np.random.default_rng(0)
    state = layer.spec.draw_state(rng, (4,))
    assert [s.shape for s in state] == [(4, 3), (4, 3, 2)] * 2
    assert all(s.dtype == np.float32 for s in state)
    assert state[0].min() < 0 <= min(state[1].min(), state[3].min())
    x, mask = rng.standard_normal((4, 5, 3)), rng.random((4, 5)) < 0.6
    y, last = layer(x, state, mask=mask)
    steps = ncps.record(layer, x, state, mask=mask)
    assert steps["stack_1.forward.products"].shape == (4, 5, 3, 2)
    np.testing.assert_array_equal(steps["y"], y)
    for (name, _), end in zip(layer.spec.state_shapes(), last, strict=True):
        np.testing.assert_array_equal(steps[name][:, -1], end)
    alone = ncps.record(layer, x[1], tuple(s[1] for s in state), mask=mask[1])
    np.testing.assert_array_equal(alone["stack_0.forward.products"],
                                  steps["stack_0.forward.products"][1])  # fmt: skip
    assert ncps.record(layer, x[:, :0])["stack_0.forward.products"].shape == (4, 0, 3, 2)
    with pytest.raises(ShapeError, match=r"products \(4, 3, 2\).* got \(4, 3\), \(4, 6\)"):
        layer(x, tuple(s.reshape(4, -1) for s in state))


def test_comparison_of_a_matrix_state_tells_the_step(site: Site) -> None:
    installed(site)
    one, two = (
        ncps.create("Leaky", technology="leaky", input_size=2, seed=seed) for seed in (0, 0)
    )
    assert ncps.compare(one, two).within
    x, late = np.zeros((1, 4, 2)), np.zeros((1, 4, 2))
    late[0, 2] = 1.0
    found = {d.name: d for d in ncps.compare(one, two, x).differences}
    assert found["products"].largest == 0.0
    ncps.load_parameters(two, {"decay": np.array([0.5, 0.25])})
    found = {d.name: d for d in ncps.compare(one, two, late).differences}
    assert (found["h"].step, found["products"].step) == (3, 3)
    assert found["products"].largest == pytest.approx(0.5)


def test_rows_of_a_matrix_state_begin_again(site: Site) -> None:
    installed(site)
    layer = ncps.create("Leaky", technology="leaky", input_size=2)
    manager = StateManager(layer)
    manager(np.ones((3, 4, 2)))
    h, products = manager.state()
    manager.reset(rows=[1])
    again, rest = manager.state()
    np.testing.assert_array_equal(again, h * [[1.0], [0.0], [1.0]])
    np.testing.assert_array_equal(rest, products * np.array([1.0, 0.0, 1.0])[:, None, None])
    manager(np.ones((4, 2)), stream="alone")
    with pytest.raises(ShapeError, match="rows of a batch of 1"):
        manager.reset("alone", rows=[1])


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


def test_kit_runs_the_cases_that_a_plugin_brings(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(site)
    # one check looks from a process of its own
    seen = filter(None, (str(site.path), os.environ.get("PYTHONPATH")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(seen))
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
