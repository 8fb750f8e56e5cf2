"""One script on every framework: layers, and operations on arrays, behind one object.

    backend = create_neural_backend("torch", dtype="bfloat16")
    layer = backend.linear(4, 8)
    ops = backend.functional
    y = ops.rms_norm(layer(backend.array([[1.0, 2.0, 3.0, 4.0]])))

The same lines run with ``"mlx"``, ``"keras"`` and ``"jax"``. Layers are native objects, arrays are
native arrays.
"""

from __future__ import annotations

from typing import Any

from ncps import registry
from ncps.errors import unknown
from ncps.neural._backend import Backend
from ncps.neural._backend import NeuralBackend as NeuralBackend
from ncps.neural._functions import OPERATIONS as OPERATIONS
from ncps.neural._functions import Functions as Functions

# whose layers take arrays of such a library
_KERAS = ("jax", "tensorflow")


def create_neural_backend(name: str, dtype: str | None = None, device: Any = None) -> NeuralBackend:
    """Layers and operations of ``"mlx"``, ``"torch"``, ``"keras"``, ``"jax"`` or another framework.

    ``"keras"`` has the arrays of the back end that Keras runs on. ``"jax"`` has JAX arrays,
    whatever Keras runs on; its layers are those of Keras on JAX. `dtype` is that of the arrays and
    layers that it makes, float32 unless said (float64 for ``"numpy"``), `device` where they are.

    Raises: UnknownNameError for a framework or dtype that is not known; PluginError when
    its plugin is not installed or has no such operations.
    """
    known = registry.frameworks() | set(_KERAS)
    if name not in known:
        raise unknown("neural backend", name, known)
    framework = "keras" if name in _KERAS else name
    functional = registry.neural(framework, name)
    kind = functional.default_dtype if dtype is None else functional.check_dtype(dtype)
    return Backend(name, framework, functional, kind, device)
