"""What the conformance kit tries of each layer.

`broad` meets every option and awkward size once: 1, 31, 32 and 33 features, 1, 2, 7 and 65 steps,
chunks that do not divide them. Recurrent and gate kernels that would start as zeros are drawn in
most, so that what they do shows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ncps.testing import Case, LayerCases

# norms over so few features hardly change anything where these are equal, and rounding counts then
_SMOOTH = 0.1
_CALL = ("batch", "steps", "timespans", "mask", "state")


def _case(layer: str, options: dict[str, Any]) -> Case:
    call = {name: options.pop(name) for name in _CALL if name in options}
    return Case(layer, options, **call)


def _of_cell(cases: tuple[Case, ...], layer: str, dropped: tuple[str, ...]) -> tuple[Case, ...]:
    """The same cases of a layer's cell, which takes neither a mask nor these options."""
    found = []
    for case in cases:
        options = {k: v for k, v in case.options.items() if k not in dropped}
        one = replace(case, layer=layer, options=options, mask=False)
        if one not in found:
            found.append(one)
    return tuple(found)


def _slstm(features: int, units: int, num_heads: int, **options: Any) -> Case:
    options.setdefault("recurrent_init", "uniform")
    sizes = {"input_size": features, "units": units, "num_heads": num_heads}
    return _case("sLSTM", {**sizes, **options})


slstm = LayerCases(
    broad=(
        _slstm(31, 33, 3, state=True),
        _slstm(33, 32, 4, bias_init="linspace", steps=2, state=True),
        _slstm(1, 31, 1, bias_init="uniform", batch=1, steps=1),
        _slstm(32, 1, 1, steps=65, timespans=False),
        _slstm(3, 4, 4, recurrent_init="zeros", mask=True, state=True),
        _slstm(3, 6, 2, bias_init="zeros", steps=65, mask=True),
        _slstm(2, 4, 2, batch=None, mask=True, state=True),
        _slstm(2, 4, 2, return_sequences=False, mask=True),
    ),
    small=(
        _slstm(3, 4, 2, state=True),
        _slstm(2, 4, 1, bias_init="uniform", state=True),
        _slstm(3, 4, 2, return_sequences=False, state=True),
        _slstm(2, 3, 3, recurrent_init="zeros", state=True),
    ),
)
slstm_cell = LayerCases(
    broad=_of_cell(slstm.broad, "sLSTMCell", ("return_sequences",)),
    small=_of_cell(slstm.small, "sLSTMCell", ("return_sequences",)),
)


def _mlstm(features: int, units: int, num_heads: int, **options: Any) -> Case:
    options.setdefault("gate_init", "normal")
    sizes = {"input_size": features, "units": units, "num_heads": num_heads}
    return _case("mLSTM", {**sizes, **options})


mlstm = LayerCases(
    broad=(
        _mlstm(31, 33, 1, state=True),
        _mlstm(33, 32, 4, key_size=16, form="parallel", mask=True, state=True),
        _mlstm(4, 8, 2, key_size=6, form="recurrent", steps=65, mask=True, state=True),
        _mlstm(1, 31, 31, batch=1, steps=1),
        _mlstm(32, 1, 1, key_size=5, steps=65, timespans=False),
        _mlstm(4, 8, 2, chunk_size=32, steps=65, mask=True, state=True),
        _mlstm(5, 6, 2, key_size=10, chunk_size=3, use_bias=False, state=True),
        _mlstm(3, 4, 2, chunk_size=1, gate_init="zeros", batch=None, mask=True, state=True),
        _mlstm(3, 4, 1, form="parallel", return_sequences=False, steps=2),
    ),
    small=(
        _mlstm(4, 6, 2, state=True),
        _mlstm(2, 4, 1, key_size=3, form="parallel", use_bias=False, state=True),
        _mlstm(3, 4, 2, chunk_size=3, return_sequences=False, state=True),
        _mlstm(2, 4, 2, form="recurrent", key_size=2, state=True),
        _mlstm(2, 3, 3, chunk_size=2, gate_init="zeros", state=True),
    ),
)
_OF_SEQUENCES = ("return_sequences", "form", "chunk_size")
mlstm_cell = LayerCases(
    broad=_of_cell(mlstm.broad, "mLSTMCell", _OF_SEQUENCES),
    small=_of_cell(mlstm.small, "mLSTMCell", _OF_SEQUENCES),
)


def _slstm_block(features: int, num_heads: int, **options: Any) -> Case:
    options.setdefault("recurrent_init", "uniform")
    if features < 10:
        options.setdefault("epsilon", _SMOOTH)
    sizes = {"input_size": features, "num_heads": num_heads}
    return _case("sLSTMBlock", {**sizes, **options})


slstm_block = LayerCases(
    broad=(
        _slstm_block(33, 3, hidden_units=31, state=True),
        _slstm_block(32, 4, steps=2, num_blocks=3, block_index=2, state=True),
        _slstm_block(31, 1, kernel_size=0, hidden_units=33, use_bias=True, batch=1, steps=1),
        _slstm_block(1, 1, kernel_size=2, hidden_units=1, steps=65),
        _slstm_block(6, 2, feed_forward=False, steps=65, mask=True, timespans=False),
        _slstm_block(6, 3, activation="silu", hidden_units=5, kernel_size=3, mask=True, state=True),
        _slstm_block(4, 2, recurrent_init="zeros", hidden_units=4, batch=None, mask=True),
        _slstm_block(4, 2, hidden_units=4, return_sequences=False, mask=True, state=True),
    ),
    small=(
        _slstm_block(4, 2, hidden_units=3, state=True),
        _slstm_block(2, 1, kernel_size=0, feed_forward=False, state=True),
        _slstm_block(4, 2, hidden_units=3, use_bias=True, return_sequences=False, state=True),
        _slstm_block(3, 1, kernel_size=2, hidden_units=2, bias_init="uniform", state=True),
    ),
)


def _mlstm_block(features: int, num_heads: int, **options: Any) -> Case:
    options.setdefault("gate_init", "normal")
    if features < 10:
        options.setdefault("epsilon", _SMOOTH)
    sizes = {"input_size": features, "num_heads": num_heads}
    return _case("mLSTMBlock", {**sizes, **options})


mlstm_block = LayerCases(
    broad=(
        _mlstm_block(31, 4, state=True),
        _mlstm_block(33, 1, inner_size=32, block_size=8, form="parallel", steps=2, state=True),
        _mlstm_block(1, 3, inner_size=33, block_size=1, kernel_size=2, batch=1, steps=1),
        _mlstm_block(32, 2, inner_size=8, use_bias=True, chunk_size=32, steps=65, mask=True),
        _mlstm_block(3, 2, inner_size=6, block_size=3, form="recurrent", steps=65, timespans=False),
        _mlstm_block(4, 2, inner_size=8, chunk_size=3, gate_init="zeros", mask=True, state=True),
        _mlstm_block(3, 2, inner_size=4, block_size=2, batch=None, mask=True, state=True),
        _mlstm_block(3, 2, inner_size=4, return_sequences=False, mask=True, state=True),
    ),
    small=(
        _mlstm_block(3, 2, inner_size=4, block_size=2, state=True),
        _mlstm_block(2, 1, inner_size=4, use_bias=True, kernel_size=2, chunk_size=3, state=True),
        _mlstm_block(3, 2, inner_size=4, return_sequences=False, state=True),
        _mlstm_block(2, 2, inner_size=2, block_size=1, form="recurrent", state=True),
    ),
)


def _large_block(features: int, num_heads: int, **options: Any) -> Case:
    options.setdefault("gate_init", "normal")
    if features < 10:
        options.setdefault("epsilon", _SMOOTH)
    sizes = {"input_size": features, "num_heads": num_heads}
    return _case("xLSTMLargeBlock", {**sizes, **options})


large_block = LayerCases(
    broad=(
        _large_block(32, 4, state=True),
        _large_block(33, 1, key_size=31, form="parallel", hidden_units=32, steps=2, state=True),
        _large_block(31, 3, key_size=3, value_size=33, hidden_units=1, batch=1, steps=1),
        _large_block(1, 1, key_size=2, hidden_units=2, chunk_size=32, steps=65, mask=True),
        _large_block(
            4, 2, use_bias=True, gate_soft_cap=None, hidden_units=5, mask=True, state=True
        ),
        _large_block(4, 2, gate_soft_cap=0.5, hidden_units=3, chunk_size=3, timespans=False),
        _large_block(4, 1, form="recurrent", gate_init="zeros", hidden_units=2, batch=None),
        _large_block(4, 2, hidden_units=3, return_sequences=False, mask=True, state=True),
    ),
    small=(
        _large_block(4, 2, hidden_units=3, state=True),
        _large_block(2, 1, value_size=3, hidden_units=2, use_bias=True, chunk_size=3, state=True),
        _large_block(4, 2, hidden_units=3, return_sequences=False, state=True),
        _large_block(2, 1, key_size=2, hidden_units=2, form="parallel", state=True),
    ),
)

_SLSTM = {"hidden_units": 2, "recurrent_init": "uniform"}
_MLSTM = {"inner_size": 4, "block_size": 2, "gate_init": "normal"}


def _stack(features: int, num_blocks: int, slstm_at: Any, **options: Any) -> Case:
    options = {"num_heads": 2, "slstm": _SLSTM, "mlstm": _MLSTM, **options}
    if features < 10:
        options.setdefault("epsilon", _SMOOTH)
    sizes = {"input_size": features, "num_blocks": num_blocks, "slstm_at": slstm_at}
    return _case("xLSTMBlockStack", {**sizes, **options})


stack = LayerCases(
    broad=(
        _stack(4, 3, (1,), state=True),
        _stack(32, 2, (), num_heads=4, mlstm={"gate_init": "normal"}, steps=2, state=True),
        _stack(6, 2, "all", slstm={**_SLSTM, "kernel_size": 0}, final_norm=False, steps=65),
        _stack(4, 2, (0,), use_bias=True, form="parallel", mask=True, state=True),
        _stack(1, 1, (), num_heads=1, chunk_size=3, batch=1, steps=1),
        _stack(4, 2, (1,), slstm={**_SLSTM, "num_heads": 4}, chunk_size=32, steps=65, mask=True),
        _stack(4, 2, (0,), form="recurrent", batch=None, mask=True, state=True),
        _stack(4, 2, (1,), return_sequences=False, mask=True, timespans=False),
    ),
    small=(
        _stack(2, 2, (1,), num_heads=1, state=True),
        _stack(2, 2, (0,), num_heads=2, return_sequences=False, final_norm=False, state=True),
        _stack(2, 1, (), num_heads=1, form="parallel", use_bias=True, state=True),
    ),
)


def _lm(units: int, slstm_at: Any, **options: Any) -> Case:
    shared = {"num_heads": 2, "slstm": _SLSTM, "mlstm": _MLSTM, "slstm_at": slstm_at}
    options.setdefault("epsilon", _SMOOTH)
    sizes = {"vocab_size": 5, "units": units, "num_blocks": 2}
    return _case("xLSTMLM", {**sizes, **shared, **options})


lm = LayerCases(
    broad=(
        _lm(4, (1,), vocab_size=33, state=True),
        _lm(4, (0,), tie_weights=True, mask=True, state=True),
        _lm(6, "all", head=None, final_norm=False, steps=65),
        _lm(4, (), vocab_size=1, form="parallel", batch=1, steps=1),
        _lm(4, (), chunk_size=32, steps=65, mask=True, timespans=False),
        _lm(4, (0,), use_bias=True, batch=None, steps=2, mask=True, state=True),
        _lm(4, (1,), return_sequences=False, mask=True, state=True),
    ),
    small=(
        _lm(2, (1,), num_heads=1, vocab_size=3, state=True),
        _lm(4, (0,), num_blocks=1, tie_weights=True, num_heads=1, vocab_size=4, state=True),
        _lm(2, (), num_blocks=1, head=None, return_sequences=False, chunk_size=3, state=True),
    ),
)


def _large(units: int, **options: Any) -> Case:
    options.setdefault("gate_init", "normal")
    if units < 10:
        options.setdefault("epsilon", _SMOOTH)
    sizes = {"vocab_size": 5, "units": units, "num_blocks": 2, "num_heads": 2, "hidden_units": 3}
    return _case("xLSTMLarge", {**sizes, **options})


large = LayerCases(
    broad=(
        _large(4, vocab_size=33, state=True),
        _large(32, num_blocks=1, num_heads=4, hidden_units=None, steps=2, state=True),
        _large(4, tie_weights=True, logit_soft_cap=None, mask=True, state=True),
        _large(8, head=None, final_norm=False, use_bias=True, steps=65),
        _large(4, vocab_size=1, form="parallel", batch=1, steps=1),
        _large(4, gate_soft_cap=None, logit_soft_cap=0.5, chunk_size=32, steps=65, mask=True),
        _large(3, key_size=2, value_size=6, form="recurrent", batch=None, mask=True, state=True),
        _large(4, return_sequences=False, mask=True, timespans=False, state=True),
    ),
    small=(
        _large(4, vocab_size=3, chunk_size=3, state=True),
        _large(2, num_blocks=1, num_heads=1, tie_weights=True, use_bias=True, state=True),
        _large(2, num_blocks=1, num_heads=1, head=None, return_sequences=False, state=True),
    ),
)
