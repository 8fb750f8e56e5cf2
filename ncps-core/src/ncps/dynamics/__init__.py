"""The parts that liquid models are made of, on the arrays of any framework.

Solvers of differential equations, elapsed times, carried states, single steps of the equations, and
ways to make liquid layers. `ncps.liquid` is the face.
"""

from __future__ import annotations

from ncps.dynamics._compute import LiquidCompute as LiquidCompute
from ncps.dynamics._functions import Functions as Functions
from ncps.dynamics._functions import functions_of as functions_of
from ncps.dynamics._layers import LIQUID as LIQUID
from ncps.dynamics._layers import BackboneNetwork as BackboneNetwork
from ncps.dynamics._layers import LiquidCell as LiquidCell
from ncps.dynamics._layers import LiquidLayer as LiquidLayer
from ncps.dynamics._solver import ODESolver as ODESolver
from ncps.dynamics._solver import solve_ode as solve_ode
from ncps.dynamics._states import StateManager as StateManager
from ncps.dynamics._time import TimeManager as TimeManager
