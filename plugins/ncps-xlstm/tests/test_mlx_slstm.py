"""The sLSTM's kernel on MLX against a loop that reads like the equation."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from ncps.testing import TOLERANCES

mx = pytest.importorskip("mlx.core")

from ncps_xlstm.mlx import kernels  # noqa: E402
from ncps_xlstm.mlx.kernels import VectorState, _slstm  # noqa: E402

SIZES = (1, 31, 32, 33, 65)
VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients
EVERY = tuple(range(6))


def plain(p, R, h, c, n, m):
    """One gate and one step after the other; m = -∞ where n = 0."""
    m = mx.where(n == 0, -mx.inf, mx.stop_gradient(m))
    history = []
    for t in range(p.shape[1]):
        i, f, z, o = (p[:, t, g] + mx.einsum("bnd,nde->bne", h, R[:, :, g]) for g in range(4))
        a = m - mx.logaddexp(-f, mx.array(0.0))
        m = mx.stop_gradient(mx.maximum(i, a))
        c = mx.exp(a - m) * c + mx.exp(i - m) * mx.tanh(z)
        n = mx.exp(a - m) * n + mx.exp(i - m)
        h = mx.sigmoid(o) * c / n
        history.append((h, c, n, m))
    return [mx.stack(list(s), axis=1) for s in zip(*history, strict=True)]


def ours(p, R, *state, own_backward=True):
    return list(kernels.slstm(p, R, VectorState(*state), own_backward))


def arrays(B, T, N, D, empty=True, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)

    def draw(*shape, by=1.0):
        return mx.array((by * rng.standard_normal(shape)).astype(np.float32))

    R = draw(N, D, 4, D, by=0.5 / np.sqrt(D))
    h, c, n, m = (draw(B, N, D, by=0.5) for _ in range(4))
    state = (h, c, 0.5 + mx.abs(n), m)
    return [draw(B, T, 4, N, D, by=scale), R, *(mx.zeros_like(s) if empty else s for s in state)]


def weighted(function, like, seed=1):
    """The sum of a function's results, each with random weights."""
    rng = np.random.default_rng(seed)
    weights = [mx.array(rng.standard_normal(a.shape).astype(np.float32)) for a in like]

    def loss(*inputs):
        return sum(mx.sum(w * a) for w, a in zip(weights, function(*inputs), strict=True))

    return loss


def close(got, expected, bounds):
    for k, (a, b) in enumerate(zip(got, expected, strict=True)):
        a, b = np.array(a), np.array(b)
        bound = bounds["rtol"] * max(1.0, float(np.abs(b).max(initial=0.0))) + bounds["atol"]
        np.testing.assert_allclose(a, b, rtol=0, atol=bound, err_msg=f"array {k}")


def compare(inputs, function=ours):
    expected = plain(*inputs)
    close(function(*inputs), expected, VALUES)
    losses = (weighted(f, expected) for f in (function, plain))
    close(*(mx.grad(loss, EVERY)(*inputs) for loss in losses), GRADIENTS)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_slstm_agrees_with_its_plain_twin_at_awkward_sizes(size, empty):
    compare(arrays(2, 3, 2, size, empty))
    compare(arrays(2, size, 3, 4, empty))
    compare(arrays(size, 3, 1, 4, empty))


@pytest.mark.parametrize("empty", [True, False])
def test_slstm_agrees_with_its_plain_twin_without_its_own_backward(empty):
    compare(arrays(2, 9, 3, 4, empty), partial(ours, own_backward=False))


def test_without_history_only_the_last_c_n_and_m_are_there():
    p, R, *state = arrays(2, 5, 3, 4, empty=False)
    every, last = (
        kernels.slstm(p, R, VectorState(*state), False, history=history)
        for history in (True, False)
    )
    assert mx.array_equal(last.h, every.h).item()
    for got, expected in zip(last[1:], every[1:], strict=True):
        assert got.shape == (2, 1, 3, 4)
        assert mx.array_equal(got, expected[:, -1:]).item()


@pytest.mark.parametrize("empty", [True, False])
def test_second_gradients_agree_with_the_plain_twin(empty):
    inputs = arrays(2, 9, 3, 4, empty)
    expected = plain(*inputs)

    def twice(function):
        # squares, so that the second gradient passes through those of the outputs as well
        loss = weighted(lambda *a: map(mx.square, function(*a)), expected)
        gradient = mx.grad(loss, EVERY)
        return mx.grad(weighted(gradient, inputs, seed=2), EVERY)(*inputs)

    close(twice(ours), twice(plain), GRADIENTS)


@pytest.mark.parametrize("scale", [50.0, 500.0])
def test_extreme_gates_stay_finite_and_agree(scale):
    inputs = arrays(2, 33, 2, 3, scale=scale)
    compare(inputs)
    everything = [*ours(*inputs), *mx.grad(weighted(ours, ours(*inputs)), EVERY)(*inputs)]
    assert all(bool(mx.all(mx.isfinite(a))) for a in everything)


def test_stabiliser_of_an_empty_state_does_not_count():
    p, R, h, c, n, m = arrays(2, 5, 2, 3)
    close(ours(p, R, h, c, n, m + 80), plain(p, R, h, c, n, m), VALUES)
    h, c, n, m = arrays(2, 5, 2, 3, empty=False)[2:]
    some = mx.array([0.0, 1.0])[:, None, None] * n
    for a, b in zip(ours(p, R, h, c, some, m), ours(p, R, h, c, some, m + 7), strict=True):
        np.testing.assert_allclose(np.array(a[0]), np.array(b[0]), **VALUES)
        assert not np.allclose(np.array(a[1]), np.array(b[1]), **VALUES)


def test_state_carries_on_where_a_sequence_is_split():
    p, R, *state = arrays(2, 21, 2, 4, empty=False)
    whole = ours(p, R, *state)
    first = ours(p[:, :8], R, *state)
    then = ours(p[:, 8:], R, *(s[:, -1] for s in first))
    joined = [mx.concatenate([a, b], axis=1) for a, b in zip(first, then, strict=True)]
    close(joined, whole, VALUES)


def test_step_is_a_sequence_of_one_and_changes_no_argument():
    p, R, *state = arrays(2, 1, 2, 4, empty=False)
    before = [np.array(s) for s in state]
    new = kernels.slstm_step(p[:, 0], R, VectorState(*state))
    close(new, [s[:, 0] for s in ours(p, R, *state)], VALUES)
    for a, b in zip(state, before, strict=True):
        np.testing.assert_array_equal(np.array(a), b)


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16])
def test_half_precision_is_computed_in_float32(dtype):
    p, R, *state = arrays(2, 40, 2, 4, empty=False)
    narrow = [p.astype(dtype), R.astype(dtype)]
    got = ours(*narrow, *state)
    assert {a.dtype for a in got} == {mx.float32}
    exact = ours(*(a.astype(mx.float32) for a in narrow), *state)
    close(got, exact, {"rtol": 0, "atol": 0})
    gradients = mx.grad(weighted(ours, got), (0, 1))(*narrow, *state)
    assert [g.dtype for g in gradients] == [dtype, dtype]


def test_compiled_it_is_the_same():
    inputs = arrays(2, 6, 2, 3, empty=False)
    step = mx.value_and_grad(weighted(ours, ours(*inputs)), EVERY)
    (value, gradients), (expected, others) = (f(*inputs) for f in (mx.compile(step), step))
    close([value, *gradients], [expected, *others], GRADIENTS)


@pytest.mark.parametrize("own_backward", [True, False])
def test_vmap_is_a_loop(own_backward):
    function = partial(ours, own_backward=own_backward)
    many = [arrays(2, 5, 2, 3, empty=False, seed=seed) for seed in range(3)]
    loss = weighted(function, function(*many[0]))
    gradient = mx.grad(loss, EVERY)
    stacked = [mx.stack(list(a)) for a in zip(*many, strict=True)]
    for f, bounds in ((function, VALUES), (gradient, GRADIENTS)):
        looped = [mx.stack(list(a)) for a in zip(*(f(*one) for one in many), strict=True)]
        close(mx.vmap(f)(*stacked), looped, bounds)
    outside = mx.grad(lambda *a: mx.sum(mx.vmap(loss)(*a)), EVERY)(*stacked)
    looped = [mx.stack(list(a)) for a in zip(*(gradient(*one) for one in many), strict=True)]
    close(outside, looped, GRADIENTS)


def test_vmap_over_some_arguments_is_a_loop():
    p, *others = arrays(2, 5, 2, 3)
    ps = mx.stack([p, 2 * p])
    gradient = mx.grad(weighted(ours, ours(p, *others)), EVERY)
    for f, bounds in ((ours, VALUES), (gradient, GRADIENTS)):
        looped = [mx.stack(list(a)) for a in zip(f(p, *others), f(2 * p, *others), strict=True)]
        close(mx.vmap(lambda p, f=f: f(p, *others))(ps), looped, bounds)


def test_function_without_its_own_backward_can_be_exported(tmp_path):
    inputs, path = arrays(2, 5, 2, 3), str(tmp_path / "slstm.mlxfn")
    mx.export_function(path, partial(ours, own_backward=False), *inputs)
    close(mx.import_function(path)(*inputs), ours(*inputs), VALUES)
    # what `own_backward` is an option for; when this fails, MLX can write custom functions
    with pytest.raises(ValueError, match="CustomTransforms"):
        mx.export_function(path, ours, *inputs)


def operations(function, *inputs):
    """How many operations evaluating `function` would run."""
    seen = []
    mx.export_function(seen.append, function, *inputs)
    return sum(entry["type"] == "primitive" for entry in seen)


def test_backward_is_made_of_few_operations_for_each_step():
    def counts(steps):
        inputs = arrays(2, steps, 2, 3)
        given, kept = _slstm._forward(inputs)
        gradients = [mx.ones_like(a) for a in given]
        mx.eval(inputs, given, kept, gradients)
        own = operations(lambda *a: _slstm._backward(a, gradients, given, kept), *inputs)
        forward = operations(lambda *a: _slstm._forward(a)[0], *inputs)

        def by_mlx(*a):
            return mx.vjp(lambda *a: _slstm._forward(a)[0], a, gradients)[1]

        return np.array([own, operations(by_mlx, *inputs) - forward])

    a_step = (counts(256) - counts(128)) / 128
    np.testing.assert_allclose(a_step, (counts(512) - counts(256)) / 256, rtol=0.02)
    assert a_step[0] < a_step[1] / 2
