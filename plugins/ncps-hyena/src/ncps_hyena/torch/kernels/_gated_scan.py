r"""All convolutions of a Hyena operator with a backward of their own; maths and shapes: `_gated`.

The features are independent of each other: a block of them goes through all convolutions while its
arrays are in the cache. Kept for the backward are the inputs and the v^{o+1}; transforms and short
convolutions are done again, which takes as long as it would take to store and load them.

Backward, with δ = ∂/∂v^{o+1}, capitals for transforms, and ū = ∂/∂u^o:

.. math::
    \bar u = s \odot \delta + (\Delta\,\overline{H + \bar R}),\quad
    \bar h = \textstyle\sum_B \Delta \bar U,\quad \bar r = \sum_B \bar\Delta U,\quad
    \bar s = \sum_{B, t} \delta u

    \partial/\partial g_{N-1-o} = \bar u \odot v^o,\quad
    \partial/\partial v^o = \bar u \odot g_{N-1-o}

Second derivatives, and torch's transforms, go through the plain twin. Held to it, outputs and
gradients, by `test_torch_gated.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._blocks import blocks
from ncps_hyena.torch.kernels._gated import Arguments, compute_dtype, gated_plain
from ncps_hyena.torch.kernels._long import head, spectrum, tail
from ncps_hyena.torch.kernels._short import short_backward, short_into, sum_of_products
from ncps_hyena.torch.kernels._sizes import transform


class GatedScan(torch.autograd.Function):
    """y (B, D, L)."""

    @staticmethod
    def forward(ctx: Any, *flat: Tensor | None) -> Tensor:
        """Keep what the long convolutions gave."""
        arguments = Arguments(*flat)  # type: ignore[arg-type]
        y, kept = _forward(arguments, keep=True)
        ctx.save_for_backward(*flat, kept)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of all tensors but `real` and `noise`."""
        *flat, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _differentiable(flat, dy, ctx.needs_input_grad)
        with torch.autocast(dy.device.type, enabled=False):
            return _Backward(Arguments(*flat), kept, dy, ctx.needs_input_grad).run()


def gated_forward(*flat: Tensor | None, spectra: Tensor | None = None) -> Tensor:
    """y (B, D, L), when nobody asks for a gradient.

    `spectra` (N-1, D, n/2 + 1) is what `spectra_of` gave for h and r, if it was kept.
    """
    return _forward(Arguments(*flat), spectra=spectra)[0]  # type: ignore[arg-type]


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

    def padded(self) -> Tensor:
        """Zeros (B, size, n); what a block writes ends after L steps."""
        return self.a.z.new_zeros(self.rows, self.size, self.n, dtype=self.dtype)

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

    def spectrum(self, o: int, part: slice) -> Tensor:
        """H + conj R of a block."""
        r = None if self.a.r is None else self.a.r[o, part].to(self.dtype)
        return spectrum(self.a.h[o, part].to(self.dtype), r, self.n)

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


def _forward(
    a: Arguments, keep: bool = False, spectra: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """y (B, D, L), and v^{o+1} (N-1, B, D, L) if kept."""
    own = _Blocks(a)
    shape = (own.rows, own.features, own.steps)
    y = a.z.new_empty(shape)
    kept = a.z.new_empty(own.order - 1, *shape) if keep else None
    memory = own.padded()
    for part in own.parts:
        padded = memory[:, : part.stop - part.start]
        u = padded[..., : own.steps]
        *gates, v = own.short(part)
        for o in range(own.order - 1):
            own.dropped(o, part, torch.mul(v, gates[own.order - 1 - o], out=u))
            H = own.spectrum(o, part) if spectra is None else spectra[o, part]
            v = torch.fft.irfft(torch.fft.rfft(padded).mul_(H), n=own.n)[..., : own.steps]
            if own.apart:
                v[..., : own.apart] = head(u, own.start(o, part), own.apart)
            v.addcmul_(own.s[o, part, None], u)
            if kept is not None:
                kept[o, :, part] = v
        y[:, part] = v.mul_(gates[0])
    return y, kept


class _Backward:
    """The gradients of all arguments, block by block."""

    def __init__(self, a: Arguments, kept: Tensor, dy: Tensor, needed: tuple[bool, ...]) -> None:
        self.own, self.kept, self.dy = _Blocks(a), kept, dy
        self.filters_too = needed[3] or needed[5]
        own = self.own
        self.dz = torch.empty_like(a.z)
        self.dw, self.db, self.ds = (torch.empty_like(t) for t in (own.w, own.b, own.s))
        self.dh = torch.empty_like(a.h, memory_format=torch.contiguous_format)
        self.dr = None if a.r is None else torch.empty_like(self.dh)

    def run(self) -> tuple[Tensor | None, ...]:
        """The gradients in the order of the arguments."""
        memory = self.own.padded(), self.own.padded()
        for part in self.own.parts:
            size = part.stop - part.start
            self._block(part, memory[0][:, :size], memory[1][:, :size])
        a = self.own.a
        dh, dr = (self.dh, self.dr) if self.filters_too else (None, None)
        dw, db, ds = self.dw.to(a.w.dtype), self.db.to(a.b.dtype), self.ds.to(a.s.dtype)
        return self.dz, dw, db, dh, ds, dr, None, None

    def _block(self, part: slice, padded: Tensor, padded_delta: Tensor) -> None:
        own = self.own
        u, delta = padded[..., : own.steps], padded_delta[..., : own.steps]
        *gates, v0 = own.short(part)
        last, dy = own.order - 1, self.dy[:, part]
        torch.mul(dy, gates[0], out=delta)
        self._short(0, part, torch.mul(dy, self.kept[last - 1, :, part], out=gates[0]))
        for o in reversed(range(last)):
            gate = gates[last - o]
            v = v0 if o == 0 else self.kept[o - 1, :, part].to(own.dtype)
            own.dropped(o, part, torch.mul(v, gate, out=u))
            du = self._long(o, part, padded, padded_delta)
            own.dropped(o, part, du)
            torch.mul(du, gate, out=delta)
            self._short(last - o, part, du.mul_(v))
        self._short(own.order, part, delta)

    def _long(self, o: int, part: slice, padded: Tensor, padded_delta: Tensor) -> Tensor:
        """∂/∂u; the gradients of the filters and the skip."""
        own, e = self.own, self.own.apart
        u, delta = padded[..., : own.steps], padded_delta[..., : own.steps]
        Delta, H = torch.fft.rfft(padded_delta), own.spectrum(o, part)
        if self.filters_too:
            P = torch.fft.rfft(padded).conj_physical_().mul_(Delta).sum(0)
            dh = torch.fft.irfft(P, n=own.n)[..., : own.steps]
            if e:
                dh[..., -e:] = tail(delta, u[..., :e], e).sum(0)
            self.dh[o, part] = dh
            if self.dr is not None:
                self.dr[o, part] = torch.fft.irfft(P.conj_physical_(), n=own.n)[..., : own.steps]
                self.dr[o, part, 0] = 0
        self.ds[o, part] = sum_of_products(delta, u)
        du: Tensor = torch.fft.irfft(Delta.mul_(H.conj_physical_()), n=own.n)[..., : own.steps]
        if e:
            du[..., -e:] = tail(delta, own.start(o, part), e)
        return du.addcmul_(own.s[o, part, None], delta)

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


def _differentiable(
    flat: list[Any], dy: Tensor, needed: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    y = gated_plain(*flat)
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(y, wanted, dy, **options))
    return tuple(next(found) if need else None for need in needed)
