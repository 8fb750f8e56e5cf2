"""Layers made of layers: sizes that follow from one another, names, JSON, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.errors import ShapeError, SpecError, UnknownNameError

DENSE = ("Dense", {"units": 4})
LSTM = ("LSTM", {"units": 5})
LAST = ("LSTM", {"units": 5, "return_sequences": False})


def sequential(*layers: object, **options: object) -> specs.Sequential:
    return specs.Sequential(layers=list(layers), **options)


def test_sizes_follow_from_one_another() -> None:
    spec = sequential(DENSE, ("Activation", {"activation": "relu"}), ("LayerNorm", {}), LSTM)
    assert spec.is_open
    built = spec.with_input_size(3)
    assert [m.input_size for m in built.layers] == [3, None, 4, 4]
    assert built.output_size == 5
    assert built == sequential(*spec.layers, input_size=3)


def test_size_of_the_first_member_is_that_of_the_container() -> None:
    inner = specs.Dense(input_size=3, units=4)
    spec = sequential(("Activation", {"activation": "relu"}), inner, DENSE)
    assert spec.input_size == 3
    assert not spec.is_open


def test_indices_in_front_need_no_input_size() -> None:
    words = sequential(("Embedding", {"vocabulary_size": 9, "units": 4}), LSTM)
    assert not words.is_open
    assert words.output_shape((None, 7)) == (None, 7, 5)
    with pytest.raises(ShapeError, match=r"shape \(B, T\) or \(T,\), got \(2, 7, 3\)"):
        words.output_shape((2, 7, 3))


@pytest.mark.parametrize(
    "description",
    [specs.Dense(units=4), ("Dense", {"units": 4}), ["Dense", {"units": 4}]],
)
def test_member_is_described_in_several_ways(description: object) -> None:
    assert sequential(description).layers == (specs.Dense(units=4),)
    assert sequential(specs.Dense(units=4).to_config()).layers == (specs.Dense(units=4),)
    assert sequential("RMSNorm").layers == (specs.RMSNorm(),)


def test_names_are_those_of_the_members_behind_their_places() -> None:
    spec = sequential(DENSE, LSTM, ("Residual", {"inner": LSTM}), input_size=3)
    names = [p.name for p in spec.parameters()]
    assert names[:2] == ["0.kernel", "0.bias"]
    assert names[2] == "1.input_gate.kernel"
    assert names[-1] == "2.inner.output_gate.bias"
    states = ["1.h", "1.c", "2.inner.h", "2.inner.c", "2.residual"]
    assert [name for name, _ in spec.state_shapes()] == states


@pytest.mark.parametrize("size", [3, None])
def test_nested_spec_comes_back_from_json(size: int | None) -> None:
    from ncps.wirings import AutoNCP

    wired = ("CfC", {"units": AutoNCP(12, 5, seed=5)})
    inner = ("Sequential", {"layers": [DENSE, ("Bidirectional", {"inner": wired})]})
    spec = sequential(inner, DENSE, ("Residual", {"inner": DENSE}), input_size=size)
    again = specs.from_config(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    assert again.kind == "sequence"


def test_kind_follows_from_the_members() -> None:
    assert sequential(DENSE).kind == "feedforward"
    assert sequential(DENSE, LSTM).kind == "sequence"
    assert sequential(("Residual", {"inner": LSTM})).kind == "sequence"
    assert specs.Bidirectional(inner=LSTM).kind == "sequence"


def test_cell_stands_for_its_sequence_in_both_directions() -> None:
    for cell in ("LSTMCell", {"units": 5}), specs.LSTMCell(units=5):
        assert specs.Bidirectional(inner=cell).inner == specs.LSTM(units=5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "a list of one layer or more"),
        ([LAST, LSTM], "expected steps for layer 1, got none: layer 0 gives its last output"),
        ([("LSTMCell", {"units": 4})], "to run over a sequence, got LSTMCell: a cell is one step"),
        ([np.tanh], r"layer 0 as a spec, a layer's name or \(name, options\)"),
        (
            [DENSE, specs.Dense(input_size=3, units=1)],
            "each layer to take what the one before gives",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: list, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        sequential(*layers)


def test_misspelt_member_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'Dense'"):
        sequential(("Densse", {"units": 4}))


@pytest.mark.parametrize(
    ("layer", "inner", "message"),
    [
        ("Residual", ("Embedding", {"vocabulary_size": 3, "units": 2}), "nothing to add to"),
        ("Residual", LAST, "an output for each step"),
        ("Bidirectional", DENSE, "a recurrent inner layer, got Dense"),
    ],
)
def test_inner_layer_that_cannot_be_one_is_refused(layer: str, inner: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        specs.build(layer, inner=inner)


def test_residual_of_another_size_is_refused() -> None:
    with pytest.raises(SpecError, match="gives the shape it takes"):
        specs.Residual(inner=DENSE, input_size=3)
    layer = ncps.create("Residual", inner=DENSE, technology="numpy")
    with pytest.raises(ShapeError, match="gives the shape it takes"):
        layer(np.zeros((2, 3)))


def test_sequential_is_its_layers_one_after_the_other() -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 3))
    whole = ncps.create(sequential(DENSE, LSTM), technology="numpy", seed=1)
    y, state = whole(x, timespans=0.5)
    one, two = whole.members().values()
    expected, (h, c) = two(one(x))
    np.testing.assert_allclose(y, expected)
    np.testing.assert_allclose(state[0], h)
    np.testing.assert_allclose(state[1], c)


def test_bidirectional_container_is_the_option_of_the_layer() -> None:
    x = np.random.default_rng(0).normal(size=(2, 7, 3))
    around = ncps.create("Bidirectional", inner=LSTM, input_size=3, technology="numpy", seed=1)
    option = ncps.create("LSTM", units=5, input_size=3, bidirectional=True, technology="numpy")
    values = {f"stack_0.{name}": v for name, v in ncps.parameters(around).items()}
    ncps.load_parameters(option, values)
    mask = np.arange(7) < np.array([[7], [4]])
    np.testing.assert_allclose(around(x, mask=mask)[0], option(x, mask=mask)[0])


def test_container_without_recurrent_layer_takes_x_alone() -> None:
    layer = ncps.create(sequential(DENSE, input_size=3), technology="numpy")
    with pytest.raises(ShapeError, match="expected x alone"):
        layer(np.zeros((2, 7, 3)), mask=np.ones((2, 7), bool))
