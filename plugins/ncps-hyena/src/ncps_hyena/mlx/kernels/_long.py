r"""Long convolutions: a filter as long as the sequence, causal or of both directions.

.. math:: y_t = s \odot u_t + \sum_{j=0}^{t} h_j \odot u_{t-j}
    \;\bigl(+ \sum_{j \ge 1} r_j \odot u_{t+j}\bigr)

Shapes: u (…, D, T); h, r (D, S), of which the first T lags are read; s (D,); y (…, D, T).

s is added to h_0: the skip costs no pass over the sequence. The earlier steps' and the later
steps' filters are one filter, cyclic in n ≥ 2T - 1.

Held to the equation as written by `test_mlx_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx

from ncps_hyena.mlx.kernels._convolution import convolution, filtered
from ncps_hyena.mlx.kernels._fft import fft_size
from ncps_hyena.mlx.kernels._filter import Filter, both_ways, with_skip


def long_convolution(
    u: mx.array,
    h: mx.array,
    s: mx.array | None = None,
    r: mx.array | None = None,
    own_backward: bool = True,
) -> mx.array:
    """y (…, D, T) in u's dtype."""
    steps = u.shape[-1]
    if u.size == 0:
        return u
    n = fft_size(2 * steps - 1)
    k = h[..., :steps]
    if s is not None:
        k = with_skip(k, s)
    if r is not None:
        k = both_ways(k, r[..., :steps], n)
    return convolution(u, k, n, own_backward)


def filtered_convolution(u: mx.array, k: Filter) -> mx.array:
    """y for a filter that has its skip in it; without a derivative by the filter."""
    steps = u.shape[-1]
    if u.size == 0:
        return u
    n = fft_size(2 * steps - 1)
    return filtered(u, k.spectrum(steps, n), n, 0, steps)
