"""The modules that the layers are made of."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from ncps_hyena.mlx import ops
from ncps_hyena.specs import HyenaSpec


class Short(nn.Module):
    """A causal convolution of K taps over each feature; the last tap is the step itself."""

    def __init__(self, size: int, taps: int) -> None:
        super().__init__()
        self.weight = mx.zeros((taps, size))
        self.bias = mx.zeros((size,))

    def __call__(self, x: mx.array, tail: mx.array | None) -> tuple[mx.array, mx.array]:
        """y (B, T, D), and the steps (B, K - 1, D) that the next ones still see."""
        return ops.short_convolution(x, self.weight, self.bias, tail)


class Projection(nn.Module):
    """A linear map, and a short convolution after it."""

    def __init__(self, size: int, taps: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.short = Short(size, taps)

    def __call__(
        self, x: mx.array, real: mx.array | None, tail: mx.array | None
    ) -> tuple[mx.array, mx.array]:
        """y (B, T, D) and the new tail; zeros enter the convolution in masked steps."""
        y: tuple[mx.array, mx.array] = self.short(ops.cleared(self.linear(x), real), tail)
        return y


class FilterNetwork(nn.Module):
    """What writes the filters, but for its last maps: z of a lag → a (F,), in float32."""

    def __init__(self, spec: HyenaSpec) -> None:
        super().__init__()
        self._spec = spec
        width = spec.filter_order
        for j, ins in enumerate((spec.emb_dim, *(width,) * spec.num_inner)):
            setattr(self, f"hidden_{j}", nn.Linear(ins, width))
        if spec.learn_frequency:
            self.frequency = mx.zeros((width,))
        if spec.learn_positions:
            self.positions = mx.zeros((spec.l_max, spec.emb_dim))

    def __call__(self, steps: int) -> mx.array:
        """The a (S, F) of the first S lags."""
        spec = self._spec
        a, frequency = ops.positions(spec, steps), mx.array(spec.frequency)
        if spec.learn_positions:
            a = self.positions[:steps].astype(mx.float32)
        if spec.learn_frequency:
            frequency = self.frequency.astype(mx.float32)
        for j in range(spec.num_inner + 1):
            a = mx.sin(frequency * getattr(self, f"hidden_{j}")(a))
        return a


class LongConvolution(nn.Module):
    """The last maps of the filters of convolution o, its skip and its decay."""

    def __init__(self, spec: HyenaSpec, o: int) -> None:
        super().__init__()
        self._spec, self._o, self.both = spec, o, spec.bidirectional
        self.kernel = nn.Linear(spec.filter_order, spec.features, bias=False)
        if self.both:
            self.reverse_kernel = nn.Linear(spec.filter_order, spec.features, bias=False)
        self.skip = mx.zeros((spec.features,))
        if spec.learn_decay:
            self.delta = mx.zeros((spec.features,))

    def lags(self, a: mx.array) -> mx.array:
        """The h (D, S) of the network's a (S, F)."""
        return self._damped(self.kernel(a).T)

    def later(self, a: mx.array) -> mx.array:
        """The r (D, S) of the network's a (S, F)."""
        return self._damped(self.reverse_kernel(a).T)

    def _damped(self, h: mx.array) -> mx.array:
        spec = self._spec
        if not spec.modulate:
            return h
        delta = ops.delta(spec, self._o)
        if spec.learn_decay:
            delta = self.delta.astype(mx.float32)
        t = ops.times(spec, h.shape[-1])
        return h * (mx.exp(-mx.abs(delta)[:, None] * t) + spec.shift)


class FeedForward(nn.Module):
    """The map gelu(x W_up + b_up) W_down + b_down, with the GELU's tanh approximation."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.up = nn.Linear(size, inner)
        self.down = nn.Linear(inner, size)

    def __call__(self, x: mx.array) -> mx.array:
        """From x (…, D) to (…, D)."""
        y: mx.array = self.down(nn.gelu_approx(self.up(x)))
        return y


class Drop(nn.Module):
    """Dropout that MLX's own random state decides."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def __call__(self, x: mx.array) -> mx.array:
        """The x with some entries 0 and the others larger, in training."""
        if not self.training or self._rate == 0.0:
            return x
        factor: mx.array = ops.kit.dropout(self._rate, x.shape, x.dtype)
        return x * factor
