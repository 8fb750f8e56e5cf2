"""Every operation of `ncps.neural`: how it is called, and which meaning it must have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import meanings
import numpy as np

Call = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """`call(F, *arrays)` must give what `meaning(*arrays)` gives in float64, gradients too."""

    name: str
    operation: str
    call: Call
    meaning: Call
    shapes: tuple[tuple[int, ...], ...]
    positive: frozenset[int] = frozenset()
    spread: float = 1.0

    def inputs(self) -> list[np.ndarray]:
        """Normal numbers of this spread; those in `positive` lie between 0.05 and 0.95."""
        rng = np.random.default_rng(sum(map(ord, self.name)))
        return [
            rng.uniform(0.05, 0.95, s) if i in self.positive else rng.normal(0, self.spread, s)
            for i, s in enumerate(self.shapes)
        ]

    def __str__(self) -> str:
        return self.name


QKV = ((2, 4, 5, 6), (2, 4, 5, 6), (2, 4, 5, 6))
SHARED = ((2, 4, 3, 6), (2, 2, 5, 6), (2, 2, 5, 6))
PROJECTED = ((2, 3, 7), (2, 5, 6), (7, 16), (6, 8), (6, 8), (16, 5), (16,))
ROWS, ROW = (2, 5, 6), (6,)

CASES = [
    *(
        Case(name, name, lambda F, x, name=name: F.activation(x, name), meaning, ((31,),))
        for name, meaning in meanings.ACTIVATIONS.items()
        if name != "linear"
    ),
    Case(
        "softmax",
        "softmax",
        lambda F, x: F.softmax(x, axis=1),
        lambda x: np.exp(meanings.log_softmax(x, 1)),
        (ROWS,),
    ),
    Case(
        "log_softmax", "log_softmax", lambda F, x: F.log_softmax(x), meanings.log_softmax, (ROWS,)
    ),
    Case(
        "geglu",
        "geglu",
        lambda F, g, x: F.geglu(g, x),
        lambda g, x: meanings.gelu(g) * x,
        (ROWS, ROWS),
    ),
    Case(
        "swiglu",
        "swiglu",
        lambda F, g, x: F.swiglu(g, x),
        lambda g, x: g * meanings.sigmoid(g) * x,
        (ROWS, ROWS),
    ),
    Case(
        "linear",
        "linear",
        lambda F, x, w, b: F.linear(x, w, b),
        lambda x, w, b: x @ w + b,
        (ROWS, (6, 3), (3,)),
    ),
    Case(
        "embedding",
        "embedding",
        lambda F, w: F.embedding(F.array(meanings.INDICES), w),
        lambda w: w[meanings.INDICES],
        ((5, 3),),
    ),
    Case(
        "layer_norm",
        "layer_norm",
        lambda F, x, w, b: F.layer_norm(x, w, b),
        lambda x, w, b: meanings.standard(x, -1) * w + b,
        (ROWS, ROW, ROW),
    ),
    Case(
        "layer_norm_bare",
        "layer_norm",
        lambda F, x: F.layer_norm(x, eps=0.1),
        lambda x: meanings.standard(x, -1, 0.1),
        (ROWS,),
    ),
    Case(
        "rms_norm",
        "rms_norm",
        lambda F, x, w: F.rms_norm(x, w),
        lambda x, w: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * w,
        (ROWS, ROW),
    ),
    Case(
        "rms_norm_bare",
        "rms_norm",
        lambda F, x: F.rms_norm(x, eps=0.1),
        lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1),
        (ROWS,),
    ),
    Case(
        "group_norm",
        "group_norm",
        lambda F, x, w, b: F.group_norm(x, 3, w, b),
        meanings.group_norm,
        (ROWS, ROW, ROW),
    ),
    Case(
        "batch_norm",
        "batch_norm",
        lambda F, x, w, b: F.batch_norm(x, weight=w, bias=b),
        lambda x, w, b: meanings.standard(x, (0, 1)) * w + b,
        (ROWS, ROW, ROW),
    ),
    Case(
        "batch_norm_given",
        "batch_norm",
        lambda F, x, m, v: F.batch_norm(x, m, v),
        lambda x, m, v: (x - m) / np.sqrt(v + 1e-5),
        (ROWS, ROW, ROW),
        frozenset({2}),
    ),
    Case("rope", "rope", lambda F, x: F.rope(x), meanings.rope, ((2, 3, 5, 6),)),
    Case(
        "rope_from_step_7",
        "rope",
        lambda F, x: F.rope(x, offset=7, base=100.0),
        lambda x: meanings.rope(x, 7, 100.0),
        ((5, 6),),
    ),
    Case(
        "attention",
        "scaled_dot_product_attention",
        lambda F, *a: F.scaled_dot_product_attention(*a),
        meanings.attention,
        QKV,
    ),
    Case(
        "attention_scaled",
        "scaled_dot_product_attention",
        lambda F, *a: F.scaled_dot_product_attention(*a, scale=0.3),
        lambda *a: meanings.attention(*a, scale=0.3),
        QKV,
    ),
    Case(
        "attention_masked",
        "scaled_dot_product_attention",
        lambda F, *a: F.scaled_dot_product_attention(*a, mask=F.array(meanings.MASK)),
        lambda *a: meanings.attention(*a, allowed=meanings.MASK),
        QKV,
    ),
    Case(
        "attention_masked_causal",
        "scaled_dot_product_attention",
        lambda F, *a: F.scaled_dot_product_attention(*a, mask=F.array(meanings.MASK), causal=True),
        lambda *a: meanings.attention(*a, allowed=meanings.MASK & meanings.past(5, 5)),
        QKV,
    ),
    Case(
        "attention_biased",
        "scaled_dot_product_attention",
        lambda F, *a: F.scaled_dot_product_attention(*a[:3], bias=a[3]),
        lambda q, k, v, b: meanings.attention(q, k, v, bias=b),
        (*QKV, (4, 5, 5)),
    ),
    Case(
        "attention_alibi_causal",
        "alibi",
        lambda F, *a: F.scaled_dot_product_attention(*a, bias=F.alibi(4, 5), causal=True),
        lambda *a: meanings.attention(
            *a, allowed=meanings.past(5, 5), bias=meanings.alibi(4, 5, 5)
        ),
        QKV,
    ),
    Case(
        "flash_attention",
        "flash_attention",
        lambda F, *a: F.flash_attention(*a, causal=True),
        lambda *a: meanings.attention(*a, allowed=meanings.past(5, 5)),
        QKV,
    ),
    Case(
        "flash_attention_shared",
        "flash_attention",
        lambda F, *a: F.flash_attention(*a),
        meanings.attention,
        SHARED,
    ),
    Case(
        "grouped_query_attention",
        "grouped_query_attention",
        lambda F, *a: F.grouped_query_attention(*a, causal=True),
        lambda *a: meanings.attention(*a, allowed=meanings.past(3, 5)),
        SHARED,
    ),
    Case(
        "multi_query_attention",
        "grouped_query_attention",
        lambda F, *a: F.grouped_query_attention(*a),
        meanings.attention,
        ((2, 4, 3, 6), (2, 1, 5, 6), (2, 1, 5, 7)),
    ),
    Case(
        "more_queries_than_keys",
        "grouped_query_attention",
        lambda F, *a: F.grouped_query_attention(*a, causal=True),
        lambda *a: meanings.attention(*a, allowed=meanings.past(5, 3)),
        ((2, 4, 5, 6), (2, 2, 3, 6), (2, 2, 3, 6)),
    ),
    Case(
        "multi_head_attention",
        "multi_head_attention",
        lambda F, x, c, q, k, v, o, b: F.multi_head_attention(
            x, {"query": q, "key": k, "value": v, "output": o}, 4, c, {"query": b}
        ),
        meanings.several_heads,
        PROJECTED,
        # sums of sums: half precision rounds what is large, and cancels to what is small
        spread=0.5,
    ),
    Case(
        "mse_mean",
        "mse_loss",
        lambda F, p, t: F.mse_loss(p, t),
        lambda p, t: ((p - t) ** 2).mean(),
        (ROWS, ROWS),
    ),
    Case(
        "mse_none",
        "mse_loss",
        lambda F, p, t: F.mse_loss(p, t, reduction="none"),
        lambda p, t: (p - t) ** 2,
        (ROWS, ROWS),
    ),
    Case(
        "mae_sum",
        "mae_loss",
        lambda F, p, t: F.mae_loss(p, t, reduction="sum"),
        lambda p, t: np.abs(p - t).sum(),
        (ROWS, ROWS),
    ),
    Case(
        "huber_mean",
        "huber_loss",
        lambda F, p, t: F.huber_loss(p, t, delta=0.5),
        lambda p, t: meanings.huber(p, t).mean(),
        (ROWS, ROWS),
    ),
    Case(
        "cross_entropy_mean",
        "cross_entropy",
        lambda F, x: F.cross_entropy(x, F.array(meanings.CLASSES)),
        lambda x: meanings.picked(x).mean(),
        ((2, 3, 4),),
    ),
    Case(
        "cross_entropy_none",
        "cross_entropy",
        lambda F, x: F.cross_entropy(x, F.array(meanings.CLASSES), reduction="none"),
        meanings.picked,
        ((2, 3, 4),),
    ),
    Case(
        "cross_entropy_sum_smoothed",
        "cross_entropy",
        lambda F, x: F.cross_entropy(
            x, F.array(meanings.CLASSES), reduction="sum", label_smoothing=0.1
        ),
        lambda x: meanings.smoothed(x).sum(),
        ((2, 3, 4),),
    ),
    Case(
        "cross_entropy_weighted",
        "cross_entropy",
        lambda F, x: F.cross_entropy(
            x, F.array(meanings.CLASSES), F.array(meanings.WEIGHTS, "float32")
        ),
        lambda x: (meanings.WEIGHTS * meanings.picked(x)).sum() / meanings.WEIGHTS.sum(),
        ((2, 3, 4),),
    ),
    Case(
        "binary_cross_entropy_mean",
        "binary_cross_entropy",
        lambda F, z, t: F.binary_cross_entropy(z, t),
        lambda z, t: meanings.entropy(meanings.sigmoid(z), t).mean(),
        (ROWS, ROWS),
        frozenset({1}),
    ),
    Case(
        "binary_cross_entropy_of_p",
        "binary_cross_entropy",
        lambda F, p, t: F.binary_cross_entropy(p, t, reduction="none", from_logits=False),
        meanings.entropy,
        (ROWS, ROWS),
        frozenset({0, 1}),
    ),
]
