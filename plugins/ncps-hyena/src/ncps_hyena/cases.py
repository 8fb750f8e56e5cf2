"""What the conformance kit tries: every option and awkward size once, in small layers."""

from __future__ import annotations

from typing import Any

from ncps.testing import Case, LayerCases

_CALL = ("batch", "steps", "mask")


def _case(layer: str, **options: Any) -> Case:
    call = {k: options.pop(k) for k in _CALL if k in options}
    small = {"l_max": 9, "filter_order": 4}
    return Case(layer, {**small, **options}, **call)


def _operator(features: int, **options: Any) -> Case:
    return _case("HyenaOperator", input_size=features, **options)


def _block(features: int, **options: Any) -> Case:
    return _case("HyenaBlock", input_size=features, **{"inner_size": 5, **options})


def _dna(units: int, layers: int, **options: Any) -> Case:
    sizes = {"units": units, "num_layers": layers, "inner_size": 5}
    return _case("HyenaDNA", **{**sizes, **options})


hyena_operator = LayerCases(
    broad=(
        _operator(5, l_max=7),
        _operator(1, l_max=65, steps=65, filter_order=33, batch=1),
        _operator(33, l_max=33, steps=32, filter_order=31, mask=True, batch=1),
        _operator(31, l_max=31, steps=31, filter_order=32, order=3),
        _operator(32, l_max=40, steps=33, emb_dim=7, num_inner=0),
        _operator(4, order=3, layout="value", shift=0.0, mask=True),
        _operator(3, order=4, num_inner=1, short_filter_order=1, l_max=64, steps=64),
        _operator(3, learn_positions=True, learn_decay=True, learn_frequency=False, frequency=3.0),
        _operator(2, order=3, learn_decay=True, layout="value", short_filter_order=5, l_max=12),
        _operator(3, bidirectional=True, order=3, mask=True),
        _operator(4, bidirectional=True, l_max=33, steps=33, learn_decay=True, batch=1),
        _operator(3, modulate=False, frequency=10.0, batch=None, mask=True),
        _operator(6, l_max=1, steps=1),
        _operator(3, fast_decay=0.1, slow_decay=2.0, decay_target=0.1, short_filter_order=8),
    ),
    small=(
        _operator(3),
        _operator(2, order=3, layout="value", short_filter_order=4, learn_decay=True, l_max=20),
        _operator(3, bidirectional=True, learn_positions=True),
        _operator(2, l_max=33, steps=33, order=3, batch=2),
    ),
)
hyena_block = LayerCases(
    broad=(
        _block(31, inner_size=33, filter_order=8, batch=1),
        _block(1, inner_size=None, mask=True, steps=9),
        _block(6, l_max=33, steps=33, order=3, layout="value", batch=None),
        _block(5, inner_size=1, bidirectional=True, layer_norm_epsilon=1e-3),
    ),
    small=(
        _block(3),
        _block(4, order=3, short_filter_order=2, learn_decay=True),
        _block(3, bidirectional=True, inner_size=None, layer_norm_epsilon=1e-2),
    ),
)
hyena_dna = LayerCases(
    broad=(
        _dna(8, 2, head="lm", l_max=32, steps=31),
        _dna(5, 1, mask=True, vocab_size=33, pad_vocab_size_multiple=1),
        _dna(4, 3, head="lm", tie_embeddings=False, mask=True, frequency=1.0, emb_dim=3),
        _dna(6, 1, head="classification", classes=3, mask=True),
        _dna(3, 2, head="classification", classes=1, pooling="last", mask=True, head_bias=False),
        _dna(4, 1, head="classification", classes=2, pooling="first", batch=None, mask=True),
        _dna(4, 1, head="classification", classes=2, pooling="sum", bidirectional=True, order=3),
        _dna(33, 1, head="lm", inner_size=None, batch=1, steps=1, vocab_size=5),
    ),
    small=(
        _dna(3, 1, vocab_size=4, pad_vocab_size_multiple=2),
        _dna(4, 2, head="lm", vocab_size=5, order=3, learn_decay=True, initializer_range=0.3),
        _dna(3, 1, head="classification", classes=2, vocab_size=4, initializer_range=0.3),
        _dna(3, 1, head="classification", classes=2, vocab_size=4, pooling="last",
             bidirectional=True),
        _dna(3, 1, head="lm", tie_embeddings=False, vocab_size=4, l_max=33, steps=33, batch=2),
    ),
)  # fmt: skip
