r"""An LSTM over a sequence with a backward of its own; maths and shapes are those of `_lstm`.

Inside, the gates stand in the order i, f, o, g, so that one sigmoid serves three. With their
activated values, C = tanh c' and K = o(1 − C²), a step backward is

.. math::
    \bar c \mathrel{+}= K \bar h,\quad
    \delta = (g\,i(1-i),\ c\,f(1-f),\ C\,o(1-o),\ i(1-g^2)) \odot (\bar c, \bar c, \bar h, \bar c),
    \quad \bar h_{t-1} \mathrel{+}= \delta R^\top,\quad \bar c_{t-1} \mathrel{+}= f \bar c

whose slopes are computed in bulk for a chunk of steps; so is every weight's gradient. Second
derivatives, and torch's transforms, go through the plain twin.

Held to the plain twin, outputs and gradients, by `test_lstm_scan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._chunks import accumulator, add_product, chunk_length
from ncps_torch.kernels._lstm import lstm_plain


class LSTMScan(torch.autograd.Function):
    """The states h, c (T, B, H) after every step."""

    @staticmethod
    def forward(ctx: Any, *flat: Tensor | None) -> tuple[Tensor, Tensor]:
        """Keep the activated gates."""
        hs, cs, gates = run(*flat)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*flat, hs, cs, gates)
        return hs[1:], cs[1:]

    @staticmethod
    def backward(ctx: Any, dH: Tensor | None, dC: Tensor | None) -> Any:
        """Gradients of all tensors."""
        *flat, hs, cs, gates = ctx.saved_tensors
        if dH is None and dC is None:
            return (None,) * 6
        if torch.is_grad_enabled():
            return _differentiable(flat, dH, dC, ctx.needs_input_grad)
        dH = torch.zeros_like(hs[1:]) if dH is None else dH
        with torch.autocast(dH.device.type, enabled=False):
            return _backward(flat, (hs, cs, gates), dH, dC)


def lstm_forward(*flat: Tensor | None) -> tuple[Tensor, Tensor]:
    """The states h, c (T, B, H), when nobody asks for a gradient."""
    hs, cs, _ = run(*flat, keep=False)
    return hs[1:], cs[1:]


def run(*flat: Any, keep: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """States h, c (T + 1, B, H) with the initial ones first, and the activated gates (if kept)."""
    x, h, c, W, R, b = flat
    (T, B, D), H = x.shape, h.shape[1]
    W, R = _swapped(W), _swapped(R).contiguous()
    b = x.new_zeros(4 * H) if b is None else _swapped(b)
    length = chunk_length(T, B, D + 6 * H)
    gates = x.new_empty(T if keep else length, B, 4 * H)
    hs, cs = (s.new_empty(T + 1, B, H) for s in (h, c))
    hs[0], cs[0] = h, c
    for start in range(0, T, length):
        stop = min(start + length, T)
        own = gates[start:stop] if keep else gates[: stop - start]
        torch.addmm(b, x[start:stop].reshape(-1, D), W, out=own.view(-1, 4 * H))
        i, f, o, g = (part.unbind(0) for part in own.chunk(4, dim=-1))
        u, ifo = own.unbind(0), own[..., : 3 * H].unbind(0)
        new_h, new_c = hs[start + 1 : stop + 1].unbind(0), cs[start + 1 : stop + 1].unbind(0)
        for t in range(stop - start):
            u[t].addmm_(h, R)
            ifo[t].sigmoid_()
            torch.mul(f[t], c, out=new_c[t]).addcmul_(i[t], g[t].tanh_())
            c, h = new_c[t], new_h[t]
            torch.tanh(c, out=h).mul_(o[t])
    return hs, cs, gates


def _swapped(fused: Tensor) -> Tensor:
    """i, f, g, o (…, 4·H) as i, f, o, g; its own inverse."""
    i, f, third, fourth = fused.chunk(4, dim=-1)
    return torch.cat([i, f, fourth, third], dim=-1)


def _backward(
    flat: list[Any], kept: tuple[Tensor, Tensor, Tensor], dH: Tensor, dC: Tensor | None
) -> tuple[Tensor | None, ...]:
    x, _, _, W, R, b = flat
    hs, cs, gates = kept
    W, RT = _swapped(W), _swapped(R).t().contiguous()
    (T, B, D), H = x.shape, hs.shape[2]
    length = chunk_length(T, B, D + 12 * H)
    dx, dh = x.new_empty(x.shape), dH[T - 1]
    dc = torch.zeros_like(dh) if dC is None else dC[T - 1]
    sums = [accumulator(x, shape) for shape in (W.shape, R.shape, W.shape[1:])]
    buffer = gates.new_empty(length, B, 4 * H)
    for start in range((T - 1) // length * length, -1, -length):
        part = slice(start, min(start + length, T))
        delta = buffer[: gates[part].shape[0]]
        K = _slopes(gates[part], cs[part], cs[part.start + 1 : part.stop + 1], delta)
        f = gates[part, :, H : 2 * H].unbind(0)
        fans, rows = delta.view(len(delta), B, 4, H).unbind(0), delta.unbind(0)
        for t in range(len(rows) - 1, -1, -1):
            dc = torch.addcmul(dc, K[t], dh)
            fans[t].mul_(torch.stack([dc, dc, dh, dc], dim=1))
            at = start + t - 1
            dc = f[t] * dc if dC is None or at < 0 else torch.addcmul(dC[at], f[t], dc)
            dh = torch.mm(rows[t], RT) if at < 0 else torch.addmm(dH[at], rows[t], RT)
        flat_delta = delta.flatten(0, 1)
        add_product(sums[0], x[part].reshape(-1, D), flat_delta)
        add_product(sums[1], hs[part].flatten(0, 1), flat_delta)
        sums[2].add_(flat_delta.sum(0))
        torch.mm(flat_delta, W.t(), out=dx[part].view(-1, D))
    dW, dR, db = (_swapped(total.to(x.dtype)) for total in sums)
    return dx, dh, dc, dW, dR, None if b is None else db


def _slopes(gates: Tensor, before: Tensor, after: Tensor, out: Tensor) -> Tensor:
    """The factors of δ into `out`; K."""
    i, _, o, g = gates.chunk(4, dim=-1)
    di, df, do, dg = out.chunk(4, dim=-1)
    H = i.shape[-1]
    ifo, one = gates[..., : 3 * H], gates.new_ones(())
    torch.addcmul(ifo, ifo, ifo, value=-1, out=out[..., : 3 * H])
    C = after.tanh()
    di.mul_(g)
    df.mul_(before)
    do.mul_(C)
    torch.addcmul(one, g, g, value=-1, out=dg)
    dg.mul_(i)
    return torch.addcmul(one, C, C, value=-1).mul_(o)


def _differentiable(
    flat: list[Any], dH: Tensor | None, dC: Tensor | None, needed: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    pairs = [(y, d) for y, d in zip(lstm_plain(*flat), (dH, dC), strict=True) if d is not None]
    outputs, cotangents = zip(*pairs, strict=True)
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(outputs, wanted, cotangents, **options))
    return tuple(next(found) if need else None for need in needed)
