r"""Convolution of each feature with a filter, by real transforms, with its own backward.

.. math:: y_{d,t} = \sum_s k_{d,\,(t-s) \bmod n}\; u_{d,s},\quad
    Y = U K,\quad \bar U = \bar Y K^*,\quad \bar K = \sum_B \bar Y U^*

Shapes: u (…, D, T); k (…, D, S) broadcasts against u; n ≥ T, n ≥ S, and even; y (…, D, T) in u's
dtype. All is computed in float32, as no transform has fewer bits.

A real sequence has half a spectrum, so that the true derivative by X doubles what stands between
its first and last entry. From `_inverse` back to `_forward` all cotangents of spectra are carried
without that factor and without 1/n: then each of the two transforms is the derivative of the
other, and no pass over the data is spent on factors that cancel. No other function may use them.

MLX 0.32 cannot export custom functions; `own_backward=False` is the same in plain operations.

Held to sums as written, in values and derivatives, by `test_mlx_kernels.py`.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps_hyena.mlx.kernels._fft import signal, spectrum


def convolution(u: mx.array, k: mx.array, n: int, own_backward: bool = True) -> mx.array:
    """y (…, D, T), cyclic in n."""
    forward, inverse = (_forward, _inverse) if own_backward else (spectrum, signal)
    U, K = forward(u.astype(mx.float32), n), forward(k.astype(mx.float32), n)
    return inverse(U * K, n, u.shape[-1]).astype(u.dtype)


def filtered(u: mx.array, K: mx.array, n: int, first: int, steps: int) -> mx.array:
    """y at `steps` steps from `first` on, for a filter whose transform of size n is K."""
    U = spectrum(u.astype(mx.float32), n)
    return signal(U * K, n, first + steps)[..., first:].astype(u.dtype)


def _of_first(transform: Any) -> Any:
    """A custom function that is linear in its first argument; its `vjp` is yet to be set."""
    linear: Any = mx.custom_function(transform)

    def vmap(arguments: tuple[Any, ...], axes: tuple[Any, ...]) -> tuple[mx.array, int]:
        # mapped by MLX it would lose its own vjp, and the other one keep it
        return linear(mx.moveaxis(arguments[0], axes[0], 0), *arguments[1:]), 0

    linear.vmap(vmap)
    return linear


_forward = _of_first(spectrum)
_inverse = _of_first(signal)


def _forward_vjp(primals: tuple[mx.array, int], dX: mx.array, _: mx.array) -> tuple[mx.array]:
    x, n = primals
    return (_inverse(dX, n, x.shape[-1]),)


def _inverse_vjp(primals: tuple[mx.array, int, int], dx: mx.array, _: mx.array) -> tuple[mx.array]:
    return (_forward(dx, primals[1]),)


_forward.vjp(_forward_vjp)
_inverse.vjp(_inverse_vjp)
