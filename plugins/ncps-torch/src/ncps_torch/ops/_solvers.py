"""The solvers that a layer may name: fixed steps from the core, adaptive ones by torchdiffeq."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor

from ncps.errors import SolverError
from ncps.ode import DOPRI5, Equation, Tolerance, fixed, slope_of, tolerance_of
from ncps_torch.kernels import Solve
from ncps_torch.ops._dtypes import dtype_name
from ncps_torch.ops._modes import in_transform

MISSING = 'solver="dopri5" needs torchdiffeq. Run: pip install "ncps-torch[ode]"'


def can_adapt() -> bool:
    """Whether the library of adaptive solvers is installed."""
    return find_spec("torchdiffeq") is not None


def solver_of(method: str, steps: int) -> Solve:
    """The solver of this name; one with fixed steps takes so many."""
    return dopri5 if method == DOPRI5 else partial(_fixed, method, steps)


def solving_dtype(method: str, dtype: torch.dtype) -> torch.dtype:
    """The dtype to solve in: an error estimate means nothing in half precision."""
    return torch.float32 if method == DOPRI5 and dtype.itemsize < 4 else dtype


def _fixed(method: str, steps: int, equation: Equation, y: Tensor, dt: Tensor) -> Tensor:
    solution: Tensor = fixed(method, equation, y, dt, steps)
    return solution


def dopri5(
    equation: Equation,
    y: Tensor,
    dt: Tensor,
    tolerance: Tolerance | None = None,
    t0: float | Tensor = 0.0,
) -> Tensor:
    """y after Δt, which broadcasts to y, by torchdiffeq's dopri5, solved over s = 0 … 1.

    Raises: SolverError when it takes more steps than allowed or a slope is not finite, inside a
    transform, and without torchdiffeq.
    """
    if not can_adapt():
        raise SolverError(f"{MISSING}.")
    if in_transform():
        raise SolverError(
            "dopri5 expected tensors whose values can be read, and there are none inside compile, "
            "export or torch.func. Take a method with fixed steps there."
        )
    from torchdiffeq import odeint

    tolerance = tolerance or tolerance_of(dtype_name(y.dtype))
    f = slope_of(equation)
    # a step counts when no element's error is too large, so that rows do not depend on each other
    options = {"max_num_steps": tolerance.max_steps, "norm": _largest}
    try:
        solution: Tensor = odeint(
            lambda s, y: dt * f(t0 + s * dt, y),
            y,
            y.new_tensor([0.0, 1.0]),
            rtol=tolerance.rtol,
            atol=tolerance.atol,
            method=DOPRI5,
            options=options,
        )[1]
    except AssertionError as error:
        raise SolverError(
            f"dopri5 could not reach the end of Δt: {error}. Look for values that are not finite; "
            "or the equation is stiff for so long a Δt: take the semi-implicit solver."
        ) from error
    return solution


def _largest(ratio: Tensor) -> Tensor:
    return ratio.abs().max() if ratio.numel() else ratio.new_zeros(())
