from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ncps.errors import NcpsError, ParameterError, PluginError, ShapeError, UnknownNameError
from ncps.neural import OPERATIONS, Functions, create_neural_backend


@pytest.fixture
def ops() -> Functions:
    return create_neural_backend("numpy").functional


def test_numpy_backend_makes_float64_arrays_and_layers() -> None:
    backend = create_neural_backend("numpy")
    assert backend.dtype == "float64"
    y = backend.linear(3, 2)(backend.array([[1.0, 2.0, 3.0]]))
    assert (y.shape, y.dtype) == ((1, 2), np.float64)
    assert backend.activation("relu")(backend.array([-1.0, 2.0])).tolist() == [0.0, 2.0]
    assert set(backend.capabilities) == set(OPERATIONS)
    assert set(backend.capabilities.values()) == {"composed"}


def test_floats_get_the_dtype_of_the_backend_and_integers_keep_theirs() -> None:
    backend = create_neural_backend("numpy").with_dtype("float16")
    assert backend.array([1.5]).dtype == np.float16
    assert backend.array([1]).dtype == np.int64
    assert backend.array([True]).dtype == np.bool_


@pytest.mark.parametrize(
    ("name", "dtype", "text"),
    [
        ("nunpy", None, "unknown neural backend 'nunpy'. Did you mean 'numpy'"),
        ("numpy", "float3", "unknown numpy dtype 'float3'. Did you mean 'float32'"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(name, dtype, text) -> None:
    with pytest.raises(UnknownNameError, match=text):
        create_neural_backend(name, dtype)


def test_numpy_says_that_it_has_no_gradients(ops) -> None:
    with pytest.raises(PluginError, match="with gradients, got NumPy"):
        ops.value_and_grad(np.sum)


def test_layers_need_a_keras_that_runs_on_the_arrays_library(monkeypatch) -> None:
    from ncps import registry
    from ncps.neural._backend import Backend

    monkeypatch.setattr(registry, "runs_on", lambda framework: "torch")
    with pytest.raises(PluginError, match=r"it runs on torch. Set KERAS_BACKEND=jax before"):
        Backend("jax", "keras", Functions(), "float32").linear(2, 3)


X = np.ones((2, 3, 4))
HEADS = np.ones((2, 4, 3, 6))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda F: F.linear(X, np.ones((3, 5))), ShapeError, r"kernel \(4, H\).*got \(3, 5\)"),
        (lambda F: F.layer_norm(X, np.ones(3)), ShapeError, r"weight \(4,\).*got \(3,\)"),
        (lambda F: F.group_norm(X, 3), ShapeError, "divide the 4 features of x, got 3"),
        (lambda F: F.batch_norm(X, np.ones(4)), ShapeError, "mean and variance, or neither"),
        (lambda F: F.rope(np.ones((3, 5))), ShapeError, "an even d, got"),
        (lambda F: F.alibi(2, 5, 3), ShapeError, "5 queries and 3 keys"),
        (lambda F: F.mse_loss(X, X[0]), ShapeError, "they are not broadcast"),
        (lambda F: F.mse_loss(X, X, reduction="avg"), UnknownNameError, "unknown reduction 'avg'"),
        (lambda F: F.cross_entropy(X, X), ShapeError, "one class for each row"),
        (lambda F: F.activation(X, "rleu"), UnknownNameError, "Did you mean 'relu'"),
        (
            lambda F: F.scaled_dot_product_attention(HEADS, HEADS[:, :2], HEADS[:, :2]),
            ShapeError,
            "For shared keys use grouped_query_attention",
        ),
        (
            lambda F: F.grouped_query_attention(HEADS, HEADS[:, :3], HEADS[:, :3]),
            ShapeError,
            "a divisor of H",
        ),
        (
            lambda F: F.multi_head_attention(X, {"qeury": X}, 2),
            UnknownNameError,
            "Did you mean 'query'",
        ),
        (
            lambda F: F.multi_head_attention(X, {"query": X[0].T}, 2),
            ParameterError,
            "got none for key, output, value",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_told(ops, call, error, text) -> None:
    with pytest.raises(error, match=text):
        call(ops)
    assert issubclass(error, NcpsError)


def test_alibi_slopes_of_heads_that_are_no_power_of_two_are_the_papers(ops) -> None:
    first = -ops.alibi(12, 2)[:, 0, 1]
    eight, sixteen = (2.0 ** (-8.0 * np.arange(1, n + 1) / n) for n in (8, 16))
    np.testing.assert_allclose(first, [*eight, *sixteen[::2][:4]])


def test_certain_and_wrong_probability_has_a_finite_loss(ops) -> None:
    zero, one = np.zeros(1), np.ones(1)
    loss = ops.binary_cross_entropy(zero, one, from_logits=False)
    assert 80 < float(loss) < 90


def test_import_of_ncps_loads_none_of_the_faces() -> None:
    heavy = "{'ncps.abstractions', 'ncps.backend', 'ncps.neural', 'ncps.registry', 'numpy'}"
    code = f"import ncps, sys; sys.exit(bool({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
