"""Layers under what torch offers: autocast, torch.func, export, second derivatives, DDP, copies."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.func import functional_call, grad, vmap

import ncps
from ncps.errors import BuildError
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP

LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("CfC", {"units": 6, "backbone_units": 5}),
    ("CfC", {"units": 6, "mode": "pure", "backbone_layers": 0}),
    ("CfC", {"units": 6, "mode": "no_gate", "activation": "gelu", "backbone_units": 5}),
    ("CfC", {"units": 6, "mixed_memory": True, "proj_size": 2, "backbone_units": 5}),
    ("CfC", {"units": AutoNCP(12, 3)}),
    ("LSTM", {"units": 6}),
    ("RNN", {"units": 6}),
    ("GRU", {"units": 6}),
    ("GRU", {"units": 6, "reset_after": False}),
    ("CTRNN", {"units": 6, "ode_unfolds": 2}),
    ("CTRNN", {"units": AutoNCP(12, 3), "ode_unfolds": 2}),
    ("LTC", {"units": AutoNCP(12, 3), "ode_unfolds": 2}),
    ("LTC", {"units": 6, "mixed_memory": True, "ode_unfolds": 2}),
    ("ELTC", {"units": AutoNCP(12, 3), "ode_unfolds": 8}),
]
# a cell knows no projection, layers or directions
CELLS = [(f"{n}Cell", {k: v for k, v in o.items() if k != "proj_size"}) for n, o in LAYERS]
LAYERS += [
    ("CfC", {"units": 6, "backbone_units": 5, "num_layers": 2}),
    ("LTC", {"units": 4, "ode_unfolds": 2, "bidirectional": True}),
    ("LSTM", {"units": 6, "num_layers": 2, "bidirectional": True}),
]


def make(name: str, options: dict[str, Any], **more: Any) -> Any:
    settings = {"input_size": 4, "seed": 0, **options, **more}
    return ncps.create(name, technology="torch", **settings)


def series(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, 7, 4, dtype=dtype), torch.rand(3, 7, dtype=dtype) + 0.1


@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_gradcheck(name: str, options: dict[str, Any]) -> None:
    layer = make(name, options, dtype="float64")
    names = [n for n, _ in layer.named_parameters()]
    x, dt = series(torch.float64)
    x, dt = x[:2, :3], dt[:2, :3]

    def run(x: torch.Tensor, dt: torch.Tensor, *values: torch.Tensor) -> Any:
        named = dict(zip(names, values, strict=True))
        return functional_call(layer, named, (x, None, dt))[0]

    inputs = [x.requires_grad_(), dt.requires_grad_(), *layer.parameters()]
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize(("name", "options"), LAYERS)
@pytest.mark.parametrize("timed", [False, True])
def test_autocast_computes_in_its_dtype(name: str, options: dict[str, Any], timed: bool) -> None:
    layer = make(name, options)
    x, dt = series()
    spans = dt if timed else None
    expected, _ = layer(x, timespans=spans)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = layer(x, timespans=spans)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, **TOLERANCES["bfloat16"].values)
    y.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())


@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_layer_follows_dtype(name: str, options: dict[str, Any]) -> None:
    layer = make(name, options).bfloat16()
    assert layer.dtype == "bfloat16"
    y, _ = layer(series()[0])
    assert y.dtype == torch.bfloat16
    assert layer.double()(series()[0])[0].dtype == torch.float64


# torch 2.4 warns although weights_only is given
@pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")
@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_copies_and_pickles_compute_the_same(name: str, options: dict[str, Any]) -> None:
    layer, (x, dt) = make(name, options), series()
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), again):
        torch.testing.assert_close(other(x, None, dt), layer(x, None, dt), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_func_grad_agrees_with_backward(name: str, options: dict[str, Any]) -> None:
    layer, (x, dt) = make(name, options), series()
    parameters = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        return functional_call(layer, values, (x, None, dt))[0].square().sum()

    found = grad(loss)(parameters, x, dt)
    layer(x, None, dt)[0].square().sum().backward()
    per_row = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, dt)
    bounds = TOLERANCES["float32"].gradients
    for key, parameter in layer.named_parameters():
        torch.testing.assert_close(found[key], parameter.grad, **bounds)
        torch.testing.assert_close(per_row[key].sum(0), parameter.grad, **bounds)


@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_second_derivatives(name: str, options: dict[str, Any]) -> None:
    layer = make(name, options, dtype="float64")
    x = series(torch.float64)[0][:1, :3].requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], x, fast_mode=True)


@pytest.mark.parametrize(("name", "options"), CELLS)
def test_cell_exports(name: str, options: dict[str, Any]) -> None:
    cell = make(name, options)
    x = torch.randn(3, 4)
    state = cell.get_initial_state(3)
    dt = torch.rand(3)
    batch = torch.export.Dim("batch", min=2, max=64)
    states = tuple({0: batch} for _ in state) if isinstance(state, tuple) else {0: batch}
    program = torch.export.export(
        # the default of newer versions
        cell,
        (x, state, dt),
        dynamic_shapes=({0: batch}, states, {0: batch}),
        strict=False,
    )
    torch.testing.assert_close(program.module()(x, state, dt), cell(x, state, dt))
    two = torch.randn(5, 4), cell.get_initial_state(5), torch.rand(5)
    torch.testing.assert_close(program.module()(*two), cell(*two))


DDP = """
import os
import torch
import ncps
from ncps.wirings import AutoNCP

store = torch.distributed.HashStore()
torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
for name, options in [
    ("CfC", {"units": 6}),
    ("CfC", {"units": 6, "mode": "pure", "backbone_layers": 0}),
    ("CfC", {"units": AutoNCP(12, 3), "mixed_memory": True, "proj_size": 2}),
    ("LTC", {"units": AutoNCP(12, 3), "ode_unfolds": 2}),
    ("CTRNN", {"units": 6, "ode_unfolds": 2}),
    ("GRU", {"units": 6, "num_layers": 2}),
    ("LSTM", {"units": 6, "bidirectional": True}),
]:
    made = ncps.create(name, technology="torch", input_size=4, seed=0, **options)
    layer = torch.nn.parallel.DistributedDataParallel(made)
    for _ in range(2):
        # a second pass raises when a parameter had no gradient in the first
        layer(torch.randn(3, 5, 4))[0].sum().backward()
    assert all(p.grad is not None for p in layer.parameters()), name
print("all trained", flush=True)
# the end of gloo's threads may wait for the interpreter for ever
os._exit(0)
"""


def test_every_parameter_has_a_gradient_under_ddp() -> None:
    command = [sys.executable, "-c", DDP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "all trained\n", done.stderr


def test_first_call_in_a_transform_says_to_build_before() -> None:
    layer = make("CfC", {"units": 5, "input_size": None})
    with pytest.raises(BuildError, match=r"call layer\.build"):
        grad(lambda x: layer(x)[0].sum())(series()[0])


def test_dropout_follows_the_mode_of_the_layer() -> None:
    layer, (x, _) = (
        make("CfC", {"units": 5, "backbone_dropout": 0.5, "backbone_layers": 2}),
        series(),
    )
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_carried_state_does_not_hold_the_sequence() -> None:
    _, h = make("CfC", {"units": 5})(series()[0])
    assert h.untyped_storage().nbytes() == h.numel() * 4
