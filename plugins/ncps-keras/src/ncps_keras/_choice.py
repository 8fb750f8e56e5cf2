"""Which of its back ends Keras runs on, settled before Keras is imported.

Keras has one back end in a process. ``KERAS_BACKEND`` names it, else the file ``keras.json``, else
it is TensorFlow, installed or not; and Keras itself writes that default to the file. So a back
end from the file that is not installed counts as no choice, and the first of torch, JAX and
TensorFlow that is installed takes its place.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

BACKENDS = ("torch", "jax", "tensorflow")
MISSING = 'on jax, solver="dopri5" needs diffrax. Run: pip install "ncps-keras[ode]"'


def settle() -> None:
    """Set ``KERAS_BACKEND`` where nobody has chosen a back end that is here."""
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    chosen = _from_file()
    if chosen is not None and _is_installed(chosen):
        return
    found = next(filter(_is_installed, BACKENDS), None)
    if found is not None:
        os.environ["KERAS_BACKEND"] = found


def why_not() -> str | None:
    """Why Keras cannot serve layers with the back end that it has or would take; None if it can."""
    name = current()
    here = [backend for backend in BACKENDS if _is_installed(backend)]
    advice = (
        f"set KERAS_BACKEND to one of {', '.join(here)} before Keras is imported"
        if here
        else f"install one of {', '.join(BACKENDS)}"
    )
    if name not in BACKENDS:
        return f"its back end {name!r} cannot train or is not known: {advice}"
    if name not in here:
        return f"its back end {name!r} is not installed: {advice}"
    return None


def current() -> str:
    """The name of the back end that Keras has, or takes when it is imported."""
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "config"):
        return str(keras.config.backend())
    return os.environ.get("KERAS_BACKEND") or _from_file() or "tensorflow"


def fixed_steps_only(backend: str) -> str | None:
    """Why solvers on this back end must have fixed steps; None if they need not."""
    if backend == "torch":
        return None
    if backend == "jax":
        return None if _is_installed("diffrax") else MISSING
    return (
        f"on {backend}, Keras traces the loop over time, in which no value can be read, and "
        'solver="dopri5" chooses its steps by them: take a solver with fixed steps, or the back '
        "end torch or jax"
    )


def _from_file() -> str | None:
    """The back end that ``keras.json`` names, if there is such a file and Keras can read it."""
    home = os.environ.get("KERAS_HOME")
    folder = Path(home) if home else Path("~").expanduser() / ".keras"
    try:
        config = json.loads((folder / "keras.json").read_text(encoding="utf-8"))
        return str(config["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        # a module that something else put there without a spec
        return name in sys.modules
