"""On torch, the kernels of ncps-torch serve where it is installed, and compute the same."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps import registry
from ncps.conversion.tolerances import TOLERANCES
from ncps.specs import KERAS_1
from ncps.wirings import AutoNCP
from ncps_keras import face
from ncps_keras.backends import NAME, xp
from ncps_keras.ops import _lent

pytestmark = pytest.mark.skipif(
    NAME != "torch" or find_spec("ncps_torch") is None, reason="ncps-torch lends its kernels here"
)
rng = np.random.default_rng(0)
X = rng.normal(size=(3, 9, 4)).astype("float32")
DT = rng.uniform(0.1, 2.0, (3, 9)).astype("float32")
MASK = rng.random((3, 9)) < 0.6
MASK[0], MASK[1, 0], MASK[2, -1] = False, False, False
GAP = np.where(MASK[..., None], X, np.float32("nan"))
SMALL, LARGE = AutoNCP(12, 3, seed=5), AutoNCP(110, 3, seed=5)
CALLS = {
    "plain": {"x": X},
    "timespans": {"x": X, "timespans": DT},
    "one time": {"x": X, "timespans": 0.5},
    "mask": {"x": GAP, "mask": MASK},
    "mask and timespans": {"x": GAP, "timespans": DT, "mask": MASK},
}


class Lender:
    """Lends the kernels of ncps-torch, or none, and knows which of them computed something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used: set[str] = set()
        self._monkeypatch = monkeypatch
        self._kernels = {n: self._watched(n, k) for n, k in registry.kernels("torch").items()}

    def _watched(self, name: str, kernel: Any) -> Any:
        def run(*arguments: Any) -> Any:
            found = kernel(*arguments)
            if found is not None:
                self.used.add(name)
            return found

        return run

    def lend(self, some: bool) -> None:
        self.used.clear()
        self._monkeypatch.setattr(_lent, "_lent", lambda: self._kernels if some else {})


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Lender:
    return Lender(monkeypatch)


def create(name: str, **options: Any) -> Any:
    return ncps.create(name, framework="keras", input_size=4, seed=1, **options)


def gradients(layer: Any, inputs: dict[str, Any]) -> list[Any]:
    size, (batch, steps, _) = layer.spec.output_size, inputs["x"].shape
    cotangent = np.linspace(-1, 1, batch * steps * size).reshape(batch, steps, size)
    value, by_parameter, by_input = registry.arrays("keras").gradients(layer, inputs, cotangent)
    return [value, *by_parameter.values(), *by_input.values()]


def arrays(outputs: Any) -> list[Any]:
    return [xp.to_numpy(tensor) for tensor in keras.tree.flatten(outputs)]


def same(got: list[Any], expected: list[Any], dtype: str = "float32") -> None:
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, **TOLERANCES[dtype].gradients)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("LSTM", {"units": 5}),
        ("CfC", {"units": 5, "bidirectional": True}),
        ("CfC", {"units": SMALL, "mode": "pure"}),
        ("LTC", {"units": SMALL, "bidirectional": True}),
        ("LTC", {"units": SMALL, "input_mapping": None, "implicit_param_constraints": False}),
        ("LTC", {"units": SMALL, "solver": "euler", "ode_unfolds": 80}),
        ("ELTC", {"units": SMALL, "ode_unfolds": 40}),
        ("LTC", {"units": LARGE, "ode_unfolds": 2, "mixed_memory": True}),
        ("LTC", {"units": LARGE, "ode_unfolds": 2, "mixed_memory": True, "dialect": KERAS_1}),
        ("ELTC", {"units": LARGE, "ode_unfolds": 90, "mixed_memory": True, "dialect": KERAS_1}),
    ],
    ids=str,
)
def test_lent_kernel_is_used_and_gives_what_the_loop_gives(
    name: str, options: dict[str, Any], call: str, lender: Lender
) -> None:
    layer = create(name, **options)
    results = []
    for some in (True, False):
        lender.lend(some)
        results.append(gradients(layer, CALLS[call]))
        # both are circuits, with a solver each
        assert lender.used == ({name.lower().removeprefix("e")} if some else set())
    same(*results)
    assert all(np.isfinite(array).all() for array in results[0])


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("name", ["LSTM", "CfC", "LTC"])
def test_state_goes_into_a_lent_kernel_and_comes_out(name: str, mask: Any, lender: Lender) -> None:
    layer = create(name, units=SMALL if name == "LTC" else 12)
    shapes = [(3, *shape) for _, shape in layer.spec.state_shapes()]
    given = tuple(rng.normal(size=shape).astype("float32") for shape in shapes)
    state = given if len(given) > 1 else given[0]
    results = []
    for some in (True, False):
        lender.lend(some)
        results.append(arrays(layer(X, state=state, mask=mask)))
        assert lender.used == ({name.lower()} if some else set())
    same(*results)
    if mask is not None:
        # its first row has no real step
        for got, before in zip(results[0][1:], given, strict=True):
            assert np.array_equal(got[0], before[0])


def test_circuit_of_all_pairs_runs_on_lists_where_the_batch_is_large(lender: Lender) -> None:
    layer = create("LTC", units=5)
    many = {"x": rng.normal(size=(16, 9, 4)).astype("float32")}
    results = []
    for some in (True, False):
        lender.lend(some)
        results.append(gradients(layer, many))
        assert lender.used == ({"ltc"} if some else set())
    same(*results)
    lender.lend(True)
    layer(X)
    assert not lender.used


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["LSTM", "CfC", "LTC"])
def test_lent_kernels_compute_in_the_layers_dtype(name: str, dtype: str, lender: Lender) -> None:
    layer = create(name, units=SMALL if name == "LTC" else 12, dtype=dtype)
    results = []
    for some in (True, False):
        lender.lend(some)
        y, state = layer(X, timespans=DT, mask=MASK)
        assert lender.used == ({name.lower()} if some else set())
        kinds = {keras.backend.standardize_dtype(a.dtype) for a in keras.tree.flatten((y, state))}
        assert kinds == {dtype.removeprefix("mixed_")}
        results.append(arrays((y, state)))
    same(*results, dtype.removeprefix("mixed_"))


def test_masked_dropout_is_drawn_for_the_steps_that_it_was_drawn_for(lender: Lender) -> None:
    results = []
    for some in (True, False):
        lender.lend(some)
        layer = create("CfC", units=5, backbone_dropout=0.5)
        results.append(arrays(layer(X, mask=MASK, training=True)))
        assert lender.used == ({"cfc"} if some else set())
    same(*results)


@pytest.mark.parametrize("cls", [face.CfC, face.LTC])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}], ids=str)
def test_faces_run_on_lent_kernels(cls: Any, options: dict[str, Any], lender: Lender) -> None:
    layer = cls(AutoNCP(12, 3, seed=5), return_sequences=True, **options)
    results = []
    for some in (True, False):
        lender.lend(some)
        results.append(arrays(layer((X, DT), mask=keras.ops.convert_to_tensor(MASK))))
        assert lender.used == ({cls.__name__.lower()} if some else set())
    same(*results)


def test_masked_ltc_fits_on_the_lent_kernel_as_on_the_loop(lender: Lender) -> None:
    padded = np.where(MASK[..., None], X, np.float32(-1.0))
    fitted = []
    for some in (True, False):
        lender.lend(some)
        recurrent = create("LTC", units=SMALL, return_sequences=False, return_state=False)
        out = ncps.create("Dense", framework="keras", input_size=3, units=1, seed=2)
        stack = [keras.Input((None, 4)), keras.layers.Masking(-1.0), recurrent, out]
        model = keras.Sequential(stack)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        target = X.sum(axis=(1, 2))[:, None]
        history = model.fit(padded, target, epochs=3, shuffle=False, verbose=0).history["loss"]
        assert history[-1] < history[0]
        assert lender.used == ({"ltc"} if some else set())
        fitted.append([*map(np.asarray, model.get_weights()), history])
    same(*fitted)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CfC", {"units": 5, "mixed_memory": True}),
        ("CfC", {"units": 5, "dialect": KERAS_1}),
        ("LTC", {"units": SMALL, "solver": "rk4", "ode_unfolds": 1}),
        ("LTC", {"units": SMALL, "mixed_memory": True}),
        ("ELTC", {"units": 5}),
        ("CTRNN", {"units": 5}),
        ("CTGRU", {"units": 5}),
        ("GRU", {"units": 5}),
        ("RNN", {"units": 5}),
    ],
    ids=str,
)
def test_where_a_kernel_would_save_nothing_the_loop_runs(
    name: str, options: dict[str, Any], lender: Lender
) -> None:
    lender.lend(True)
    create(name, **options)(X, mask=MASK)
    assert not lender.used


@pytest.mark.parametrize("name", ["LSTM", "CfC", "LTC"])
def test_single_steps_and_exports_see_the_loop(name: str, lender: Lender) -> None:
    import torch

    lender.lend(True)
    layer = create(name, units=SMALL if name == "LTC" else 12, return_state=False)
    layer(X[:, :1])
    x, mask = torch.from_numpy(X), torch.from_numpy(MASK)
    program = torch.export.export(layer, (x,), {"mask": mask})
    assert not lender.used
    same(arrays(program.module()(x, mask=mask)), arrays(layer(x, mask=mask)))
    assert lender.used == {name.lower()}


@pytest.mark.parametrize("name", ["LSTM", "CfC"])
def test_compiled_layer_is_one_graph_of_the_loop(name: str, lender: Lender) -> None:
    import torch

    lender.lend(True)
    layer = create(name, units=12, return_state=False)
    x, mask = torch.from_numpy(X), torch.from_numpy(MASK)
    compiled = arrays(torch.compile(layer, backend="eager", fullgraph=True)(x, mask=mask))
    assert not lender.used
    same(compiled, arrays(layer(x, mask=mask)))
    assert lender.used == {name.lower()}


@pytest.mark.parametrize("name", ["LSTM", "CfC", "LTC"])
def test_trace_holds_the_loop(name: str, lender: Lender) -> None:
    import torch

    lender.lend(True)
    layer = create(name, units=SMALL if name == "LTC" else 12, return_state=False)
    x = torch.from_numpy(X)
    with warnings.catch_warnings():
        # it is deprecated, and warns of every size that it takes for a constant
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(layer, (x,), check_trace=False)
    assert not lender.used
    same(arrays(traced(x[:2])), arrays(layer(x[:2])))
    assert lender.used == {name.lower()}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("name", "units"), [("CfC", 6), ("LSTM", 6), ("LTC", AutoNCP(20, 6, seed=5))]
)
def test_no_rows_have_outputs_and_gradients(name: str, units: Any, masked: bool) -> None:
    layer = create(name, units=units, return_state=False)
    y = layer(X[:0], mask=MASK[:0] if masked else None)
    assert tuple(y.shape) == (0, 9, 6)
    y.sum().backward()
    assert not any(
        v.value.grad.any() for v in layer.trainable_variables if v.value.grad is not None
    )
