"""Checkpoints of 1.0.1's LTC and LTCCell load and give the same outputs and gradients."""

from __future__ import annotations

import warnings
from typing import Any

import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

from ncps import wirings as our_wirings  # noqa: E402
from ncps.errors import CheckpointWarning, WiringError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps.torch import LTC, LTCCell  # noqa: E402

ORIGINAL = original.load(original.PATH)
BATCH, STEPS, FEATURES = 3, 7, 5

OPTIONS: list[dict[str, Any]] = [
    {"units": 8},
    {"units": 8, "implicit_param_constraints": False},
    {"units": 8, "mixed_memory": True},
    {"units": 8, "input_mapping": "linear", "output_mapping": None},
    {"units": 8, "input_mapping": None, "output_mapping": "linear", "ode_unfolds": 2},
    {"units": 8, "batch_first": False, "return_sequences": False, "epsilon": 1e-3},
    {"wiring": ("FullyConnected", 8, 3)},
    {"wiring": ("Random", 8, 2, 0.5), "implicit_param_constraints": False},
    {"wiring": ("AutoNCP", 16, 4), "mixed_memory": True, "batch_first": False},
    {"wiring": ("AutoNCP", 16, 4), "implicit_param_constraints": False, "ode_unfolds": 3},
    {"wiring": ("NCP", 10, 10, 8, 6, 6, 4, 6)},
]


def both_wirings(wiring: tuple[Any, ...]) -> tuple[Any, Any]:
    """The original wiring and ours."""
    name, *sizes = wiring
    return tuple(getattr(m, name)(*sizes) for m in (ORIGINAL.wirings, our_wirings))


def pair(options: dict[str, Any]) -> tuple[Any, Any]:
    """The original and ours with its parameters, which are not those of a new layer."""
    torch.manual_seed(0)
    options = dict(options)
    units = options.pop("units", None)
    both = (units, units) if "wiring" not in options else both_wirings(options.pop("wiring"))
    one, two = ORIGINAL.torch.LTC(FEATURES, both[0], **options), LTC(FEATURES, both[1], **options)
    with torch.no_grad():
        for parameter in one.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.rand_like(parameter))
    two.load_state_dict(one.state_dict())
    return one, two


def close(got: Any, expected: Any, kind: str = "values") -> None:
    torch.testing.assert_close(got, expected, **getattr(TOLERANCES["float32"], kind))


def results(layer: Any, *arguments: Any, **named: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Readout, states, and the gradients of a loss that depends on both."""
    y, state = layer(*arguments, **named)
    states = state if isinstance(state, tuple) else (state,)
    loss = (y * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum()
    (loss + sum((s**2).sum() for s in states)).backward()
    gradients = {n: p.grad for n, p in layer.named_parameters() if p.requires_grad}
    return y, states, gradients


def assert_same(got: tuple[Any, Any, dict[str, Any]], expected: tuple[Any, Any, Any]) -> None:
    close(got[:2], expected[:2])
    assert got[2].keys() == expected[2].keys()
    for name, gradient in expected[2].items():
        close(got[2][name], gradient, "gradients")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("timed", [False, True])
def test_checkpoint_gives_same_outputs_and_gradients(options: dict[str, Any], timed: bool) -> None:
    one, two = pair(options)
    axes = (BATCH, STEPS) if one.batch_first else (STEPS, BATCH)
    x = torch.randn(*axes, FEATURES)
    # 1.0.1 takes one elapsed time per step for all rows, with an axis of length 1 for them
    row = (1, STEPS) if one.batch_first else (STEPS, 1)
    dt = torch.rand(row) + 0.1 if timed else None
    assert_same(results(two, x, timespans=dt), results(one, x, timespans=dt))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_state_and_batchless_mode_are_those_of_the_original(options: dict[str, Any]) -> None:
    one, two = pair(options)
    h, c = torch.randn(one.state_size), torch.randn(one.state_size)
    hx = (h, c) if options.get("mixed_memory") else h
    x = torch.randn(STEPS, FEATURES)
    y, state = one(x, hx)
    if not one.batch_first and not one.return_sequences:
        y = y[0]  # there 1.0.1 leaves an axis of length 1
    close(two(x, hx), (y, state))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("assign", [False, True])
def test_state_dict_round_trips_and_the_original_reads_it(
    options: dict[str, Any], assign: bool
) -> None:
    one, layer = pair(options)
    again, other = pair(options)
    with torch.no_grad():
        for parameter in (*again.parameters(), *other.parameters()):
            if parameter.requires_grad:  # the masks of 1.0.1 have none
                parameter.zero_()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_state_dict(layer.state_dict(), assign=assign)
    # what 1.0.1 has beside parameters are the masks, which ours has from the wiring
    missing = again.load_state_dict(layer.state_dict(), strict=False)
    assert all(name.endswith("sparsity_mask") for name in missing.missing_keys)
    assert missing.unexpected_keys == []
    x = torch.randn(BATCH, STEPS, FEATURES)
    for loaded, expected in ((other, layer), (again, one)):
        torch.testing.assert_close(loaded(x), expected(x), rtol=0, atol=0)


CELLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("FullyConnected", 8, 4), {}),
    (("FullyConnected", 8), {"implicit_param_constraints": True}),
    (("AutoNCP", 16, 4), {"ode_unfolds": 2, "input_mapping": "linear"}),
    (("NCP", 10, 10, 8, 6, 6, 4, 6), {"output_mapping": None, "epsilon": 1e-3}),
]


@pytest.mark.parametrize(("wiring", "options"), CELLS, ids=str)
@pytest.mark.parametrize(
    "elapsed", [None, 0.3, torch.rand(BATCH, 1) + 0.1], ids=["1", "0.3", "each"]
)
def test_cell_gives_the_same_step(wiring: Any, options: dict[str, Any], elapsed: Any) -> None:
    torch.manual_seed(0)
    both = both_wirings(wiring)
    one = ORIGINAL.torch.LTCCell(both[0], FEATURES, **options)
    two = LTCCell(both[1], FEATURES, **options)
    two.load_state_dict(one.state_dict())
    x, v = torch.randn(BATCH, FEATURES), torch.randn(BATCH, one.state_size)
    time = () if elapsed is None else (elapsed,)
    assert_same(results(two, x, v, *time), results(one, x, v, *time))
    for name in ("state_size", "sensory_size", "motor_size", "output_size", "synapse_count"):
        assert getattr(two, name) == getattr(one, name)


def test_other_circuit_is_refused() -> None:
    saved = ORIGINAL.torch.LTC(FEATURES, ORIGINAL.wirings.AutoNCP(16, 4, seed=1)).state_dict()
    layer = LTC(FEATURES, our_wirings.AutoNCP(16, 4, seed=2))
    message = r"rnn_cell.sparsity_mask: the checkpoint's circuit is not this layer's wiring"
    with pytest.raises(RuntimeError, match=message):
        layer.load_state_dict(saved)
    with pytest.raises(RuntimeError, match=r"rnn_cell\.sensory_sparsity_mask"):
        layer.load_state_dict(saved)


def test_lazy_layer_takes_its_input_size_from_the_checkpoint() -> None:
    one = ORIGINAL.torch.LTC(FEATURES, ORIGINAL.wirings.AutoNCP(16, 4), mixed_memory=True)
    layer = LTC(None, our_wirings.AutoNCP(16, 4), mixed_memory=True)
    layer.load_state_dict(one.state_dict())
    assert layer.input_size == FEATURES
    x = torch.randn(BATCH, STEPS, FEATURES)
    close(layer(x), one(x))


def test_negative_weights_warn_and_are_read_as_the_constrained_ones() -> None:
    one, two = pair({"wiring": ("AutoNCP", 16, 4), "implicit_param_constraints": False})
    with torch.no_grad():
        one.rnn_cell.w.sub_(0.5)
        # where there is no synapse, the sign says nothing
        outside = (one.rnn_cell.sensory_sparsity_mask == 0).nonzero()[0]
        one.rnn_cell.sensory_w[tuple(outside)] = -1.0
    with pytest.warns(CheckpointWarning, match=r"negative values in rnn_cell\.w\.") as caught:
        two.load_state_dict(one.state_dict())
    assert len(caught) == 1
    x = torch.randn(BATCH, STEPS, FEATURES)
    assert not torch.allclose(two(x)[0], one(x)[0])
    one.rnn_cell.apply_weight_constraints()
    close(two(x), one(x))


def test_constraints_are_applied_where_the_original_has_them() -> None:
    _, layer = pair({"units": 8, "implicit_param_constraints": False})
    _, implicit = pair({"units": 8})
    for one in (layer, implicit):
        with torch.no_grad():
            one.rnn_cell.w.sub_(10.0)
        one.rnn_cell.apply_weight_constraints()
    assert bool((layer.rnn_cell.w == 0).all())
    assert bool((implicit.rnn_cell.w < 0).all())


def test_wiring_is_built_in_place_and_refuses_another_size() -> None:
    wiring = our_wirings.AutoNCP(16, 4)
    LTCCell(wiring, FEATURES)
    assert wiring.is_built()
    assert wiring.sensory_synapse_count > 0
    with pytest.raises(WiringError):
        LTC(FEATURES + 1, wiring)
