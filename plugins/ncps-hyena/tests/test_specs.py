"""The specs: options that cannot be, sizes, tables and first values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ncps import specs
from ncps.errors import IndicesError, ShapeError, SpecError, UnknownNameError
from ncps_hyena.specs import HyenaBlock, HyenaDNA, HyenaOperator

DNA = {"units": 8, "num_layers": 2, "l_max": 20}


def parameters(spec: Any) -> dict[str, tuple[int, ...]]:
    return {p.name: p.shape for p in spec.parameters()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l_max": 0}, "HyenaOperator expected l_max to be an integer >= 1, got 0"),
        ({"order": 1}, "expected order to be an integer >= 2, got 1"),
        ({"emb_dim": 4}, "expected an odd emb_dim.*got 4. Pass emb_dim=5"),
        ({"emb_dim": 1}, "expected emb_dim to be an integer >= 3"),
        ({"num_inner": -1}, "expected num_inner to be an integer >= 0"),
        ({"short_filter_order": 0}, "expected short_filter_order to be an integer >= 1"),
        ({"frequency": 0.0}, "expected frequency to be a number > 0"),
        ({"shift": -0.1}, "expected shift to be a number >= 0"),
        ({"decay_target": 1.0}, r"expected decay_target below 1, got 1.0"),
        ({"learn_decay": True, "modulate": False}, "expected modulate=True with learn_decay"),
        ({"dropout": 1.0}, r"expected dropout in \[0, 1\)"),
        ({"bidirectional": 1}, "expected bidirectional to be True or False"),
    ],
)
def test_operator_refuses_what_it_cannot_have(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        HyenaOperator(**{"input_size": 4, "l_max": 9, **options})


def test_layout_has_two_values() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown HyenaOperator layout 'ordre'.*order"):
        HyenaOperator(input_size=4, l_max=9, layout="ordre")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "classification"}, "expected classes with head='classification', got None"),
        ({"classes": 3}, "expected no classes with head=None, got 3"),
        ({"head": "lm", "classes": 3}, "expected no classes with head='lm'"),
        ({"head": "classification", "classes": 0}, "expected classes to be an integer >= 1"),
        ({"units": 0}, "expected units to be an integer >= 1"),
        ({"vocab_size": 0}, "expected vocab_size to be an integer >= 1"),
        ({"input_size": 3}, "HyenaDNA expected no input_size, got 3"),
        ({"embedding_dropout": -0.1}, "expected embedding_dropout"),
    ],
)
def test_model_refuses_what_it_cannot_have(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        HyenaDNA(**{**DNA, **options})


def test_block_refuses_what_it_cannot_have() -> None:
    with pytest.raises(SpecError, match="HyenaBlock expected inner_size to be an integer >= 1"):
        HyenaBlock(input_size=4, l_max=9, inner_size=0)
    with pytest.raises(SpecError, match="expected layer_norm_epsilon to be a number > 0"):
        HyenaBlock(input_size=4, l_max=9, layer_norm_epsilon=0.0)
    with pytest.raises(SpecError, match=r"expected residual_dropout in \[0, 1\)"):
        HyenaBlock(input_size=4, l_max=9, residual_dropout=1.0)


def test_operator_names_every_projection_on_its_own() -> None:
    spec = HyenaOperator(input_size=4, l_max=9, order=3, filter_order=5, short_filter_order=2)
    names = parameters(spec)
    for projection in ("value", "gate_0", "gate_1", "gate_2"):
        assert names[f"{projection}.kernel"] == (4, 4)
        assert names[f"{projection}.short_kernel"] == (2, 4)
    assert [n for n in names if n.startswith("long_")] == [
        *("long_0.kernel", "long_0.skip", "long_1.kernel", "long_1.skip")
    ]
    assert names["filter.hidden_0.kernel"] == (3, 5)
    assert names["filter.hidden_2.kernel"] == (5, 5)
    assert names["filter.frequency"] == (5,)


def test_tables_are_parameters_only_when_they_are_learned() -> None:
    options = {"input_size": 4, "l_max": 9, "emb_dim": 5, "filter_order": 6}
    plain = HyenaOperator(**options)
    learned = HyenaOperator(**options, learn_positions=True, learn_decay=True, bidirectional=True)
    more = dict(parameters(learned).items() - parameters(plain).items())
    assert more == {
        "filter.positions": (9, 5),
        "long_0.delta": (4,),
        "long_0.reverse_kernel": (6, 4),
    }
    fixed = HyenaOperator(input_size=4, l_max=9, learn_frequency=False)
    assert "filter.frequency" not in parameters(fixed)
    values = learned.initial_parameters(0)
    np.testing.assert_array_equal(values["filter.positions"], np.float32(learned.positions()))
    np.testing.assert_array_equal(values["long_0.delta"], np.float32(learned.deltas()[0]))


def test_tables_are_those_of_the_equations() -> None:
    spec = HyenaOperator(input_size=3, l_max=11, emb_dim=5, order=3)
    z = spec.positions()
    assert z.shape == (11, 5)
    assert z[3, 0] == pytest.approx(0.3)
    for k, frequency in enumerate((1e-4, 1.0)):
        angle = frequency * 2 * math.pi * 3 / 11
        assert z[3, 1 + k] == pytest.approx(math.cos(angle))
        assert z[3, 3 + k] == pytest.approx(-math.sin(angle))
    np.testing.assert_array_equal(spec.positions(4), z[:4])
    np.testing.assert_array_equal(spec.times(4), z[:4, 0])
    line = np.linspace(math.log(0.01) / 1.5, math.log(0.01) / 0.3, 6)
    np.testing.assert_array_equal(spec.deltas(), line.reshape(2, 3))
    other = HyenaOperator(input_size=3, l_max=11, order=3, layout="value")
    np.testing.assert_array_equal(other.deltas(), line.reshape(3, 2).T)


def test_one_lag_has_a_table_too() -> None:
    spec = HyenaOperator(input_size=3, l_max=1)
    np.testing.assert_array_equal(spec.positions(), [[0.0, 1.0, 0.0]])


def test_parts_of_a_model_have_its_options() -> None:
    spec = HyenaDNA(**DNA, order=3, dropout=0.1, residual_dropout=0.2, layer_norm_epsilon=1e-3)
    block = spec.block
    assert isinstance(block, HyenaBlock)
    assert (block.input_size, block.inner, block.residual_dropout) == (8, 32, 0.2)
    assert block.operator == HyenaOperator(
        input_size=8, l_max=20, order=3, dropout=0.1, emb_dim=5, frequency=10.0
    )
    inside = parameters(block)
    assert {
        n.removeprefix("blocks.1."): s
        for n, s in parameters(spec).items()
        if n.startswith("blocks.1.")
    } == inside
    assert {
        n.removeprefix("operator."): s for n, s in inside.items() if n.startswith("operator.")
    } == parameters(block.operator)


def test_vocabulary_is_rounded_up_and_the_head_is_tied() -> None:
    spec = HyenaDNA(**DNA, head="lm")
    assert parameters(spec)["embeddings"] == (16, 8)
    assert spec.output_shape((None, 7)) == (None, 7, 16)
    assert not [n for n in parameters(spec) if n.startswith("head")]
    apart = HyenaDNA(**DNA, head="lm", tie_embeddings=False, pad_vocab_size_multiple=1)
    assert parameters(apart)["head.kernel"] == (8, 12)


def test_classification_has_one_output_for_a_sequence() -> None:
    spec = HyenaDNA(**DNA, head="classification", classes=3)
    assert spec.output_shape((2, 7)) == (2, 3)
    assert spec.output_shape((7,)) == (3,)
    assert parameters(spec)["head.bias"] == (3,)
    without = HyenaDNA(**DNA, head="classification", classes=3, head_bias=False)
    assert "head.bias" not in parameters(without)


def test_first_values_of_a_model_are_those_of_its_source() -> None:
    spec = HyenaDNA(units=64, num_layers=8, l_max=20, initializer_range=0.5)
    values = spec.initial_parameters(0)
    assert values["embeddings"].std() == pytest.approx(0.5, rel=0.1)
    assert values["blocks.3.operator.value.kernel"].std() == pytest.approx(0.5, rel=0.1)
    assert values["blocks.3.operator.filter.hidden_1.kernel"].std() == pytest.approx(0.5, rel=0.1)
    for last in ("operator.output", "mlp.down"):
        assert values[f"blocks.3.{last}.kernel"].std() == pytest.approx(0.5 / 4, rel=0.1)
        assert not values[f"blocks.3.{last}.bias"].any()
    assert values["blocks.3.operator.long_0.skip"].std() == pytest.approx(1.0, rel=0.3)
    taps = values["blocks.3.operator.value.short_kernel"]
    assert 0.5 < np.abs(taps).max() <= 1 / math.sqrt(3)
    assert set(values["blocks.3.operator.filter.frequency"]) == {10.0}


def test_first_values_of_an_operator_are_those_of_linear_layers() -> None:
    values = HyenaOperator(input_size=16, l_max=9).initial_parameters(0)
    for name in ("value.kernel", "value.bias", "output.kernel"):
        assert 0.2 < np.abs(values[name]).max() <= 0.25
    assert 0.1 < np.abs(values["long_0.kernel"]).max() <= 0.125


def test_longer_sequences_are_refused_with_what_to_do() -> None:
    operator = HyenaOperator(input_size=4, l_max=9)
    assert operator.output_shape((2, 9, 4)) == (2, 9, 4)
    assert operator.output_shape((None, None, 4)) == (None, None, 4)
    with pytest.raises(ShapeError, match=r"at most l_max=9 steps, got 10. Its .* larger l_max"):
        operator.output_shape((2, 10, 4))
    with pytest.raises(ShapeError, match="at most l_max=9 steps, got 2 after 8 of a state"):
        operator.check_steps(2, seen=8)
    with pytest.raises(ShapeError, match="HyenaDNA expected at most l_max=20 steps, got 21"):
        HyenaDNA(**DNA).output_shape((2, 21))


def test_only_what_sees_no_later_step_streams() -> None:
    assert HyenaOperator(input_size=4, l_max=9).streams
    both = HyenaOperator(input_size=4, l_max=9, bidirectional=True)
    assert not both.streams
    with pytest.raises(SpecError, match="expected bidirectional=False for step, got True"):
        both.check_streams()
    assert HyenaDNA(**DNA, head="lm").streams
    pooled = HyenaDNA(**DNA, head="classification", classes=2)
    assert not pooled.streams
    assert not pooled.forward_only
    with pytest.raises(SpecError, match="expected head=None or 'lm' for step"):
        pooled.check_streams()


def test_tokens_outside_of_the_vocabulary_are_refused() -> None:
    spec = HyenaDNA(**DNA)
    spec.check_range(0, 11)
    with pytest.raises(IndicesError, match="expected tokens from 0 to 11, got 12"):
        spec.check_range(0, 12)
    with pytest.raises(IndicesError, match="expected tokens from 0 to 11, got -1"):
        spec.check_range(-1, 3)
    assert "integer dtype, got float32" in str(spec.not_integers("float32"))


@pytest.mark.parametrize(
    "spec",
    [
        HyenaOperator(input_size=None, l_max=9, layout="value", order=3),
        HyenaBlock(input_size=4, l_max=9, inner_size=3),
        HyenaDNA(**DNA, head="classification", classes=2, pooling="last"),
    ],
)
def test_specs_come_back_from_json(spec: specs.Spec) -> None:
    assert specs.from_config(spec.to_config()) == spec


def test_open_operator_takes_the_size_of_its_input() -> None:
    spec = HyenaOperator(l_max=9)
    assert spec.is_open
    assert spec.with_input_shape((2, 7, 5)).features == 5


def test_examples_are_no_longer_than_a_sequence_may_be() -> None:
    rng = np.random.default_rng(0)
    assert HyenaOperator(input_size=4, l_max=3).example(rng).shape == (2, 3, 4)
    tokens = HyenaDNA(**DNA).example(rng)
    assert tokens.shape == (2, 7)
    assert (tokens.min(), tokens.max()) == (0, 11)
