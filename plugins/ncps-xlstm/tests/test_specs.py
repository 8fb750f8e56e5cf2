"""Descriptions: sizes, names, first values, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ncps import specs as core
from ncps.errors import IndicesError, ShapeError, SpecError, UnknownNameError
from ncps.specs import Spec
from ncps_xlstm import specs

ALL: dict[str, Spec] = {
    "sLSTMCell": specs.sLSTMCell(input_size=3, units=8),
    "sLSTM": specs.sLSTM(input_size=3, units=8, bias_init="linspace"),
    "mLSTMCell": specs.mLSTMCell(input_size=3, units=8, key_size=4),
    "mLSTM": specs.mLSTM(input_size=3, units=8, form="parallel", num_layers=2),
    "sLSTMBlock": specs.sLSTMBlock(input_size=8, kernel_size=0),
    "mLSTMBlock": specs.mLSTMBlock(input_size=8, inner_size=16),
    "xLSTMLargeBlock": specs.xLSTMLargeBlock(input_size=16, gate_soft_cap=None),
    "xLSTMBlockStack": specs.xLSTMBlockStack(
        input_size=8, num_blocks=3, slstm_at=[1], slstm={"num_heads": 2}
    ),
    "xLSTMLM": specs.xLSTMLM(vocab_size=5, units=8, num_blocks=2, slstm_at="all"),
    "xLSTMLarge": specs.xLSTMLarge(vocab_size=5, units=16, num_blocks=2, head=None),
}


@pytest.mark.parametrize("layer", ALL)
def test_spec_comes_back_from_json(layer: str) -> None:
    spec = ALL[layer]
    written = json.loads(json.dumps(spec.to_config()))
    assert core.from_config(written) == spec
    assert hash(core.from_config(written)) == hash(spec)


@pytest.mark.parametrize("layer", ALL)
def test_parameters_and_states_have_names_of_their_own(layer: str) -> None:
    for named in (ALL[layer].parameters(), ALL[layer].state_shapes()):
        names = [p.name if isinstance(p, core.Parameter) else p[0] for p in named]
        assert len(set(names)) == len(names)


def test_usual_sizes_are_those_of_the_package() -> None:
    assert specs.mLSTMBlock(input_size=128).inner == 256
    assert specs.mLSTMBlock(input_size=100).inner == 256
    assert specs.sLSTMBlock(input_size=128).hidden_size == 192
    large = specs.xLSTMLargeBlock(input_size=4096)
    assert (large.key_units, large.value_units, large.hidden_size) == (2048, 4096, 10944)
    assert (large.key_dim, large.head_dim) == (256, 512)


def test_forget_biases_fall_by_a_power_law() -> None:
    p = specs.sLSTMCell(input_size=3, units=8, num_heads=2).initial_parameters(0)
    head = 5.0 - 12.0 * np.array([0.0, 1 / 3, 2 / 3, 1.0]) ** 0.3
    np.testing.assert_allclose(p["forget_gate.bias"], np.tile(head, 2), rtol=1e-6)
    assert not p["input_gate.bias"].any()
    assert not p["cell_gate.recurrent_kernel"].any()
    last = specs.sLSTMBlock(input_size=8, num_heads=2, block_index=2, num_blocks=3)
    head = 5.0 - 12.0 * np.array([0.0, 1 / 3, 2 / 3, 1.0]) ** 1.6
    got = last.initial_parameters(0)["forget_gate.bias"]
    np.testing.assert_allclose(got, np.tile(head, 2), rtol=1e-6)


def test_heads_of_one_unit_have_a_finite_bias() -> None:
    p = specs.sLSTM(input_size=3, units=4, num_heads=4).initial_parameters(0)
    np.testing.assert_array_equal(p["forget_gate.bias"], np.full(4, 5.0))


def test_gates_of_a_memory_start_as_their_biases() -> None:
    p = specs.mLSTM(input_size=3, units=8).initial_parameters(0)
    np.testing.assert_array_equal(p["forget_gate.bias"], np.float32([3, 4, 5, 6]))
    assert not p["forget_gate.kernel"].any()
    assert 0 < np.abs(p["input_gate.bias"]).max() < 1
    p = specs.xLSTMLargeBlock(input_size=16).initial_parameters(0)
    np.testing.assert_array_equal(p["input_gate.bias"], np.full(8, -10.0))


def test_what_is_added_to_the_stream_shrinks_with_the_number_of_blocks() -> None:
    few, many = (
        specs.xLSTMBlockStack(input_size=64, num_blocks=n).initial_parameters(0) for n in (1, 8)
    )
    ratio = few["blocks.0.down.kernel"].std() / many["blocks.0.down.kernel"].std()
    np.testing.assert_allclose(ratio, 8.0, rtol=1e-5)


def test_stack_hands_its_options_to_its_blocks() -> None:
    spec = specs.xLSTMBlockStack(
        input_size=8,
        num_blocks=3,
        slstm_at=(2, 1),
        num_heads=2,
        use_bias=True,
        chunk_size=16,
        slstm={"num_heads": 4, "kernel_size": 0},
        mlstm=(("inner_size", 16),),
    )
    m, s, last = spec.blocks
    assert m == specs.mLSTMBlock(
        input_size=8, num_blocks=3, num_heads=2, use_bias=True, chunk_size=16, inner_size=16
    )
    assert s == specs.sLSTMBlock(
        input_size=8, num_blocks=3, num_heads=4, kernel_size=0, block_index=1
    )
    assert isinstance(last, specs.sLSTMBlock)
    assert last.block_index == 2
    names = [name for name, _ in spec.state_shapes()]
    assert names[:4] == ["y", "blocks.0.conv", "blocks.0.C", "blocks.0.n"]
    assert names[5:9] == [f"blocks.1.{name}" for name in "hcnm"]


def test_memories_keep_single_precision() -> None:
    for dtype, memory in (("bfloat16", "float32"), ("float64", "float64")):
        kinds = specs.mLSTMBlock(input_size=8, bidirectional=True).state_dtypes(dtype)
        assert kinds == (dtype, dtype, memory, memory, memory) * 2
        assert specs.sLSTM(units=4).state_dtypes(dtype) == (dtype, memory, memory, memory)


def test_random_states_can_be_reached() -> None:
    spec = specs.sLSTM(input_size=3, units=4, bidirectional=True)
    states = spec.draw_state(np.random.default_rng(0), (5,))
    shapes = spec.state_shapes()
    assert [s.shape for s in states] == [(5, 4)] * 8
    for (name, _), state in zip(shapes, states, strict=True):
        assert (state > 0).all() == name.endswith(".n")


def test_language_model_reads_tokens() -> None:
    spec = specs.xLSTMLM(vocab_size=5, units=8, num_blocks=1)
    assert spec.output_shape((2, 7)) == (2, 7, 5)
    assert spec.output_shape((None,)) == (None, 5)
    last = specs.xLSTMLM(vocab_size=5, units=8, num_blocks=1, head=None, return_sequences=False)
    assert last.output_shape((2, 7)) == (2, 8)
    tokens = spec.example(np.random.default_rng(0))
    assert tokens.dtype.kind == "i"
    with pytest.raises(ShapeError, match=r"xLSTMLM expected an input of shape \(B, T\) or \(T,\)"):
        spec.output_shape((2, 7, 3))
    with pytest.raises(IndicesError, match="expected indices from 0 to 4, got 5"):
        core.Embedding.check_range(spec.embedding, 0, 5)


WRONG: dict[str, tuple[type[Spec], dict[str, Any], str]] = {
    "heads": (specs.sLSTM, {"units": 33}, "units to be a multiple of num_heads=4, got 33"),
    "key heads": (
        specs.mLSTM,
        {"units": 8, "key_size": 6},
        "key_size to be a multiple of num_heads=4, got 6",
    ),
    "form": (specs.mLSTM, {"units": 8, "form": "chunked"}, "unknown mLSTM form 'chunked'. Did"),
    "chunk": (specs.mLSTM, {"units": 8, "chunk_size": 0}, "chunk_size to be an integer >= 1"),
    "init": (specs.sLSTM, {"units": 8, "bias_init": "ones"}, "unknown sLSTM bias_init 'ones'"),
    "input heads": (specs.sLSTMBlock, {"input_size": 6}, "input_size to be a multiple of"),
    "kernel": (specs.sLSTMBlock, {"kernel_size": 1}, "kernel_size >= 2, or 0 for no convolution"),
    "no kernel": (specs.mLSTMBlock, {"kernel_size": 0}, "expected kernel_size >= 2, got 0"),
    "place": (specs.sLSTMBlock, {"block_index": 1}, "block_index below num_blocks=1, got 1"),
    "inner": (specs.mLSTMBlock, {"inner_size": 6}, "inner_size to be a multiple of num_heads=4"),
    "open inner": (specs.mLSTMBlock, {"num_heads": 3}, "to divide 64, of which the inner size"),
    "cap": (specs.xLSTMLargeBlock, {"gate_soft_cap": 0.0}, "gate_soft_cap to be a number > 0"),
    "places": (
        specs.xLSTMBlockStack,
        {"num_blocks": 2, "slstm_at": (2,)},
        "slstm_at below num_blocks=2, got 2",
    ),
    "no places": (
        specs.xLSTMBlockStack,
        {"num_blocks": 2, "slstm_at": "some"},
        'places of blocks or "all", got',
    ),
    "options": (
        specs.xLSTMBlockStack,
        {"num_blocks": 2, "mlstm": {"input_size": 2}},
        "expected mlstm without input_size, which it sets itself",
    ),
    "no options": (
        specs.xLSTMBlockStack,
        {"num_blocks": 2, "slstm": 3},
        "expected slstm to be a dict of options, got 3",
    ),
    "directions": (
        specs.xLSTMLM,
        {"vocab_size": 5, "units": 8, "num_blocks": 1, "bidirectional": True},
        "num_layers=1 and bidirectional=False, got",
    ),
    "head": (
        specs.xLSTMLarge,
        {"vocab_size": 5, "units": 16, "num_blocks": 1, "head": "classes"},
        "unknown xLSTMLarge head 'classes'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_option_that_cannot_be_is_refused(case: str) -> None:
    spec, options, message = WRONG[case]
    with pytest.raises((SpecError, UnknownNameError), match=message):
        spec(**options)


def test_unknown_option_of_a_block_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"option of mLSTMBlock 'num_head'\. Did you mean"):
        specs.xLSTMBlockStack(num_blocks=2, mlstm={"num_head": 2})


@pytest.mark.parametrize("layer", ["mLSTMBlock", "sLSTMBlock", "xLSTMLargeBlock"])
def test_open_block_is_as_wide_as_an_input_that_comes_later(layer: str) -> None:
    spec = core.build(layer, num_heads=2)
    assert spec.output_shape((None, None, None)) == (None, None, None)
    assert spec.output_shape((None, 5, 8)) == (None, 5, 8)
    assert core.build(layer, num_heads=2, bidirectional=True).output_shape((5, 8)) == (5, 16)
    inside = core.build("Sequential", layers=[(layer, {"num_heads": 2})])
    assert inside.with_input_shape((5, 8)).members()["0"].input_size == 8
