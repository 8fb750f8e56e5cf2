"""The layers are `mlx.nn.Module`s like any other."""

from __future__ import annotations

import copy
import pickle

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_map

import ncps
from ncps import specs
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP
from ncps_mlx import layers
from ncps_mlx.layers import stock

VALUES = TOLERANCES["float32"].values
WIRED = AutoNCP(14, 3, seed=2)
X = mx.random.normal((4, 6, 3), key=mx.random.key(0))
MAKE = {
    "CfC": lambda: layers.CfC(specs.CfC(input_size=3, units=5, backbone_units=6), seed=0),
    "wired": lambda: layers.CfC(specs.CfC(input_size=3, units=WIRED, proj_size=2), seed=0),
    "strict": lambda: layers.CfC(
        specs.CfC(input_size=3, units=WIRED, wiring_mode="strict"), seed=0
    ),
    "memory": lambda: layers.CfC(specs.CfC(input_size=3, units=WIRED, mixed_memory=True), seed=0),
    "pure": lambda: layers.CfC(specs.CfC(input_size=3, units=5, mode="pure"), seed=0),
    "CTRNN": lambda: layers.CTRNN(specs.CTRNN(input_size=3, units=5), seed=0),
    "wired CTRNN": lambda: layers.CTRNN(specs.CTRNN(input_size=3, units=WIRED), seed=0),
    "LTC": lambda: layers.LTC(specs.LTC(input_size=3, units=5), seed=0),
    "wired LTC": lambda: layers.LTC(specs.LTC(input_size=3, units=WIRED), seed=0),
    "memory LTC": lambda: layers.LTC(
        specs.LTC(input_size=3, units=WIRED, mixed_memory=True, implicit_param_constraints=False),
        seed=0,
    ),
    "both LSTM": lambda: layers.LSTM(specs.LSTM(input_size=3, units=4, bidirectional=True), seed=0),
    "stacked CfC": lambda: layers.CfC(
        specs.CfC(input_size=3, units=4, proj_size=2, num_layers=2, bidirectional=True), seed=0
    ),
    "stock both GRU": lambda: stock.GRU(
        specs.GRU(input_size=3, units=4, bidirectional=True), seed=0
    ),
    "RNN": lambda: layers.RNN(specs.RNN(input_size=3, units=5), seed=0),
    "GRU": lambda: layers.GRU(specs.GRU(input_size=3, units=5), seed=0),
    "GRU before": lambda: layers.GRU(specs.GRU(input_size=3, units=5, reset_after=False), seed=0),
    "stock RNN": lambda: stock.RNN(specs.RNN(input_size=3, units=5), seed=0),
    "stock GRU": lambda: stock.GRU(specs.GRU(input_size=3, units=5), seed=0),
    "LSTM": lambda: layers.LSTM(specs.LSTM(input_size=3, units=5), seed=0),
    "stock LSTM": lambda: stock.LSTM(specs.LSTM(input_size=3, units=5), seed=0),
}
every_layer = pytest.mark.parametrize("name", MAKE)


class Model(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.recurrent = recurrent
        mx.random.seed(0)
        self.head = nn.Linear(recurrent.spec.output_size, 1)

    def __call__(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def loss(model, x):
    return mx.mean(mx.square(model(x) - mx.mean(x, axis=(1, 2))[:, None] - 1.0))


def arrays(tree):
    return {name: np.array(a) for name, a in tree_flatten(tree)}


@every_layer
def test_trains_with_value_and_grad_and_an_optimiser(name):
    model = Model(MAKE[name]())
    step = nn.value_and_grad(model, loss)
    optimiser = optim.Adam(2e-2)
    first, _ = step(model, X)
    for _ in range(60):
        _, gradients = step(model, X)
        optimiser.update(model, gradients)
        mx.eval(model.parameters(), optimiser.state)
    assert loss(model, X) < 0.5 * first


@every_layer
def test_compiled_training_equals_eager_training(name):
    def trained(compiled):
        model = Model(MAKE[name]())
        optimiser = optim.SGD(1e-2)
        state = [model.state, optimiser.state]

        def step(x):
            value, gradients = nn.value_and_grad(model, loss)(model, x)
            optimiser.update(model, gradients)
            return value

        run = mx.compile(step, inputs=state, outputs=state) if compiled else step
        values = [run(X).item() for _ in range(3)]
        return values, arrays(model.parameters())

    (values, weights), (expected, plain) = trained(True), trained(False)
    np.testing.assert_allclose(values, expected, **VALUES)
    for key, array in plain.items():
        np.testing.assert_allclose(weights[key], array, **VALUES, err_msg=key)


@every_layer
def test_vmap_over_inputs_equals_a_loop(name):
    layer = MAKE[name]()
    many = mx.stack([X, 2 * X, -X])
    mapped = mx.vmap(lambda x: layer(x)[0])(many)
    looped = mx.stack([layer(x)[0] for x in many])
    np.testing.assert_allclose(np.array(mapped), np.array(looped), **VALUES)


@every_layer
def test_vmap_over_elapsed_times_equals_a_loop(name):
    layer = MAKE[name]()
    many = mx.random.uniform(0.1, 2.0, (3, 4, 6), key=mx.random.key(1))
    mapped = mx.vmap(lambda dt: layer(X, timespans=dt)[0])(many)
    looped = mx.stack([layer(X, timespans=dt)[0] for dt in many])
    np.testing.assert_allclose(np.array(mapped), np.array(looped), **VALUES)


@every_layer
def test_vmap_over_parameters_is_an_ensemble(name):
    layer = MAKE[name]()
    members = [type(layer)(layer.spec, seed=s) for s in range(3)]
    stacked = tree_map(lambda *a: mx.stack(a), *[m.parameters() for m in members])
    mapped = mx.vmap(lambda p: layer.update(p)(X)[0])(stacked)
    looped = mx.stack([m(X)[0] for m in members])
    np.testing.assert_allclose(np.array(mapped), np.array(looped), **VALUES)


@every_layer
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_weights_go_through_files_of_mlx(name, suffix, tmp_path):
    layer, path = MAKE[name](), str(tmp_path / f"weights{suffix}")
    layer.save_weights(path)
    other = type(layer)(layer.spec, seed=1)
    assert not mx.array_equal(other(X)[0], layer(X)[0])
    other.load_weights(path)
    assert mx.array_equal(other(X)[0], layer(X)[0])


@every_layer
def test_parameters_are_those_of_the_spec_and_nothing_else(name):
    layer = MAKE[name]()
    sizes = sum(np.prod(p.shape) for p in layer.spec.parameters())
    assert sum(a.size for a in arrays(layer.trainable_parameters()).values()) == sizes
    assert arrays(layer.parameters()).keys() == layer.get_native().keys()


@pytest.mark.parametrize("name", ["wired", "strict"])
def test_masks_are_constants_that_no_update_reaches(name):
    layer = MAKE[name]()
    masked = [b["_mask"] for b in layer.blocks]
    assert all(0 < mx.mean(m) < 1 for m in masked)
    assert not [n for n, _ in tree_flatten(layer.parameters()) if "mask" in n]
    layer.apply(lambda a: a * 0 + 7)
    layer.set_dtype(mx.float16)
    for block, mask in zip(layer.blocks, masked, strict=True):
        assert mx.array_equal(block["_mask"], mask)
    assert layer(X)[0].dtype == mx.float16


@pytest.mark.parametrize("name", ["wired", "strict"])
def test_weights_without_a_synapse_have_no_effect_and_no_gradient(name):
    layer = MAKE[name]()
    before = layer(X)[0]
    _, gradients = nn.value_and_grad(layer, lambda: mx.sum(layer(X)[0]))()
    for block, found in zip(layer.blocks, gradients["blocks"], strict=True):
        absent = block["_mask"] == 0
        assert mx.all(mx.where(absent, found["heads"]["weight"], 0) == 0)
        block.heads.weight = mx.where(absent, 1e3, block.heads.weight)
    assert mx.array_equal(layer(X)[0], before)


@every_layer
def test_freeze_stops_training(name):
    layer = MAKE[name]()
    layer.freeze()
    assert not tree_flatten(layer.trainable_parameters())
    layer.unfreeze()
    assert arrays(layer.trainable_parameters()).keys() == arrays(layer.parameters()).keys()


@every_layer
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_apart(name, copied):
    layer = MAKE[name]()
    before = layer(X)[0]
    twin = copied(layer)
    assert twin.spec == layer.spec
    assert mx.array_equal(twin(X)[0], before)
    twin.apply(lambda a: a * 0)
    assert not mx.array_equal(twin(X)[0], before)
    assert mx.array_equal(layer(X)[0], before)


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dtype_holds_for_parameters_outputs_and_states(name, dtype):
    layer = MAKE[name]()
    made = type(layer)(layer.spec, seed=0, dtype=dtype)
    layer.set_dtype(getattr(mx, dtype))
    for one in (made, layer):
        assert one.dtype == dtype
        # the input's dtype does not decide
        y, state = one(X, timespans=mx.ones((4, 6)), mask=mx.ones((4, 6)))
        every = [y, *(state if isinstance(state, tuple) else (state,))]
        assert {str(a.dtype) for a in every} == {f"mlx.core.{dtype}"}
        initial = one.get_initial_state(2)
        assert {a.dtype for a in (initial if isinstance(initial, tuple) else (initial,))} == {
            getattr(mx, dtype)
        }
    assert mx.array_equal(made(X)[0], layer(X)[0])


def test_dropout_acts_in_training_only():
    spec = specs.CfC(input_size=3, units=5, backbone_units=64, backbone_dropout=0.5)
    layer = layers.CfC(spec, seed=0)
    plain = layers.CfC(specs.CfC(input_size=3, units=5, backbone_units=64), seed=0)
    assert layer.training
    assert not mx.array_equal(layer(X)[0], layer(X)[0])
    mx.random.seed(3)
    once = layer(X)[0]
    mx.random.seed(3)
    assert mx.array_equal(layer(X)[0], once)
    layer.eval()
    assert mx.array_equal(layer(X)[0], plain(X)[0])


def test_dropout_keeps_the_mean_and_is_apart_for_each_step_and_layer():
    from ncps_mlx import ops

    drawn = ops.dropout(0.25, (200, 50, 8), mx.float32)
    assert abs(mx.mean(drawn).item() - 1) < 0.01
    assert set(np.unique(np.array(drawn))) == {np.float32(0), np.float32(1 / 0.75)}
    assert not mx.array_equal(drawn[:, 0], drawn[:, 1])


@every_layer
def test_exported_function_gives_the_same(name, tmp_path):
    layer, path = MAKE[name](), str(tmp_path / "layer.mlxfn")
    mx.export_function(path, lambda x: layer(x)[0], X)
    np.testing.assert_allclose(
        np.array(mx.import_function(path)(X)[0]), np.array(layer(X)[0]), **VALUES
    )


def test_repr_says_what_the_layer_is():
    text = repr(MAKE["wired"]())
    assert "CfC(input_size=3, units=AutoNCP(14 neurons), mode=default" in text
    assert "dtype=float32" in text
    assert "None" not in text
    assert "(projection): Affine(inputs=3, outputs=2)" in text


def test_seed_none_follows_mlx_and_a_seed_leaves_it_alone():
    spec = specs.CfC(input_size=3, units=5)
    mx.random.seed(11)
    one = layers.CfC(spec).get_native()
    two = layers.CfC(spec).get_native()
    mx.random.seed(11)
    again = layers.CfC(spec).get_native()
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert any(not np.array_equal(one[n], two[n]) for n in one)
    for cls, own in (
        (layers.CfC, spec),
        (layers.Dense, specs.Dense(input_size=3, units=5)),
        (stock.LSTM, specs.LSTM(input_size=3, units=5)),
    ):
        mx.random.seed(11)
        expected = mx.random.uniform(shape=(3,))
        mx.random.seed(11)
        cls(own, seed=5)
        assert mx.array_equal(mx.random.uniform(shape=(3,)), expected)


def test_our_lstm_takes_the_arrays_of_mlx_lstm():
    native = nn.LSTM(3, 5)
    ours = layers.LSTM(specs.LSTM(input_size=3, units=5))
    ours.gates.update(native.parameters())
    hidden, cell = native(X)
    y, (h, c) = ours(X)
    for got, expected in ((y, hidden), (h, hidden[:, -1]), (c, cell[:, -1])):
        np.testing.assert_allclose(np.array(got), np.array(expected), **VALUES)


def test_dense_holds_a_linear_of_mlx():
    dense = ncps.create("Dense", framework="mlx", input_size=3, units=5, activation="relu")
    assert isinstance(dense.linear, nn.Linear)
    assert mx.array_equal(dense(X), nn.relu(dense.linear(X)))
