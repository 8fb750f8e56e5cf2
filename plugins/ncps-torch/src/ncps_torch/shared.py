"""The sequence kernels that other plugins may use, by name: ``ncps.registry.kernels("torch")``.

Arguments are plain tensors, batch first, kernels (in, out); gates stand in the order of
`ncps.specs.GATES`. Each differentiates with a backward of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ncps_torch import ops


def lstm(
    kernel: Tensor, recurrent: Tensor, bias: Tensor | None, x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """The states h, c (B, T, H) after every step of x (B, T, D), T > 0."""
    hs, cs = ops.lstm(kernel.t(), recurrent.t(), bias, x.transpose(0, 1), (h, c))
    return hs.transpose(0, 1), cs.transpose(0, 1)


def cfc(
    mode: str,
    activation: str,
    affines: Sequence[tuple[Tensor, Tensor]],
    tau: Sequence[Tensor],
    drops: Sequence[Tensor],
    x: Tensor,
    h: Tensor,
    dt: Tensor | None,
) -> Tensor:
    """The states h (B, T, H) of a plain CfC cell after every step of x (B, T, D), T > 0.

    `affines` are (kernel, bias) of the backbone and then of the heads: f in mode pure, else f, g,
    a and b side by side. `tau` is (w_tau, A) in mode pure; `drops` (B, T, K), one per backbone
    layer, or none; `dt` None for 1, () for all steps, or (B, T).
    """
    *backbone, heads = ((kernel.t(), bias) for kernel, bias in affines)
    number = 1 if mode == "pure" else 4
    cell = ops.Cell(
        mode=mode,
        phi=activation,
        units=h.shape[-1],
        backbone=tuple(backbone),
        heads=tuple(zip(*(part.chunk(number) for part in heads), strict=True)),
        tau=tuple(tau),
        drops=tuple(drop.transpose(0, 1) for drop in drops),
    )
    return ops.cfc([cell], x.transpose(0, 1), h, dt).transpose(0, 1)


KERNELS = {"cfc": cfc, "lstm": lstm}
