"""A first call inside a transformation must not train on nothing."""

from __future__ import annotations

import threading

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

import ncps
from ncps import specs
from ncps.errors import BuildError, ShapeError
from ncps.wirings import AutoNCP
from ncps_mlx import layers, ops

X = mx.ones((2, 5, 3))


def lazy(**options):
    return layers.CfC(specs.CfC(units=4, backbone_units=5, **options), seed=0)


class Model(nn.Module):
    """A built layer beside one that is not."""

    def __init__(self):
        super().__init__()
        self.before = nn.Linear(3, 3)
        self.liquid = lazy()

    def __call__(self, x):
        return mx.sum(self.liquid(self.before(x))[0])


TRANSFORMS = {
    "nn.value_and_grad": lambda m: nn.value_and_grad(m, m)(X),
    "nn.value_and_grad of a closure": lambda m: nn.value_and_grad(m, lambda: m(X))(),
    "grad by parameters": lambda m: mx.grad(lambda p: m.update(p)(X))(m.trainable_parameters()),
    "grad by something else": lambda m: mx.grad(lambda a: a * m(X))(mx.array(1.0)),
    "compile": lambda m: mx.compile(m)(X),
    "compile of a closure": lambda m: mx.compile(lambda: m(X))(),
    "vmap": lambda m: mx.vmap(m)(mx.stack([X, X])),
    "jvp": lambda m: mx.jvp(m, [X], [X]),
    "vjp": lambda m: mx.vjp(m, [X], [mx.array(1.0)]),
    "compile of a gradient": lambda m: mx.compile(nn.value_and_grad(m, m))(X),
    "grad of vmap": lambda m: mx.grad(lambda x: mx.sum(mx.vmap(m)(x)))(mx.stack([X, X])),
    "checkpoint in grad": lambda m: mx.grad(mx.checkpoint(m))(X),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_first_call_inside_a_transformation_raises(name):
    model = Model()
    with pytest.raises(BuildError, match="CfC is not built and was called inside grad, compile"):
        TRANSFORMS[name](model)
    assert not model.liquid.built


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_layer_built_before_works_in_every_transformation(name):
    model = Model()
    ncps.build(model, X)
    assert model.liquid.built
    mx.eval(TRANSFORMS[name](model))


def test_first_call_inside_grad_raises_without_compilation_too():
    mx.disable_compile()
    try:
        with pytest.raises(BuildError, match="inside grad"):
            TRANSFORMS["nn.value_and_grad"](Model())
        assert not ops.in_transform()
    finally:
        mx.enable_compile()


def test_every_parameter_trains_after_a_build():
    model = Model()
    ncps.build(model, X)
    _, gradients = nn.value_and_grad(model, model)(X)
    names = {name for name, _ in tree_flatten(gradients)}
    assert names == {name for name, _ in tree_flatten(model.parameters())}
    assert all(mx.any(g != 0) for _, g in tree_flatten(gradients))


def test_plain_use_is_no_transformation():
    assert not ops.in_transform()
    lazy()(X)
    mx.eval(mx.grad(lambda x: mx.sum(x**2))(X))
    assert not ops.in_transform()
    kept = []

    def keeps_its_tracers(x):
        kept.extend([x, x * 2])
        return mx.sum(x)

    mx.grad(keeps_its_tracers)(X)
    mx.compile(keeps_its_tracers)(X)
    assert not ops.in_transform()
    assert lazy()(X)[0].shape == (2, 5, 4)


def test_an_error_inside_a_transformation_leaves_no_trace():
    def fails(x):
        raise KeyError("planted")

    for transform in (mx.grad, mx.vmap, mx.compile):
        with pytest.raises((KeyError, ValueError, RuntimeError)):
            transform(fails)(X)
    assert not ops.in_transform()


def test_a_gradient_in_another_thread_does_not_count():
    inside, done, seen = threading.Event(), threading.Event(), []

    def waits(x):
        seen.append(ops.in_transform())
        inside.set()
        done.wait(10)
        return mx.sum(x)

    thread = threading.Thread(target=lambda: mx.grad(waits)(mx.ones(3)))
    thread.start()
    inside.wait(10)
    try:
        here = ops.in_transform()
        lazy()(X)
    finally:
        done.set()
        thread.join()
    assert seen == [True]
    assert not here


def test_a_layer_builds_in_a_thread():
    results = []

    def build():
        layer = lazy()
        y, _ = layer(mx.ones((2, 5, 3)))
        mx.eval(y)
        results.append(layer.built)

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    assert results == [True]


def test_building_looks_at_the_shape():
    layer = lazy()
    with pytest.raises(ShapeError, match=r"expected an input of shape \(B, T, D\) or \(T, D\)"):
        layer.build((3,))
    with pytest.raises(ShapeError, match="ends in the number of features"):
        layer.build((2, 5, None))
    assert not layer.built
    layer.build((None, None, 3))
    layer.build((9, 9, 3))
    with pytest.raises(ShapeError, match="expected 3 input features"):
        layer.build((2, 5, 4))


def test_a_lazy_layer_equals_one_that_knew_its_size():
    for units in (4, AutoNCP(12, 3, seed=1)):
        late = layers.CfC(specs.CfC(units=units), seed=7)
        late(X)
        early = layers.CfC(specs.CfC(units=units, input_size=3), seed=7)
        assert late.spec == early.spec
        for name, array in early.get_native().items():
            np.testing.assert_array_equal(late.get_native()[name], array)


def test_unbuilt_layers_say_so():
    with pytest.raises(BuildError, match="has no parameters yet"):
        ncps.parameters(lazy())
    assert lazy().dtype == "float32"
    assert "units=4" in repr(lazy())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Sequential", {"layers": [("BatchNorm", {}), ("Dropout", {"rate": 0.5})]}),
        ("CfC", {"units": 4, "num_layers": 2, "backbone_dropout": 0.5, "return_state": False}),
    ],
)
def test_parts_made_after_eval_are_in_evaluation(name, options):
    layer = ncps.create(name, technology="ncps", framework="mlx", seed=0, **options).eval()
    first = layer(X)
    assert not any(part.training for part in layer.modules())
    assert mx.array_equal(first, layer(X))
    layer.train()
    assert all(part.training for part in layer.modules())
