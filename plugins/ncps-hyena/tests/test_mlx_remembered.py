"""A remembered value on MLX is never stale, and never made in a transform."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

mx = pytest.importorskip("mlx.core")
pytest.importorskip("ncps_mlx")

import mlx.nn as nn  # noqa: E402
import mlx.optimizers  # noqa: E402

from ncps.registry import toolkit  # noqa: E402
from ncps_hyena.mlx.ops import Remembered  # noqa: E402


def in_transform():
    return toolkit("mlx").in_transform()


class Doubled(nn.Module):
    """x times twice the weight, and the twice is remembered."""

    def __init__(self, dtype=mx.float32):
        super().__init__()
        self.linear = nn.Linear(2, 3)
        self.set_dtype(dtype)
        self.remembered = Remembered(in_transform)
        self.made = 0

    def _twice(self):
        self.made += 1
        return 2 * self.linear.weight

    def __call__(self, x):
        return x @ self.remembered([self.linear.weight, self.linear.bias], self._twice).T


X = mx.array([[1.0, -2.0]])


def check(layer):
    """What the layer gives is what its weight is now; how often it was made for that."""
    before = layer.made
    expected = X @ (2 * layer.linear.weight).T
    np.testing.assert_array_equal(np.array(layer(X)), np.array(expected))
    return layer.made - before


@pytest.fixture(params=["float32", "bfloat16"])
def layer(request):
    layer = Doubled(getattr(mx, request.param))
    check(layer)
    return layer


def test_it_is_made_once(layer):
    assert [check(layer) for _ in range(3)] == [0, 0, 0]


def optimise(layer):
    optimiser = mlx.optimizers.SGD(0.1)
    _, gradients = nn.value_and_grad(layer, lambda x: mx.sum(layer(x)))(X)
    optimiser.update(layer, gradients)


def optimise_compiled(layer):
    optimiser = mlx.optimizers.SGD(0.1)
    state = [layer.state, optimiser.state]

    def step(x):
        value, gradients = nn.value_and_grad(layer, lambda x: mx.sum(layer(x)))(x)
        optimiser.update(layer, gradients)
        return value

    compiled = mx.compile(step, inputs=state, outputs=state)
    for _ in range(2):
        mx.eval(compiled(X), state)


def set_entry(layer):
    layer.linear.weight[0] = 5.0


def add_in_place(layer):
    layer.linear.weight += 1.0


def add_through_another_name(layer):
    weight = layer.linear.weight
    weight *= 3.0


CHANGES = {
    "optimiser": optimise,
    "compiled optimiser": optimise_compiled,
    "entry": set_entry,
    "in place": add_in_place,
    "another name": add_through_another_name,
    "bias alone": lambda layer: layer.linear.__setattr__("bias", layer.linear.bias + 1),
    "weights loaded": lambda layer: layer.load_weights(
        [("linear.weight", mx.ones((3, 2))), ("linear.bias", mx.ones(3))]
    ),
    "applied": lambda layer: layer.apply(lambda a: a + 1),
    "dtype": lambda layer: layer.set_dtype(mx.float16),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_parameter_is_seen(change, layer):
    CHANGES[change](layer)
    assert check(layer) == 1
    assert check(layer) == 0


def test_freed_memory_that_is_used_again_is_no_match():
    layer = Doubled()
    check(layer)
    for _ in range(20):
        # the same sizes over and over, which MLX's allocator hands out again
        layer.linear.weight[:] = mx.random.normal((3, 2))
        assert check(layer) == 1


TRANSFORMS = {
    "grad": lambda f: mx.grad(lambda x: mx.sum(f(x)))(X),
    "vmap": lambda f: mx.vmap(f)(mx.stack([X, X])),
    "jvp": lambda f: mx.jvp(f, [X], [X]),
    "compile": lambda f: mx.compile(f)(X),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_nothing_made_in_a_transform_is_kept(transform):
    layer = Doubled()
    for _ in range(2):
        before = layer.made
        mx.eval(TRANSFORMS[transform](layer))
        assert layer.made > before
    assert check(layer) == 1
    # what was made outside is a constant in there
    before = layer.made
    mx.eval(TRANSFORMS[transform](layer))
    assert layer.made == before


def test_gradients_by_remembered_parameters_are_not_lost(layer):
    expected = mx.broadcast_to(2 * X, (3, 2))
    _, gradients = nn.value_and_grad(layer, lambda x: mx.sum(layer(x)))(X)
    np.testing.assert_array_equal(
        np.array(gradients["linear"]["weight"].astype(mx.float32)), np.array(expected)
    )


def test_parameters_changed_in_place_by_traced_values_are_no_match():
    layer = Doubled()
    check(layer)
    original = mx.array(layer.linear.weight)

    def changing(x):
        layer.linear.weight += x[0, 0]
        return layer(x)

    got = mx.compile(changing)(X)
    np.testing.assert_array_equal(np.array(got), np.array(X @ (2 * (original + 1.0)).T))


def test_copies_and_pickles_hold_no_value():
    layer = Doubled()
    check(layer)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert check(other) == 1
        assert other.remembered is not layer.remembered
    assert check(layer) == 0
