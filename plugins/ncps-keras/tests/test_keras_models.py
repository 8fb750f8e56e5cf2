"""The layers in Keras' own models: functional, Sequential, compile and fit, files, masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.wirings import AutoNCP
from ncps_keras.backends import NAME, xp

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 6, 3)).astype("float32")
TARGET = X.sum(axis=(1, 2), keepdims=True)[:, 0].astype("float32")
DT = rng.uniform(0.1, 2.0, (8, 6)).astype("float32")
RECURRENT = ("CfC", "CTRNN", "GRU", "LSTM", "LTC", "RNN")
jitting = pytest.mark.skipif(NAME == "torch", reason="Keras on torch has no XLA")


def layer(name: str = "CfC", units: Any = 5, **options: Any) -> Any:
    return ncps.create(name, framework="keras", units=units, **options)


def close(got: Any, expected: Any, dtype: str = "float32") -> None:
    np.testing.assert_allclose(
        np.asarray(got, "float64"), np.asarray(expected, "float64"), **TOLERANCES[dtype].values
    )


def values(tensor: Any) -> Any:
    return xp.to_numpy(tensor)


def regression(name: str = "CfC", **options: Any) -> Any:
    recurrent = layer(name, return_state=False, return_sequences=False, seed=1, **options)
    dense = ncps.create("Dense", framework="keras", units=1, seed=2)
    return keras.Sequential([keras.Input((None, 3)), recurrent, dense])


@pytest.mark.parametrize("name", RECURRENT)
def test_sequential_model_learns_with_fit(name: str) -> None:
    model = regression(name)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", jit_compile=False)
    history = model.fit(X, TARGET, epochs=6, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < history[0]


@jitting
@pytest.mark.parametrize("name", ["CfC", "LTC"])
def test_fit_compiled_by_xla_learns_what_fit_without_it_learns(name: str) -> None:
    losses = []
    for jit in (False, True):
        model = regression(name)
        model.compile(optimizer="sgd", loss="mse", jit_compile=jit)
        fitted = model.fit(X, TARGET, epochs=3, batch_size=8, shuffle=False, verbose=0)
        losses.append(fitted.history["loss"])
    np.testing.assert_allclose(*losses, **TOLERANCES["float32"].gradients)


def test_functional_model_takes_times_and_gives_y_and_state() -> None:
    recurrent = layer(input_size=3, seed=1)
    x, dt = keras.Input((None, 3)), keras.Input((None,))
    y, state = recurrent(x, timespans=dt)
    assert (y.shape, state.shape) == ((None, None, 5), (None, 5))
    model = keras.Model([x, dt], [y, state])
    for got, expected in zip(
        model.predict([X, DT], verbose=0), recurrent(X, timespans=DT), strict=True
    ):
        close(got, values(expected))


def test_symbolic_call_refuses_a_wrong_number_of_features() -> None:
    with pytest.raises(ncps.NcpsError, match="expected 4 input features"):
        layer(input_size=4)(keras.Input((None, 3)))


@pytest.mark.parametrize(
    "options",
    [
        {"units": AutoNCP(12, 3, seed=5)},
        {"units": AutoNCP(12, 3, seed=5), "mixed_memory": True},
        {"bidirectional": True, "num_layers": 2, "backbone_dropout": 0.1},
    ],
)
def test_keras_file_holds_layer_wiring_and_weights(options: dict[str, Any], tmp_path: Path) -> None:
    model = regression("CfC", **options)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    assert again.layers[0].spec == model.layers[0].spec
    close(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_config_makes_an_equal_layer_of_the_same_seed() -> None:
    first = layer("LTC", AutoNCP(8, 2, seed=1), input_size=3, seed=4, dtype="mixed_bfloat16")
    again = type(first).from_config(first.get_config())
    assert (again.spec, again.dtype_policy.name) == (first.spec, "mixed_bfloat16")
    for name, array in first.get_native().items():
        assert np.array_equal(again.get_native()[name], array)


def test_layer_without_a_size_is_built_by_a_subclassed_model() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = layer(return_state=False, return_sequences=False, seed=1)
            self.out = keras.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.out(self.recurrent(x))

    model = Model()
    model.compile(optimizer="sgd", loss="mse", jit_compile=False)
    model.fit(X, TARGET, epochs=1, verbose=0)
    assert model.recurrent.spec.input_size == 3


@pytest.mark.parametrize("timespans", [None, DT])
def test_mask_of_an_embedding_is_taken_and_passed_on(timespans: Any) -> None:
    words = np.array([[1, 2, 0, 3], [4, 0, 0, 0]])
    embedding = keras.layers.Embedding(5, 3, mask_zero=True)
    recurrent = layer(input_size=3, return_state=False, seed=1)
    dt = None if timespans is None else keras.ops.convert_to_tensor(timespans[:2, :4])
    embedded = embedding(words)
    y = recurrent(embedded, timespans=dt)
    plain = keras.ops.convert_to_tensor(values(embedded))
    close(values(y), values(recurrent(plain, timespans=dt, mask=words != 0)))
    # a layer behind sees the mask too: the last real step counts
    after = layer(input_size=5, return_state=False, return_sequences=False, seed=2)
    unmasked = keras.ops.convert_to_tensor(values(y))
    close(values(after(y)), values(after(unmasked, mask=words != 0)))


def test_fit_masks_padding_with_a_masking_layer() -> None:
    recurrent = layer("GRU", return_state=False, return_sequences=False, seed=1)
    stack = [keras.Input((None, 3)), keras.layers.Masking(-1.0), recurrent]
    model = keras.Sequential([*stack, keras.layers.Dense(1)])
    padded = np.concatenate([X, np.full((8, 3, 3), -1.0, "float32")], axis=1)
    close(model.predict(padded, verbose=0), model.predict(X, verbose=0))


def test_mixed_precision_keeps_float32_weights_and_computes_in_bfloat16() -> None:
    mixed, exact = (layer(input_size=3, seed=1, dtype=d) for d in ("mixed_bfloat16", "float32"))
    y, state = mixed(X, timespans=DT)
    assert mixed.dtype == "float32"
    assert {keras.backend.standardize_dtype(a.dtype) for a in (y, state)} == {"bfloat16"}
    close(values(y), values(exact(X, timespans=DT)[0]), "bfloat16")


def test_stateless_call_computes_with_the_variables_it_is_given() -> None:
    one, other = (layer(input_size=3, seed=seed, return_state=False) for seed in (1, 2))
    given = [v.value for v in other.trainable_variables]
    y, _ = one.stateless_call(given, [], keras.ops.convert_to_tensor(X))
    close(values(y), values(other(X)))


def test_global_seed_decides_where_no_seed_is_given() -> None:
    arrays = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        arrays.append([layer(input_size=3).get_native()["heads.kernel"] for _ in range(2)])
    assert np.array_equal(arrays[0], arrays[1])
    assert not np.array_equal(arrays[0][0], arrays[0][1])
    assert not np.array_equal(arrays[0], arrays[2])


def test_dropout_acts_in_training_only() -> None:
    dropping = layer(input_size=3, seed=1, backbone_dropout=0.5, return_state=False)
    plain = layer(input_size=3, seed=1, return_state=False)
    close(values(dropping(X)), values(plain(X)))
    one, two = (values(dropping(X, training=True)) for _ in range(2))
    assert not np.allclose(one, two)


@pytest.mark.parametrize("name", RECURRENT)
def test_call_inside_a_graph_is_the_eager_call(name: str) -> None:
    recurrent = layer(name, input_size=3, seed=1, bidirectional=True)
    mask = rng.random((8, 6)) < 0.6
    expected = recurrent(X, timespans=DT, mask=mask)
    inputs = [keras.Input((None, 3)), keras.Input((None,)), keras.Input((None,), dtype="bool")]
    y, states = recurrent(inputs[0], timespans=inputs[1], mask=inputs[2])
    model = keras.Model(inputs, [y, *states])
    got = model.predict([X, DT, mask], verbose=0)
    for a, b in zip(got, [expected[0], *expected[1]], strict=True):
        close(a, values(b))


def test_backward_times_are_not_looked_for_in_a_graph() -> None:
    recurrent = layer(input_size=3, seed=1, return_state=False)
    with pytest.raises(ncps.NcpsError, match="every elapsed time >= 0"):
        recurrent(X, timespans=-DT)
    x, dt = keras.Input((6, 3)), keras.Input((6,))
    model = keras.Model([x, dt], recurrent(x, timespans=dt))
    if NAME == "torch":
        pytest.skip("Keras on torch calls its models eagerly")
    assert model.predict([X, -DT], verbose=0).shape == (8, 6, 5)
