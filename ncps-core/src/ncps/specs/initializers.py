"""Initial values, for the specs of plugins: drawn in NumPy, the same in every technology.

An initialiser is called with a generator and a shape, and gives an array; one that draws nothing
belongs into a frozen dataclass as well, so that specs compare by value.
"""

from __future__ import annotations

from ncps.specs._initializers import Constant as Constant
from ncps.specs._initializers import Initializer as Initializer
from ncps.specs._initializers import Linspace as Linspace
from ncps.specs._initializers import Normal as Normal
from ncps.specs._initializers import Orthogonal as Orthogonal
from ncps.specs._initializers import Range as Range
from ncps.specs._initializers import Uniform as Uniform
from ncps.specs._initializers import XavierUniform as XavierUniform
from ncps.specs._initializers import fan_in_uniform as fan_in_uniform
