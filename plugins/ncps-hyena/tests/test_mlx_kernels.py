"""Every kernel on MLX against its plain twin: sums as they are written, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from ncps.testing import TOLERANCES

mx = pytest.importorskip("mlx.core")

from ncps_hyena.mlx import kernels  # noqa: E402
from ncps_hyena.mlx.kernels import _fft  # noqa: E402

SIZES = (1, 31, 32, 33, 65)
VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def native(*arrays, dtype=None):
    return tuple(mx.array(a.astype(np.float32)).astype(dtype or mx.float32) for a in arrays)


def close(got, expected, bounds=VALUES):
    """Within the bounds of the largest entry: a sum's error is that of its largest terms."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    got = np.array(got.astype(mx.float32), dtype=np.float64)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=bounds["rtol"] * scale + bounds["atol"])


def matrix(h, r, steps):
    """A (D, T, T) with y = A u for the lags h and, from the later steps, r."""
    lag = np.arange(steps)[:, None] - np.arange(steps)
    A = np.where(lag >= 0, h[:, np.maximum(lag, 0)], 0.0)
    return A if r is None else A + np.where(lag < 0, r[:, np.maximum(-lag, 0)], 0.0)


def plain_long(u, h, s=None, r=None):
    y = np.einsum("dts,...ds->...dt", matrix(h, r, u.shape[-1]), u)
    return y if s is None else y + s[:, None] * u


def plain_long_gradients(w, u, h, s, r):
    """Of Σ w y by u, h, s and r, term by term."""
    steps = u.shape[-1]
    du = plain_transposed(w, h, s, r)
    dh, dr = np.zeros_like(h), np.zeros_like(h)
    for j in range(steps):
        dh[:, j] = (w[..., j:] * u[..., : steps - j]).sum(axis=(0, -1))
        dr[:, j] = (w[..., : steps - j] * u[..., j:]).sum(axis=(0, -1)) if j else 0.0
    return du, dh, (w * u).sum(axis=(0, -1)), dr


def plain_transposed(w, h, s, r):
    return np.einsum("dts,...dt->...ds", matrix(h, r, w.shape[-1]), w) + s[:, None] * w


def plain_short(x, w, b, tail):
    known = np.concatenate([tail, x], axis=1)
    return b + sum(w[k] * known[:, k : k + x.shape[1]] for k in range(len(w)))


@pytest.fixture(params=["whole", "split"])
def transforms(request, monkeypatch):
    """Transforms in one piece, and taken apart as above the largest size of a GPU."""
    if request.param == "split":
        monkeypatch.setattr(_fft, "largest", lambda: 3)
    return request.param


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12, 30, 31, 64, 100, 128, 243, 1000, 1024])
def test_a_spectrum_has_every_frequency_and_goes_back(n, transforms):
    x = normal(2, 3, n - n // 3)
    (a,) = native(x)
    X = _fft.spectrum(a, n)
    expected = np.fft.rfft(x, n)
    if transforms == "split" and n > 3:
        n1, n2 = X.shape[-2:]
        n1 = n // n2
        assert X.ndim == 4
        assert X.shape[-2] == n1 // 2 + 1
        # frequency f stands at (f mod n1, f div n1), or its mirror image does
        expected = np.fft.fft(x, n).reshape(2, 3, n2, n1).swapaxes(2, 3)[:, :, : n1 // 2 + 1]
    close(mx.real(X), expected.real)
    close(mx.imag(X), expected.imag)
    close(_fft.signal(X, n, x.shape[-1]), x)


def test_a_size_above_a_gpus_largest_is_taken_apart(monkeypatch):
    monkeypatch.setattr(_fft, "_on_gpu", lambda: True)
    assert _fft.fft_size(2**20 + 1) == 2**21
    shape = _fft.spectrum(mx.zeros((1, 8)), 2**21).shape
    assert shape == (1, 2**11 // 2 + 1, 2**10)
    assert max(shape) <= 2**12
    assert _fft.spectrum(mx.zeros((1, 8)), 2**20).shape == (1, 2**19 + 1)


def test_sizes_are_the_next_even_products_of_2_3_and_5_or_powers_of_two_on_a_gpu(monkeypatch):
    numbers = sorted(2**a * 3**b * 5**c for a in range(1, 18) for b in range(12) for c in range(8))
    for n in [*range(1, 2000), 8191, 16381, 16385, 131071, 131073, 131077]:
        assert _fft.fft_size(n) == min(m for m in numbers if m >= n)
    monkeypatch.setattr(_fft, "_on_gpu", lambda: True)
    assert [_fft.fft_size(n) for n in (7, 4095, 4096, 4097, 16385)] == [8, 4096, 4096, 8192, 32768]


@pytest.mark.parametrize("own_backward", [True, False])
@pytest.mark.parametrize("steps", [*SIZES, 2, 128])
@pytest.mark.parametrize("both", [False, True])
def test_long_convolution_is_the_sum_over_lags(both, steps, own_backward, transforms):
    u, h, s, r = normal(2, 3, steps), normal(3, steps + 2), normal(3), normal(3, steps + 2, seed=1)
    r = r if both else None
    given = native(u, h, s) + (native(r) if both else ())
    y = kernels.long_convolution(*given, own_backward=own_backward)
    close(y, plain_long(u, h, s, r))
    close(kernels.long_convolution(*given[:2], own_backward=own_backward), plain_long(u, h))


@pytest.mark.parametrize("own_backward", [True, False])
@pytest.mark.parametrize("steps", SIZES)
def test_gradients_of_long_convolution_are_sums_over_lags(steps, own_backward, transforms):
    u, h, s, r = normal(2, 3, steps), normal(3, steps), normal(3), normal(3, steps, seed=1)
    w = normal(2, 3, steps, seed=2)

    def weighted(*arguments):
        y = kernels.long_convolution(*arguments, own_backward=own_backward)
        return mx.sum(native(w)[0] * y)

    got = mx.grad(weighted, argnums=(0, 1, 2, 3))(*native(u, h, s, r))
    for a, b in zip(got, plain_long_gradients(w, u, h, s, r), strict=True):
        close(a, b, GRADIENTS)


GIVEN = native(normal(2, 3, 13), normal(3, 13), normal(3), normal(3, 13, seed=1))


def twin(u, h, s, r):
    """One product with the matrix of all lags, which MLX itself differentiates."""
    lag = mx.arange(13)[:, None] - mx.arange(13)
    A = mx.where(lag >= 0, mx.take(h, mx.maximum(lag, 0), axis=-1), 0.0)
    A = A + mx.where(lag < 0, mx.take(r, mx.maximum(-lag, 0), axis=-1), 0.0)
    return (A @ u[..., None]).squeeze(-1) + s[..., None] * u


def cube(y):
    return y * y * y


TRANSFORMED = {
    "gradient": lambda f, a: mx.grad(lambda *a: mx.sum(cube(f(*a))), (0, 1, 2, 3))(*a),
    "gradient of gradient": lambda f, a: mx.grad(
        lambda *a: sum(
            mx.sum(cube(g)) for g in mx.grad(lambda *a: mx.sum(cube(f(*a))), (0, 1, 2, 3))(*a)
        ),
        (0, 1, 2, 3),
    )(*a),
    "forward": lambda f, a: mx.jvp(f, list(a), [1 + x for x in a])[1],
    "compile": lambda f, a: [mx.compile(f)(*a)],
    "compiled gradient": lambda f, a: mx.compile(
        mx.grad(lambda *a: mx.sum(cube(f(*a))), (0, 1, 2, 3))
    )(*a),
    "vmap over u": lambda f, a: [
        mx.vmap(f, (1, None, None, None), 1)(mx.stack([a[0], 2 * a[0]], axis=1), *a[1:])
    ],
    "vmap over filters": lambda f, a: [
        mx.vmap(f, (None, 0, 0, 0))(a[0], *(mx.stack([x, 2 * x]) for x in a[1:]))
    ],
    "gradient of vmap": lambda f, a: mx.grad(
        lambda *a: mx.sum(cube(mx.vmap(f)(*(mx.stack([x, 2 * x]) for x in a)))), (0, 1, 2, 3)
    )(*a),
    "gradient of vmap over u": lambda f, a: mx.grad(
        lambda *a: mx.sum(cube(mx.vmap(f, (0, None, None, None))(*a))), (0, 1, 2, 3)
    )(*a),
    "vmap of gradient": lambda f, a: mx.vmap(mx.grad(lambda *a: mx.sum(cube(f(*a))), (0, 1, 2, 3)))(
        *(mx.stack([x, 2 * x]) for x in a)
    ),
}


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.parametrize("own_backward", [True, False])
def test_long_convolution_under_a_transform_equals_its_twin_under_it(
    name, own_backward, transforms
):
    def ours(*arguments):
        return kernels.long_convolution(*arguments, own_backward=own_backward)

    got = TRANSFORMED[name](ours, GIVEN)
    expected = TRANSFORMED[name](twin, GIVEN)
    assert len(got) == len(expected) > 0
    for a, b in zip(got, expected, strict=True):
        assert float(mx.abs(b).max()) > 0
        close(a, np.array(b, dtype=np.float64), GRADIENTS)


def test_forward_derivative_of_the_gradient(transforms):
    """Of one by h. MLX cannot differentiate the twin so; a Hessian is symmetric."""
    directions = [1 + x for x in GIVEN]

    def gradients(f, argnums):
        return mx.grad(lambda *a: mx.sum(cube(f(*a))), argnums)

    (got,) = mx.jvp(gradients(kernels.long_convolution, 1), list(GIVEN), directions)[1]

    def along(*a):
        found = gradients(twin, (0, 1, 2, 3))(*a)
        return sum(mx.sum(g * d) for g, d in zip(found, directions, strict=True))

    close(got, np.array(mx.grad(along, 1)(*GIVEN), dtype=np.float64), GRADIENTS)


def test_plain_transforms_can_be_exported(tmp_path):
    u, h = native(normal(2, 3, 9), normal(3, 9))
    path = str(tmp_path / "convolution.mlxfn")
    mx.export_function(path, lambda u: kernels.long_convolution(u, h, own_backward=False), u)
    close(mx.import_function(path)(u)[0], plain_long(normal(2, 3, 9), normal(3, 9)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(dtype):
    u, h, s = normal(2, 3, 65), normal(3, 65), normal(3)
    given = native(u, h, s, dtype=getattr(mx, dtype))
    y = kernels.long_convolution(*given)
    assert y.dtype == given[0].dtype
    rounded = [np.array(a.astype(mx.float32), dtype=np.float64) for a in given]
    exact = mx.array(plain_long(*rounded).astype(np.float32)).astype(y.dtype)
    # nothing but the result was rounded: float32's own error moves few of them, by one unit
    same = np.array(y == exact)
    assert same.mean() > 0.99
    close(y, plain_long(*rounded), TOLERANCES[dtype].values)


def test_no_steps_and_no_rows():
    (h,) = native(normal(3, 5))
    for shape in ((2, 3, 0), (0, 3, 4)):
        assert kernels.long_convolution(mx.zeros(shape), h).shape == shape
        assert kernels.filtered_convolution(mx.zeros(shape), filter_of(h)).shape == shape


def filter_of(k, r=None):
    later = None if r is None else lambda n: r[..., :n]
    return kernels.Filter(lambda n: k[..., :n], k.shape[-1], later)


@pytest.mark.parametrize("steps", SIZES)
def test_a_filters_transform_gives_the_same_and_is_made_once(steps, transforms, monkeypatch):
    u, h, r = normal(2, 3, steps), normal(3, 70), normal(3, 70, seed=1)
    made = []
    monkeypatch.setattr(
        "ncps_hyena.mlx.kernels._filter.spectrum", lambda *a: made.append(1) or _fft.spectrum(*a)
    )
    for later in (None, r):
        given = native(h) + (native(later) if later is not None else ())
        k = filter_of(*given)
        for _ in range(3):
            y = kernels.filtered_convolution(native(u)[0], k)
            close(y, plain_long(u, h, None, later))
    assert len(made) == 2


def test_a_filter_keeps_few_transforms_and_asks_for_no_more_lags_than_it_has_to():
    asked = []

    def lags(count):
        asked.append(count)
        return native(normal(3, 70))[0][:, :count]

    k = kernels.Filter(lags, 70)
    for steps in (5, 9, 4, 20, 8, 70, 33):
        close(
            kernels.filtered_convolution(native(normal(2, 3, steps))[0], k),
            plain_long(normal(2, 3, steps), normal(3, 70)),
        )
        assert len(k._recent) <= 2
    assert asked == [5, 9, 20, 70]


def test_a_filter_keeps_nothing_that_may_not_be_kept():
    (h,) = native(normal(3, 70))
    keeping = False
    k = kernels.Filter(lambda n: h[:, :n], 70, kept=lambda: keeping)
    state = kernels.Stream(mx.zeros((2, 3, 0)))
    (u,) = native(normal(2, 3, 70))
    close(kernels.filtered_convolution(u, k), plain_long(normal(2, 3, 70), normal(3, 70)))
    y, _ = kernels.stream_convolution(u, k, state)
    close(y, plain_long(normal(2, 3, 70), normal(3, 70)))
    assert (k._lags, k._recent, k._windows, k._reversed) == (None, {}, {}, {})
    keeping = True
    kernels.stream_convolution(u, k, state)
    assert k._lags is not None
    assert k._recent
    assert k._windows


@pytest.mark.parametrize("steps", SIZES)
@pytest.mark.parametrize("taps", [1, 2, 3, 5])
def test_short_convolution_is_the_sum_over_its_taps(taps, steps):
    x, w, b = normal(2, steps, 4), normal(taps, 4), normal(4)
    tail = normal(2, taps - 1, 4, seed=1)
    y, new = kernels.short_convolution(*native(x, w, b, tail))
    close(y, plain_short(x, w, b, tail))
    close(new, np.concatenate([tail, x], axis=1)[:, steps:])
    y, _ = kernels.short_convolution(*native(x, w, b))
    close(y, plain_short(x, w, b, np.zeros_like(tail)))


@pytest.mark.parametrize("taps", [1, 3, 5])
def test_gradients_of_short_convolution(taps):
    steps = 7
    x, w, b = normal(2, steps, 4), normal(taps, 4), normal(4)
    tail, c = normal(2, taps - 1, 4, seed=1), normal(2, steps, 4, seed=2)

    def weighted(*arguments):
        return mx.sum(native(c)[0] * kernels.short_convolution(*arguments)[0])

    argnums = (0, 1, 2, 3) if taps > 1 else (0, 1, 2)
    got = mx.grad(weighted, argnums)(*native(x, w, b, tail))
    known = np.concatenate([tail, x], axis=1)
    dknown, dw = np.zeros_like(known), np.zeros_like(w)
    for k in range(taps):
        dknown[:, k : k + steps] += w[k] * c
        dw[k] = (known[:, k : k + steps] * c).sum(axis=(0, 1))
    expected = (dknown[:, taps - 1 :], dw, c.sum(axis=(0, 1)), dknown[:, : taps - 1])
    for a, e in zip(got, expected, strict=False):
        close(a, e, GRADIENTS)


def test_short_convolution_in_pieces_is_that_of_the_whole():
    x, w, b = native(normal(2, 33, 4), normal(3, 4), normal(4))
    whole, end = kernels.short_convolution(x, w, b)
    tail, found, start = None, [], 0
    for size in (1, 1, 0, 2, 5, 24):
        y, tail = kernels.short_convolution(x[:, start : start + size], w, b, tail)
        found.append(y)
        start += size
    assert mx.array_equal(mx.concatenate(found, axis=1), whole)
    assert mx.array_equal(tail, end)
