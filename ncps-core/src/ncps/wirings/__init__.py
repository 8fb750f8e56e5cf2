"""Wirings: which neuron of a circuit is connected to which, and with what sign."""

from __future__ import annotations

from ._auto_ncp import AutoNCP as AutoNCP
from ._config import from_config as from_config
from ._fully_connected import FullyConnected as FullyConnected
from ._ncp import NCP as NCP
from ._random import Random as Random
from ._save import save_drawing as save_drawing
from ._wiring import Wiring as Wiring

__all__ = [
    "NCP",
    "AutoNCP",
    "FullyConnected",
    "Random",
    "Wiring",
    "from_config",
    "save_drawing",
]
