"""How the state dicts of the PyPI package xlstm relate to the canonical parameters."""

from __future__ import annotations

from ncps_xlstm.layouts._large import large_map as large_map
from ncps_xlstm.layouts._stack import stack_map as stack_map
