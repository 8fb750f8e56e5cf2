"""`solver=` on MLX: the core's solvers, eagerly and under MLX's transformations."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import SolverError

OPTIONS = {"technology": "mlx", "input_size": 2, "units": 4, "seed": 0}
BOUNDS = TOLERANCES["float32"].values


@pytest.mark.parametrize("layer", ["ELTC", "CTRNN"])
@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4"])
def test_fixed_steps_compile(layer: str, solver: str) -> None:
    native = ncps.create(layer, **OPTIONS, solver=solver)
    x = mx.array(np.linspace(-1, 1, 12).reshape(2, 3, 2))
    compiled = mx.compile(lambda x: native(x)[0])
    np.testing.assert_allclose(compiled(x), native(x)[0], **BOUNDS)


def test_dopri5_in_half_precision_solves_in_float32() -> None:
    half = ncps.create("CTRNN", **OPTIONS, solver="dopri5", dtype="bfloat16")
    x = mx.array(np.linspace(-1, 1, 12).reshape(2, 3, 2)).astype(mx.bfloat16)
    y, _ = half(x)
    assert y.dtype == mx.bfloat16
    reference = ncps.create(half.spec, technology="numpy")
    ncps.load_parameters(reference, ncps.parameters(half))
    expected, _ = reference(np.array(x.astype(mx.float32)))
    got = np.array(y.astype(mx.float32))
    np.testing.assert_allclose(got, expected, **TOLERANCES["bfloat16"].values)


@pytest.mark.parametrize("layer", ["LTC", "CTRNN"])
def test_dopri5_inside_compile_is_refused(layer: str) -> None:
    native = ncps.create(layer, **OPTIONS, solver="dopri5")
    with pytest.raises(SolverError, match="inside compile, vmap or jit there are none"):
        mx.compile(lambda x: native(x)[0])(mx.ones((2, 3, 2)))
