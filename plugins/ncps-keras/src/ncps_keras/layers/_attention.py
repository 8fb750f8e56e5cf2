"""Attention, with a call for whole sequences and one that carries a sequence on."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import AttentionCache, AttentionSpec, attention_inputs, inputs
from ncps.specs import GroupedQueryAttention as GroupedQueryAttentionSpec
from ncps.specs import MultiHeadAttention as MultiHeadAttentionSpec
from ncps.specs.inputs import Axes
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE, NativeLayer


class Attention(NativeLayer):
    """What the attention layers share; the equations are `ncps.specs.AttentionSpec`'s.

    Four affine maps around the back end's own attention: torch's fused kernels, JAX's, plain
    operations on TensorFlow, and plain ones in training with dropout. A mask of Keras', as an
    `Embedding` or `Masking` before the layer makes, is taken where none is passed.
    """

    spec: AttentionSpec

    def _constants(self) -> None:
        if self.spec.dropout:
            seed = self._seed if isinstance(self._seed, int) else None
            self._noise = ops.seed_generator(seed)

    def __call__(
        self,
        x: Any,
        *,
        mask: Any = None,
        context: Any = None,
        context_mask: Any = None,
        **options: Any,
    ) -> Any:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        given = {"mask": mask, "context": context, "context_mask": context_mask}
        given = {name: ops.as_tensor(v) for name, v in given.items() if v is not None}
        with ops.on_device(self._device):
            return super().__call__(ops.as_tensor(x), **given, **options)

    def call(
        self,
        x: Any,
        mask: Any = None,
        context: Any = None,
        context_mask: Any = None,
        x_mask: Any = None,
        training: bool = False,
    ) -> Any:
        """Run a sequence; see `__call__`. Keras puts x's own mask into `mask` or `x_mask`."""
        x = self._input(x)
        axes = inputs.sequence_axes(self.spec, tuple(x.shape))
        real = ops.real_steps(self.spec, axes, x_mask if mask is None else mask)
        x = _cleared(x if axes.batched else x[None], real)
        drop = self._drop if training and self.spec.dropout else None
        if context is not None:
            y = self._across(x, axes, self._input(context), context_mask, drop)
        else:
            if context_mask is not None:
                attention_inputs.check_context_mask(self.spec, None, tuple(context_mask.shape))
            y, _ = self._among_itself(x, real, None, drop)
        y = _cleared(y, real)
        return y if axes.batched else y[0]

    def step(
        self, x: Any, state: AttentionCache | None = None, mask: Any = None
    ) -> tuple[Any, AttentionCache]:
        """y and the new cache for the steps x (B, T, D) that follow those in the cache `state`.

        Raises: SpecError when the layer is not causal; ShapeError when an argument does not fit.
        """
        with ops.on_device(self._device):
            x = ops.as_tensor(x)
            if not self.built:
                self.build(tuple(x.shape))
            x = self._input(x)
            axes = inputs.sequence_axes(self.spec, tuple(x.shape))
            cache = self._cache(axes, state, x)
            real = ops.real_steps(self.spec, axes, mask)
            x = _cleared(x if axes.batched else x[None], real)
            y, new = self._among_itself(x, real, cache, None)
            y = _cleared(y, real)
            if axes.batched:
                return y, new
            return y[0], AttentionCache(*(None if part is None else part[0] for part in new))

    def compute_output_spec(self, x: Any, **_: Any) -> Any:
        """The symbolic y for a symbolic x."""
        shape = self.spec.output_shape(tuple(x.shape))
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _cache(self, axes: Axes, state: AttentionCache | None, x: Any) -> AttentionCache:
        if state is None:
            lead = (kops.shape(x)[0],) if axes.batched else ()
            none = kops.zeros((*lead, self.spec.key_heads, 0, self.spec.head_dim), dtype=x.dtype)
            state = AttentionCache(none, none)
        keys, values, real = (ops.as_tensor(part) for part in state)
        shapes = tuple(keys.shape), tuple(values.shape), None if real is None else tuple(real.shape)
        attention_inputs.check_cache(self.spec, axes, *shapes)
        parts = (kops.cast(keys, x.dtype), kops.cast(values, x.dtype), real)
        return AttentionCache(*(p if axes.batched or p is None else p[None] for p in parts))

    def _among_itself(
        self, x: Any, real: Any, cache: AttentionCache | None, drop: Any
    ) -> tuple[Any, AttentionCache]:
        """Self-attention, with the steps of a cache before those of x."""
        spec, steps = self.spec, kops.shape(x)[1]
        q, k, v = (self._heads(name, x) for name in ("query", "key", "value"))
        if cache is not None:
            v = kops.concatenate([cache.values, v], axis=2)
            real = _joined(cache.real, real, cache.keys, steps)
        keys = kops.shape(v)[2]
        positions = ops.positions_of(keys, real)
        if spec.positions == "rotary":
            own = positions[..., keys - steps :]
            q, k = ops.rotated(spec, q, own), ops.rotated(spec, k, own)
        if cache is not None:
            k = kops.concatenate([cache.keys, k], axis=2)
        bias = ops.distances(spec, positions, steps, q) if spec.positions == "alibi" else None
        o = ops.attention(q, k, v, causal=spec.causal, real=real, bias=bias, drop=drop)
        return self._affine("output", o), AttentionCache(k, v, real)

    def _across(self, x: Any, axes: Axes, context: Any, mask: Any, drop: Any) -> Any:
        """Cross-attention, which has no order and no positions."""
        other = attention_inputs.context_axes(self.spec, axes, tuple(context.shape))
        real = None
        if mask is not None:
            attention_inputs.check_context_mask(self.spec, other, tuple(mask.shape))
            real = kops.cast(mask if axes.batched else mask[None], "bool")
        context = _cleared(context if axes.batched else context[None], real)
        q, k, v = (
            self._heads("query", x),
            self._heads("key", context),
            self._heads("value", context),
        )
        return self._affine("output", ops.attention(q, k, v, real=real, drop=drop))

    def _affine(self, name: str, x: Any) -> Any:
        return ops.affine(x, self._read(f"{name}.kernel"), self._read(f"{name}.bias"))

    def _heads(self, name: str, x: Any) -> Any:
        """A projection of x, (B, T, D) → (B, n, T, d)."""
        size = self.spec.head_dim
        a = self._affine(name, x)
        batch, steps, features = kops.shape(a)
        return kops.transpose(kops.reshape(a, (batch, steps, features // size, size)), (0, 2, 1, 3))

    def _drop(self, weights: Any) -> Any:
        return keras.random.dropout(weights, self.spec.dropout, seed=self._noise)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultiHeadAttention(Attention):
    r"""Attention with keys and values for every head; see `ncps.specs.MultiHeadAttention`.

    .. math:: o_i = \sum_j \mathrm{softmax}_j(q_i \cdot k_j / \sqrt d + \beta_{ij})\, v_j

    Shape: x (B, T, D) or (T, D); mask (B, T); context (B, S, D); context_mask (B, S) → y as x.
    Raises: ShapeError when an argument disagrees with the spec.
    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    spec: MultiHeadAttentionSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class GroupedQueryAttention(Attention):
    r"""Attention whose heads share keys and values; see `ncps.specs.GroupedQueryAttention`.

    .. math:: o_i = \sum_j \mathrm{softmax}_j(q_i \cdot k_j / \sqrt d + \beta_{ij})\, v_j

    Shape: x (B, T, D) or (T, D); mask (B, T); context (B, S, D); context_mask (B, S) → y as x.
    Raises: ShapeError when an argument disagrees with the spec.
    Source: Ainslie et al. 2023, arXiv:2305.13245.
    """

    spec: GroupedQueryAttentionSpec


def _cleared(x: Any, real: Any) -> Any:
    """x with zeros in masked steps."""
    # zero times NaN is NaN: a gap in the data must not reach the gradient
    return x if real is None else kops.where(real[..., None], x, kops.zeros_like(x))


def _joined(before: Any, real: Any, keys: Any, steps: Any) -> Any:
    """Which steps are real, of the cache's and the new ones; None when all are."""
    if before is None and real is None:
        return None
    batch, _, old, _ = kops.shape(keys)
    if before is None:
        before = kops.ones((batch, old), dtype="bool")
    if real is None:
        real = kops.ones((batch, steps), dtype="bool")
    return kops.concatenate([kops.cast(before, "bool"), real], axis=1)
