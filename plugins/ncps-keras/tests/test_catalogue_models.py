"""Attention, containers and solvers inside Keras: fit, files, masks, back ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps.errors import PluginError
from ncps.testing import TOLERANCES
from ncps_keras import _choice
from ncps_keras.ops import to_numpy

X = np.random.default_rng(0).standard_normal((8, 5, 3)).astype(np.float32)
LAYERS = [("Dense", {"units": 4, "activation": "tanh"}), ("GRU", {"units": 3})]
MADE: dict[str, dict[str, Any]] = {
    "MultiHeadAttention": {"num_heads": 2, "head_dim": 4, "dropout": 0.2, "causal": True},
    "Residual": {"inner": ("Sequential", {"layers": LAYERS}), "return_state": False},
    "SwiGLU": {"hidden_units": 6, "units": 3},
    "CTGRU": {"units": 3, "return_state": False},
}


@pytest.mark.parametrize("layer", sorted(MADE))
def test_model_is_fitted_and_comes_back_from_its_file(layer: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    made = ncps.create(layer, technology="ncps", framework="keras", **MADE[layer])
    model = keras.Sequential([keras.Input((5, 3)), made])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    losses = model.fit(X, 0.5 * X, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(again(X)), to_numpy(model(X)))


def test_dropout_of_attention_is_at_work_in_training_alone() -> None:
    options = {**MADE["MultiHeadAttention"], "dropout": 0.5}
    layer = ncps.create("MultiHeadAttention", framework="keras", seed=0, **options)
    assert np.array_equal(to_numpy(layer(X)), to_numpy(layer(X, training=False)))
    once, again = (to_numpy(layer(X, training=True)) for _ in range(2))
    assert not np.array_equal(once, again)


DOPRI5: dict[str, Any] = {"solver": "dopri5", "input_size": 3, "units": 2, "seed": 0}


@pytest.mark.parametrize("layer", ["CTRNN", "LTC"])
def test_dopri5_is_the_reference_s_solution_or_refused(layer: str) -> None:
    options = {"technology": "ncps", "framework": "keras", **DOPRI5}
    if keras.config.backend() == "tensorflow":
        with pytest.raises(PluginError, match="take a solver with fixed steps"):
            ncps.create(layer, **options)
        return
    y, _ = ncps.create(layer, **options)(X)
    reference = ncps.create(layer, technology="numpy", **DOPRI5)
    np.testing.assert_allclose(to_numpy(y), reference(X)[0], **TOLERANCES["float32"].values)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="diffrax is for JAX")
def test_dopri5_on_jax_runs_inside_jit_and_needs_diffrax(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    layer = ncps.create("CTRNN", technology="ncps", framework="keras", **DOPRI5)
    y = jax.jit(lambda x: layer(x)[0])(X)
    np.testing.assert_allclose(to_numpy(y), to_numpy(layer(X)[0]), **TOLERANCES["float32"].values)
    monkeypatch.setattr(_choice, "_is_installed", lambda name: name != "diffrax")
    with pytest.raises(PluginError, match=r'needs diffrax. Run: pip install "ncps-keras\[ode\]"'):
        ncps.create("CTRNN", technology="ncps", framework="keras", **DOPRI5)
