"""Layers, tensors and devices of whatever framework is in use.

The framework in use is what `ncps.use`, `ncps.set_default`, the environment or the config put
first, never what happens to be imported.
"""

from __future__ import annotations

from ncps.abstractions._gpu import GPUAbstraction as GPUAbstraction
from ncps.abstractions._layer import LayerAbstraction as LayerAbstraction
from ncps.abstractions._tensor import TensorAbstraction as TensorAbstraction
