r"""Solvers of ordinary differential equations, on the operators of any framework's arrays.

.. math::
    \frac{dy}{dt} = f(t, y)\quad\text{or}\quad
    \frac{dy}{dt} = a - b \odot y,\ (a, b) = f(t, y)

Nothing here imports a framework: an array needs only ``+ - * /``. `ncps.dynamics.solve_ode` checks
its arguments and prefers a framework's own library; the layers come here directly.
"""

from __future__ import annotations

from ncps.ode._adaptive import Tolerance as Tolerance
from ncps.ode._adaptive import adaptive as adaptive
from ncps.ode._adaptive import tolerance_of as tolerance_of
from ncps.ode._dopri5 import dopri5_step as dopri5_step
from ncps.ode._fixed import FIXED as FIXED
from ncps.ode._fixed import fixed as fixed
from ncps.ode._slope import Equation as Equation
from ncps.ode._slope import slope_of as slope_of

SEMI_IMPLICIT = "semi_implicit"
DOPRI5 = "dopri5"
# the fused one first: it is the default of the layers that have a choice
METHODS = (SEMI_IMPLICIT, *(name for name in FIXED if name != SEMI_IMPLICIT), DOPRI5)
