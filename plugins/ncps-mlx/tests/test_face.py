"""`ncps.mlx`: the signatures of ncps for MLX, on the same layers."""

from __future__ import annotations

import subprocess
import sys

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

import ncps
from ncps import specs
from ncps.errors import BuildError, ShapeError, SpecError, UnknownNameError, WiringError
from ncps.mlx import CfC, CfCCell, NCPDense, NCPLayer, NCPRNNCell, WiredCfCCell
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP, FullyConnected
from ncps_mlx import layers

VALUES = TOLERANCES["float32"].values
X = mx.random.normal((4, 7, 3), key=mx.random.key(0))
DT = mx.random.uniform(0.1, 2, (4, 7), key=mx.random.key(1))


def close(got, expected):
    np.testing.assert_allclose(np.array(got), np.array(expected), **VALUES)


def test_cfc_takes_the_positions_of_the_port():
    layer = CfC(3, 5, 2, False, True, True, "no_gate", "relu", 6, 2, 0.5)
    spec = specs.CfC(
        input_size=3,
        units=5,
        proj_size=2,
        return_sequences=False,
        mixed_memory=True,
        mode="no_gate",
        activation="relu",
        backbone_units=6,
        backbone_layers=2,
        backbone_dropout=0.5,
    )
    assert layer.spec == spec
    assert (layer.state_size, layer.output_size) == (5, 2)


def test_cfc_computes_what_the_native_layer_does():
    face = CfC(3, 5, seed=3)
    native = layers.CfC(face.spec, seed=3)
    readout, hx = face(X, None, DT)
    expected, state = native(X, timespans=DT)
    assert mx.array_equal(readout, expected)
    assert mx.array_equal(hx, state)
    again, _ = face(X, hx=hx, timespans=0.5)
    assert mx.array_equal(again, native(X, state, timespans=0.5)[0])
    assert mx.array_equal(face(X[0], hx[0], DT[0])[0], native(X[0], state[0], timespans=DT[0])[0])


def test_cfc_with_time_first():
    face = CfC(3, 5, batch_first=False, seed=3)
    native = layers.CfC(face.spec, seed=3)
    expected, state = native(X, timespans=DT)
    for dt in (DT.T, DT.T[..., None]):
        readout, hx = face(X.swapaxes(0, 1), timespans=dt)
        close(readout.swapaxes(0, 1), expected)
        close(hx, state)
    last = CfC(3, 5, batch_first=False, return_sequences=False, seed=3)
    close(last(X.swapaxes(0, 1), timespans=DT.T)[0], expected[:, -1])
    # one sequence has no batch axis to move
    close(face(X[0], timespans=DT[0])[0], expected[0])


def test_a_wiring_is_built_in_place_and_can_be_drawn():
    wiring = AutoNCP(14, 3, seed=2)
    layer = CfC(3, wiring)
    assert wiring.is_built()
    assert wiring.input_dim == 3
    assert layer.output_size == 3
    assert CfC(3, wiring)(X)[0].shape == (4, 7, 3)
    with pytest.raises(WiringError, match="for input_dim 3, got 4"):
        CfC(4, wiring)


def test_a_face_layer_is_saved_and_loaded_as_the_native_one(tmp_path):
    face = CfC(3, AutoNCP(14, 3, seed=2), proj_size=2, seed=1)
    ncps.save(face, tmp_path / "m.safetensors")
    native = ncps.load(tmp_path / "m.safetensors", framework="mlx")
    assert mx.array_equal(native(X, timespans=DT)[0], face(X, timespans=DT)[0])


def test_a_face_layer_trains():
    layer = CfC(3, AutoNCP(14, 3, seed=2), seed=1)
    _, gradients = nn.value_and_grad(layer, lambda: mx.sum(layer(X, timespans=DT)[0]))()
    assert {n for n, _ in tree_flatten(gradients)} == layer.get_native().keys()


@pytest.mark.parametrize("name", ["activation", "backbone_activation"])
def test_cfc_cell_knows_both_names_of_the_activation(name):
    cell = CfCCell(3, 5, **{name: "relu"}, seed=1)
    assert cell.spec.activation == "relu"
    assert cell.hidden_size == 5
    h, same = cell(X[:, 0], mx.ones((4, 5)), DT[:, 0])
    expected, _ = layers.CfCCell(cell.spec, seed=1)(X[:, 0], mx.ones((4, 5)), DT[:, 0])
    assert mx.array_equal(h, expected)
    assert mx.array_equal(same, h)
    close(cell(X[:, 0], h, mx.array([0.5]))[0], cell(X[:, 0], h, 0.5)[0])
    with pytest.raises(UnknownNameError, match="activation 'rely'"):
        CfCCell(3, 5, **{name: "rely"})


def test_sparsity_mask_multiplies_f_and_g_alone():
    rng = np.random.default_rng(0)
    mask = rng.integers(-1, 2, (8, 5))
    cell = CfCCell(3, 5, backbone_units=0, backbone_layers=0, sparsity_mask=mx.array(mask), seed=1)
    plain = CfCCell(3, 5, backbone_layers=0, seed=1)
    values = ncps.parameters(plain)
    for head in ("ff1", "ff2"):
        values[f"{head}.kernel"] = values[f"{head}.kernel"] * abs(mask)
    ncps.load_parameters(plain, values)
    h, dt = mx.ones((4, 5)), DT[:, 0]
    close(cell(X[:, 0], h, dt)[0], plain(X[:, 0], h, dt)[0])
    # what it says of itself is what it computes, so that a saved cell stays the same
    for name, array in ncps.parameters(cell).items():
        np.testing.assert_array_equal(array, values[name])


def test_sparsity_mask_must_fit():
    with pytest.raises(ShapeError, match=r"sparsity_mask \(8, 5\), got \(5, 8\)"):
        CfCCell(3, 5, backbone_layers=0, sparsity_mask=np.ones((5, 8)))
    with pytest.raises(SpecError, match="backbone_layers=0 with a sparsity_mask, got 1"):
        CfCCell(3, 5, sparsity_mask=np.ones((8, 5)))


def test_wired_cell_steps_a_wired_cfc():
    wiring = AutoNCP(14, 3, seed=2)
    cell = WiredCfCCell(3, wiring, seed=1)
    whole = CfC(3, wiring, seed=1)
    h = None
    for t in range(7):
        y, h = cell(X[:, t], h, DT[:, t])
    expected, state = whole(X, timespans=DT)
    close(y, expected[:, -1])
    close(h, state)
    assert cell.layer_sizes == [len(wiring.get_neurons_of_layer(i)) for i in range(3)]
    assert (cell.num_layers, cell.sensory_size, cell.motor_size, cell.output_size) == (3, 3, 3, 3)
    assert cell.state_size == sum(cell.layer_sizes)


class Scale(NCPLayer):
    """A layer as a user writes one."""

    def build(self, input_shape):
        self.factor = mx.ones((input_shape[-1],))

    def __call__(self, x, times=1.0):
        return times * self.factor * x


class Twice(Scale):
    def build(self, input_shape):
        self.builds = getattr(self, "builds", 0) + 1
        super().build(input_shape)

    def __call__(self, x):
        return super().__call__(x, times=2.0)


def test_own_layers_build_at_their_first_call():
    layer = Scale()
    assert not layer.built
    assert mx.array_equal(layer(X, times=3.0), 3 * X)
    assert layer.built
    assert [n for n, _ in tree_flatten(layer.parameters())] == ["factor"]


def test_own_layers_build_once_through_their_bases_too():
    layer = Twice()
    layer.build(X.shape)
    assert layer.built
    assert mx.array_equal(layer(X), 2 * X)
    assert layer.builds == 1


def test_own_layers_do_not_build_inside_grad():
    with pytest.raises(BuildError, match="Scale is not built and was called inside grad"):
        mx.grad(lambda x: mx.sum(Scale()(x)))(X)


def test_own_layers_without_a_call_say_so():
    with pytest.raises(NotImplementedError, match="NCPLayer must define __call__"):
        NCPLayer()(X)


def test_dense_is_a_linear_and_an_activation():
    dense = NCPDense(5, activation="tanh", seed=1)
    y = dense(X)
    assert y.shape == (4, 7, 5)
    assert dense.compute_output_shape((4, 7, 3)) == (4, 7, 5)
    linear = dense.dense.linear
    close(y, mx.tanh(X @ linear.weight.T + linear.bias))
    plain = NCPDense(5, lambda a: a * 2, False, seed=1)
    close(plain(X), 2 * X @ plain.dense.linear.weight.T)
    assert [n for n, _ in tree_flatten(plain.parameters())] == ["dense.linear.weight"]


@pytest.mark.parametrize("make", [lambda w: NCPDense(14, wiring=w), NCPDense])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_follows_the_sensory_synapses_of_its_wiring(make, use_bias):
    wiring = AutoNCP(14, 3, seed=2)
    dense = make(wiring)
    dense.spec = specs.Dense(units=14, use_bias=use_bias)
    y = dense(X)
    assert wiring.is_built()
    mask = np.abs(wiring.sensory_adjacency_matrix)
    assert 0 < mask.mean() < 1
    linear = dense.dense.linear
    bias = linear.bias if use_bias else 0.0
    close(y, X @ (linear.weight.T * mx.array(mask)) + bias)
    gradients = nn.value_and_grad(dense, lambda: mx.sum(dense(X)))()[1]
    found = gradients["dense"]["linear"]["weight"]
    assert mx.array_equal(found.T != 0, mx.array(mask != 0))
    assert len(tree_flatten(dense.parameters())) == 1 + use_bias


def test_wiring_of_a_dense_layer_is_saved_with_it(tmp_path):
    dense = NCPDense(AutoNCP(14, 3, seed=2), activation="tanh")
    y = dense(X)
    ncps.save(dense, tmp_path / "m.safetensors")
    saved = ncps.load(tmp_path / "m.safetensors", framework="mlx")["dense"]
    close(saved(X), y)


def test_dense_and_wiring_must_agree():
    with pytest.raises(SpecError, match="units=14, the neurons of its wiring, got 5"):
        NCPDense(5, wiring=AutoNCP(14, 3))


@pytest.mark.parametrize("units", [6, FullyConnected(6, 2)])
def test_rnn_cell_by_itself_steps_a_cfc(units):
    cell = NCPRNNCell(units, seed=1)
    states = cell.get_initial_state(4)
    assert states.shape == (4, cell.state_size) == (4, 6)
    assert cell.get_initial_state().shape == (6,)
    output, new = cell(X[:, 0], states)
    assert output.shape == (4, cell.output_size)
    expected, state = cell.cell(X[:, 0], states)
    assert mx.array_equal(output, expected)
    assert mx.array_equal(new, state)
    for kind in (list, tuple):
        _, several = cell(X[:, 0], kind([states]))
        assert type(several) is kind
        assert mx.array_equal(several[0], new)


class Leaky(NCPRNNCell):
    def build(self, input_shape):
        self.kernel = mx.ones((input_shape[-1], self.units))
        super().build(input_shape)

    def __call__(self, inputs, states):
        new = 0.9 * states + inputs @ self.kernel
        return new, new


def test_rnn_cell_as_a_base_has_the_parameters_of_the_subclass_alone():
    cell = Leaky(6)
    h, _ = cell(X[:, 0], cell.get_initial_state(4))
    close(h, mx.broadcast_to(mx.sum(X[:, 0], axis=-1, keepdims=True), (4, 6)))
    assert [n for n, _ in tree_flatten(cell.parameters())] == ["kernel"]


@pytest.mark.parametrize("missing", ["ncps_mlx", "mlx"])
def test_without_the_plugin_the_import_says_what_to_install(missing):
    code = f"""
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Gone())
from ncps.errors import PluginError
try:
    import ncps.mlx
except ImportError as error:
    assert isinstance(error, PluginError), type(error)
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'Run: pip install "ncps[mlx]"' in done.stdout
