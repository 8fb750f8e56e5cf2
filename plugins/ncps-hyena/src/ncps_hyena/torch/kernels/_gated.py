r"""All convolutions of a Hyena operator: plain twin of `_gated_scan`, and what both are of.

.. math::
    [g_0, \dots, g_{N-1}, v^0] = \mathrm{short}(z),\quad
    u^o = v^o \odot g_{N-1-o},\quad v^{o+1} = \mathrm{long}(u^o),\quad y = v^{N-1} \odot g_0

N the order, o = 0 … N-2. Shapes, with D features and K taps, everything contiguous in time:

    z (B, (N+1)·D, L), w ((N+1)·D, K), b ((N+1)·D,)      projections, short filters, biases
    h (N-1, D, L), s (N-1, D), r (N-1, D, L) or None     long filters, skips, filters of later steps
    real (B, L) or None                                   1 where a step is real, else 0
    noise (N-1, B, D, L) or None                          what dropout multiplies u by

z and u are 0 where a step is not real. In half precision all is computed in float32: there is no
transform of bfloat16, and sums over thousands of steps need the digits.

`test_torch_gated.py` holds the twin to direct sums, and the kernel to the twin.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._long import long_plain
from ncps_hyena.torch.kernels._short import short_plain


class Arguments(NamedTuple):
    """What the kernels take."""

    z: Tensor
    w: Tensor
    b: Tensor
    h: Tensor
    s: Tensor
    r: Tensor | None = None
    real: Tensor | None = None
    noise: Tensor | None = None


def gated_plain(*flat: Tensor | None) -> Tensor:
    """y (B, D, L), for every transform of torch."""
    a = computed(Arguments(*flat))  # type: ignore[arg-type]
    z = a.z if a.real is None else a.z * a.real[:, None]
    order = a.h.shape[0] + 1
    *gates, v = short_plain(z, a.w, a.b).chunk(order + 1, dim=1)
    for o in range(order - 1):
        u = v * gates[order - 1 - o]
        u = u if a.real is None else u * a.real[:, None]
        u = u if a.noise is None else u * a.noise[o]
        v = long_plain(u, a.h[o], a.s[o], None if a.r is None else a.r[o])
    return (v * gates[0]).to(flat[0].dtype)  # type: ignore[union-attr]


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype to transform in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def computed(a: Arguments) -> Arguments:
    """The arguments in the dtype to compute in."""
    dtype = compute_dtype(a.z.dtype)
    return Arguments(*(None if t is None else t.to(dtype) for t in a))  # type: ignore[arg-type]
