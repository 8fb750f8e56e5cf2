"""What every spec promises: checked once, complete, written to JSON and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ncps import specs
from ncps.errors import BuildError, ShapeError, SpecError, UnknownNameError
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

EXAMPLES = [
    specs.Dense(units=3),
    specs.Dense(input_size=2, units=3, activation="relu", use_bias=False),
    specs.LSTMCell(input_size=2, units=3),
    specs.LSTM(input_size=2, units=3, use_bias=False, return_sequences=False),
    specs.CfCCell(input_size=2, units=3, mode="pure"),
    specs.CfC(units=3, backbone_layers=0, mixed_memory=True),
    specs.CfC(input_size=2, units=AutoNCP(8, 2), proj_size=5),
    specs.CfC(units=FullyConnected(6, 2)),
    specs.CfC(input_size=2, units=AutoNCP(8, 2), wiring_mode="strict", bidirectional=True),
    specs.LSTM(input_size=2, units=3, num_layers=2, bidirectional=True),
    specs.RNNCell(input_size=2, units=3, activation="relu"),
    specs.RNN(units=3, use_bias=False, num_layers=3),
    specs.GRUCell(input_size=2, units=3, reset_after=False),
    specs.GRU(units=3, return_state=False, bidirectional=True),
    specs.LTCCell(input_size=2, units=AutoNCP(8, 2), input_mapping=None, epsilon=0.0),
    specs.LTC(input_size=2, units=3, implicit_param_constraints=False, mixed_memory=True),
    specs.LTC(input_size=4, units=Random(8, 2, 0.5), num_layers=2, bidirectional=True),
    specs.LTC(units=AutoNCP(8, 2), num_layers=2),
    specs.CTRNNCell(units=5, ode_unfolds=3),
    specs.CTRNN(input_size=2, units=AutoNCP(8, 2), activation="sigmoid", num_layers=2),
    specs.NCPDense(input_size=2, units=AutoNCP(8, 2), use_signs=True),
    specs.NCPDense(units=4, activation="relu", use_bias=False),
]


@pytest.mark.parametrize("spec", EXAMPLES, ids=repr)
def test_spec_survives_json(spec: specs.Spec) -> None:
    again = specs.from_config(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    assert hash(again) == hash(spec)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 0}, r"CfC expected units to be an integer >= 1, got 0"),
        ({"units": 2.5}, r"CfC expected units to be an integer >= 1, got 2.5"),
        ({"units": True}, r"expected units to be an integer >= 1, got True"),
        ({"units": 4, "backbone_layers": -1}, r"backbone_layers to be an integer >= 0, got -1"),
        ({"units": 4, "backbone_dropout": 1.0}, r"backbone_dropout in \[0, 1\), got 1.0"),
        ({"units": 4, "mode": "defalt"}, r"unknown CfC mode 'defalt'. Did you mean 'default'\?"),
        ({"units": 4, "activation": "rleu"}, r"Did you mean 'relu'\?"),
        ({"units": 4, "return_sequences": 1}, r"return_sequences to be True or False, got 1"),
        ({"units": AutoNCP(8, 2), "backbone_units": 3}, r"no backbone_units beside a wiring"),
        ({"units": 4, "input_size": 0}, r"input_size to be an integer >= 1, got 0"),
        ({}, r"CfC needs the option units"),
        ({"units": 4, "unit": 3}, r"unknown option of CfC 'unit'. Did you mean 'units'\?"),
    ],
)
def test_bad_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises((SpecError, UnknownNameError), match=message):
        specs.build("CfC", **options)


def test_unknown_layer_gives_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown layer 'CFC'. Did you mean 'CfC'\?"):
        specs.build("CFC", units=3)


def test_config_of_another_schema_is_refused() -> None:
    config = specs.Dense(units=3).to_config() | {"schema": 2}
    with pytest.raises(SpecError, match="expected a config with schema 1, got 2"):
        specs.from_config(config)


def test_parameters_need_the_input_size() -> None:
    with pytest.raises(BuildError, match="LSTM is not built: its input_size is not known"):
        specs.LSTM(units=3).parameters()


def test_input_size_is_filled_in_once() -> None:
    spec = specs.LSTM(units=3).with_input_size(2)
    assert spec.input_size == 2
    assert spec.with_input_size(2) is spec
    with pytest.raises(ShapeError, match="LSTM expected 2 input features, got 4"):
        spec.with_input_size(4)


def test_same_seed_same_parameters_and_another_seed_others() -> None:
    spec = specs.CfC(input_size=2, units=3, mixed_memory=True)
    first, same, other = (spec.initial_parameters(seed) for seed in (5, 5, 6))
    assert all(np.array_equal(first[k], same[k]) for k in first)
    assert not any(np.array_equal(first[k], other[k]) for k in first)


def test_an_added_parameter_leaves_the_values_of_the_others() -> None:
    plain = specs.CfC(input_size=2, units=3).initial_parameters(1)
    more = specs.CfC(input_size=2, units=3, proj_size=4).initial_parameters(1)
    assert set(more) - set(plain) == {"projection.kernel", "projection.bias"}
    assert all(np.array_equal(plain[k], more[k]) for k in plain)


def test_seed_is_any_integer_from_zero_up() -> None:
    spec = specs.Dense(input_size=2, units=3)
    numpys, own = spec.initial_parameters(np.int64(3)), spec.initial_parameters(3)  # type: ignore[arg-type]
    np.testing.assert_array_equal(numpys["kernel"], own["kernel"])
    for seed in (-1, 1.5, True):
        with pytest.raises(SpecError, match="Dense expected seed to be an integer >= 0"):
            spec.initial_parameters(seed)  # type: ignore[arg-type]


def test_seedless_parameters_differ_from_call_to_call() -> None:
    spec = specs.Dense(input_size=2, units=3)
    first, second = spec.initial_parameters(), spec.initial_parameters()
    assert not np.array_equal(first["kernel"], second["kernel"])


def test_recurrent_kernels_of_the_memory_are_orthogonal() -> None:
    p = specs.CfC(input_size=2, units=9, mixed_memory=True).initial_parameters(0)
    kernel = p["memory.input_gate.recurrent_kernel"].astype(np.float64)
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(9), atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        (specs.Dense(input_size=2, units=3), (7, 5, 2), (7, 5, 3)),
        (specs.Dense(input_size=2, units=3), (2,), (3,)),
        (specs.LSTMCell(input_size=2, units=3), (7, 2), (7, 3)),
        (specs.LSTM(input_size=2, units=3), (None, None, 2), (None, None, 3)),
        (specs.LSTM(input_size=2, units=3, return_sequences=False), (7, 5, 2), (7, 3)),
        (specs.LSTM(input_size=2, units=3, return_sequences=False), (5, 2), (3,)),
        (specs.CfC(units=AutoNCP(8, 2)), (7, 5, 4), (7, 5, 2)),
        (specs.CfC(units=FullyConnected(6, 4)), (7, 5, 4), (7, 5, 4)),
        (specs.CfC(units=4, proj_size=9), (7, 5, 4), (7, 5, 9)),
        (specs.CfC(units=4, proj_size=9, bidirectional=True), (7, 5, 4), (7, 5, 18)),
        (specs.LTC(units=AutoNCP(8, 2), num_layers=3), (7, 5, 4), (7, 5, 2)),
        (specs.LTCCell(units=4), (4,), (4,)),
        (specs.GRU(units=3, bidirectional=True, return_sequences=False), (7, 5, 4), (7, 6)),
        (specs.RNN(units=3), (None, 5, 4), (None, 5, 3)),
        (specs.CTRNN(units=AutoNCP(8, 2)), (5, 4), (5, 2)),
        (specs.NCPDense(units=AutoNCP(8, 2)), (7, 5, 4), (7, 5, 8)),
    ],
)
def test_output_shape(
    spec: specs.Spec, shape: tuple[int | None, ...], expected: tuple[int | None, ...]
) -> None:
    assert spec.output_shape(shape) == expected


@pytest.mark.parametrize("shape", [(5,), (1, 2, 3, 2), (7, 5, 3)])
def test_output_shape_refuses_an_input_that_does_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="LSTM expected"):
        specs.LSTM(input_size=2, units=3).output_shape(shape)


def test_blocks_of_a_wired_cfc_follow_the_layers_of_its_wiring() -> None:
    wiring = NCP(6, 4, 2, 3, 2, 3, 2, seed=1).built(5)
    spec = specs.CfC(input_size=5, units=wiring)
    assert [(b.prefix, b.input_size, b.units) for b in spec.blocks] == [
        ("layer_0.", 5, 6),
        ("layer_1.", 6, 4),
        ("layer_2.", 4, 2),
    ]
    inter, command = wiring.get_neurons_of_layer(0), wiring.get_neurons_of_layer(1)
    mask = spec.blocks[1].mask
    assert mask is not None
    synapses = np.abs(wiring.adjacency_matrix)[np.ix_(inter, command)]
    np.testing.assert_array_equal(mask, np.concatenate([synapses, np.ones((4, 4))]))
    assert spec.output_neurons == (10, 11)


def test_spec_keeps_a_wiring_of_its_own() -> None:
    wiring = AutoNCP(8, 2)
    spec = specs.CfC(units=wiring)
    wiring.build(3)
    assert spec.with_input_size(5).wiring.input_dim == 5
    assert specs.CfC(units=wiring).input_size == 3


def test_undrawn_layers_start_from_zeros_and_only_inside() -> None:
    spec = specs.build("GRU", input_size=3, units=4)
    with specs.undrawn():
        values = spec.initial_parameters(1)
        with pytest.raises(SpecError, match="seed"):
            spec.initial_parameters(-1)
    assert [(n, a.shape) for n, a in values.items()] == [
        (p.name, p.shape) for p in spec.parameters()
    ]
    assert all(a.dtype == np.float32 and not a.any() for a in values.values())
    assert any(a.any() for a in spec.initial_parameters(1).values())
