"""`ncps.keras`: calls, configs, files and conversion of the classes that users of 1.0.1 have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps.errors import CheckpointWarning, ConversionError, NcpsError
from ncps.keras import LTC, CfC, CfCCell, LTCCell, MixedMemoryRNN, WiredCfCCell
from ncps.testing import TOLERANCES
from ncps.wirings import NCP, AutoNCP

OLD = "ncps-1.0-keras"
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 3)).astype("float32")
DT = RNG.uniform(0.1, 2.0, (2, 5)).astype("float32")
LAYERS: list[tuple[type, dict[str, Any]]] = [
    (CfC, {"units": 5, "backbone_units": 6, "mode": "no_gate"}),
    (CfC, {"units": 5, "backbone_layers": 2, "backbone_units": 4, "mixed_memory": True}),
    (CfC, {"units": ("AutoNCP", 12, 3), "mode": "pure"}),
    (CfC, {"units": ("AutoNCP", 12, 3), "fully_recurrent": False}),
    (CfC, {"units": ("AutoNCP", 12, 3), "mixed_memory": True, "dialect": OLD}),
    (CfC, {"units": ("AutoNCP", 12, 3), "dialect": OLD}),
    (LTC, {"units": 5, "output_mapping": None}),
    (LTC, {"units": ("AutoNCP", 12, 3), "mixed_memory": True}),
    (LTC, {"units": 4, "mixed_memory": True, "dialect": OLD}),
]


def make(cls: type, options: dict[str, Any], **more: Any) -> Any:
    units = options["units"]
    units = AutoNCP(*units[1:]) if isinstance(units, tuple) else units
    return cls(**{**options, "units": units}, **more)


def close(got: Any, expected: Any) -> None:
    got, expected = (keras.ops.convert_to_numpy(a) for a in (got, expected))
    np.testing.assert_allclose(got, expected, **TOLERANCES["float32"].values)


@pytest.mark.parametrize(("cls", "options"), LAYERS, ids=str)
def test_layer_computes_what_its_spec_means(cls: type, options: dict[str, Any]) -> None:
    layer = make(cls, options, return_sequences=True, return_state=True)
    y, *states = layer((X, DT))
    reference = ncps.convert(layer, "numpy")
    expected, state = reference(X, timespans=DT)
    close(y, expected)
    # (h, c) there, [c, h] here
    wanted = state[::-1] if isinstance(state, tuple) else (state,)
    for got, other in zip(states, wanted, strict=True):
        close(got, other)


@pytest.mark.parametrize(("cls", "options"), LAYERS, ids=str)
def test_file_brings_the_layer_back(cls: type, options: dict[str, Any], tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((None, 3)), make(cls, options), keras.layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.layers[0].spec == model.layers[0].spec
    close(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_steps_of_a_cell_are_those_of_the_layer() -> None:
    for cls, options in LAYERS:
        layer = make(cls, options, return_sequences=True)
        expected = layer((X, DT))
        y, states = None, layer.cell.get_initial_state(2)
        for t in range(X.shape[1]):
            y, states = layer.cell((X[:, t], DT[:, t]), states)
        close(y, expected[:, -1])


def test_cells_run_in_an_rnn_of_keras(tmp_path: Path) -> None:
    cells = [
        CfCCell(6, backbone_dropout=0.0),
        WiredCfCCell(AutoNCP(8, 2)),
        LTCCell(AutoNCP(8, 2)),
        MixedMemoryRNN(LTCCell(AutoNCP(8, 2)), forget_gate_bias=0.5),
    ]
    for cell in cells:
        model = keras.Sequential([keras.Input((None, 3)), keras.layers.RNN(cell)])
        model.save(tmp_path / "m.keras")
        again = keras.models.load_model(tmp_path / "m.keras")
        close(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_offset_of_the_forget_gate_is_part_of_the_meaning() -> None:
    cell = MixedMemoryRNN(CfCCell(4, backbone_dropout=0.0), forget_gate_bias=0.25)
    y, _ = cell(X[:, 0], cell.get_initial_state(2))
    reference = ncps.convert(cell, "numpy")
    close(y, reference(X[:, 0])[0])
    ncps.load_parameters(cell, ncps.parameters(reference))
    close(cell(X[:, 0], cell.get_initial_state(2))[0], y)


def test_masked_steps_keep_the_state_and_show_what_keras_shows() -> None:
    layer = CfC(4, return_sequences=True)
    mask = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)
    y = keras.ops.convert_to_numpy(layer(X, mask=mask))
    assert not y[0, 0].any()
    np.testing.assert_array_equal(y[0, 3], y[0, 2])
    layer.zero_output_for_mask = True
    y = keras.ops.convert_to_numpy(layer(X, mask=mask))
    assert not y[~mask].any()
    assert y[mask].any(axis=-1).all()


def test_stateful_layer_goes_on_where_it_stopped() -> None:
    layer = LTC(4, stateful=True, mixed_memory=True)
    layer(X[:, :2])
    end = layer(X[:, 2:])
    whole = LTC(4, mixed_memory=True)
    whole.build(X.shape)
    whole.set_weights(layer.get_weights())
    close(end, whole(X))


def test_both_directions_are_those_of_the_spec() -> None:
    both = keras.layers.Bidirectional(CfC(4, backbone_units=5, return_sequences=True))
    y = both((X, DT))
    parts = {"forward": both.forward_layer, "reverse": both.backward_layer}
    values = {}
    for name, layer in parts.items():
        layer.go_backwards = False
        own = ncps.parameters(layer)
        values |= {f"stack_0.{name}.{key}": array for key, array in own.items()}
    spec = {"units": 4, "backbone_units": 5, "input_size": 3, "bidirectional": True}
    reference = ncps.create("CfC", technology="numpy", **spec)
    ncps.load_parameters(reference, values)
    close(y, reference(X, timespans=DT)[0])


def test_layer_that_runs_backwards_is_not_converted() -> None:
    layer = CfC(4, go_backwards=True)
    layer.build(X.shape)
    with pytest.raises(ConversionError, match=r"CfC that runs forwards, got .*go_backwards=True"):
        ncps.convert(layer, "numpy")


def test_config_without_our_schema_has_the_old_dialect() -> None:
    for layer in (CfC(4), LTC(4), CfC(AutoNCP(8, 2), mixed_memory=True)):
        config = layer.get_config()
        assert type(layer).from_config(config).dialect == "ncps"
        # what ncps 1.0.1 did not write
        for key in ("ncps_schema", "dialect", "circuit"):
            config.pop(key, None)
        if "wiring" in config:
            config["units"] = {"class_name": "AutoNCP", "config": config["units"].get_config()}
            config["units"]["class_name"] = type(layer.cell.spec.wiring).__name__
        assert type(layer).from_config(config).dialect == OLD
    with pytest.raises(NcpsError, match=r"with ncps_schema 1, got 7"):
        CfC.from_config({**CfC(4).get_config(), "ncps_schema": 7})


def test_weights_bring_their_dialect(tmp_path: Path) -> None:
    def model(dialect: str) -> Any:
        return keras.Sequential([keras.Input((None, 3)), CfC(4, dialect=dialect)])

    old, new = model(OLD), model("ncps")
    old.save_weights(tmp_path / "m.weights.h5")
    with pytest.warns(CheckpointWarning, match=r"CfCCell now has dialect='ncps-1.0-keras'"):
        new.load_weights(tmp_path / "m.weights.h5")
    assert new.layers[0].dialect == OLD
    close(new(X), old(X))


def test_what_cannot_be_is_named() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: CfC(AutoNCP(8, 2), backbone_units=3), "CfC expected no backbone_units beside"),
        (lambda: CfC(4, mode="prue"), "Did you mean 'pure'"),
        (lambda: CfC(4, activation="elu"), "unknown CfCCell activation 'elu'"),
        (lambda: CfCCell(4, sparsity_mask=np.ones((7, 4))), "backbone_units=0 and"),
        (lambda: LTC(4, initialization_ranges={"w": (-1, 1)}), "not negative, got"),
        (lambda: LTC(4, initialization_ranges={"wv": (0, 1)}), "Did you mean 'w'"),
        (lambda: MixedMemoryRNN(keras.layers.LSTMCell(3)), "expected a CfCCell, .*got a LSTMCell"),
        (lambda: CfC(4)(X[0]), "CfC expected inputs"),
    ]
    for case, message in cases:
        with pytest.raises((NcpsError, ValueError), match=message):
            case()


def test_ncp_of_an_old_file_lost_its_seed() -> None:
    ncp = NCP(4, 3, 2, 2, 2, 2, 2)
    lists = {"inter_neurons": [1, 2], "command_neurons": [3], "motor_neurons": [0]}
    config = {"class_name": "NCP", "config": {**ncp.get_config(), **lists, "seed": None}}
    with pytest.raises(NcpsError, match="lost the seed of its synapses"):
        CfC.from_config({"units": config, "wiring": config})


def test_wiring_is_built_in_place() -> None:
    for cls in (CfC, LTC):
        wiring = AutoNCP(8, 2)
        cls(wiring)(X)
        assert wiring.input_dim == 3
        assert wiring.synapse_count > 0


@pytest.mark.parametrize(("cls", "options"), LAYERS[:2] + LAYERS[7:8], ids=str)
def test_layer_trains_with_mixed_precision_and_dropout(cls: type, options: dict[str, Any]) -> None:
    dropout = {"backbone_dropout": 0.3} if cls is CfC else {}
    layer = make(cls, options, dtype="mixed_bfloat16", **dropout)
    assert keras.backend.standardize_dtype(layer(X).dtype) == "bfloat16"
    model = keras.Sequential([keras.Input((5, 3)), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    before = [np.array(w) for w in model.get_weights()]
    history = model.fit(X, np.ones((2, 1)), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
