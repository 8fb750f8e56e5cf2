"""What is not our own: the kernels that ncps-torch lends on torch, diffrax's solver on JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from keras import ops

from ncps import registry
from ncps.errors import PluginError
from ncps_keras._jax_solver import jax_solvers
from ncps_keras.backends import NAME, xp
from ncps_keras.kernels import Arrays, Result
from ncps_keras.ops._times import Times


@cache
def _lent() -> dict[str, Callable[..., Any]]:
    if NAME == "jax":
        return jax_solvers()
    if NAME != "torch":
        return {}
    try:
        return registry.kernels("torch")
    except PluginError:
        # not installed, or barred by config: the loops here serve too
        return {}


def lent(name: str, weights: Any, x: Any, states: Arrays, times: Times) -> Result | None:
    """What the kernel of this name gives, in the form of `scan`; None where the loop shall run.

    So it is where no kernel is lent, or none for these weights: it says so itself. One step has no
    loop, and a compiler must see the operations themselves.
    """
    if not xp.is_concrete(x) or x.shape[1] < 2:
        return None
    kernel = _lent().get(name)
    if kernel is None:
        return None
    dt = times.dt
    if dt is not None and len(dt.shape):
        dt = ops.broadcast_to(dt, x.shape[:2])
    found = kernel(weights, x, tuple(states), dt, times.mask)
    return None if found is None else (list(found[0]), list(found[1]))


def lent_solver(name: str) -> Callable[..., Any] | None:
    """The solver of this name, of a kept library, if there is one."""
    return _lent().get(name)
