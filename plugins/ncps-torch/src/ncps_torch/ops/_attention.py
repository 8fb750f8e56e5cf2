"""Attention of queries (B, H, T, d) to keys and values (B, G, S, d), by torch's fused kernels.

Positions are (S,) counts where no step is masked, else (B, S): a masked step does not count.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from ncps.specs import AttentionSpec
from ncps_torch.ops._modes import in_transform

# since torch 2.5; before, keys and values are repeated
_GROUPS = "enable_gqa" in (scaled_dot_product_attention.__doc__ or "")


def positions_of(steps: int, real: Tensor | None, device: torch.device) -> Tensor:
    """The position of each step: how many real ones came before it."""
    if real is None:
        return torch.arange(steps, device=device)
    return torch.cumsum(real, dim=1) - 1


def rotated(spec: AttentionSpec, a: Tensor, positions: Tensor) -> Tensor:
    """a (B, ·, T, d) with its pairs (i, i + d/2) turned by position · frequency."""
    # in float32 at least: bfloat16 cannot tell position 257 from 256
    kind = torch.promote_types(a.dtype, torch.float32)
    frequencies = torch.tensor(spec.rotary_frequencies, dtype=kind, device=a.device)
    angle = positions.to(kind)[..., None] * frequencies
    if angle.dim() == 3:
        angle = angle[:, None]
    cos, sin = angle.cos(), angle.sin()
    one, two = a.to(kind).chunk(2, dim=-1)
    return torch.cat([one * cos - two * sin, one * sin + two * cos], dim=-1).to(a.dtype)


def distances(spec: AttentionSpec, positions: Tensor, steps: int, dtype: torch.dtype) -> Tensor:
    """ALiBi's addends -m_h |i - j|, (H, T, S) or (B, H, T, S), for the last T = `steps`."""
    kind = torch.promote_types(dtype, torch.float32)
    j = positions.to(kind)
    i = j[..., j.shape[-1] - steps :]
    apart = (i[..., :, None] - j[..., None, :]).abs()
    slopes = torch.tensor(spec.alibi_slopes, dtype=kind, device=positions.device)[:, None, None]
    return (-slopes * (apart if apart.dim() == 2 else apart[:, None])).to(dtype)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    causal: bool = False,
    real: Tensor | None = None,
    bias: Tensor | None = None,
    dropout: float = 0.0,
) -> Tensor:
    """o (B, T, H·d): softmax-weighted sums of the values that each query may see.

    With `causal` the queries are the last T of the S steps. What sees nothing has o = 0.
    """
    steps, keys = q.shape[2], k.shape[2]
    options: dict[str, bool] = {}
    if k.shape[1] != q.shape[1]:
        if _GROUPS:
            options["enable_gqa"] = True
        else:
            k, v = (a.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for a in (k, v))
    # torch's own causal flag counts queries from the first key; one query sees all keys anyway
    whole = causal and bias is None and real is None and steps == keys
    allowed = _allowed(q, keys, causal and not whole and steps > 1, real)
    seen = None if allowed is None or real is None else allowed.any(dim=-1, keepdim=True)
    if seen is not None and allowed is not None:
        # a softmax over nothing is NaN in some kernels: let it see all, and drop what comes out
        allowed = allowed | ~seen
    mask = allowed
    if bias is not None:
        mask = bias if allowed is None else torch.where(allowed, bias, float("-inf"))
    with _kernels():
        o = scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=whole, **options
        )
    if seen is not None:
        o = torch.where(seen, o, torch.zeros_like(o))
    return o.transpose(1, 2).flatten(2)


def _kernels() -> AbstractContextManager[None]:
    """All of torch's kernels, but within torch.func and forward-mode AD the plain one."""
    if in_transform() and not torch.compiler.is_compiling():
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()


def _allowed(q: Tensor, keys: int, causal: bool, real: Tensor | None) -> Tensor | None:
    """What each query may see, (B or 1, 1, T or 1, S); None when that is all."""
    steps = q.shape[2]
    allowed = None if real is None else real[:, None, None, :]
    if causal:
        before = torch.ones(steps, keys, dtype=torch.bool, device=q.device).tril(keys - steps)
        allowed = before[None, None] if allowed is None else allowed & before
    return allowed
