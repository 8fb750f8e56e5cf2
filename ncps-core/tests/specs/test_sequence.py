"""Several layers and two directions: names, sizes, wirings, files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from ncps import specs
from ncps.errors import SpecError
from ncps.wirings import AutoNCP, FullyConnected, Wiring


def test_plain_layers_keep_their_names_and_first_values() -> None:
    # as drawn before there were several layers: files and seeds must not change
    p = specs.LSTM(input_size=2, units=3).initial_parameters(3)
    assert list(p)[:3] == ["input_gate.kernel", "input_gate.recurrent_kernel", "input_gate.bias"]
    expected = [-0.27178186, -0.33646542, -0.4519609]
    np.testing.assert_array_equal(p["input_gate.bias"], np.float32(expected))


def test_composed_names_say_layer_and_direction() -> None:
    spec = specs.RNN(input_size=2, units=3, num_layers=2, bidirectional=True)
    shapes = {p.name: p.shape for p in spec.parameters()}
    prefixes = [f"stack_{i}.{d}." for i in (0, 1) for d in ("forward", "reverse")]
    kinds = ("kernel", "recurrent_kernel", "bias")
    assert list(shapes) == [prefix + kind for prefix in prefixes for kind in kinds]
    assert shapes["stack_0.reverse.kernel"] == (2, 3)
    assert shapes["stack_1.forward.kernel"] == (6, 3)
    assert spec.state_shapes() == tuple((f"{prefix}h", (3,)) for prefix in prefixes)
    assert spec.output_size == 6


def test_every_direction_and_layer_has_values_of_its_own() -> None:
    spec = specs.GRU(input_size=3, units=3, num_layers=2, bidirectional=True)
    p = spec.initial_parameters(0)
    kernels = [p[name] for name in p if name.endswith("new_gate.recurrent_kernel")]
    assert len(kernels) == 4
    assert not any(np.array_equal(a, b) for a in kernels for b in kernels if a is not b)


def test_states_of_all_parts_stand_side_by_side() -> None:
    spec = specs.LTC(input_size=2, units=AutoNCP(8, 2), mixed_memory=True, bidirectional=True)
    names = [name for name, _ in spec.state_shapes()]
    assert names == [f"stack_0.{d}.{s}" for d in ("forward", "reverse") for s in ("h", "c")]


def test_upper_layers_build_the_wiring_for_their_own_inputs() -> None:
    wiring = AutoNCP(12, 3)
    spec = specs.CTRNN(input_size=5, units=wiring, num_layers=2, bidirectional=True)
    (below, _), (above, reverse) = spec.parts
    assert below.spec.wiring == wiring.built(5)
    assert above.spec.wiring == wiring.built(6)
    assert reverse.spec is above.spec
    assert reverse.reverse
    assert not above.reverse


def test_projection_belongs_to_each_direction() -> None:
    spec = specs.CfC(input_size=2, units=4, proj_size=5, num_layers=2, bidirectional=True)
    shapes = {p.name: p.shape for p in spec.parameters()}
    assert shapes["stack_0.reverse.projection.kernel"] == (4, 5)
    assert shapes["stack_1.forward.backbone.0.kernel"] == (14, 128)
    assert spec.output_size == 10


def test_open_spec_of_several_layers_is_filled_in_like_one() -> None:
    spec = specs.LTC(units=AutoNCP(8, 2), num_layers=2)
    assert spec.state_shapes() == (("stack_0.forward.h", (8,)), ("stack_1.forward.h", (8,)))
    built = spec.with_input_size(5)
    assert built == specs.LTC(input_size=5, units=AutoNCP(8, 2), num_layers=2)
    assert built.parts[1][0].spec.input_size == 2


def test_wiring_of_several_layers_is_written_so_that_it_can_be_built_again() -> None:
    wiring = Wiring.from_adjacency(np.eye(4, dtype=int), output_dim=2)
    spec = specs.LTC(input_size=3, units=wiring, num_layers=2)
    again = specs.from_config(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    assert again.parameters() == spec.parameters()


def test_wiring_that_could_not_be_read_back_is_not_written() -> None:
    class Own(FullyConnected):
        pass

    spec = specs.LTC(input_size=3, units=Own(4, 2), num_layers=2)
    with pytest.raises(SpecError, match=r"LTC with num_layers=2 cannot be written: Own\.to"):
        spec.to_config()


def test_wiring_with_fixed_inputs_serves_layers_of_that_size() -> None:
    wiring = Wiring.from_adjacency(np.eye(3, dtype=int), np.ones((2, 3), int), output_dim=2)
    spec = specs.LTC(input_size=2, units=wiring, num_layers=3)
    assert specs.from_config(json.loads(json.dumps(spec.to_config()))) == spec


def test_layer_that_cannot_read_what_it_gives_has_one_layer_and_direction() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Model(specs.LSTM):
        composable: ClassVar[bool] = False

    assert not Model(units=3).composed
    for options in ({"num_layers": 2}, {"bidirectional": True}):
        with pytest.raises(SpecError, match="LSTM expected num_layers=1 and bidirectional=False"):
            Model(units=3, **options)


def test_initial_values_of_plugins_are_public() -> None:
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(specs.initializers.Linspace(3.0, 6.0)(rng, (4,)), [3, 4, 5, 6])
    assert specs.options.integer("Layer", "size", 3) == 3
