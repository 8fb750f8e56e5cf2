"""The mLSTM's kernels on MLX: each form against the equation, and against one another."""

from __future__ import annotations

import numpy as np
import pytest

from ncps.testing import TOLERANCES

mx = pytest.importorskip("mlx.core")

from ncps_xlstm.mlx import kernels  # noqa: E402
from ncps_xlstm.mlx.kernels import MatrixState, _mlstm_chunks  # noqa: E402

SIZES = (1, 31, 32, 33, 65)
VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients
EVERY = tuple(range(8))


def flat(form, **options):
    """A form as a function of arrays that gives arrays."""

    def function(q, k, v, i, f, *state):
        h, new = form(q, k, v, i, f, MatrixState(*state), **options)
        return [h, *new]

    return function


RECURRENT = flat(kernels.mlstm_recurrent)
PARALLEL = flat(kernels.mlstm_parallel)
CHUNKWISE = flat(kernels.mlstm_chunkwise, chunk=8)
FORMS = {
    "recurrent": RECURRENT,
    "parallel": PARALLEL,
    "chunkwise": CHUNKWISE,
    "plain chunkwise": flat(kernels.mlstm_chunkwise, chunk=8, own_backward=False),
}


def equation(q, k, v, i, f, C, n, m):
    """Step by step in float64."""
    q, k, v, i, f, C, n, m = (np.array(a, np.float64) for a in (q, k, v, i, f, C, n, m))
    k = k / np.sqrt(k.shape[-1])
    outputs = []
    for t in range(q.shape[2]):
        new = np.maximum(i[..., t], f[..., t] + m)
        I, F = np.exp(i[..., t] - new), np.exp(f[..., t] + m - new)  # noqa: E741
        C = F[..., None, None] * C + I[..., None, None] * k[:, :, t, :, None] * v[:, :, t, None, :]
        n, m = F[..., None] * n + I[..., None] * k[:, :, t], new
        r = np.maximum(np.abs(np.sum(q[:, :, t] * n, axis=-1)), np.exp(-np.maximum(m, -700))) + 1e-6
        outputs.append(np.einsum("bnk,bnkv->bnv", q[:, :, t], C) / r[..., None])
    return [np.stack(outputs, axis=2), C, n, m]


def arrays(S, B=2, N=3, K=5, V=4, empty=True, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)

    def draw(*shape, by=1.0):
        return mx.array((by * rng.standard_normal(shape)).astype(np.float32))

    q, k, v = draw(B, N, S, K), draw(B, N, S, K), draw(B, N, S, V)
    i, f = (draw(B, N, S, by=scale) for _ in range(2))
    state = draw(B, N, K, V), draw(B, N, K), draw(B, N)
    return [
        q,
        k,
        v,
        i,
        kernels.log_sigmoid(f + 1),
        *(mx.zeros_like(s) if empty else s for s in state),
    ]


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


def compare(function, inputs):
    expected = RECURRENT(*inputs)
    close(function(*inputs), expected, VALUES)
    losses = (weighted(f, expected) for f in (function, RECURRENT))
    close(*(mx.grad(loss, EVERY)(*inputs) for loss in losses), GRADIENTS)


@pytest.fixture
def small_segments(monkeypatch):
    """Two chunks at a time, so that short sequences have several segments."""
    monkeypatch.setattr(_mlstm_chunks, "AT_ONCE", 2)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_equation(form, empty, small_segments):
    for steps in (1, 7, 8, 9, 40):
        inputs = arrays(steps, empty=empty)
        close(FORMS[form](*inputs), equation(*inputs), VALUES)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_of_the_recurrent_form_are_those_of_the_equation(form, small_segments):
    """Along a direction, by differences in float64; m is a constant."""
    inputs = arrays(19, empty=False)
    like = RECURRENT(*inputs)[:3]
    gradients = mx.grad(weighted(lambda *a: FORMS[form](*a)[:3], like), EVERY)(*inputs)
    assert not np.array(gradients[7]).any()
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(a.shape) for a in like]
    exact = [np.array(a, np.float64) for a in inputs]

    def unscaled(*a):
        """h, and C e^m and n e^m, which do not depend on m."""
        h, C, n, m = equation(*a)
        grown = np.exp(m - np.array(equation(*exact)[3]))
        return h, C * grown[..., None, None], n * grown[..., None]

    for index in range(7):
        direction = np.random.default_rng(index + 2).standard_normal(exact[index].shape)
        step = [1e-6 * direction if k == index else 0.0 for k in range(8)]
        up, down = (
            unscaled(*(a + sign * s for a, s in zip(exact, step, strict=True))) for sign in (1, -1)
        )
        slope = sum(np.sum(w * (a - b)) for w, a, b in zip(weights, up, down, strict=True)) / 2e-6
        got = np.sum(np.array(gradients[index]) * direction)
        scale = float(np.linalg.norm(np.array(gradients[index])))
        assert abs(got - slope) < GRADIENTS["rtol"] * max(1.0, scale) + GRADIENTS["atol"]


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("form", ["parallel", "chunkwise", "plain chunkwise"])
def test_forms_agree_with_the_recurrent_one_at_awkward_sizes(form, empty):
    for size in SIZES:
        compare(FORMS[form], arrays(size, empty=empty))
        compare(FORMS[form], arrays(9, K=size, V=2, empty=empty))
        compare(FORMS[form], arrays(9, K=2, V=size, empty=empty))


@pytest.mark.parametrize("chunk", [1, 2, 31, 64, 65, 1000])
def test_chunks_of_any_size_give_the_same(chunk, small_segments):
    compare(flat(kernels.mlstm_chunkwise, chunk=chunk), arrays(65, B=1, empty=False))


@pytest.mark.parametrize("form", ["parallel", "chunkwise"])
def test_second_gradients_agree_with_the_recurrent_form(form, small_segments):
    inputs = arrays(19, empty=False)
    expected = RECURRENT(*inputs)

    def twice(function):
        # squares, so that the second gradient passes through those of the outputs as well
        loss = weighted(lambda *a: map(mx.square, function(*a)), expected)
        gradient = mx.grad(loss, EVERY)
        return mx.grad(weighted(gradient, inputs, seed=2), EVERY)(*inputs)

    close(twice(FORMS[form]), twice(RECURRENT), GRADIENTS)


@pytest.mark.parametrize("scale", [50.0, 500.0])
@pytest.mark.parametrize("form", FORMS)
def test_extreme_gates_stay_finite_and_are_the_equation(form, scale, small_segments):
    inputs = arrays(33, scale=scale)
    expected = equation(*inputs)
    close(FORMS[form](*inputs), expected, VALUES)
    gradient = mx.grad(weighted(FORMS[form], expected), EVERY)
    twice = mx.grad(weighted(gradient, inputs, seed=2), EVERY)
    found = [*gradient(*inputs), *twice(*inputs)]
    assert all(bool(mx.all(mx.isfinite(a))) for a in found)


@pytest.mark.parametrize("form", FORMS)
def test_steps_after_much_forgetting_keep_their_digits(form):
    """Sums of log gates near -1500, whose differences count."""
    q, k, v, i, f, *state = arrays(60, K=2, V=2)
    f = mx.where(mx.arange(60) < 30, -50.0, -0.01) * mx.ones_like(f)
    function = flat(kernels.mlstm_chunkwise) if form == "chunkwise" else FORMS[form]
    inputs = [q, k, v, i, f, *state]
    close(function(*inputs)[:1], equation(*inputs)[:1], VALUES)


@pytest.mark.parametrize("form", FORMS)
def test_steps_with_closed_gates_leave_the_state_as_it_is(form, small_segments):
    """i = -∞ and f = 0, as masks have it: in the middle, over whole chunks, and at the start."""
    inputs = arrays(40, empty=False)
    real = np.ones(40, bool)
    real[[0, 1, 2, 5, 11, *range(14, 34), 39]] = False
    mask = mx.array(real)
    closed = list(inputs)
    closed[3] = mx.where(mask, inputs[3], -mx.inf)
    closed[4] = mx.where(mask, inputs[4], 0.0)
    rows = mx.array(np.flatnonzero(real))
    short = [mx.take(a, rows, axis=2) for a in inputs[:5]] + inputs[5:]
    h, *state = FORMS[form](*closed)
    close([mx.take(h, rows, axis=2), *state], FORMS[form](*short), VALUES)
    assert bool(mx.all(mx.isfinite(h)))
    h_short = FORMS[form](*short)[0]
    loss = weighted(lambda *a: [mx.take(FORMS[form](*a)[0], rows, axis=2)], [h_short])
    got = [mx.take(g, rows, axis=2) for g in mx.grad(loss, EVERY)(*closed)[:5]]
    wanted = mx.grad(weighted(lambda *a: FORMS[form](*a)[:1], [h_short]), EVERY)(*short)[:5]
    close(got, wanted, GRADIENTS)


@pytest.mark.parametrize("form", FORMS)
def test_state_carries_on_where_a_sequence_is_split(form):
    inputs = arrays(40, empty=False)
    whole = FORMS[form](*inputs)
    for cut in (1, 8, 13):
        h, *state = FORMS[form](*(a[:, :, :cut] for a in inputs[:5]), *inputs[5:])
        rest, *last = FORMS[form](*(a[:, :, cut:] for a in inputs[:5]), *state)
        close([mx.concatenate([h, rest], axis=2), *last], whole, VALUES)


def test_step_is_a_sequence_of_one_and_changes_no_argument():
    inputs = arrays(1, empty=False)
    before = [np.array(a) for a in inputs]
    *first, C, n, m = inputs
    h, state = kernels.mlstm_step(*(a[:, :, 0] for a in first), MatrixState(C, n, m))
    close([h[:, :, None], *state], equation(*inputs), VALUES)
    for a, b in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(np.array(a), b)


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16])
@pytest.mark.parametrize("form", FORMS)
def test_half_precision_is_computed_in_float32(form, dtype):
    q, k, v, *others = arrays(20, empty=False)
    narrow = [a.astype(dtype) for a in (q, k, v)]
    got = FORMS[form](*narrow, *others)
    assert {a.dtype for a in got} == {mx.float32}
    exact = FORMS[form](*(a.astype(mx.float32) for a in narrow), *others)
    close(got, exact, {"rtol": 0, "atol": 0})
    gradients = mx.grad(weighted(FORMS[form], got), EVERY)(*narrow, *others)
    assert [g.dtype for g in gradients] == [dtype] * 3 + [mx.float32] * 5


def test_compiled_it_is_the_same(small_segments):
    inputs = arrays(20, empty=False)
    step = mx.value_and_grad(weighted(CHUNKWISE, CHUNKWISE(*inputs)), EVERY)
    (value, gradients), (expected, others) = (f(*inputs) for f in (mx.compile(step), step))
    close([value, *gradients], [expected, *others], GRADIENTS)


@pytest.mark.parametrize("form", FORMS)
def test_vmap_is_a_loop(form, small_segments):
    many = [arrays(20, empty=False, seed=seed) for seed in range(3)]
    function = FORMS[form]
    loss = weighted(function, function(*many[0]))
    gradient = mx.grad(loss, EVERY)
    stacked = [mx.stack(list(a)) for a in zip(*many, strict=True)]
    for f, bounds in ((function, VALUES), (gradient, GRADIENTS)):
        looped = [mx.stack(list(a)) for a in zip(*(f(*one) for one in many), strict=True)]
        close(mx.vmap(f)(*stacked), looped, bounds)
    outside = mx.grad(lambda *a: mx.sum(mx.vmap(loss)(*a)), EVERY)(*stacked)
    looped = [mx.stack(list(a)) for a in zip(*(gradient(*one) for one in many), strict=True)]
    close(outside, looped, GRADIENTS)


@pytest.mark.parametrize("form", FORMS)
def test_vmap_over_one_argument_is_a_loop(form, small_segments):
    q, *others = arrays(20)
    gradient = mx.grad(weighted(FORMS[form], FORMS[form](q, *others)), EVERY)
    for f, bounds in ((FORMS[form], VALUES), (gradient, GRADIENTS)):
        looped = [mx.stack(list(a)) for a in zip(f(q, *others), f(2 * q, *others), strict=True)]
        close(mx.vmap(lambda q, f=f: f(q, *others))(mx.stack([q, 2 * q])), looped, bounds)


@pytest.mark.parametrize("form", ["recurrent", "parallel", "plain chunkwise"])
def test_forms_without_their_own_backward_can_be_exported(form, tmp_path):
    inputs, path = arrays(20), str(tmp_path / "mlstm.mlxfn")
    mx.export_function(path, FORMS[form], *inputs)
    close(mx.import_function(path)(*inputs), RECURRENT(*inputs), VALUES)


def peak(function, S, **sizes):
    """Bytes that a training step of q, k, v and both gates holds at most."""
    inputs = arrays(S, B=1, N=1, **sizes)
    gradient = mx.value_and_grad(lambda *a: mx.sum(function(*a)[0]), EVERY[:5])
    mx.eval(inputs)
    peaks = []
    # how much is held at once depends on how MLX's threads come to run: the least is the function's
    for _ in range(3):
        mx.clear_cache()
        before = mx.get_active_memory()
        mx.reset_peak_memory()
        mx.eval(gradient(*inputs))
        peaks.append(mx.get_peak_memory() - before)
    return min(peaks)


def test_memory_of_chunks_grows_with_the_length_that_of_the_parallel_form_with_its_square():
    sizes = {"K": 64, "V": 64}
    chunkwise = flat(kernels.mlstm_chunkwise)
    half, whole = (peak(chunkwise, S, **sizes) for S in (4096, 8192))
    assert whole < 2.2 * half
    small, large = (peak(PARALLEL, S, **sizes) for S in (512, 1024))
    assert large > 3.2 * small
    # what the parallel form would take at 8192 steps
    assert whole < 64 * large / 20


def test_own_backward_does_not_keep_what_lies_between():
    own, plain = (
        peak(flat(kernels.mlstm_chunkwise, own_backward=own), 8192, K=8, V=8)
        for own in (True, False)
    )
    assert own < 3 / 4 * plain
