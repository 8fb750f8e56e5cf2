"""`solver=` on torch: torchdiffeq where it is installed, and a reason where it is not."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import PluginError, SolverError
from ncps_torch import ops

needs_torchdiffeq = pytest.mark.skipif(not ops.can_adapt(), reason="needs torchdiffeq")
OPTIONS = {"technology": "torch", "input_size": 2, "units": 4, "seed": 0}


@pytest.mark.parametrize("layer", ["LTC", "ELTC", "CTRNN"])
def test_dopri5_without_torchdiffeq_says_what_to_install(
    layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "ncps_torch.ops._solvers.find_spec", lambda n: None if n == "torchdiffeq" else found(n)
    )
    with pytest.raises(PluginError, match=r'needs torchdiffeq. Run: pip install "ncps-torch\[ode'):
        ncps.create(layer, **OPTIONS, solver="dopri5")
    with pytest.raises(SolverError, match="needs torchdiffeq"):
        ops.dopri5(lambda t, y: -y, torch.ones(2), torch.ones(()))


@needs_torchdiffeq
@pytest.mark.parametrize("layer", ["LTC", "ELTC", "CTRNN"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_dopri5_is_the_reference_s_solution_in_every_dtype(layer: str, dtype: str) -> None:
    native = ncps.create(layer, **OPTIONS, solver="dopri5", dtype=dtype)
    x = torch.linspace(-1, 1, 12, dtype=getattr(torch, dtype)).reshape(2, 3, 2)
    y, state = native(x, timespans=torch.tensor([[0.5, 0.0, 2.0], [1.0, 0.25, 0.125]]))
    assert y.dtype == state.dtype == x.dtype
    reference = ncps.create(native.spec, technology="numpy")
    ncps.load_parameters(reference, ncps.parameters(native))
    dt = np.array([[0.5, 0.0, 2.0], [1.0, 0.25, 0.125]])
    expected, _ = reference(x.double().numpy(), timespans=dt)
    np.testing.assert_allclose(y.detach().double(), expected, **TOLERANCES[dtype].values)


@needs_torchdiffeq
def test_dopri5_inside_a_transform_is_refused() -> None:
    layer: Any = ncps.create("CTRNNCell", **OPTIONS, solver="dopri5")
    with pytest.raises(SolverError, match=r"none inside compile, export or torch\.func"):
        torch.func.vmap(lambda x: layer(x)[0])(torch.ones(3, 2, 2))


@needs_torchdiffeq
def test_dopri5_says_when_it_cannot_go_on() -> None:
    with pytest.raises(SolverError, match="could not reach the end of Δt"):
        ops.dopri5(lambda t, y: y * torch.nan, torch.ones(2), torch.ones(()))
