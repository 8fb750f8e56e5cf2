"""The cases of attention and of the feed-forward layers around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case

Cases = tuple[Case, ...]
_CALL = ("batch", "steps", "mask", "context")


def _case(layer: str, features: int, heads: int, size: int, **options: Any) -> Case:
    call = {k: options.pop(k) for k in _CALL if k in options}
    sizes = {"input_size": features, "num_heads": heads, "head_dim": size}
    return Case(layer, {**sizes, **options}, **call)


def _multi_head() -> Cases:
    def case(*sizes: int, **options: Any) -> Case:
        return _case("MultiHeadAttention", *sizes, **options)

    return (
        case(31, 4, 8),
        case(32, 2, 33, mask=True, batch=1),
        case(33, 1, 32, causal=True, steps=65, use_bias=False),
        case(8, 3, 4, causal=True, mask=True),
        case(1, 2, 1, steps=1, batch=1),
        case(6, 2, 31, batch=None, mask=True, steps=2),
        case(7, 2, 6, positions="rotary"),
        case(5, 2, 8, positions="rotary", causal=True, mask=True, rotary_base=100.0, steps=65),
        case(9, 6, 2, positions="alibi"),
        case(4, 3, 5, positions="alibi", causal=True, mask=True, batch=None),
        case(12, 8, 3, positions="alibi", causal=True, steps=65),
        case(5, 2, 4, context=9),
        case(6, 3, 2, context=4, mask=True, use_bias=False),
        case(3, 2, 4, context=3, batch=None),
    )


def _grouped() -> Cases:
    def case(*sizes: int, kv: int, **options: Any) -> Case:
        return _case("GroupedQueryAttention", *sizes, num_kv_heads=kv, **options)

    return (
        case(31, 4, 8, kv=2),
        case(32, 6, 5, kv=1, mask=True),
        case(33, 3, 4, kv=3, causal=True, steps=65, batch=1),
        case(7, 8, 4, kv=2, causal=True, positions="rotary", mask=True),
        case(1, 6, 3, kv=2, causal=True, positions="alibi", use_bias=False),
        case(6, 4, 32, kv=1, positions="alibi", mask=True, batch=None, steps=2),
        case(5, 4, 2, kv=2, context=8, mask=True),
        case(4, 2, 6, kv=1, steps=1, positions="rotary"),
    )


def _small(layer: str, **options: Any) -> Cases:
    return (
        _case(layer, 3, 4, 2, **options),
        _case(layer, 5, 4, 2, causal=True, positions="rotary", use_bias=False, **options),
        _case(layer, 4, 6, 3, causal=True, positions="alibi", **options),
    )


def _feed_forward(layer: str, *options: dict[str, Any]) -> Cases:
    def case(features: int, hidden: int, units: int, index: int, **call: Any) -> Case:
        sizes = {"input_size": features, "hidden_units": hidden, "units": units}
        return Case(layer, {**sizes, **options[index % len(options)]}, **call)

    return (
        case(31, 33, 32, 0),
        case(1, 32, 1, 1, batch=1, steps=2),
        case(33, 1, 31, 2, batch=None),
        case(32, 31, 33, 3, steps=65),
    )


_GATED: tuple[dict[str, Any], ...] = ({}, {"use_bias": True})
_UNGATED: tuple[dict[str, Any], ...] = (
    {},
    {"use_bias": False},
    {"activation": "gelu"},
    {"activation": "silu"},
)


def _small_forward(layer: str) -> Cases:
    sizes = {"input_size": 3, "hidden_units": 6, "units": 5}
    return tuple(Case(layer, {**sizes, "use_bias": bias}) for bias in (True, False))


BROAD: dict[str, Callable[[], Cases]] = {
    "FeedForward": lambda: _feed_forward("FeedForward", *_UNGATED),
    "GeGLU": lambda: _feed_forward("GeGLU", *_GATED),
    "GroupedQueryAttention": _grouped,
    "MultiHeadAttention": _multi_head,
    "SwiGLU": lambda: _feed_forward("SwiGLU", *_GATED),
}
SMALL: dict[str, Callable[[], Cases]] = {
    **{n: (lambda n=n: _small_forward(n)) for n in ("FeedForward", "GeGLU", "SwiGLU")},  # type: ignore[misc]
    "GroupedQueryAttention": lambda: _small("GroupedQueryAttention", num_kv_heads=2),
    "MultiHeadAttention": lambda: _small("MultiHeadAttention"),
}
