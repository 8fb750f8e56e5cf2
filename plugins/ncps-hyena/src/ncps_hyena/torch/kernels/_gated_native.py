"""All convolutions of a Hyena operator by compiled functions; maths and shapes: `_gated`.

Where `_gated_scan` has an operation of torch for each product and sum, the functions of
`native/operator.h` take as many features as a vector holds through everything at once. For that
arrays are contiguous in features: z, y and their gradients have the shapes of `_gated`, but are
views of arrays (B, L, …), h and r of arrays (L, N-1, D). What comes in another layout is copied.

Kept for the backward are the v^{o+1} alone: transforms are done again, which takes no longer than
to store and load them. Second derivatives go through the plain twin. Held to it, outputs and
gradients, by `test_torch_native.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from ncps_hyena import native
from ncps_hyena.torch.kernels._gated import Arguments
from ncps_hyena.torch.kernels._gated_scan import differentiable, filters_too
from ncps_hyena.torch.kernels._sizes import transform

# most taps that the compiled functions have room for
TAPS = 64
# bytes of all features at a step, up to which a vector is too empty
LEAST = 8


def fits_native(tensors: Sequence[Tensor], features: int, taps: int) -> bool:
    """Whether the compiled functions are here, and pay, and may read the memory of the tensors.

    They take the dtype of the first, and nobody may be taking down the operations of torch.
    """
    dtype = tensors[0].dtype
    if dtype not in (torch.float32, torch.float64) or taps > TAPS or not native.available():
        return False
    if features * dtype.itemsize <= LEAST or _get_current_dispatch_mode() is not None:
        return False
    return all(map(_has_memory, tensors))


class NativeScan(torch.autograd.Function):
    """y (B, D, L)."""

    @staticmethod
    def forward(ctx: Any, *flat: Tensor | None) -> Tensor:
        """Keep what the long convolutions gave."""
        run = _Run(Arguments(*flat))  # type: ignore[arg-type]
        v = run.empty(run.convolutions, run.rows, run.steps, run.features)
        y = run.forward(v=v)
        ctx.width = run.width
        ctx.save_for_backward(*flat, v)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of all tensors but `real` and `noise`."""
        *flat, v = ctx.saved_tensors
        if torch.is_grad_enabled():
            return differentiable(flat, dy, ctx.needs_input_grad)
        return _Run(Arguments(*flat), ctx.width).backward(v, dy, ctx.needs_input_grad)


class Spectra(NamedTuple):
    """The transforms of filters in vectors of so many bytes, (N-1, groups, N, 2, lanes)."""

    vectors: Tensor
    width: int


def native_forward(*flat: Tensor | None, spectra: Spectra | None = None) -> Tensor:
    """y (B, D, L), when nobody asks for a gradient.

    `spectra` is what `native_spectra_of` gave for h and r, if it was kept.
    """
    a = Arguments(*flat)  # type: ignore[arg-type]
    if spectra is None:
        return _Run(a).forward()
    return _Run(a, spectra.width).forward(spectra=spectra.vectors)


def native_spectra_of(h: Tensor, r: Tensor | None = None) -> Spectra:
    """The transforms of the filters, as `native_forward` takes them."""
    filters = _Filters(h, r)
    lanes = filters.width // h.dtype.itemsize
    groups = -(-filters.features // lanes)
    out = filters.empty(filters.convolutions, groups, filters.plan.size, 2, lanes)
    native.spectra(filters.operator(spectra=out), h.dtype.itemsize)
    return Spectra(out, filters.width)


class Plan:
    """How sequences of L steps are transformed, and the complex factors of that, as pairs."""

    def __init__(self, steps: int, two_sided: bool, dtype: torch.dtype) -> None:
        n, self.apart = transform(steps, two_sided)
        self.size = n // 2
        levels, left, factors = [], self.size, radices(self.size)
        # whatever the default device is
        with torch.device("cpu"):
            for r in factors:
                m = left // r
                jk = torch.arange(m)[:, None] * torch.arange(1, r)
                levels.append(_turns(-jk, left))
                left = m
            self.radices = torch.tensor(factors)
            self.twiddles = torch.cat(levels).to(dtype)
            self.twist = _turns(torch.arange(self.size), 4 * self.size).to(dtype)


def radices(size: int) -> list[int]:
    """Factors of a size, the larger ones of its powers of two first."""
    found = []
    for r in (5, 3, 8, 4, 2):
        # two fours are faster than an eight and a two
        while size % r == 0 and size != 16:
            found.append(r)
            size //= r
        if size == 16:
            return [*found, 4, 4]
    return found


def _turns(k: Tensor, n: int) -> Tensor:
    """The pairs cos, sin of 2πk/n (…, 2)."""
    angles = k.flatten().double() * (2 * math.pi / n)
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


@lru_cache(maxsize=8)
def _plan(steps: int, two_sided: bool, dtype: torch.dtype) -> Plan:
    # a tensor that is kept must not belong to the inference mode in which it was first asked for
    with torch.inference_mode(False):
        return Plan(steps, two_sided, dtype)


class _Filters:
    """The filters h and r (M, D, L), as views of arrays (L, …) with the same strides."""

    def __init__(self, h: Tensor, r: Tensor | None, width: int | None = None) -> None:
        self.convolutions, self.features, self.steps = h.shape
        self.width = width or native.width_for(self.features, h.dtype.itemsize)
        both = [h] if r is None else [h, r]
        if any(t.stride(1) != 1 or t.stride() != h.stride() or t.is_neg() for t in both):
            h, r = _features_last(h), None if r is None else _features_last(r)
        self.h, self.r = h, r
        self.plan = _plan(self.steps, r is not None, h.dtype)

    def empty(self, *shape: int) -> Tensor:
        """Memory."""
        return self.h.new_empty(shape)

    def operator(self, **tensors: Tensor | None) -> native.Operator:
        """The argument of a compiled function."""
        plan = self.plan
        arrays = {name: t.data_ptr() for name, t in tensors.items() if t is not None}
        if self.r is not None:
            arrays["r"] = self.r.data_ptr()
        return native.Operator(
            rows=1,
            features=self.features,
            steps=self.steps,
            convolutions=self.convolutions,
            h_step=self.h.stride(2),
            h_convolution=self.h.stride(0),
            size=plan.size,
            apart=plan.apart,
            threads=torch.get_num_threads(),
            width=self.width,
            radices=plan.radices.data_ptr(),
            twiddles=plan.twiddles.data_ptr(),
            twist=plan.twist.data_ptr(),
            h=self.h.data_ptr(),
            **arrays,
        )


class _Run(_Filters):
    """The arguments in the layout of the compiled functions."""

    def __init__(self, a: Arguments, width: int | None = None) -> None:
        _check(a.z.dtype, [t for t in a if t is not None])
        M, D, _ = a.h.shape
        channels = (M + 2) * D
        shapes = (a.z.shape[1], a.w.shape[0], *a.b.shape, *a.s.shape)
        if shapes != (channels, channels, channels, M, D) or a.w.shape[1] > TAPS:
            raise ValueError("the compiled functions were given arguments that do not fit h")
        super().__init__(a.h, a.r, width)
        self.a = a
        self.rows = a.z.shape[0]
        self.itemsize = a.z.dtype.itemsize
        # z of steps that are not real is 0
        z = a.z if a.real is None else a.z * a.real[:, None]
        self.arguments = {
            "z": _contiguous(z.mT),
            "w": _contiguous(a.w),
            "b": _contiguous(a.b),
            "s": _contiguous(a.s),
            "real": None if a.real is None else _contiguous(a.real),
            "noise": None if a.noise is None else _contiguous(a.noise.mT),
        }

    def operator(self, **tensors: Tensor | None) -> native.Operator:
        """The argument of a compiled function."""
        found = super().operator(**self.arguments, **tensors)
        found.rows, found.taps = self.rows, self.a.w.shape[1]
        return found

    def forward(self, v: Tensor | None = None, spectra: Tensor | None = None) -> Tensor:
        """y (B, D, L), with the v^{o+1} written into v (M, B, L, D) if it is given."""
        y = self.empty(self.rows, self.steps, self.features)
        native.forward(self.operator(y=y, v=v, spectra=spectra), self.itemsize)
        return y.mT

    def backward(self, v: Tensor, dy: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        """The gradients in the order of the arguments."""
        a = self.a
        _check(a.z.dtype, [v, dy])
        dy = _contiguous(dy.mT)
        dz = self.empty(*a.z.mT.shape)
        dw, db, ds = (self.empty(*t.shape).zero_() for t in (a.w, a.b, a.s))
        dh, dr = None, None
        if filters_too(tuple(needed)):
            dh = self.empty(self.steps, self.convolutions, self.features)
            dr = None if a.r is None else torch.empty_like(dh)
        gradients = {"dz": dz, "dw": dw, "db": db, "dh": dh, "ds": ds, "dr": dr}
        native.backward(self.operator(v=v, dy=dy, **gradients), self.itemsize)
        if a.real is not None:
            dz.mul_(a.real[..., None])
        dh, dr = (None if t is None else t.permute(1, 2, 0) for t in (dh, dr))
        return dz.mT, dw, db, dh, ds, dr, None, None


def _check(dtype: torch.dtype, tensors: Sequence[Tensor]) -> None:
    """TypeError unless C may read the tensors: a saved one may have come back as something else."""
    takes = dtype in (torch.float32, torch.float64)
    if not takes or any(t.dtype != dtype or not _has_memory(t) for t in tensors):
        raise TypeError(
            "the compiled functions take plain tensors of one dtype, float32 or float64, on a CPU"
        )


def _has_memory(t: Tensor) -> bool:
    return type(t) in (Tensor, torch.nn.Parameter) and t.device.type == "cpu"


def _contiguous(t: Tensor) -> Tensor:
    # its numbers may be yet to be negated
    return t.resolve_neg().contiguous()


def _features_last(t: Tensor) -> Tensor:
    """t (M, D, L) as a view of an array (L, M, D)."""
    return _contiguous(t.permute(2, 0, 1)).permute(1, 2, 0)
