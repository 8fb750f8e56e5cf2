r"""The mLSTM over a sequence in chunks, forward; the maths is that of `_mlstm`.

A chunk is a quadratic form with the weights W and a of `_mlstm_gates`, beside the state C, n
before it. With A = q kᵀ ⊙ W, where W holds 1/√K, and u the last row of W:

.. math::
    r\,h = A v + (a \odot q) C,\quad d = A 1 + (a \odot q) n,\quad
    r = \max(|d|, e^{-m}) + \varepsilon

    C' = a_L C + (u \odot k)^\top v,\quad n' = a_L n + k^\top u

Shapes: those of `_mlstm`. Inside, G = B·N sequences lie in n chunks of L steps, (n·G, L, ·), of
which a segment at a time is worked on (`_pieces`). For the backward pass are kept the inputs, h,
1/r, the sign that d has in r, and the state before each segment: nothing of S·L or S² numbers.

Held to the plain twins, outputs and gradients, by `test_mlstm_chunks.py`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps_xlstm.torch.kernels._mlstm import EPSILON, MatrixState
from ncps_xlstm.torch.kernels._mlstm_gates import Gates, gates_of
from ncps_xlstm.torch.kernels._pieces import Plan, Segment, Workspace, plan_of


class Chunks(NamedTuple):
    """A segment: q, k (n·G, L, K), v (n·G, L, V), W (n·G, L, L), a (n·G, L, 1).

    C (n + 1, G, K, V) and n (n + 1, G, K) are the states before, between and after its chunks.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    W: Tensor
    a: Tensor
    C: Tensor
    n: Tensor

    def before(self) -> tuple[Tensor, Tensor]:
        """C (n·G, K, V) and n (n·G, K) before each chunk."""
        return self.C[:-1].flatten(0, 1), self.n[:-1].flatten(0, 1)

    def decay(self) -> Tensor:
        """What a state keeps over each chunk, (n, G, 1)."""
        return self.a.view(*self.C[1:].shape[:2], self.a.shape[1])[..., -1:]

    def u(self) -> Tensor:
        """What each step weighs in the state after its chunk, (n·G, L, 1)."""
        return self.W[:, -1, :, None]

    def ku(self, space: Workspace) -> Tensor:
        """u ⊙ k, in the place of a ⊙ q."""
        return torch.mul(self.k, self.u(), out=space.take("qa", *self.k.shape))


class Kept(NamedTuple):
    """1/r and the sign of d in r (n, G, L); C (segments, G, K, V) and n before each segment."""

    inverse: Tensor
    sign: Tensor
    C: Tensor
    n: Tensor


def run(chunk: int, flat: Any, keep: bool) -> tuple[Tensor, MatrixState, Kept]:
    """h, the last state, and what the backward pass needs (if kept)."""
    q, k, v, i, f, C, n, m = flat
    plan = plan_of(q, v, chunk)
    gates = gates_of(i, f, m, plan)
    h, space = torch.empty_like(v), workspace(plan, q, v, C)
    kept = _empty_kept(plan, gates, C, keep)
    state = C.flatten(0, 1), n.flatten(0, 1)
    for number, part in enumerate(plan.segments()):
        if keep:
            kept.C[number], kept.n[number] = state
        s = chunks_of(space, part, (q, k, v), gates, state)
        C_before, n_before = s.before()
        A = torch.bmm(s.q, s.k.transpose(1, 2), out=space.take("A", *s.W.shape)).mul_(s.W)
        qa = torch.mul(s.q, s.a, out=space.take("qa", *s.q.shape))
        d = torch.baddbmm(A.sum(-1, keepdim=True), qa, n_before[..., None])
        rh = torch.bmm(A, s.v, out=space.take("rh", *s.v.shape)).baddbmm_(qa, C_before)
        size, floor = d.abs(), part.row(gates.floor).reshape(d.shape)
        inverse = torch.maximum(size, floor).add_(EPSILON).reciprocal_()
        if keep:
            for own, value in ((kept.inverse, inverse), (kept.sign, d.sign_().mul_(size > floor))):
                own = part.row(own)
                own.copy_(value.view(own.shape))
        to = part.of(h)
        torch.mul(rh.view(to.shape), inverse.view(*to.shape[:-1], 1), out=to)
        state = s.C[-1].clone(), s.n[-1].clone()
    lead = q.shape[:2]
    return h, MatrixState(*(t.unflatten(0, lead) for t in (*state, gates.last))), kept


def chunks_of(
    space: Workspace,
    part: Segment,
    qkv: tuple[Tensor, Tensor, Tensor],
    gates: Gates,
    state: tuple[Tensor, Tensor],
) -> Chunks:
    """A segment, from the state C (G, K, V), n (G, K) before it."""
    (C, n), count, L = state, part.last - part.first, part.length
    G, K, V = C.shape
    q, k, v = (space.copy(name, part.of(x)) for name, x in zip("qkv", qkv, strict=True))
    W, a = gates.weights(part, -math.log(K) / 2, space.take("W", count, G, L, L))
    W, a = W.flatten(0, 1), a.reshape(-1, L, 1)
    Cs, ns = space.take("C", count + 1, G, K, V), space.take("n", count + 1, G, K)
    s = Chunks(q, k, v, W, a, Cs, ns)
    Cs[0], ns[0] = C, n
    ku = s.ku(space)
    torch.bmm(ku.transpose(1, 2), v, out=Cs[1:].view(-1, K, V))
    torch.sum(ku, 1, out=ns[1:].view(-1, K))
    decay = s.decay()
    for j in range(count):
        Cs[j + 1].addcmul_(Cs[j], decay[j, :, :, None])
        ns[j + 1].addcmul_(ns[j], decay[j])
    return s


def workspace(plan: Plan, q: Tensor, v: Tensor, C: Tensor, backward: bool = False) -> Workspace:
    """Memory for the arrays of a segment."""
    G, L, (K, V) = C.shape[0] * C.shape[1], plan.length, C.shape[2:]
    rows = plan.at_once * G * L
    sizes = {"W": rows * L, "A": rows * L, "v": rows * V, "rh": rows * V}
    sizes |= dict.fromkeys(("q", "k", "qa"), rows * K)
    states = (plan.at_once + 1) * G * K
    sizes |= {"C": states * V, "n": states}
    if backward:
        sizes |= {"dqa": rows * K, "dq": rows * K, "dv": rows * V, "dC": states * V, "dn": states}
    return Workspace(C, sizes)


def _empty_kept(plan: Plan, gates: Gates, C: Tensor, keep: bool) -> Kept:
    G, segments = gates.last.shape[0], len(plan.segments()) if keep else 0
    vectors = (plan.chunks if keep else 0, G, plan.length)
    states = C.new_empty(segments, G, *C.shape[2:])
    return Kept(C.new_empty(vectors), C.new_empty(vectors), states, C.new_empty(states.shape[:3]))
