"""The filters of an operator: which tensors they are written from, and by which kernel."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps_hyena.specs import HyenaSpec
from ncps_hyena.torch import kernels
from ncps_hyena.torch.ops._dtypes import compute_dtype
from ncps_hyena.torch.ops._host import kit


class Network(NamedTuple):
    """The parameters that write the filters of an operator, M of them in all.

    `maps` are W₀ (F, E), b₀ (F,), W₁ (F, F), …; `last` (M, F) writes the filters of all
    convolutions, and then, with `bidirectional`, those of later steps.
    """

    maps: tuple[Tensor, ...]
    frequency: Tensor | None
    positions: Tensor | None
    last: tuple[Tensor, ...]
    deltas: tuple[Tensor, ...]

    def tensors(self) -> list[Tensor]:
        """All of them."""
        some = [t for t in (self.frequency, self.positions) if t is not None]
        return [*self.maps, *some, *self.last, *self.deltas]


class Filters(NamedTuple):
    """h, and r with `bidirectional` (N - 1, D, lags)."""

    h: Tensor
    r: Tensor | None


def filters(spec: HyenaSpec, network: Network, lags: int, features_last: bool = False) -> Filters:
    """The filters of an operator for the first `lags` lags, on request in the native layout."""
    W = torch.cat(network.last)
    dtype, device = compute_dtype(W.dtype), W.device
    with kit.without_autocast(device):
        omega = spec.frequency if network.frequency is None else network.frequency.to(dtype)
        scaled = omega if network.frequency is None else omega[:, None]  # type: ignore[index]
        maps = [
            tensor.to(dtype) * (scaled if tensor.dim() == 2 else omega) for tensor in network.maps
        ]
        if network.positions is None:
            z = positions(spec, lags, dtype, device)
        else:
            z = network.positions[:lags].to(dtype)
        delta = _deltas(spec, network, dtype, device)
        numbers = kernels.Numbers(spec.shift, 1.0 / max(spec.l_max - 1, 1), features_last)
        h = _written(numbers, z, delta, W.to(dtype), maps).view(-1, spec.features, z.shape[0])
    if not spec.bidirectional:
        return Filters(h, None)
    return Filters(h[: spec.convolutions], h[spec.convolutions :])


def _written(
    numbers: kernels.Numbers, z: Tensor, delta: Tensor | None, W: Tensor, maps: list[Tensor]
) -> Tensor:
    """All M filters (M, lags)."""
    kernel: Any = kernels.filters_forward
    if kit.in_transform():
        kernel = kernels.filters_plain
    elif kit.wants_gradient([z, delta, W, *maps]):
        kernel = kernels.FiltersScan.apply
    h: Tensor = kernel(numbers, z, delta, W, *maps)
    return h


def _deltas(
    spec: HyenaSpec, network: Network, dtype: torch.dtype, device: torch.device
) -> Tensor | None:
    """δ of all M filters (M,); None without modulation."""
    if not spec.modulate:
        return None
    if network.deltas:
        delta = torch.cat(network.deltas).to(dtype)
    else:
        delta = torch.from_numpy(spec.deltas().reshape(-1)).to(device=device, dtype=dtype)
    return torch.cat([delta, delta]) if spec.bidirectional else delta


def positions(spec: HyenaSpec, lags: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """z of the first lags (lags, E)."""
    if kit.in_transform():
        return _table(spec, lags).to(device=device, dtype=dtype)
    return _kept(spec, lags, dtype, device)


@lru_cache(maxsize=4)
def _kept(spec: HyenaSpec, lags: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    # a tensor that is kept must not belong to the inference mode in which it was first asked for
    with torch.inference_mode(False):
        return _table(spec, lags).to(device=device, dtype=dtype)


def _table(spec: HyenaSpec, lags: int) -> Tensor:
    # float64 until the end: a float32 angle has lost its last digits after 10⁵ lags
    return torch.from_numpy(spec.positions(lags))
