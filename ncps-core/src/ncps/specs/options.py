"""Checks of single options, for the specs of plugins: each gives the value, or raises SpecError."""

from __future__ import annotations

from ncps.specs._validate import ACTIVATIONS as ACTIVATIONS
from ncps.specs._validate import above_zero as above_zero
from ncps.specs._validate import at_least_zero as at_least_zero
from ncps.specs._validate import choice as choice
from ncps.specs._validate import flag as flag
from ncps.specs._validate import fraction as fraction
from ncps.specs._validate import integer as integer
