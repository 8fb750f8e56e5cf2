"""Attention, with a call for whole sequences and one that carries a sequence on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.canonical import ParameterMap
from ncps.specs import AttentionCache, AttentionSpec, Spec, attention_inputs, inputs
from ncps.specs import GroupedQueryAttention as GroupedQueryAttentionSpec
from ncps.specs import MultiHeadAttention as MultiHeadAttentionSpec
from ncps.specs.inputs import Axes
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer
from ncps_torch.parameters import linears_map


class Attention(NativeLayer):
    """What the attention layers share; the equations are `ncps.specs.AttentionSpec`'s.

    Four `torch.nn.Linear` around torch's fused attention (`scaled_dot_product_attention`). For
    second derivatives outside of torch.func, which its fused kernels lack, run it within
    ``torch.nn.attention.sdpa_kernel(SDPBackend.MATH)``.
    """

    spec: AttentionSpec

    def _structure(self, spec: AttentionSpec) -> None:
        size, bias = spec.known_input_size(), spec.use_bias
        self.query = nn.Linear(size, spec.num_heads * spec.head_dim, bias=bias)
        self.key = nn.Linear(size, spec.key_heads * spec.head_dim, bias=bias)
        self.value = nn.Linear(size, spec.key_heads * spec.head_dim, bias=bias)
        self.output = nn.Linear(spec.num_heads * spec.head_dim, size, bias=bias)

    def _constants(self, spec: AttentionSpec) -> None:
        size = spec.known_input_size()
        for linear in (self.query, self.key, self.value):
            linear.in_features = size
        self.output.out_features = size

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Four linear layers under their canonical names."""
        return linears_map(spec)

    def forward(
        self, x: Any, *, mask: Any = None, context: Any = None, context_mask: Any = None
    ) -> Tensor:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        x = self._input(x)
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        real = ops.real_mask(self.spec, axes, mask, x.device)
        x = _cleared(_batched(x, axes), real)
        if context is None:
            if context_mask is not None:
                shape = tuple(torch.as_tensor(context_mask).shape)
                attention_inputs.check_context_mask(self.spec, None, shape)
            y, _ = self._among_itself(x, real, None)
        else:
            y = self._across(x, axes, self._input(context), context_mask)
        y = _cleared(y, real)
        return y if axes.batched else y[0]

    def step(
        self, x: Any, state: AttentionCache | None = None, mask: Any = None
    ) -> tuple[Tensor, AttentionCache]:
        """y and the new cache for the steps x (B, T, D) that follow those in the cache `state`.

        Raises: SpecError when the layer is not causal; ShapeError when an argument does not fit.
        """
        x = self._input(x)
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        cache = self._cache(axes, state, x)
        real = ops.real_mask(self.spec, axes, mask, x.device)
        y, new = self._among_itself(_cleared(_batched(x, axes), real), real, cache)
        y = _cleared(y, real)
        if axes.batched:
            return y, new
        return y[0], AttentionCache(*(None if part is None else part[0] for part in new))

    def _cache(self, axes: Axes, state: AttentionCache | None, x: Tensor) -> AttentionCache:
        if state is None:
            lead = (axes.batch,) if axes.batched else ()
            none = x.new_zeros(*lead, self.spec.key_heads, 0, self.spec.head_dim)
            state = AttentionCache(none, none)
        keys, values, real = state
        shapes = tuple(keys.shape), tuple(values.shape), None if real is None else tuple(real.shape)
        attention_inputs.check_cache(self.spec, axes, *shapes)
        parts = (keys.to(x.dtype), values.to(x.dtype), real)
        return AttentionCache(*(p if axes.batched or p is None else p[None] for p in parts))

    def _among_itself(
        self, x: Tensor, real: Tensor | None, cache: AttentionCache | None
    ) -> tuple[Tensor, AttentionCache]:
        """Self-attention, with the steps of a cache before those of x."""
        spec = self.spec
        q, k, v = self._heads(self.query(x)), self._heads(self.key(x)), self._heads(self.value(x))
        steps = x.shape[1]
        if cache is not None:
            v = torch.cat([cache.values, v], dim=2)
            real = _joined(cache.real, real, cache.keys, steps)
        positions = ops.positions_of(v.shape[2], real, x.device)
        if spec.positions == "rotary":
            own = positions[..., v.shape[2] - steps :]
            q, k = ops.rotated(spec, q, own), ops.rotated(spec, k, own)
        if cache is not None:
            k = torch.cat([cache.keys, k], dim=2)
        bias = None
        if spec.positions == "alibi":
            bias = ops.distances(spec, positions, steps, q.dtype)
        o = ops.attention(
            *(q, k, v), causal=spec.causal, real=real, bias=bias, dropout=self._dropout
        )
        return self.output(o), AttentionCache(k, v, real)

    def _across(self, x: Tensor, axes: Axes, context: Tensor, mask: Any) -> Tensor:
        """Cross-attention, which has no order and no positions."""
        other = attention_inputs.context_axes(self.spec, axes, tuple(context.shape))
        real = None
        if mask is not None:
            mask = torch.as_tensor(mask, device=x.device)
            attention_inputs.check_context_mask(self.spec, other, tuple(mask.shape))
            real = mask.reshape(other.batch, other.steps).bool()
        context = _cleared(_batched(context, other), real)
        q, k = self._heads(self.query(x)), self._heads(self.key(context))
        v = self._heads(self.value(context))
        y: Tensor = self.output(ops.attention(q, k, v, real=real, dropout=self._dropout))
        return y

    @property
    def _dropout(self) -> float:
        return self.spec.dropout if self.training else 0.0

    def _heads(self, a: Tensor) -> Tensor:
        """(B, T, n·d) → (B, n, T, d)."""
        size = self.spec.head_dim
        return a.reshape(*a.shape[:2], a.shape[2] // size, size).transpose(1, 2)


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


def _batched(x: Tensor, axes: Axes) -> Tensor:
    return x.reshape(axes.batch, axes.steps, x.shape[-1])


def _cleared(x: Tensor, real: Tensor | None) -> Tensor:
    """x with zeros in masked steps."""
    # zero times NaN is NaN: a gap in the data must not reach the gradient
    return x if real is None else torch.where(real[..., None], x, torch.zeros_like(x))


def _joined(before: Tensor | None, real: Tensor | None, keys: Tensor, steps: int) -> Tensor | None:
    """Which steps are real, of the cache's and the new ones; None when all are."""
    if before is None and real is None:
        return None
    batch, _, old, _ = keys.shape
    if before is None:
        before = torch.ones(batch, old, dtype=torch.bool, device=keys.device)
    if real is None:
        real = torch.ones(batch, steps, dtype=torch.bool, device=keys.device)
    return torch.cat([before.to(keys.device).bool(), real], dim=1)
