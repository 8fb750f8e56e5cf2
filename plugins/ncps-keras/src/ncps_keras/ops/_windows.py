"""Windows along the axes of x (B, T, D) or (B, H, W, D): padding, convolution, pooling.

In a graph of TensorFlow's the length of an axis may be known only when it runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from ncps.specs import Spread, Window
from ncps_keras.backends import NAME

Pads = list[tuple[Any, Any]]
# what TensorFlow's own convolutions lack on a CPU is put together here
LACKS = NAME == "tensorflow"


def conv(windows: Sequence[Window], groups: int, W: Any, x: Any) -> Any:
    """Σ_j x_{ts + jd − p} W_j for x (B, …, D) and W (k, …, D/groups, H)."""
    x = padded(windows, x)
    strides, dilation = _each(windows, "stride"), _each(windows, "dilation")
    if not LACKS:
        return ops.conv(x, W, strides=strides, dilation_rate=dilation)
    both = max(strides) > 1 and max(dilation) > 1
    parts = zip(ops.split(x, groups, axis=-1), ops.split(W, groups, axis=-1), strict=True)
    steps = 1 if both else strides
    y = [ops.conv(a, w, strides=steps, dilation_rate=dilation) for a, w in parts]
    whole = y[0] if groups == 1 else ops.concatenate(y, axis=-1)
    return whole[_every(strides)] if both else whole


def conv_transpose(windows: Sequence[Spread], W: Any, x: Any) -> Any:
    """Σ x_t W_j over all t and j with ts + jd − p = u, for x (B, …, D) and W (k, …, D, H)."""
    strides, dilation = _each(windows, "stride"), _each(windows, "dilation")
    if LACKS and max(dilation) > 1:
        return _cropped(windows, _spread(windows, W, x), [0] * len(windows))
    W = _laid_out(ops.swapaxes(W, -1, -2))
    y = ops.conv_transpose(x, W, strides=strides, dilation_rate=dilation)
    # what Keras adds behind the last entry where windows leave gaps
    return _cropped(windows, y, [max(w.stride - w.reach, 0) for w in windows])


def max_pool(windows: Sequence[Window], x: Any) -> Any:
    """The largest entry of each window that lies in x."""
    size, strides = _each(windows, "size"), _each(windows, "stride")
    return ops.max_pool(padded(windows, x, -math.inf), size, strides)


def average_pool(windows: Sequence[Window], x: Any, whole: bool) -> Any:
    """The average over each window: of all its entries, or of those in x alone."""
    size, strides = _each(windows, "size"), _each(windows, "stride")
    y = ops.average_pool(padded(windows, x), size, strides)
    if whole or all(w.padding == "valid" for w in windows):
        return y
    ones = padded(windows, ops.ones((1, *ops.shape(x)[1:-1], 1), dtype=x.dtype))
    return y / ops.average_pool(ones, size, strides)


def padded(windows: Sequence[Window], x: Any, value: float = 0.0) -> Any:
    """x with what its windows need beyond it."""
    pads = [_pads(w, n) for w, n in zip(windows, ops.shape(x)[1:-1], strict=True)]
    return _pad(x, pads, value)


def _pads(window: Window, n: Any) -> tuple[Any, Any]:
    if isinstance(n, int) or window.padding != "same":
        return window.pads(n)
    windows = (n + window.stride - 1) // window.stride
    total = ops.maximum((windows - 1) * window.stride + window.reach - n, 0)
    return total // 2, total - total // 2


def _pad(x: Any, pads: Pads, value: float = 0.0) -> Any:
    if all(isinstance(n, int) and n == 0 for pair in pads for n in pair):
        return x
    return ops.pad(x, [(0, 0), *pads, (0, 0)], constant_values=value)


def _laid_out(W: Any) -> Any:
    """W (k, …, H, D) as torch has it in memory, (D, H, k, …): for D = 1 its gradient fails else."""
    if NAME != "torch":
        return W
    rank = len(W.shape)
    first = ops.transpose(W, (rank - 1, rank - 2, *range(rank - 2)))
    flat = ops.reshape(ops.reshape(first, (-1,)), first.shape)
    return ops.transpose(flat, (*range(2, rank), 1, 0))


def _spread(windows: Sequence[Spread], W: Any, x: Any) -> Any:
    """The transpose as the convolution of x with zeros between its entries, the kernel turned."""
    for axis, window in enumerate(windows, start=1):
        if window.stride > 1:
            x = _with_gaps(x, axis, window.stride)
    reach = [(w.reach - 1, w.reach - 1) for w in windows]
    turned = ops.flip(W, axis=tuple(range(len(windows))))
    return ops.conv(_pad(x, reach), turned, dilation_rate=_each(windows, "dilation"))


def _with_gaps(x: Any, axis: int, stride: int) -> Any:
    """x with stride − 1 zeros between the entries of an axis."""
    shape = ops.shape(x)
    x = ops.expand_dims(x, axis + 1)
    pads = [(0, 0)] * len(x.shape)
    pads[axis + 1] = (0, stride - 1)
    x = ops.reshape(ops.pad(x, pads), (*shape[:axis], shape[axis] * stride, *shape[axis + 1 :]))
    return x[(slice(None),) * axis + (slice(None, 1 - stride),)]


def _cropped(windows: Sequence[Spread], y: Any, behind: Sequence[int]) -> Any:
    """y without what is cut off, and with the zeros that lie beyond what is reached."""
    ends = [(w.crop[0], w.crop[1] + more) for w, more in zip(windows, behind, strict=True)]
    y = _pad(y, [(0, max(-after, 0)) for _, after in ends])
    kept = (slice(before, -after if after > 0 else None) for before, after in ends)
    return y[(slice(None), *kept)]


def _every(strides: Sequence[int]) -> tuple[slice, ...]:
    return (slice(None), *(slice(None, None, s) for s in strides))


def _each(windows: Sequence[Window | Spread], name: str) -> tuple[int, ...]:
    return tuple(getattr(window, name) for window in windows)
