"""The operations inside loops, as the back end that Keras runs on has them.

A loop over time calls them once a step, where `keras.ops` would spend more time on checking its
arguments than the operation takes. Everything else in this package is written in `keras.ops`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import keras

from ncps.errors import PluginError
from ncps_keras._choice import BACKENDS, why_not

NAME: str = keras.config.backend()
if NAME not in BACKENDS:
    raise PluginError(f"Keras cannot run the layers of ncps: {why_not()}.")

xp: Any = import_module(f"ncps_keras.backends._{NAME}")
