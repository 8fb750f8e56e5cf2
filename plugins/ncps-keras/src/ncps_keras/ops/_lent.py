"""What is not our own: the kernels that ncps-torch lends on torch, diffrax's solver on JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ncps import registry
from ncps.errors import PluginError
from ncps_keras._jax_solver import jax_solvers
from ncps_keras.backends import NAME, xp
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


def lent(name: str, x: Any, times: Times) -> Callable[..., Any] | None:
    """The kernel of this name for x (B, T, D), if there is one and it can be used and pays.

    It takes no mask, one step has no loop, and a compiler must see the operations themselves.
    """
    if times.mask is not None or x.shape[1] < 2 or not xp.is_concrete(x):
        return None
    return _lent().get(name)


def lent_solver(name: str) -> Callable[..., Any] | None:
    """The solver of this name, of a kept library, if there is one."""
    return _lent().get(name)
