r"""All convolutions of a Hyena operator with a backward of their own; maths and shapes: `_gated`.

The features are independent of each other: a block of them goes through all convolutions while its
arrays are in the cache. Kept for the backward, beside the arguments, are the v^{o+1}, and the
conjugate transforms of the filters and of the u^o as long as either is `cheap`: it takes twice the
memory of what it is of. Else transforms are done again, as short convolutions always are: that
takes as long as to store and load them.

Backward, with δ = ∂/∂v^{o+1}, capitals for transforms, and ū = ∂/∂u^o:

.. math::
    \bar u = s \odot \delta + (\Delta\,\overline{H + \bar R}),\quad
    \bar h = \textstyle\sum_B \Delta \bar U,\quad \bar r = \sum_B \bar\Delta U,\quad
    \bar s = \bar h_0

    \partial/\partial g_{N-1-o} = \bar u \odot v^o,\quad
    \partial/\partial v^o = \bar u \odot g_{N-1-o}

Second derivatives, and torch's transforms, go through the plain twin. Held to it, outputs and
gradients, by `test_torch_gated.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._blocks import blocks
from ncps_hyena.torch.kernels._gated import Arguments, compute_dtype, gated_plain
from ncps_hyena.torch.kernels._long import head, spectrum, tail
from ncps_hyena.torch.kernels._memory import cheap, rows
from ncps_hyena.torch.kernels._short import short_backward, short_into, sum_of_products
from ncps_hyena.torch.kernels._sizes import transform


class Kept(NamedTuple):
    """The v^{o+1} (N-1, B, D, L); conjugates of H + conj R (N-1, D, n/2 + 1) and of U, or None."""

    v: Tensor
    H: Tensor | None
    U: Tensor | None  # (N-1, B, D, n/2 + 1)

    @classmethod
    def of(cls, a: Arguments, filters_too: bool) -> Kept:
        """Memory for them; nobody asks for U where no filter has a gradient."""
        convolutions, features, steps = a.h.shape
        bins = transform(steps, a.r is not None).n // 2 + 1
        dtype = compute_dtype(a.z.dtype).to_complex()
        shape = (convolutions, a.z.shape[0], features)
        return cls(
            v=a.z.new_empty(*shape, steps),
            H=cheap(a.z, convolutions, features, bins, dtype=dtype),
            U=cheap(a.z, *shape, bins, dtype=dtype) if filters_too else None,
        )


def filters_too(needed: tuple[bool, ...]) -> bool:
    """Whether h or r has a gradient."""
    return needed[3] or needed[5]


class GatedScan(torch.autograd.Function):
    """y (B, D, L)."""

    @staticmethod
    def forward(ctx: Any, *flat: Tensor | None) -> Tensor:
        """Keep what the long convolutions gave."""
        arguments = Arguments(*flat)  # type: ignore[arg-type]
        kept = Kept.of(arguments, filters_too(ctx.needs_input_grad))
        y = _forward(arguments, kept)
        ctx.save_for_backward(*flat, *kept)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of all tensors but `real` and `noise`."""
        *flat, v, H, U = ctx.saved_tensors
        if torch.is_grad_enabled():
            return differentiable(flat, dy, ctx.needs_input_grad)
        with torch.autocast(dy.device.type, enabled=False):
            return _Backward(Arguments(*flat), Kept(v, H, U), dy, ctx.needs_input_grad).run()


def gated_forward(*flat: Tensor | None, spectra: Tensor | None = None) -> Tensor:
    """y (B, D, L), when nobody asks for a gradient.

    `spectra` (N-1, D, n/2 + 1) is what `spectra_of` gave for h and r, if it was kept.
    """
    return _forward(Arguments(*flat), spectra=spectra)  # type: ignore[arg-type]


def spectra_of(h: Tensor, r: Tensor | None = None) -> Tensor:
    """The transforms of the filters (N-1, D, n/2 + 1)."""
    dtype = compute_dtype(h.dtype)
    n = transform(h.shape[-1], r is not None).n
    return spectrum(h.to(dtype), None if r is None else r.to(dtype), n)


class _Blocks:
    """The arguments block by block, and memory that every block uses again."""

    def __init__(self, a: Arguments) -> None:
        self.a, self.dtype = a, compute_dtype(a.z.dtype)
        self.rows, _, self.steps = a.z.shape
        self.order, self.features = a.h.shape[0] + 1, a.h.shape[1]
        self.n, self.apart = transform(self.steps, a.r is not None)
        self.parts = blocks(self.rows, self.features, self.n, a.z.device)
        self.size = self.parts[0].stop
        self.real = None if a.real is None else a.real.to(self.dtype)[:, None]
        self.w, self.b, self.s = (t.to(self.dtype) for t in (a.w, a.b, a.s))
        self.streams = self.buffer(self.order + 1, self.rows, self.size, self.steps)

    def buffer(self, *shape: int) -> Tensor:
        """Memory to compute in."""
        return self.a.z.new_empty(shape, dtype=self.dtype)

    def transformed(self, padded: Tensor) -> Tensor:
        """The transforms of memory (…, n) that holds L entries."""
        # though they be zeros from the last time: the cache has lost them, and a transform would
        # wait for each of them
        padded[..., self.steps :] = 0
        found: Tensor = torch.fft.rfft(padded)
        return found

    def channels(self, i: int, part: slice) -> slice:
        """Where stream i has its block of features."""
        return slice(i * self.features + part.start, i * self.features + part.stop)

    def projection(self, i: int, part: slice) -> Tensor:
        """What the short convolution of stream i reads (B, d, L)."""
        z = self.a.z[:, self.channels(i, part)].to(self.dtype)
        return z if self.real is None else z * self.real

    def short(self, part: slice) -> list[Tensor]:
        """The gates and v⁰ of a block (B, d, L)."""
        size = part.stop - part.start
        found = []
        for i in range(self.order + 1):
            at = self.channels(i, part)
            out = self.streams[i, :, :size]
            found.append(short_into(self.projection(i, part), self.w[at], self.b[at], out))
        return found

    def spectrum(self, o: int, part: slice, padded: Tensor) -> Tensor:
        """H + conj R of a block (d, n/2 + 1), by way of the memory (B, d, n)."""
        filters = padded[0, :, : self.steps]
        filters.copy_(self.a.h[o, part])
        H = self.transformed(padded[0])
        if self.a.r is None:
            return H
        filters.copy_(self.a.r[o, part])
        filters[:, 0] = 0
        return H.add_(self.transformed(padded[0]).conj_physical_())

    def start(self, o: int, part: slice) -> Tensor:
        """The first entries of the filters of a block, for what is computed apart."""
        return self.a.h[o, part, : self.apart].to(self.dtype)

    def dropped(self, o: int, part: slice, u: Tensor) -> Tensor:
        """U where steps are not real and where dropout strikes: 0; in place."""
        if self.real is not None:
            u.mul_(self.real)
        if self.a.noise is not None:
            u.mul_(self.a.noise[o, :, part])
        return u


def _forward(a: Arguments, kept: Kept | None = None, spectra: Tensor | None = None) -> Tensor:
    """y (B, D, L), with what is to be kept written into its memory."""
    own = _Blocks(a)
    y = rows(a.z, own.rows, own.features, own.steps)
    memory = own.buffer(own.rows, own.size, own.n)
    for part in own.parts:
        padded = memory[:, : part.stop - part.start]
        u = padded[..., : own.steps]
        *gates, v = own.short(part)
        for o in range(own.order - 1):
            H = own.spectrum(o, part, padded) if spectra is None else spectra[o, part]
            own.dropped(o, part, torch.mul(v, gates[own.order - 1 - o], out=u))
            U = own.transformed(padded)
            if kept is not None and kept.H is not None:
                torch.conj_physical(H, out=kept.H[o, part])
            if kept is not None and kept.U is not None:
                torch.conj_physical(U, out=kept.U[o, :, part])
            v = torch.fft.irfft(U.mul_(H), n=own.n)[..., : own.steps]
            if own.apart:
                v[..., : own.apart] = head(u, own.start(o, part), own.apart)
            v.addcmul_(own.s[o, part, None], u)
            if kept is not None:
                kept.v[o, :, part] = v
        torch.mul(v, gates[0], out=y[:, part])
    return y


class _Backward:
    """The gradients of all arguments, block by block."""

    def __init__(self, a: Arguments, kept: Kept, dy: Tensor, needed: tuple[bool, ...]) -> None:
        self.own, self.kept, self.dy = _Blocks(a), kept, dy
        self.filters_too = filters_too(needed)
        own = self.own
        self.dz = rows(a.z, *a.z.shape)
        self.dw, self.db, self.ds = (torch.empty_like(t) for t in (own.w, own.b, own.s))
        self.dh = torch.empty_like(a.h, memory_format=torch.contiguous_format)
        self.dr = None if a.r is None else torch.empty_like(self.dh)

    def run(self) -> tuple[Tensor | None, ...]:
        """The gradients in the order of the arguments."""
        own, a = self.own, self.own.a
        memory = own.buffer(2, own.rows, own.size, own.n)
        for part in own.parts:
            self._block(part, *memory[:, :, : part.stop - part.start])
        dh, dr = (self.dh, self.dr) if self.filters_too else (None, None)
        dw, db, ds = self.dw.to(a.w.dtype), self.db.to(a.b.dtype), self.ds.to(a.s.dtype)
        return self.dz, dw, db, dh, ds, dr, None, None

    def _block(self, part: slice, padded: Tensor, padded_delta: Tensor) -> None:
        own = self.own
        u, delta = padded[..., : own.steps], padded_delta[..., : own.steps]
        *gates, v0 = own.short(part)
        last, dy = own.order - 1, self.dy[:, part]
        torch.mul(dy, gates[0], out=delta)
        self._short(0, part, torch.mul(dy, self.kept.v[last - 1, :, part], out=gates[0]))
        for o in reversed(range(last)):
            gate = gates[last - o]
            v = v0 if o == 0 else self.kept.v[o - 1, :, part].to(own.dtype)
            # first of all, for it uses the memory of u
            H = self._spectrum(o, part, padded)
            own.dropped(o, part, torch.mul(v, gate, out=u))
            du = self._long(o, part, padded, padded_delta, H)
            own.dropped(o, part, du)
            torch.mul(du, gate, out=delta)
            self._short(last - o, part, du.mul_(v))
        self._short(own.order, part, delta)

    def _spectrum(self, o: int, part: slice, memory: Tensor) -> Tensor:
        """The conjugate of H + conj R."""
        if self.kept.H is None:
            return self.own.spectrum(o, part, memory).conj_physical_()
        return self.kept.H[o, part]

    def _long(self, o: int, part: slice, padded: Tensor, padded_delta: Tensor, H: Tensor) -> Tensor:
        """∂/∂u for the conjugate H; the gradients of the filters and the skip."""
        own, e = self.own, self.own.apart
        u, delta = padded[..., : own.steps], padded_delta[..., : own.steps]
        Delta = own.transformed(padded_delta)
        if self.filters_too:
            if self.kept.U is None:
                U = own.transformed(padded).conj_physical_()
            else:
                U = self.kept.U[o, :, part]
            self._filters(o, part, U * Delta)
            if e:
                self.dh[o, part, -e:] = tail(delta, u[..., :e], e).sum(0)
            self.ds[o, part] = self.dh[o, part, 0]
        else:
            self.ds[o, part] = sum_of_products(delta, u)
        du: Tensor = torch.fft.irfft(Delta.mul_(H), n=own.n)[..., : own.steps]
        if e:
            du[..., -e:] = tail(delta, own.start(o, part), e)
        return du.addcmul_(own.s[o, part, None], delta)

    def _filters(self, o: int, part: slice, P: Tensor) -> None:
        """The gradients of the filters, from the transforms of δ's correlations with u."""
        own = self.own
        P = P[0] if own.rows == 1 else P.sum(0)
        self.dh[o, part] = torch.fft.irfft(P, n=own.n)[..., : own.steps]
        if self.dr is not None:
            self.dr[o, part] = torch.fft.irfft(P.conj_physical_(), n=own.n)[..., : own.steps]
            self.dr[o, part, 0] = 0

    def _short(self, i: int, part: slice, delta: Tensor) -> None:
        """What stream i's short convolution passes on, from ∂/∂ its output."""
        own = self.own
        at = own.channels(i, part)
        slot = self.dz[:, at]
        out = slot if slot.dtype == own.dtype else torch.empty_like(delta)
        z = own.projection(i, part)
        self.dw[at], self.db[at] = short_backward(z, own.w[at], delta, out)
        if own.real is not None:
            out.mul_(own.real)
        if out is not slot:
            slot.copy_(out)


def differentiable(
    flat: list[Any], dy: Tensor, needed: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    y = gated_plain(*flat)
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(y, wanted, dy, **options))
    return tuple(next(found) if need else None for need in needed)
