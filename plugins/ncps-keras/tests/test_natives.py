"""Keras' own layers: what they mean, and making them from a spec."""

from __future__ import annotations

import random
import re
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.errors import BuildError, ConversionError, ParameterError
from ncps.testing import TOLERANCES
from ncps_keras import ops
from ncps_keras.natives import KerasNatives

NATIVES = KerasNatives()
L = keras.layers
CELLS = {"GRUCell": L.GRUCell, "LSTMCell": L.LSTMCell, "RNNCell": L.SimpleRNNCell}
SEQUENCES = {"GRU": L.GRU, "LSTM": L.LSTM, "RNN": L.SimpleRNN}
D, H = 3, 5


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


def ready(layer: Any, axes: int = 3, batch: int | None = None) -> Any:
    """Built, with values so that no unit of a ReLU recurrence is dead or explodes."""
    layer.build((batch, *[None] * (axes - 2), D))
    rng = np.random.default_rng(3)
    for variable in layer.weights:
        variable.assign(rng.uniform(-0.4, 0.6, variable.shape).astype(np.float32))
    return layer


def numpy(value: Any) -> np.ndarray:
    return np.array(ops.to_numpy(value), np.float64)


def results(result: Any) -> list[np.ndarray]:
    """y and the states of a layer, y alone, or h and the states of a cell."""
    return [numpy(value) for value in keras.tree.flatten(result)]


def reference(spec: specs.Spec, parameters: dict, x: np.ndarray) -> list[np.ndarray]:
    layer = ncps.create(spec, technology="numpy")
    canonical.load_parameters(layer, parameters)
    return [np.asarray(value) for value in keras.tree.flatten(layer(x))]


def assert_same_function(layer: Any, x: np.ndarray, dtype: str = "float32") -> specs.Spec:
    """A layer computes what its description says, and so does the one made from it."""
    spec, parameters = NATIVES.describe(layer)
    assert list(parameters) == [p.name for p in spec.parameters()]
    wanted = reference(spec, parameters, x)
    made = NATIVES.make(spec, parameters, dtype=dtype)
    assert type(made) is type(layer)
    assert {variable.dtype for variable in made.weights} == {dtype}
    for one in (layer, made):
        states = [np.zeros((len(x), H), np.float32)] * len(spec.state_shapes())
        got = results(one(x, states) if spec.kind == "cell" else one(x))
        for a, b in zip(got, wanted, strict=True):
            np.testing.assert_allclose(a, b, **TOLERANCES[dtype].values)
    return spec


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [None, "gelu", "relu", "sigmoid", "silu", "tanh"])
def test_dense_means_a_dense_with_its_activation_and_comes_back(activation, bias):
    layer = ready(L.Dense(H, activation=activation, use_bias=bias), axes=2)
    spec = assert_same_function(layer, example(4, D))
    assert spec == specs.Dense(input_size=D, units=H, activation=activation, use_bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", CELLS)
def test_cell_means_a_cell_and_comes_back(layer, bias):
    spec = assert_same_function(ready(CELLS[layer](H, use_bias=bias), axes=2), example(4, D))
    assert spec == specs.build(layer, input_size=D, units=H, use_bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer", SEQUENCES)
def test_sequence_layer_comes_back_with_its_directions(layer, bidirectional, bias):
    own = SEQUENCES[layer](H, use_bias=bias, return_sequences=True)
    spec = assert_same_function(
        ready(L.Bidirectional(own) if bidirectional else own), example(2, 6, D)
    )
    assert spec == specs.build(
        layer,
        input_size=D,
        units=H,
        use_bias=bias,
        bidirectional=bidirectional,
        return_state=False,
    )


@pytest.mark.parametrize("bias", [True, False])
def test_gru_that_resets_before_the_product_comes_back(bias):
    options = {"reset_after": False, "use_bias": bias}
    sequence = ready(L.GRU(H, return_sequences=True, **options))
    assert assert_same_function(sequence, example(2, 6, D)).reset_after is False
    cell = ready(L.GRUCell(H, **options), axes=2)
    assert assert_same_function(cell, example(2, D)).reset_after is False


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_what_a_layer_returns_goes_along(bidirectional, state, sequences):
    own = L.LSTM(H, return_sequences=sequences, return_state=state)
    layer = ready(L.Bidirectional(own) if bidirectional else own)
    spec = assert_same_function(layer, example(2, 6, D))
    assert (spec.return_sequences, spec.return_state) == (sequences, state)


def test_rnn_over_a_cell_of_keras_means_the_sequence_layer():
    spec, parameters = NATIVES.describe(ready(L.RNN(L.LSTMCell(H), return_sequences=True)))
    assert spec == specs.LSTM(input_size=D, units=H, return_state=False)
    assert type(NATIVES.make(spec, parameters)) is L.LSTM


@pytest.mark.parametrize("cls", [L.SimpleRNN, L.SimpleRNNCell])
def test_rnn_keeps_its_activation(cls):
    cell = cls is L.SimpleRNNCell
    layer = ready(cls(H, activation="relu"), axes=2 if cell else 3)
    x = example(4, D) if cell else example(1, 4, D)
    assert assert_same_function(layer, x).activation == "relu"


@pytest.mark.parametrize("make", [L.LSTM, L.LSTMCell, lambda n: L.Bidirectional(L.GRU(n)), L.Dense])
def test_run_gives_every_step_from_zeros_whatever_the_layer_returns(make):
    layer = ready(make(H), axes=2 if make is L.LSTMCell else 3)
    spec, parameters = NATIVES.describe(layer)
    whole = specs.build(
        spec.layer.removesuffix("Cell"),
        **{k: v for k, v in canonical.meaning(spec).items() if k not in ("schema", "layer")},
    )
    x = example(2, 6, D)
    wanted, *_ = reference(whole, parameters, x)
    np.testing.assert_allclose(NATIVES.run(layer, x), wanted, **TOLERANCES["float32"].values)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("cls", [L.Dense, L.GRU, L.LSTM])
def test_dtype_of_a_made_layer_is_the_one_asked_for(cls, dtype):
    options = {} if cls is L.Dense else {"recurrent_initializer": "zeros", "return_sequences": True}
    layer = ready(cls(H, dtype=dtype, **options))
    assert NATIVES.dtype(layer) == dtype
    assert_same_function(layer, example(2, 6, D), dtype)


def test_layer_of_a_mixed_policy_runs_in_the_dtype_of_its_variables():
    layer = ready(L.GRU(H, dtype="mixed_bfloat16"))
    spec, parameters = NATIVES.describe(layer)
    made = NATIVES.make(spec, parameters, dtype=NATIVES.dtype(layer))
    x = example(2, 6, D)
    np.testing.assert_array_equal(NATIVES.run(layer, x), NATIVES.run(made, x))


def test_described_parameters_are_copies():
    layer = ready(L.Dense(H), axes=2)
    _, parameters = NATIVES.describe(layer)
    before = numpy(layer.kernel)
    parameters["kernel"][:] = 0
    np.testing.assert_array_equal(numpy(layer.kernel), before)


def test_filling_a_layer_keeps_its_dtype_and_takes_the_values():
    _, parameters = NATIVES.describe(ready(L.Bidirectional(L.GRU(H))))
    other = L.Bidirectional(L.GRU(H, dtype="float16", recurrent_initializer="zeros"))
    other.build((None, None, D))
    NATIVES.fill(other, parameters)
    assert {variable.dtype for variable in other.weights} == {"float16"}
    for name, value in NATIVES.describe(other)[1].items():
        np.testing.assert_array_equal(value, parameters[name].astype(np.float16))
    with pytest.raises(ConversionError, match="a layer of Keras' own, got ReLU"):
        NATIVES.fill(L.ReLU(), parameters)


def test_making_a_layer_draws_nothing_and_keeps_the_usual_initializers():
    spec, parameters = NATIVES.describe(ready(L.LSTM(H)))
    state = random.getstate()
    made = NATIVES.make(spec, parameters, device="cpu")
    assert random.getstate() == state
    assert made.get_config()["kernel_initializer"] == L.LSTM(H).get_config()["kernel_initializer"]
    assert len(made.trainable_variables) == 3


class Subclass(L.Dense):
    pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: Subclass(H),
        lambda: L.Conv3D(1, 1),
        lambda: L.ReLU(),
        lambda: L.Bidirectional(L.RNN(L.StackedRNNCells([L.GRUCell(H)]))),
        keras.Sequential,
        lambda: "text",
        lambda: None,
    ],
)
def test_other_layers_and_subclasses_have_no_description(make):
    assert NATIVES.describe(make()) is None


def patched() -> Any:
    layer = ready(L.Dense(H))
    layer.call = lambda x: x
    return layer


def adapted() -> Any:
    layer = ready(L.Dense(H), axes=2)
    layer.enable_lora(2)
    return layer


def uneven() -> Any:
    backward = L.LSTM(H + 1, go_backwards=True)
    return L.Bidirectional(L.LSTM(H), backward_layer=backward)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L.GRU(H), "layers.GRU with parameters, got one that is not built. Call it once"),
        (
            lambda: ready(L.LSTM(H, dropout=0.5)),
            "layers.LSTM without dropout, got 0.5. Set its cell.dropout to 0 if you only infer.",
        ),
        (
            lambda: ready(L.GRUCell(H, recurrent_dropout=0.5), 2),
            "GRUCell without recurrent_dropout, got 0.5. Set its recurrent_dropout to 0 if",
        ),
        (
            lambda: ready(L.GRU(H, go_backwards=True)),
            "layers.GRU with go_backwards=False, got True. Turn the sequence round yourself, or",
        ),
        (
            lambda: ready(L.LSTM(H, stateful=True), batch=2),
            "layers.LSTM with stateful=False, got True. Set its stateful to False, and pass",
        ),
        (
            lambda: ready(L.GRU(H, recurrent_activation="hard_sigmoid")),
            "layers.GRU with recurrent_activation sigmoid, got hard_sigmoid. No spec has that",
        ),
        (
            lambda: ready(L.LSTM(H, activation="relu")),
            "layers.LSTM with activation tanh, got relu. No spec has that function: convert it by",
        ),
        (
            lambda: ready(L.SimpleRNN(H, activation="sigmoid")),
            "layers.SimpleRNN with activation relu or tanh, got sigmoid.",
        ),
        (
            lambda: ready(L.Dense(H, activation="softmax")),
            "with activation gelu or linear or relu or sigmoid or silu or tanh, got softmax.",
        ),
        (
            lambda: ready(L.Bidirectional(L.LSTM(H), merge_mode="sum")),
            "layers.Bidirectional with merge_mode 'concat', got 'sum'. Set merge_mode='concat'",
        ),
        (lambda: ready(uneven()), "layers.Bidirectional whose directions are alike, got LSTM("),
        (patched, "layers.Dense as Keras made it, got one with a call of its own. Delete that."),
        (adapted, "'lora_kernel_b': (2, 5)}. Make a new one."),
    ],
)
def test_what_no_spec_can_say_is_refused(make, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.describe(make())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.CfC(input_size=D, units=H), "got CfC: keras.layers has AveragePooling1D, "),
        (
            specs.GRU(input_size=D, units=H, num_layers=2),
            "a GRU of one layer, as keras.layers has, got num_layers=2. Make it with ncps.create",
        ),
        (
            specs.Dense(input_size=D, units=H, activation="lecun_tanh"),
            "a Dense whose activation Keras has too, got 'lecun_tanh'. Make it with ncps.create",
        ),
    ],
)
def test_spec_that_keras_has_no_layer_for_is_refused(spec, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.make(spec, spec.initial_parameters(0))


def test_parameters_that_do_not_fit_are_refused():
    spec = specs.Dense(input_size=D, units=H)
    values = spec.initial_parameters(0)
    with pytest.raises(ParameterError, match=r"wrong shape: bias expected \(5,\), got \(1,\)"):
        NATIVES.make(spec, {**values, "bias": np.zeros(1)})
    with pytest.raises(ParameterError, match=r"missing: bias \(5,\)"):
        NATIVES.make(spec, {"kernel": values["kernel"]})
    with pytest.raises(BuildError, match="input_size is not known yet"):
        NATIVES.make(specs.Dense(units=H), values)
