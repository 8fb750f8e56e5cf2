"""One script on every back end: arrays, layers, dtypes, and whose functions do the work."""

from __future__ import annotations

import importlib
from operator import attrgetter
from typing import Any

import meanings
import numpy as np
import operations
import pytest

import ncps
from ncps.errors import PluginError, UnknownNameError
from ncps.neural import create_neural_backend
from ncps.testing import TOLERANCES


def _layer(backend: Any, **config: Any) -> Any:
    try:
        return backend.linear(4, 3, **config)
    except PluginError as error:  # JAX's layers are those of a Keras that runs on JAX
        assert backend.name == "jax"
        pytest.skip(str(error))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_layer_has_the_dtype_of_the_backend_and_computes_its_equation(name, dtype) -> None:
    backend = create_neural_backend(name, dtype)
    layer = _layer(backend)
    values = np.linspace(-1, 1, 8).reshape(2, 4)
    y = layer(backend.array(values))
    assert backend.functional.dtype(y) == dtype
    weights = {k: np.asarray(v, np.float64) for k, v in ncps.parameters(layer).items()}
    expected = values @ weights["kernel"] + weights["bias"]
    np.testing.assert_allclose(backend.numpy(y), expected, **TOLERANCES[dtype].values)


def test_any_layer_of_the_catalogue_is_made_by_its_name(backend) -> None:
    _layer(backend)
    cell = backend.layer("CfC", input_size=3, units=5, seed=0)
    y, state = cell(backend.array(np.ones((2, 4, 3))))
    assert tuple(y.shape) == (2, 4, 5)
    assert backend.functional.is_array(state)


@pytest.mark.parametrize(
    ("method", "arguments", "layer"),
    [
        ("embedding", (9, 4), "Embedding"),
        ("norm", ("layer", 4), "LayerNorm"),
        ("norm", ("rms", 4), "RMSNorm"),
        ("norm", ("batch", 4), "BatchNorm"),
        ("attention", (8, 2), "MultiHeadAttention"),
        ("attention", (8, 4, 2), "GroupedQueryAttention"),
        ("gated", ("geglu", 8, 16), "GeGLU"),
        ("gated", ("swiglu", 8, 16), "SwiGLU"),
        ("sequential", (("Dense", {"units": 2}), ("GRU", {"units": 3})), "Sequential"),
    ],
)
def test_short_names_make_layers_of_the_catalogue(backend, method, arguments, layer) -> None:
    _layer(backend)
    assert getattr(backend, method)(*arguments).spec.layer == layer


def test_unknown_norm_is_told_with_the_nearest_name(backend) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'layer'"):
        backend.norm("layr", 4)


def test_script_learns_the_same_on_every_backend(backend) -> None:
    ops = backend.functional
    rng = np.random.default_rng(0)
    x, target = backend.array(rng.standard_normal((16, 4))), backend.array(rng.integers(0, 3, 16))
    kernel, bias = backend.array(rng.standard_normal((4, 3))), backend.array(np.zeros(3))

    def loss(kernel, bias):
        return ops.cross_entropy(ops.linear(ops.rms_norm(x), kernel, bias), target)

    curve = []
    for _ in range(20):
        value, (dk, db) = ops.value_and_grad(loss)(kernel, bias)
        kernel, bias = kernel - 0.5 * dk, bias - 0.5 * db
        curve.append(float(backend.numpy(value)))
    assert curve[-1] < 0.5 * curve[0]
    np.testing.assert_allclose(curve, _curve(), **TOLERANCES["float32"].gradients)


def _curve() -> list[float]:
    """The same learning in NumPy float64, with the gradient by hand."""
    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((16, 4)), np.eye(3)[rng.integers(0, 3, 16)]
    kernel, bias = rng.standard_normal((4, 3)), np.zeros(3)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
    curve = []
    for _ in range(20):
        told = meanings.log_softmax(x @ kernel + bias)
        curve.append(-(target * told).sum() / 16)
        slope = (np.exp(told) - target) / 16
        kernel, bias = kernel - 0.5 * x.T @ slope, bias - 0.5 * slope.sum(0)
    return curve


def test_capabilities_name_the_functions_that_do_the_work(backend, monkeypatch) -> None:
    ops = backend.functional
    named = {op: path for op, path in backend.capabilities.items() if path != "composed"}
    assert "scaled_dot_product_attention" in named
    cases = {case.operation: case for case in reversed(operations.CASES)}
    for operation, path in named.items():
        case = cases[operation]
        arrays = [backend.array(x) for x in case.inputs()]
        called: list[str] = []
        with monkeypatch.context() as patch:
            _spy(patch, ops, path, called)
            case.call(ops, *arrays)
        assert called, f"{operation} on {backend.name} did not call {path}"


def _spy(patch: pytest.MonkeyPatch, ops: Any, path: str, called: list[str]) -> None:
    """Let calls of the function at `path` be noted, wherever this class keeps it."""
    home, _, name = path.rpartition(".")
    first, *rest = home.split(".")
    module = importlib.import_module(first)
    for i in range(len(rest)):
        try:
            module = importlib.import_module(".".join([first, *rest[: i + 1]]))
        except ModuleNotFoundError:
            module = attrgetter(rest[i])(module)
    function = getattr(module, name)

    def noted(*args: Any, **options: Any) -> Any:
        called.append(path)
        return function(*args, **options)

    patch.setattr(module, name, noted)


def test_unknown_dtype_or_device_is_told(backend) -> None:
    with pytest.raises(UnknownNameError, match=r"dtype 'float13'\."):
        backend.with_dtype("float13")
    with pytest.raises(UnknownNameError, match="device 'cuba'"):
        backend.functional.array([1.0], device="cuba")


def test_flash_attention_agrees_with_its_plain_twin_at_awkward_sizes(backend) -> None:
    ops = backend.functional
    rng = np.random.default_rng(0)
    for steps in (1, 31, 32, 33, 65):
        q, k, v = (backend.array(rng.standard_normal((1, 2, steps, 8))) for _ in range(3))
        fused = ops.flash_attention(q, k, v, causal=True)
        plain = ops.plain_attention(q, k, v, None, True, 8**-0.5)
        bounds = TOLERANCES["float32"].values
        np.testing.assert_allclose(ops.numpy(fused), ops.numpy(plain), **bounds)
