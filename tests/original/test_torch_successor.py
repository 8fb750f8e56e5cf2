"""Checkpoints of ncps 1.0.1 load into `ncps.torch` and give the same outputs and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

from ncps import wirings as our_wirings  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps.torch import CfC, CfCCell, LSTMCell, WiredCfCCell  # noqa: E402

ORIGINAL = original.load(original.PATH)
BATCH, STEPS, FEATURES = 3, 7, 5

OPTIONS: list[dict[str, Any]] = [
    {"units": 8},
    {"units": 8, "mode": "pure"},
    {"units": 8, "mode": "no_gate"},
    {"units": 8, "mixed_memory": True, "proj_size": 4},
    {"units": 8, "backbone_layers": 0},
    {"units": 8, "backbone_layers": 3, "backbone_units": 9, "activation": "relu"},
    {"units": 8, "backbone_layers": 3, "backbone_units": 9, "backbone_dropout": 0.3},
    {"units": 8, "activation": "gelu", "batch_first": False, "return_sequences": False},
    {"units": 8, "activation": "silu", "mixed_memory": True, "mode": "pure"},
    {"units": 8, "activation": "tanh", "batch_first": False},
    {"wiring": ("AutoNCP", 16, 4)},
    {"wiring": ("AutoNCP", 16, 4), "mode": "pure", "proj_size": 3},
    {"wiring": ("AutoNCP", 16, 4), "mode": "no_gate", "mixed_memory": True},
    {"wiring": ("NCP", 10, 10, 8, 6, 6, 4, 6), "batch_first": False},
]


def pair(options: dict[str, Any]) -> tuple[Any, Any]:
    """The original and ours with its parameters, both in evaluation mode."""
    options = dict(options)
    torch.manual_seed(0)
    theirs, ours = dict(options), dict(options)
    if "wiring" in options:
        name, *sizes = options["wiring"]
        for side, module in ((theirs, ORIGINAL.wirings), (ours, our_wirings)):
            del side["wiring"]
            side["units"] = getattr(module, name)(*sizes)
    one, two = ORIGINAL.torch.CfC(FEATURES, **theirs), CfC(FEATURES, **ours)
    two.load_state_dict(one.state_dict())
    return one.eval(), two.eval()


def close(got: Any, expected: Any, kind: str = "values") -> None:
    torch.testing.assert_close(got, expected, **getattr(TOLERANCES["float32"], kind))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("timed", [False, True])
def test_checkpoint_gives_same_outputs_and_gradients(options: dict[str, Any], timed: bool) -> None:
    one, two = pair(options)
    results = []
    for layer in (one, two):
        torch.manual_seed(1)
        x = torch.randn(BATCH, STEPS, FEATURES, requires_grad=True)
        # 1.0.1 takes one elapsed time per step for all rows, with an axis of length 1 for them
        steps = STEPS if layer.batch_first else BATCH
        dt = torch.rand(steps) + 0.1 if timed else None
        row = None if dt is None else dt[None] if layer.batch_first else dt[:, None]
        given = row if layer is one else dt
        y, state = layer(x, timespans=given)
        states = state if isinstance(state, tuple) else (state,)
        loss = (y * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum()
        loss = loss + sum((s**2).sum() for s in states)
        loss.backward()
        results.append((y, states, x.grad, dict(layer.named_parameters())))
    (y, states, dx, own), (y2, states2, dx2, own2) = results
    close(y2, y)
    close(states2, states)
    close(dx2, dx, "gradients")
    for name, parameter in own.items():
        if parameter.requires_grad:
            close(own2[name].grad, parameter.grad, "gradients")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_state_dict_round_trips_through_the_checkpoint(options: dict[str, Any]) -> None:
    _, layer = pair(options)
    _, again = pair(options)
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.zero_()
    again.load_state_dict(layer.state_dict(), assign=True)
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_other_circuit_is_refused() -> None:
    saved = ORIGINAL.torch.CfC(FEATURES, ORIGINAL.wirings.AutoNCP(16, 4, seed=1)).state_dict()
    layer = CfC(FEATURES, our_wirings.AutoNCP(16, 4, seed=2))
    with pytest.raises(RuntimeError, match="circuit is not this layer's wiring"):
        layer.load_state_dict(saved)


def test_lazy_layer_takes_its_input_size_from_the_checkpoint() -> None:
    saved = ORIGINAL.torch.CfC(FEATURES, ORIGINAL.wirings.AutoNCP(16, 4)).state_dict()
    layer = CfC(None, our_wirings.AutoNCP(16, 4))
    layer.load_state_dict(saved)
    assert layer.built
    assert layer.spec.input_size == FEATURES


def test_only_motor_neurons_are_the_output() -> None:
    """1.0.1 promises as much, and gives the whole last layer: both neurons of 6 that are motors."""
    one = ORIGINAL.torch.CfC(FEATURES, ORIGINAL.wirings.FullyConnected(6, 2))
    two = CfC(FEATURES, our_wirings.FullyConnected(6, 2))
    two.load_state_dict(one.state_dict())
    x = torch.randn(BATCH, STEPS, FEATURES)
    assert one.output_size == two.output_size == 2
    close(two(x)[0], one(x)[0][..., :2])


def test_cells_give_the_same_step() -> None:
    torch.manual_seed(0)
    x, h = torch.randn(3, FEATURES), torch.randn(3, 16)
    mask = (np.random.default_rng(0).random((FEATURES + 16, 16)) < 0.5).astype(np.float32)
    options = {"backbone_layers": 0, "sparsity_mask": mask}
    ts = torch.rand(3, 1)
    one, two = ORIGINAL.torch.CfCCell(FEATURES, 16, **options), CfCCell(FEATURES, 16, **options)
    two.load_state_dict(one.state_dict())
    close(two(x, h, ts), one(x, h, ts))
    wired = ORIGINAL.torch.WiredCfCCell(FEATURES, ORIGINAL.wirings.AutoNCP(16, 4))
    ours = WiredCfCCell(FEATURES, our_wirings.AutoNCP(16, 4))
    ours.load_state_dict(wired.state_dict())
    close(ours(x, h, ts), wired(x, h, ts))
    assert ours.layer_sizes == wired.layer_sizes
    assert ours.synapse_count == wired.synapse_count


def test_memory_gives_the_same_step() -> None:
    torch.manual_seed(0)
    one, two = ORIGINAL.torch.lstm.LSTMCell(FEATURES, 8), LSTMCell(FEATURES, 8)
    two.load_state_dict(one.state_dict())
    x, states = torch.randn(3, FEATURES), (torch.randn(3, 8), torch.randn(3, 8))
    close(two(x, states), one(x, states))


def test_each_row_has_its_own_elapsed_time() -> None:
    """What 1.0.1 got wrong: with B = units its rows' times silently went to the neurons."""
    _, layer = pair({"units": 8})
    x, dt = torch.randn(8, STEPS, FEATURES), torch.rand(8, STEPS)
    whole, _ = layer(x, timespans=dt)
    rows = [layer(x[i : i + 1], timespans=dt[i : i + 1])[0][0] for i in range(8)]
    close(whole, torch.stack(rows))
