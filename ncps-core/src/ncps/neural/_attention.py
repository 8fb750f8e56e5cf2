"""Attention on arrays (B, H, T, d): scaled dot products, shared keys, several heads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ncps.errors import ParameterError, ShapeError, unknown
from ncps.neural._norms import Norms
from ncps.neural._positions import Positions

PROJECTIONS = ("key", "output", "query", "value")


class Attention(Norms, Positions):
    r"""Attention of queries (B, H, T, d) to keys and values (B, G, S, d).

    .. math::
        o_i = \sum_j \mathrm{softmax}_j(\text{scale}\; q_i \cdot k_j + \text{bias}_{ij})\, v_j

    `scale` defaults to 1/√d. `mask`, bools that broadcast to (B, H, T, S), is True where a query
    may see a key; `bias` of such a shape is added to the scores. With `causal` query i sees the
    keys up to its own; the last query stands at the last key, whatever T and S are. What sees
    nothing at all is 0, never NaN.
    """

    def scaled_dot_product_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        bias: Any = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        """Attention with a head of keys and values for each head of queries.

        Raises: ShapeError when the arrays do not fit each other.
        Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1.
        """
        name = "scaled_dot_product_attention"
        _check(name, query, key, value)
        if query.shape[1] != key.shape[1]:
            raise ShapeError(
                f"{name} expected as many heads of keys as of queries, got {key.shape[1]} and "
                f"{query.shape[1]}. For shared keys use grouped_query_attention."
            )
        return self._attention(query, key, value, mask, bias, causal, scale)

    def grouped_query_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        bias: Any = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Any:
        """Attention in which H / G heads of queries share a head of keys and values.

        Query head h reads the key head ⌊h G / H⌋; G = 1 is multi-query attention.

        Raises: ShapeError when the arrays do not fit each other, or G does not divide H.
        Source: Ainslie et al. 2023, arXiv:2305.13245; Shazeer 2019, arXiv:1911.02150.
        """
        _check("grouped_query_attention", query, key, value)
        return self._attention(query, key, value, mask, bias, causal, scale)

    def flash_attention(
        self, query: Any, key: Any, value: Any, causal: bool = False, scale: float | None = None
    ) -> Any:
        """Attention without mask or bias, in the framework's fused kernel where it has one.

        `capabilities` names the framework's function. It takes shared keys too. Elsewhere it is
        composed, and the scores (T, S) stand in memory.

        Raises: ShapeError when the arrays do not fit each other.
        Source: Dao et al. 2022, arXiv:2205.14135.
        """
        _check("flash_attention", query, key, value)
        return self._attention(query, key, value, None, None, causal, scale)

    def multi_head_attention(
        self,
        query: Any,
        kernels: Mapping[str, Any],
        heads: int,
        context: Any = None,
        biases: Mapping[str, Any] | None = None,
        mask: Any = None,
        bias: Any = None,
        causal: bool = False,
    ) -> Any:
        """Project (B, T, D), attend in each head, project back.

        `kernels` and `biases` hold arrays by ``query``, ``key``, ``value``, ``output``: those of
        the layer `MultiHeadAttention`, W_q (D, H·d), W_k and W_v (D', G·d), W_o (H·d, E). Keys
        and values come from `context` (B, S, D'), by default the queries' own x. Fewer heads of
        keys follow from the kernels' widths.

        Raises: UnknownNameError for a kernel that is not known, ParameterError for one that is
        missing; ShapeError when the arrays do not fit.
        Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
        """
        given = biases or {}
        _check_names(kernels, given)
        context = query if context is None else context
        size = _head_size(kernels["query"], kernels["key"], heads)
        parts = {"query": query, "key": context, "value": context}
        q, k, v = (
            self._heads(self.linear(x, kernels[name], given.get(name)), size)
            for name, x in parts.items()
        )
        o = self.grouped_query_attention(q, k, v, mask, bias, causal)
        return self.linear(self._joined(o), kernels["output"], given.get("output"))

    def plain_attention(
        self, query: Any, key: Any, value: Any, bias: Any, causal: bool, scale: float
    ) -> Any:
        """The twin of `fused_attention`, composed of matrix products, with softmax in float32."""
        groups = query.shape[1] // key.shape[1]
        if groups > 1:
            key, value = (self.xp.repeat(x, groups, axis=1) for x in (key, value))
        swapped = self.xp.transpose(key, (0, 1, 3, 2))
        scores = self._wide(self.xp.matmul(query * scale, swapped))
        if causal:
            bias = self._forbidden(query.shape[2], key.shape[2], scores)
        if bias is not None:
            scores = scores + self._wide(bias)
        weights = self.cast(self._weights(scores), self.dtype(query))
        return self.xp.matmul(weights, value)

    def fused_attention(
        self, query: Any, key: Any, value: Any, bias: Any, causal: bool, scale: float
    ) -> Any:
        """The framework's own kernel; `bias` and `causal`, for T = S, are never given together."""
        return self.plain_attention(query, key, value, bias, causal, scale)

    def _attention(
        self, q: Any, k: Any, v: Any, mask: Any, bias: Any, causal: bool, scale: float | None
    ) -> Any:
        scale = 1.0 / math.sqrt(q.shape[-1]) if scale is None else scale
        queries, keys = q.shape[2], k.shape[2]
        if mask is None and bias is None and (not causal or queries == keys):
            return self.fused_attention(q, k, v, None, causal, scale)
        if causal:
            past = self._past(queries, keys, q)
            mask = past if mask is None else mask & past
        if mask is None:
            return self.fused_attention(q, k, v, self.cast(bias, self.dtype(q)), False, scale)
        seen = self.xp.any(mask, axis=-1, keepdims=True)
        # rows that see nothing see everything until they are set to 0: softmax has no NaN then
        added = self._barrier(mask | ~seen, q)
        added = added if bias is None else added + self.cast(bias, self.dtype(q))
        y = self.fused_attention(q, k, v, added, False, scale)
        return self.xp.where(seen, y, 0.0 * y)

    def _past(self, queries: int, keys: int, like: Any) -> Any:
        """True where a key is not after the query (T, S)."""
        import numpy as np

        return self._as(np.tri(queries, keys, keys - queries), like) > 0

    def _forbidden(self, queries: int, keys: int, like: Any) -> Any:
        return self._barrier(self._past(queries, keys, like), like)

    def _barrier(self, mask: Any, like: Any) -> Any:
        """0 where the mask is True, minus infinity elsewhere, in the dtype of another array."""
        zero, wall = (self._as(value, like) for value in (0.0, -math.inf))
        return self.xp.where(mask, zero, wall)

    def _weights(self, scores: Any) -> Any:
        """Softmax over the keys."""
        weights = self.xp.exp(scores - self.xp.max(scores, axis=-1, keepdims=True))
        return weights / self.xp.sum(weights, axis=-1, keepdims=True)

    def _heads(self, x: Any, size: int) -> Any:
        """(B, T, H·d) → (B, H, T, d)."""
        batch, steps, width = x.shape
        if width % size:
            raise ShapeError(
                f"multi_head_attention expected kernels whose width is a multiple of {size}, the "
                f"features of a head, got {width}."
            )
        return self.xp.transpose(
            self.xp.reshape(x, (batch, steps, width // size, size)), (0, 2, 1, 3)
        )

    def _joined(self, x: Any) -> Any:
        """(B, H, T, d) → (B, T, H·d)."""
        batch, heads, steps, size = x.shape
        return self.xp.reshape(self.xp.transpose(x, (0, 2, 1, 3)), (batch, steps, heads * size))


def _check_names(kernels: Mapping[str, Any], biases: Mapping[str, Any]) -> None:
    for name in (*kernels, *biases):
        if name not in PROJECTIONS:
            raise unknown("projection of multi_head_attention", name, PROJECTIONS)
    missing = sorted(set(PROJECTIONS) - set(kernels))
    if missing:
        raise ParameterError(
            f"multi_head_attention expected the kernels {', '.join(PROJECTIONS)}, got none for "
            f"{', '.join(missing)}."
        )


def _head_size(query_kernel: Any, key_kernel: Any, heads: int) -> int:
    width = int(query_kernel.shape[-1])
    if heads < 1 or width % heads or int(key_kernel.shape[-1]) % (width // heads):
        raise ShapeError(
            f"multi_head_attention expected a number of heads that divides the width of the "
            f"query's kernel {tuple(query_kernel.shape)}, got {heads}."
        )
    return width // heads


def _check(name: str, query: Any, key: Any, value: Any) -> None:
    q, k, v = (tuple(x.shape) for x in (query, key, value))
    fits = len(q) == len(k) == len(v) == 4 and k[:3] == v[:3] and q[0] == k[0] and q[3] == k[3]
    if not fits or q[1] % k[1]:
        raise ShapeError(
            f"{name} expected query (B, H, T, d), key (B, G, S, d) and value (B, G, S, e) with G "
            f"a divisor of H, got {q}, {k} and {v}."
        )
