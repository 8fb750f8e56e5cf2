"""The parts of liquid networks: cells, layers, backbones, solvers, times and states.

    from ncps.liquid import LiquidLayer, StateManager, TimeManager

    layer = LiquidLayer("CfC", input_size=4, units=32)
    stream = StateManager(layer)
    y = stream(x, timespans=TimeManager().timespans(stamps))

Layers are native modules of the technology in force; everything else works on the arrays of any
framework. The code is in `ncps.dynamics` and `ncps.ode`.
"""

from __future__ import annotations

from ncps.dynamics import BackboneNetwork as BackboneNetwork
from ncps.dynamics import LiquidCell as LiquidCell
from ncps.dynamics import LiquidCompute as LiquidCompute
from ncps.dynamics import LiquidLayer as LiquidLayer
from ncps.dynamics import ODESolver as ODESolver
from ncps.dynamics import StateManager as StateManager
from ncps.dynamics import TimeManager as TimeManager
from ncps.dynamics import solve_ode as solve_ode

__all__ = [
    "BackboneNetwork",
    "LiquidCell",
    "LiquidCompute",
    "LiquidLayer",
    "LiquidOps",
    "ODESolver",
    "StateManager",
    "TimeManager",
    "solve_ode",
]


class LiquidOps:
    """Operations on any framework's arrays."""

    solve_ode = staticmethod(solve_ode)
