"""All convolutions of an operator at once: dtype, dropout, kernel, and filters that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from ncps_hyena import native
from ncps_hyena.specs import HyenaSpec
from ncps_hyena.torch import kernels
from ncps_hyena.torch.ops._dtypes import compute_dtype
from ncps_hyena.torch.ops._filters import Filters, Network, filters
from ncps_hyena.torch.ops._host import kit
from ncps_hyena.torch.ops._kept import Kept


class Taps(NamedTuple):
    """The short filters ((N + 1)·D, K), their biases ((N + 1)·D,), and the skips (N - 1, D)."""

    w: Tensor
    b: Tensor
    s: Tensor


def compiled(
    spec: HyenaSpec, x: Tensor, taps: Taps, network: Network, maps: Sequence[nn.Linear]
) -> bool:
    """Whether the compiled functions convolve what is made of x; they want features last.

    What `maps` make, and the gradients that come back through them, are tensors of their kind.
    """
    if kit.in_transform():
        return False
    tensors = [*taps, *network.tensors()]
    # what is computed of these is all computed in the dtype of x
    same = all(compute_dtype(t.dtype) == x.dtype for t in tensors)
    tensors += [t for m in maps for t in (m.weight, m.bias)]
    return same and kernels.fits_native([x, *tensors], spec.features, spec.short_filter_order)


def convolved(
    spec: HyenaSpec,
    z: Tensor,
    taps: Taps,
    network: Network,
    kept: Kept,
    real: Tensor | None = None,
    dropout: float = 0.0,
    features_last: bool = False,
) -> Tensor:
    """y (B, D, T) for the projections z (B, (N + 1)·D, T), by what their layout is for."""
    rows, _, steps = z.shape
    dtype, tensors = compute_dtype(z.dtype), network.tensors()
    if rows == 0 or steps == 0:
        # nothing is added to, but every parameter has a gradient, of zeros
        return z[:, : spec.features] + sum(t.sum() for t in (*taps, *tensors))
    with kit.without_autocast(z.device):
        noise = None
        if dropout:
            shape = (spec.convolutions, rows, spec.features, steps)
            noise = kit.dropout(dropout, shape, z.new_empty(0, dtype=dtype))
        mask = None if real is None else real.to(dtype)
        w, b, s = (t.to(dtype) for t in taps)
        if kit.in_transform():
            f = filters(spec, network, steps)
            return kernels.gated_plain(z, w, b, f.h, s, f.r, mask, noise)
        if kit.wants_gradient([z, *taps, *tensors]):
            f = filters(spec, network, steps, features_last=features_last)
            scan: Any = kernels.NativeScan if features_last else kernels.GatedScan
            y: Tensor = scan.apply(z, w, b, f.h, s, f.r, mask, noise)
            return y

        def make() -> tuple[Filters, Any]:
            found = filters(spec, network, steps, features_last=features_last)
            spectra_of: Any = kernels.native_spectra_of if features_last else kernels.spectra_of
            return found, spectra_of(found.h, found.r)

        f, spectra = kept.get(
            "whole", (steps, native.width() if features_last else "torch"), tensors, make
        )
        forward: Any = kernels.native_forward if features_last else kernels.gated_forward
        found: Tensor = forward(z, w, b, f.h, s, f.r, mask, noise, spectra=spectra)
        return found
