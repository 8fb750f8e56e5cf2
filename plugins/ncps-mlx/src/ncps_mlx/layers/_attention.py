"""Attention, with a call for whole sequences and one that carries a sequence on."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap
from ncps.specs import AttentionCache, AttentionSpec, Spec, attention_inputs, inputs
from ncps.specs import GroupedQueryAttention as GroupedQueryAttentionSpec
from ncps.specs import MultiHeadAttention as MultiHeadAttentionSpec
from ncps.specs.inputs import Axes
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer
from ncps_mlx.parameters import linears_map


class Attention(NativeLayer):
    """What the attention layers share; the equations are `ncps.specs.AttentionSpec`'s.

    Four `mlx.nn.Linear` around MLX's fused attention (`mx.fast.scaled_dot_product_attention`),
    which in training with dropout gives way to plain operations.
    """

    spec: AttentionSpec

    def _structure(self) -> None:
        spec = self.spec
        size, bias = spec.known_input_size(), spec.use_bias
        self.query = nn.Linear(size, spec.num_heads * spec.head_dim, bias=bias)
        self.key = nn.Linear(size, spec.key_heads * spec.head_dim, bias=bias)
        self.value = nn.Linear(size, spec.key_heads * spec.head_dim, bias=bias)
        self.output = nn.Linear(spec.num_heads * spec.head_dim, size, bias=bias)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Four linear layers under their canonical names."""
        return linears_map(spec)

    def __call__(
        self, x: Any, *, mask: Any = None, context: Any = None, context_mask: Any = None
    ) -> mx.array:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        with ops.on_device(self._device):
            x = self._input(x)
            axes = inputs.sequence_axes(self.spec, x.shape)
            real = ops.real_steps(self.spec, axes, mask)
            x = _cleared(_batched(x, axes), real)
            if context is not None:
                y = self._across(x, axes, self._input(context), context_mask)
            else:
                if context_mask is not None:
                    shape = ops.as_array(context_mask).shape
                    attention_inputs.check_context_mask(self.spec, None, shape)
                y, _ = self._among_itself(x, real, None)
            y = _cleared(y, real)
            return y if axes.batched else y[0]

    def step(
        self, x: Any, state: AttentionCache | None = None, mask: Any = None
    ) -> tuple[mx.array, AttentionCache]:
        """y and the new cache for the steps x (B, T, D) that follow those in the cache `state`.

        Raises: SpecError when the layer is not causal; ShapeError when an argument does not fit.
        """
        with ops.on_device(self._device):
            x = self._input(x)
            axes = inputs.sequence_axes(self.spec, x.shape)
            cache = self._cache(axes, state, x.dtype)
            real = ops.real_steps(self.spec, axes, mask)
            y, new = self._among_itself(_cleared(_batched(x, axes), real), real, cache)
            y = _cleared(y, real)
            if axes.batched:
                return y, new
            return y[0], AttentionCache(*(None if part is None else part[0] for part in new))

    def _cache(self, axes: Axes, state: AttentionCache | None, dtype: mx.Dtype) -> AttentionCache:
        if state is None:
            lead = (axes.batch,) if axes.batched else ()
            none = mx.zeros((*lead, self.spec.key_heads, 0, self.spec.head_dim), dtype)
            state = AttentionCache(none, none)
        keys, values, real = state
        shapes = keys.shape, values.shape, None if real is None else real.shape
        attention_inputs.check_cache(self.spec, axes, *shapes)
        parts = (keys.astype(dtype), values.astype(dtype), real)
        return AttentionCache(*(p if axes.batched or p is None else p[None] for p in parts))

    def _among_itself(
        self, x: mx.array, real: mx.array | None, cache: AttentionCache | None
    ) -> tuple[mx.array, AttentionCache]:
        """Self-attention, with the steps of a cache before those of x."""
        spec, steps = self.spec, x.shape[1]
        q, k, v = self._heads(self.query(x)), self._heads(self.key(x)), self._heads(self.value(x))
        if cache is not None:
            v = mx.concatenate([cache.values, v], axis=2)
            real = _joined(cache.real, real, cache.keys, steps)
        old = v.shape[2] - steps
        positions = ops.positions_of(v.shape[2], real)
        if spec.positions == "rotary":
            q, k = (ops.rotated(spec, a, positions, old) for a in (q, k))
        if cache is not None:
            k = mx.concatenate([cache.keys, k], axis=2)
        bias = None
        if spec.positions == "alibi":
            bias = ops.distances(spec, positions, old, q.dtype)
        o = ops.attention(
            *(q, k, v), causal=spec.causal, real=real, bias=bias, dropout=self._dropout
        )
        return self.output(o), AttentionCache(k, v, real)

    def _across(self, x: mx.array, axes: Axes, context: mx.array, mask: Any) -> mx.array:
        """Cross-attention, which has no order and no positions."""
        other = attention_inputs.context_axes(self.spec, axes, context.shape)
        real = None
        if mask is not None:
            mask = ops.as_array(mask)
            attention_inputs.check_context_mask(self.spec, other, mask.shape)
            real = mask.reshape(other.batch, other.steps).astype(mx.bool_)
        context = _cleared(_batched(context, other), real)
        q, k = self._heads(self.query(x)), self._heads(self.key(context))
        v = self._heads(self.value(context))
        y: mx.array = self.output(ops.attention(q, k, v, real=real, dropout=self._dropout))
        return y

    @property
    def _dropout(self) -> float:
        return self.spec.dropout if self.training else 0.0

    def _heads(self, a: mx.array) -> mx.array:
        """(B, T, n·d) → (B, n, T, d)."""
        size = self.spec.head_dim
        return a.reshape(*a.shape[:2], a.shape[2] // size, size).transpose(0, 2, 1, 3)


class MultiHeadAttention(Attention):
    r"""Attention with keys and values for every head; see `ncps.specs.MultiHeadAttention`.

    .. math:: o_i = \sum_j \mathrm{softmax}_j(q_i \cdot k_j / \sqrt d + \beta_{ij})\, v_j

    Shape: x (B, T, D) or (T, D); mask (B, T); context (B, S, D); context_mask (B, S) → y as x.
    Raises: ShapeError when an argument disagrees with the spec.
    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    spec: MultiHeadAttentionSpec


class GroupedQueryAttention(Attention):
    r"""Attention whose heads share keys and values; see `ncps.specs.GroupedQueryAttention`.

    .. math:: o_i = \sum_j \mathrm{softmax}_j(q_i \cdot k_j / \sqrt d + \beta_{ij})\, v_j

    Shape: x (B, T, D) or (T, D); mask (B, T); context (B, S, D); context_mask (B, S) → y as x.
    Raises: ShapeError when an argument disagrees with the spec.
    Source: Ainslie et al. 2023, arXiv:2305.13245.
    """

    spec: GroupedQueryAttentionSpec


def _batched(x: mx.array, axes: Axes) -> mx.array:
    return x.reshape(axes.batch, axes.steps, x.shape[-1])


def _cleared(x: mx.array, real: mx.array | None) -> mx.array:
    """x with zeros in masked steps."""
    # zero times NaN is NaN: a gap in the data must not reach the gradient
    return x if real is None else mx.where(real[..., None], x, mx.zeros_like(x))


def _joined(
    before: mx.array | None, real: mx.array | None, keys: mx.array, steps: int
) -> mx.array | None:
    """Which steps are real, of the cache's and the new ones; None when all are."""
    if before is None and real is None:
        return None
    batch, _, old, _ = keys.shape
    if before is None:
        before = mx.ones((batch, old), mx.bool_)
    if real is None:
        real = mx.ones((batch, steps), mx.bool_)
    return mx.concatenate([before.astype(mx.bool_), real], axis=1)
