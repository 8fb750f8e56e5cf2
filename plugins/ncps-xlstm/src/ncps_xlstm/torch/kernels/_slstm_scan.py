r"""An sLSTM over a sequence with a backward of its own; maths and shapes are those of `_slstm`.

m cancels: with r = c/n and s = m + log n the memory is a gated mean, and one step is

.. math::
    a = \log\sigma(f) + s,\quad s' = \log(e^a + e^i),\quad g = \sigma(i - a),\quad
    r' = r + g (\tanh z - r),\quad h' = \sigma(o)\, r'

m' = max(i, log σ(f) + m) runs beside it, for the state that is handed out.

A chunk of steps stands in one buffer (T, N, B, 4, D), to which each step adds h R for all heads in
one product. Backward, with z and o for their activated values, a step is

.. math::
    \bar r \mathrel{+}= o \bar h,\quad
    \delta_i = (z - r) g (1 - g)\, \bar r + g \bar s,\quad \bar s \mathrel{-}= \delta_i

    \delta_f = (1 - \sigma(f)) \bar s,\quad \delta_z = g (1 - z^2) \bar r,\quad
    \delta_o = r' o (1 - o) \bar h,\quad \bar r \mathrel{*}= 1 - g,\quad
    \bar h_{t-1} \mathrel{+}= \delta R^\top

whose slopes are computed in bulk for a chunk; so is the gradient of R. Second derivatives, and
torch's transforms, go through the plain twin.

Held to the plain twin, outputs and gradients, by `test_slstm_scan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ncps_xlstm.torch.kernels import _pieces
from ncps_xlstm.torch.kernels._slstm import ScalarState, slstm_plain

# log 0, but with a difference to itself
_EMPTY = -1e30


def slstm_scan(p: Tensor, R: Tensor, state: ScalarState) -> tuple[Tensor, ScalarState]:
    """What `slstm_plain` gives."""
    h, c, n, m = (t.transpose(0, 1) for t in state)
    empty = n == 0
    n = torch.where(empty, 1, n)
    s = torch.where(empty, _EMPTY, m.detach() + n.log())
    r = torch.where(empty, 0, c / n)
    flat = (p, R.to(c.dtype), h, r, s, torch.where(empty, _EMPTY, m))
    if torch.is_grad_enabled() and any(t.requires_grad for t in flat):
        hs, r, s, new = SLSTMScan.apply(*flat)  # type: ignore[no-untyped-call]
    else:
        states, _, s, new = run(*flat, keep=False)
        hs, r = states[0, 1:], states[1, -1]
    # what no real step has changed
    new = torch.where(new > _EMPTY, new, m)
    n = torch.exp(s - new)
    last = (t.transpose(0, 1) for t in (hs[-1], r * n, n, new))
    return hs.permute(2, 0, 1, 3).to(p.dtype), ScalarState(*last)


class SLSTMScan(torch.autograd.Function):
    """h (T, N, B, D) after every step, and the last r, s and m, from p, R and h, r, s, m."""

    @staticmethod
    def forward(ctx: Any, *flat: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Keep the gates, h and r."""
        states, gates, s, m = run(*flat)
        ctx.mark_non_differentiable(m)
        ctx.save_for_backward(*flat, states, gates)
        return states[0, 1:], states[1, -1].clone(), s, m

    @staticmethod
    def backward(ctx: Any, dH: Tensor, dr: Tensor, ds: Tensor, _: Tensor) -> Any:
        """Gradients of all tensors but m."""
        *flat, states, gates = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_differentiable(flat, (dH, dr, ds), ctx.needs_input_grad[:5]), None
        with torch.autocast(dH.device.type, enabled=False):
            return *_backward(flat, states, gates, (dH, dr, ds)), None


def run(
    p: Tensor, R: Tensor, h: Tensor, r: Tensor, s: Tensor, m: Tensor, keep: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States h, r (2, T + 1, N, B, D), the gates, the last s and m.

    The gates (T, N, B, 4, D), if kept, are g, f (not activated), tanh z and σ(o).
    """
    x = p.permute(1, 3, 0, 2, 4)
    T, (N, B, D) = x.shape[0], h.shape
    length = _pieces.steps_at_once(T, N * B * D * 6, _pieces.SCAN)
    gates = h.new_empty(T if keep else length, N, B, 4, D)
    states = h.new_empty(2, T + 1, N, B, D)
    states[0, 0], states[1, 0] = h, r
    R, sm = R.flatten(2).contiguous(), torch.stack([s, m])
    decayed = torch.empty_like(sm)
    (s, m), (a, b) = sm, decayed
    for start in range(0, T, length):
        stop = min(start + length, T)
        own = gates[start:stop] if keep else gates[: stop - start]
        own.copy_(x[start:stop])
        rows = (own.flatten(3), *own.unbind(3), *(t[start + 1 : stop + 1] for t in states))
        h, r = states[0, start], states[1, start]
        for u, i, f, z, o, new_h, new_r in zip(*(t.unbind(0) for t in rows), strict=True):
            u.baddbmm_(h, R)
            torch.add(logsigmoid(f), sm, out=decayed)
            torch.logaddexp(a, i, out=s)
            torch.maximum(b, i, out=m)
            torch.lerp(r, z.tanh_(), i.sub_(a).sigmoid_(), out=new_r)
            h, r = torch.mul(o.sigmoid_(), new_r, out=new_h), new_r
    return states, gates, s, m


def _backward(
    flat: Any, states: Tensor, gates: Tensor, cotangents: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, ...]:
    p, R = flat[:2]
    dH, dr, ds = cotangents
    (T, N, B, _, D), dp = gates.shape, torch.empty_like(p)
    dx, dR = dp.permute(1, 3, 0, 2, 4), torch.zeros_like(R.flatten(2))
    RT = R.flatten(2).transpose(1, 2).contiguous()
    length = _pieces.steps_at_once(T, N * B * D * 12, _pieces.SCAN)
    buffer, dh, dr, ds = torch.empty_like(gates[:length]), dH[T - 1], dr.clone(), ds.clone()
    for start in range((T - 1) // length * length, -1, -length):
        part = slice(start, min(start + length, T))
        delta = buffer[: part.stop - start]
        factors = _slopes(gates[part], states[1, part], states[1, start + 1 : part.stop + 1], delta)
        rows = (delta.flatten(3), *delta.unbind(3), gates[part].select(3, 3), *factors)
        steps = list(zip(*(t.unbind(0) for t in rows), strict=True))
        for t in range(len(steps) - 1, -1, -1):
            row, di, df, dz, do, o, k, g, keep = steps[t]
            dr.addcmul_(o, dh)
            ds.sub_(torch.mul(k, dr, out=di).addcmul_(g, ds))
            df.mul_(ds)
            dz.mul_(dr)
            do.mul_(dh)
            dr.mul_(keep)
            at = start + t - 1
            dh = torch.bmm(row, RT) if at < 0 else torch.baddbmm(dH[at], row, RT)
        dx[part] = delta
        h, delta = (t.transpose(0, 1).flatten(1, 2) for t in (states[0, part], delta.flatten(3)))
        dR.baddbmm_(h.transpose(1, 2), delta)
    return dp, dR.view_as(R), dh, dr, ds


def _slopes(
    gates: Tensor, before: Tensor, after: Tensor, out: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The factors of δ_f, δ_z, δ_o into `out`; (z − r) g (1 − g), g and 1 − g."""
    g, f, z, o = gates.unbind(3)
    _, df, dz, do = out.unbind(3)
    one = g.new_ones(())
    torch.sigmoid(f.neg(), out=df)
    torch.addcmul(one, z, z, value=-1, out=dz).mul_(g)
    torch.addcmul(o, o, o, value=-1, out=do).mul_(after)
    keep = 1 - g
    return (z - before).mul_(g).mul_(keep), g, keep


def _differentiable(
    flat: Any, cotangents: tuple[Tensor, Tensor, Tensor], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    p, R, h, r, s, _ = flat
    # any m will do; with that of n = 1, which is no variable, n is the one
    m = s.detach()
    n = torch.exp(s - m)
    state = ScalarState(*(t.transpose(0, 1) for t in (h, r * n, n, m)))
    hs, last = slstm_plain(p, R, state)
    r, s = last.c / last.n, last.m + last.n.log()
    outputs = (hs.permute(1, 2, 0, 3), r.transpose(0, 1), s.transpose(0, 1))
    wanted = [t for t, need in zip(flat, needed, strict=False) if need]
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(outputs, wanted, cotangents, **options))
    return [next(found) if need else None for need in needed]
