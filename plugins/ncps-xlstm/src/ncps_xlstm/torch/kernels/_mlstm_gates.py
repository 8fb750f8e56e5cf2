r"""The gates of a chunkwise mLSTM: all that its products are weighted by, as vectors.

With b the sum of f from the start of its chunk on, and m_c the m that the chunk starts with,

.. math::
    c_s = i_s - b_s,\quad M_t = m_t - b_t = \max(m_c, \max_{s \le t} c_s)

b cancels in every weight: a step s has e^{c_s - M_t} in the output of step t, the state before the
chunk has e^{m_c - M_t}, and in the state after it both weigh as in the chunk's last step. So no
maximum over S² numbers is taken.

Shapes: i, f (B, N, S) in n chunks of L steps: (n, G, L) for G = B·N, the last chunk filled up with
steps that change nothing. m_t is rounded to the dtype of the state before weights are made of it,
so that what a state is scaled by is exactly the m that is handed out.

Held to the plain twin by `test_mlstm_chunks.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ncps_xlstm.torch.kernels._mlstm import gate_dtype
from ncps_xlstm.torch.kernels._pieces import Plan, Segment

# e^x takes thirteen times as long where it leaves the normal numbers, and e^-80 is as good as 0
_LOWEST = {torch.float32: -80.0, torch.float64: -700.0}
# in the place of -inf, which has no difference to itself
_NEVER = -1e30


class Gates(NamedTuple):
    """c, M (n, G, L) and m_c (n, G, 1) in the dtype of sums; e^{-m_t} (n, G, L), the last m (G)."""

    c: Tensor
    M: Tensor
    start: Tensor
    floor: Tensor
    last: Tensor

    def weights(self, part: Segment, scale: float, out: Tensor) -> tuple[Tensor, Tensor]:
        """e^{c_s - M_t + scale} (n, G, L, L), 0 for s > t, and e^{m_c - M_t} (n, G, L)."""
        c, M, dtype = part.row(self.c) + scale, part.row(self.M), out.dtype
        (high, low), (M_high, M_low) = _halves(c, dtype), _halves(M, dtype)
        torch.sub(high[..., None, :], M_high[..., None], out=out)
        if low is not None and M_low is not None:
            out.add_(low[..., None, :]).sub_(M_low[..., None])
        a = (part.row(self.start) - M).to(dtype)
        return _exp_(out).tril_(), _exp_(a)


def gates_of(i: Tensor, f: Tensor, m: Tensor, plan: Plan) -> Gates:
    """The gates after a state's m (B, N)."""
    chunks, length, rest, _ = plan
    wide = gate_dtype(i)
    b = in_chunks(f, chunks, length, 0.0).to(wide).cumsum(-1)
    c = (in_chunks(i, chunks, length, _NEVER).to(wide) - b).clamp_(min=_NEVER)
    top = c.cummax(-1).values
    # the m between chunks: the same running maximum, of whole chunks
    ends = functional.pad(b[..., -1].cumsum(0), (0, 0, 1, 0))
    best = torch.cat([m.reshape(1, -1).to(wide), top[..., -1] - ends[:-1]])
    between = (ends + best.cummax(0).values).to(m.dtype).to(wide)
    start = between[:-1, :, None]
    m_t = (b + torch.maximum(start, top)).to(m.dtype).to(wide)
    # the last steps' m are those between the chunks, to the last digit
    m_t[:-1, :, -1] = between[1:-1]
    m_t[-1, :, rest - 1 :] = between[-1, :, None]
    floor = m_t.neg().to(m.dtype).exp_()
    return Gates(c, m_t - b, start, floor, between[-1].to(m.dtype))


def in_chunks(gate: Tensor, chunks: int, length: int, fill: float) -> Tensor:
    """(B, N, S) as (chunks, B·N, length)."""
    missing = chunks * length - gate.shape[-1]
    padded = functional.pad(gate, (0, missing), value=fill) if missing else gate
    return padded.reshape(-1, chunks, length).transpose(0, 1).contiguous()


def _exp_(x: Tensor) -> Tensor:
    """e^x for x ≤ 0; what is above 0 counts as 0."""
    return x.clamp_(min=_LOWEST[x.dtype], max=0).exp_()


def _halves(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """x as the sum of two in a narrower dtype, whose differences keep the digits of x's."""
    high = x.to(dtype)
    return high, None if dtype == x.dtype else (x - high).to(dtype)
