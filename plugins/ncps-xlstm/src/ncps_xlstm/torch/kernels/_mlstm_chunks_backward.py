r"""The backward pass of the mLSTM in chunks; the names are those of `_mlstm_chunks`.

With ȳ and d̄ for the gradients of r h and of d:

.. math::
    \bar y = \bar h / r,\quad \bar d = -s\,(\bar h \cdot h) / r,\quad
    P = (\bar y v^\top + \bar d 1^\top) \odot W

    \bar q = P k + a \odot (\bar y C^\top + \bar d n^\top),\quad
    \bar k = P^\top q + u \odot (v \bar C'^\top + \bar n'),\quad
    \bar v = A^\top \bar y + (u \odot k) \bar C'

    \bar C = a_L \bar C' + (a \odot q)^\top \bar y,\quad
    \bar n = a_L \bar n' + (a \odot q)^\top \bar d

where s is the sign of d where r = |d| + ε, else 0. A step's k comes with the factor e^{i-b} and
its q with e^b everywhere; so the gates need no products of their own:

.. math::
    \bar \imath_s = k_s \cdot \bar k_s,\quad \bar b_t = q_t \cdot \bar q_t - k_t \cdot \bar k_t

and f̄ is the sum of b̄ from its step to the end of the chunk, plus ⟨C', C̄'⟩ + n'·n̄' for all that
crosses that end: rounding does not add up along the sequence.

Held to the plain twins by `test_mlstm_chunks.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps_xlstm.torch.kernels._mlstm_chunks import Chunks, Kept, chunks_of, workspace
from ncps_xlstm.torch.kernels._mlstm_gates import gates_of
from ncps_xlstm.torch.kernels._pieces import Segment, Workspace, plan_of


class Gradients(NamedTuple):
    """Of q, k, v as they came; of i and of f, (n, G, L)."""

    q: Tensor
    k: Tensor
    v: Tensor
    i: Tensor
    f: Tensor


def backward(chunk: int, flat: Any, h: Tensor, kept: Kept, cotangents: Any) -> tuple[Tensor, ...]:
    """Gradients of q, k, v, i, f and of the first C, n."""
    q, k, v, i, f, C, _, m = flat
    dh, dC, dn = cotangents
    plan = plan_of(q, v, chunk)
    gates = gates_of(i, f, m, plan)
    space = workspace(plan, q, v, C, backward=True)
    vectors = (gates.c.new_empty(gates.c.shape) for _ in range(2))
    out = Gradients(*(torch.empty_like(t) for t in (q, k, v)), *vectors)
    later = dC.flatten(0, 1), dn.flatten(0, 1)
    for number, part in reversed(list(enumerate(plan.segments()))):
        s = chunks_of(space, part, (q, k, v), gates, (kept.C[number], kept.n[number]))
        later = _segment(space, part, s, (dh, h), kept, later, out)
    dC, dn = (t.unflatten(0, m.shape) for t in later)
    di, df = (_in_a_row(t, like) for t, like in ((out.i, i), (out.f, f)))
    return out.q, out.k, out.v, di, df, dC, dn


def _segment(
    space: Workspace,
    part: Segment,
    s: Chunks,
    output: tuple[Tensor, Tensor],
    kept: Kept,
    later: tuple[Tensor, Tensor],
    out: Gradients,
) -> tuple[Tensor, Tensor]:
    """Fill in a segment's gradients; those of the state before it, from those of that after it."""
    dh, h = (part.of(t) for t in output)
    C, n = s.before()
    inverse, sign = (part.row(t).view(*dh.shape[:-1], 1) for t in kept[:2])
    dy = torch.mul(dh, inverse, out=space.take("rh", *dh.shape))
    e = torch.mul(dy, h, out=space.take("dv", *h.shape)).sum(-1, keepdim=True)
    dd, dy = e.mul_(sign).neg_().flatten(0, 2), dy.flatten(0, 2)

    P = torch.baddbmm(dd, dy, s.v.transpose(1, 2), out=space.take("A", *s.W.shape)).mul_(s.W)
    dqa = torch.mul(dd, n[:, None], out=space.take("dqa", *s.q.shape))
    dqa.baddbmm_(dy, C.transpose(1, 2))
    dq = torch.bmm(P, s.k, out=space.take("dq", *s.q.shape)).addcmul_(dqa, s.a)
    put(part, dq, out.q)
    by_q = dq.mul_(s.q).sum(-1)

    qa = torch.mul(s.q, s.a, out=space.take("qa", *s.q.shape))
    after, earlier, crossing = _states(space, s, qa, dy, dd, later)
    dku = torch.bmm(s.v, after[0].transpose(1, 2), out=dqa).add_(after[1][:, None])
    dk = torch.bmm(P.transpose(1, 2), s.q, out=dq).addcmul_(dku, s.u())
    put(part, dk, out.k)
    by_k = dk.mul_(s.k).sum(-1)

    A = torch.bmm(s.q, s.k.transpose(1, 2), out=P).mul_(s.W)
    dv = torch.bmm(A.transpose(1, 2), dy, out=space.take("dv", *s.v.shape))
    put(part, dv.baddbmm_(s.ku(space), after[0]), out.v)

    di, df = (part.row(t) for t in out[3:])
    di.copy_(by_k.view(di.shape))
    torch.add(_from_the_end((by_q - by_k).view(df.shape)), crossing, out=df)
    return earlier


def put(part: Segment, x: Tensor, out: Tensor) -> None:
    """x (n·B·N, L, D) into its steps of `out` (B, N, S, D)."""
    to = part.of(out)
    to.copy_(x.view(to.shape))


def _states(
    space: Workspace, s: Chunks, qa: Tensor, dy: Tensor, dd: Tensor, later: tuple[Tensor, Tensor]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
    """Gradients of C and n after each chunk (n·G, ·), before the first (G, ·), and what crosses."""
    dC, dn = space.take("dC", *s.C.shape), space.take("dn", *s.n.shape)
    (rows, _, K), V = qa.shape, dy.shape[-1]
    torch.bmm(qa.transpose(1, 2), dy, out=dC[:-1].view(rows, K, V))
    torch.bmm(qa.transpose(1, 2), dd, out=dn[:-1].view(rows, K, 1))
    dC[-1], dn[-1] = later
    decay = s.decay()
    for j in range(len(decay) - 1, -1, -1):
        dC[j].addcmul_(dC[j + 1], decay[j, :, :, None])
        dn[j].addcmul_(dn[j + 1], decay[j])
    # the states after the chunks are not needed any more
    crossing = s.C[1:].mul_(dC[1:]).sum((2, 3)) + s.n[1:].mul_(dn[1:]).sum(2)
    after = dC[1:].flatten(0, 1), dn[1:].flatten(0, 1)
    return after, (dC[0].clone(), dn[0].clone()), crossing[..., None]


def _in_a_row(chunks: Tensor, like: Tensor) -> Tensor:
    """(n, B·N, L) as (B, N, S)."""
    (B, N, S), (n, _, L) = like.shape, chunks.shape
    return chunks.transpose(0, 1).reshape(B, N, n * L)[..., :S].to(like.dtype)


def _from_the_end(x: Tensor) -> Tensor:
    """Sums over the last axis from each place to the end."""
    return x.flip(-1).cumsum(-1).flip(-1)
