r"""Real Fourier transforms of any size, for products of filters and sequences.

.. math:: X_f = \sum_{j<n} x_j\, e^{-2\pi i f j / n}

On a GPU sizes above `WHOLE` are taken apart, n = n₁ n₂ with j = n₂ j₁ + j₂ and f = f₁ + n₁ f₂:

.. math::
    X_{f_1 f_2} = \sum_{j_2} e^{-2\pi i j_2 f_2 / n_2}\; e^{-2\pi i f_1 j_2 / n}
    \sum_{j_1} x_{j_1 j_2}\, e^{-2\pi i j_1 f_1 / n_1}

a real transform over j₁, a factor, a complex transform over j₂. As x is real, f₁ ≤ n₁ / 2 is
enough. The spectrum stays in that layout: products are by element, whatever the order of f.

Shapes: x (…, T), T ≤ n; a spectrum is (…, n // 2 + 1), or (…, n₁ // 2 + 1, n₂) when taken apart.

Held to sums as written by `test_mlx_kernels.py`.
"""

from __future__ import annotations

import sys
from functools import lru_cache

import mlx.core as mx
import numpy as np

# Metal: above 2^12 only powers of two are fast, above 2^20 MLX before 0.32.1 was wrong, and above
# 2^24 nothing runs
SMOOTH_ON_GPU = 2**12
WHOLE_ON_GPU = 2**20


def fft_size(n: int) -> int:
    """The smallest even size ≥ n that is fast on MLX's default device.

    Even, because MLX 0.32.4 gives an inverse of odd size a forward derivative of another size.
    """
    if _on_gpu() and n > SMOOTH_ON_GPU:
        return 1 << (n - 1).bit_length()
    return 2 * smooth(-(-n // 2))


def smooth(n: int) -> int:
    """The smallest 2^a 3^b 5^c ≥ n; n must be at least 1."""
    best = 1 << (n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            # the power of two that is missing to n
            best = min(best, three << (-(-n // three) - 1).bit_length())
            three *= 3
        five *= 5
    return best


def spectrum(x: mx.array, n: int) -> mx.array:
    """The transform of size n of x (…, T), zeros after its end."""
    if n <= largest():
        return mx.fft.rfft(x, n=n, axis=-1)
    n1, n2 = _parts(n)
    pads = [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])]
    rows = mx.pad(x, pads).reshape(*x.shape[:-1], n1, n2)
    return mx.fft.fft(mx.fft.rfft(rows, axis=-2) * _factors(n1, n2), axis=-1)


def signal(X: mx.array, n: int, steps: int) -> mx.array:
    """The first steps (…, T) of the sequence whose transform of size n is X."""
    if n <= largest():
        return mx.fft.irfft(X, n=n, axis=-1)[..., :steps]
    n1, n2 = _parts(n)
    rows = mx.fft.ifft(X, axis=-1) * mx.conj(_factors(n1, n2))
    return mx.fft.irfft(rows, n=n1, axis=-2).flatten(-2)[..., :steps]


def _parts(n: int) -> tuple[int, int]:
    """(n₁, n₂), n₁ a power of two and both near √n if n is one."""
    n1 = 1 << (n.bit_length() // 2)
    while n % n1:
        n1 //= 2
    return n1, n // n1


@lru_cache(maxsize=4)
def _factors(n1: int, n2: int) -> mx.array:
    """e^(-2πi f₁ j₂ / n), (n₁ // 2 + 1, n₂)."""
    # in float64 on the host: float32 loses the angle of large products
    turns = np.outer(np.arange(n1 // 2 + 1), np.arange(n2)) / (n1 * n2)
    return mx.array(np.exp(-2j * np.pi * turns).astype(np.complex64))


def largest() -> int:
    """The largest size that is transformed in one piece."""
    return WHOLE_ON_GPU if _on_gpu() else sys.maxsize


def _on_gpu() -> bool:
    return mx.default_device().type == mx.DeviceType.gpu
