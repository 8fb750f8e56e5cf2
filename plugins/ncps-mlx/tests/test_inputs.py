"""Arguments of calls: what is taken, what is refused, and how it is said."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from ncps import specs
from ncps.errors import ParameterError, PluginError, ShapeError, UnknownNameError
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP
from ncps_mlx import layers, ops
from ncps_mlx.layers import stock

VALUES = TOLERANCES["float32"].values
X = mx.random.normal((4, 11, 3), key=mx.random.key(0))


@pytest.fixture
def layer():
    return layers.CfC(specs.CfC(input_size=3, units=5, backbone_units=6), seed=0)


def test_wrong_timespans_say_what_was_expected(layer):
    with pytest.raises(
        ShapeError, match=r"CfC expected timespans \(4, 11\), got \(4,\)\. Pass one"
    ):
        layer(X, timespans=mx.ones((4,)))


def test_both_times_are_refused(layer):
    with pytest.raises(ShapeError, match="timespans or timestamps, got both"):
        layer(X, timespans=1.0, timestamps=mx.ones((4, 11)))


@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf")])
@pytest.mark.parametrize("form", ["float", "numpy", "mlx"])
def test_elapsed_times_that_are_none_are_refused(layer, bad, form):
    times = np.ones((4, 11), np.float32)
    times[2, 3] = bad
    given = {"float": bad, "numpy": times, "mlx": mx.array(times)}[form]
    with pytest.raises(ShapeError, match="timespans with every elapsed time >= 0"):
        layer(X, timespans=given)


def test_elapsed_time_too_long_for_the_dtype_is_refused(layer):
    with pytest.raises(ShapeError, match=r"finite in float32, got 1e\+300"):
        layer(X, timespans=1e300)


def test_elapsed_times_are_checked_inside_grad_and_passed_over_inside_compile(layer):
    bad = -mx.ones((4, 11))
    with pytest.raises(ShapeError, match=">= 0"):
        mx.grad(lambda x: mx.sum(layer(x, timespans=bad)[0]))(X)
    y = mx.compile(lambda x, dt: layer(x, timespans=dt)[0])(X, bad)
    assert y.shape == (4, 11, 5)
    assert mx.vmap(lambda x, dt: layer(x, timespans=dt)[0])(X[None], bad[None]).shape[0] == 1


def test_backward_timestamps_are_refused(layer):
    with pytest.raises(ShapeError, match="Sort the series by time"):
        layer(X, timestamps=mx.arange(11, 0, -1))


def test_timestamps_of_numpy_are_subtracted_in_their_own_precision(layer):
    # seconds since 1970 in float32 are 128 s apart
    steps = np.linspace(0.1, 1.1, 11)
    times = 1.7e9 + np.cumsum(steps)
    spans = np.diff(times, prepend=times[:1])
    expected, _ = layer(X, timespans=spans)
    got, _ = layer(X, timestamps=times)
    assert mx.array_equal(got, expected)


def test_whole_number_timestamps_of_mlx_stay_exact(layer):
    times = mx.array([1_700_000_000 + i for i in range(11)], dtype=mx.int64)
    got, _ = layer(X, timestamps=times)
    expected, _ = layer(X, timespans=mx.array([0.0] + [1.0] * 10))
    assert mx.array_equal(got, expected)


def test_numpy_and_lists_are_taken_as_inputs(layer):
    expected, state = layer(X, timespans=0.5)
    got, _ = layer(np.array(X, dtype=np.float64), timespans=np.float64(0.5))
    assert mx.array_equal(got, expected)
    assert mx.array_equal(layer(X.tolist(), timespans=0.5)[0], expected)
    assert isinstance(state, mx.array)


@pytest.mark.parametrize("cls", [layers.LSTM, stock.LSTM])
def test_lstm_checks_times_and_ignores_them(cls):
    layer = cls(specs.LSTM(input_size=3, units=5), seed=0)
    expected, _ = layer(X)
    assert mx.array_equal(layer(X, timespans=mx.full((4, 11), 9.0))[0], expected)
    assert mx.array_equal(layer(X, timestamps=mx.arange(11))[0], expected)
    with pytest.raises(ShapeError, match="LSTM expected timespans"):
        layer(X, timespans=mx.ones((3,)))


MASKED = {
    "CfC": lambda: layers.CfC(specs.CfC(input_size=3, units=5, backbone_units=6), seed=0),
    "memory": lambda: layers.CfC(
        specs.CfC(input_size=3, units=AutoNCP(12, 3, seed=1), mixed_memory=True), seed=0
    ),
    "CTRNN": lambda: layers.CTRNN(specs.CTRNN(input_size=3, units=5), seed=0),
    "LTC": lambda: layers.LTC(specs.LTC(input_size=3, units=AutoNCP(12, 3, seed=1)), seed=0),
    "stacked": lambda: layers.CfC(specs.CfC(input_size=3, units=5, num_layers=2), seed=0),
    "GRU": lambda: layers.GRU(specs.GRU(input_size=3, units=5), seed=0),
    "LSTM": lambda: layers.LSTM(specs.LSTM(input_size=3, units=5), seed=0),
    "stock LSTM": lambda: stock.LSTM(specs.LSTM(input_size=3, units=5), seed=0),
}


@pytest.mark.parametrize("name", MASKED)
def test_a_gap_of_nan_under_the_mask_reaches_neither_output_nor_gradient(name):
    layer = MASKED[name]()
    mask = mx.random.bernoulli(0.6, (4, 11), key=mx.random.key(1))
    gaps = mx.where(mask[..., None], X, float("nan"))

    def loss(native, x):
        layer.update(native)
        return mx.sum(mx.square(layer(x, mask=mask)[0]))

    from mlx.utils import tree_flatten

    native = layer.parameters()
    run = mx.value_and_grad(loss, argnums=(0, 1))
    got, expected = run(native, gaps), run(native, X)
    for (key, a), (_, b) in zip(tree_flatten(got), tree_flatten(expected), strict=True):
        assert mx.array_equal(a, b), key
    assert mx.all(mx.where(mask[..., None], 0, got[1][1]) == 0)


@pytest.mark.parametrize("name", MASKED)
def test_masked_sequence_equals_its_real_steps_alone(name):
    layer = MASKED[name]()
    mask = np.array([[1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0]], dtype=bool)
    dt = np.linspace(0.1, 2, 11, dtype=np.float32)[None]
    y, state = layer(X[:1], timespans=dt, mask=mask)
    real = np.flatnonzero(mask)
    short, last = layer(X[:1][:, mx.array(real)], timespans=dt[:, real])
    np.testing.assert_allclose(np.array(y)[:, real], np.array(short), **VALUES)
    np.testing.assert_allclose(
        np.array(y)[:, [1, 2, 5, 8, 10]], np.array(short)[:, [0, 0, 2, 3, 4]], **VALUES
    )
    pair = zip(*((s if isinstance(s, tuple) else (s,)) for s in (state, last)), strict=True)
    for a, b in pair:
        np.testing.assert_allclose(np.array(a), np.array(b), **VALUES)


@pytest.mark.parametrize("name", ["CfC", "CfCCell"])
def test_no_rows_are_not_computed(name, monkeypatch):
    # MLX has ended the process there
    layer = getattr(layers, name)(getattr(specs, name)(input_size=3, units=5), seed=0)
    monkeypatch.setattr(type(layer), "_run", lambda *_: pytest.fail("no row was computed"))
    shape = () if name.endswith("Cell") else (4,)
    y, state = layer(mx.ones((0, *shape, 3)))
    assert (y.shape, state.shape) == ((0, *shape, 5), (0, 5))


def test_one_step_and_one_row_work(layer):
    y, h = layer(X[:1, :1], timespans=mx.ones((1, 1)))
    assert (y.shape, h.shape) == ((1, 1, 5), (1, 5))


def test_unknown_devices_and_dtypes_name_what_there_is():
    spec = specs.Dense(input_size=3, units=2)
    with pytest.raises(UnknownNameError, match=r"unknown MLX device 'cuda'.*Known: cpu, gpu"):
        layers.Dense(spec, device="cuda")
    with pytest.raises(UnknownNameError, match="Did you mean 'float16'"):
        layers.Dense(spec, dtype="float61")


@pytest.mark.skipif("gpu" in ops.available_devices(), reason="this machine has one")
def test_a_device_that_is_not_here_says_what_is():
    with pytest.raises(PluginError, match=r"\['cpu'\], got 'gpu'\. Leave device out"):
        layers.Dense(specs.Dense(input_size=3, units=2), device="gpu")


def test_a_layer_told_to_run_on_the_cpu_does():
    layer = layers.CfC(specs.CfC(input_size=3, units=5), seed=0, device="cpu")
    plain = layers.CfC(specs.CfC(input_size=3, units=5), seed=0)
    assert mx.array_equal(layer(X)[0], plain(X)[0])


def test_wrong_native_arrays_change_nothing(layer):
    before = layer.get_native()
    wrong = {**before, "blocks.0.heads.bias": np.zeros(3, np.float32)}
    wrong.pop("blocks.0.heads.weight")
    with pytest.raises(ParameterError, match=r"heads\.bias: \(20,\) != \(3,\).*heads\.weight"):
        layer.set_native(wrong)
    for name, array in layer.get_native().items():
        np.testing.assert_array_equal(array, before[name])
