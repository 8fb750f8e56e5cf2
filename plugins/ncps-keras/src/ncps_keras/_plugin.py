"""The hooks of this plugin. Keras itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ncps.errors import PluginError
from ncps_keras._choice import current, fixed_steps_only, why_not

if TYPE_CHECKING:
    from ncps.specs import Spec

_IMPRECISE = "on torch, Keras' matmul rounds float64 to float32; technology ncps does not"
_ROUNDED = ("GRU", "GRUCell", "LSTMCell", "RNN", "RNNCell")
_STOCK = {(name, "dtypes"): _IMPRECISE for name in _ROUNDED if current() == "torch"}
_BIAS = "on TensorFlow, Keras takes a term of no rows for a bias; technology ncps does not"
if current() == "tensorflow":
    _STOCK |= {(name, "empty_batch"): _BIAS for name in ("LSTM", "LSTMCell")}
_EXPLICIT = "an explicit solver grows without bound when Δt / ode_unfolds is long; LTC does not"
_OURS = {(name, "huge_timespans"): _EXPLICIT for name in ("ELTC", "ELTCCell")}
CONFORMANCE_GAPS: dict[str, dict[tuple[str, str], str]] = {"keras": _STOCK, "ncps": _OURS}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that Keras can use here, or why it cannot run."""
    reason = why_not()
    if reason is not None:
        return f"Keras cannot run: {reason}"
    try:
        from ncps_keras.ops import available_devices
    except ImportError as error:
        return f"Keras cannot be imported: {error}"
    return available_devices()


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    if technology == "ncps" and getattr(spec, "solver", None) == "dopri5":
        return fixed_steps_only(current())
    return None


def ncps_devices(framework: str) -> list[str] | None:
    """The devices that Keras can use here."""
    if framework != "keras" or why_not() is not None:
        return None
    from ncps_keras.ops import available_devices

    return available_devices()


def ncps_kernels(framework: str) -> dict[str, Any] | None:
    """diffrax's solver for JAX arrays, whatever Keras runs on, if it is installed."""
    if framework != "jax":
        return None
    from ncps_keras._jax_solver import jax_solvers

    return jax_solvers() or None


def ncps_trainer(framework: str) -> type | None:
    """The trainer of models made of Keras layers."""
    if framework != "keras":
        return None
    from ncps_keras.training import Trainer

    return Trainer


def ncps_arrays(framework: str) -> Any:
    """The adapter between NumPy and the arrays of Keras' back end."""
    if framework != "keras":
        return None
    from ncps_keras.arrays import KerasArrays

    return KerasArrays()


def ncps_natives(framework: str) -> Any:
    """The adapter to Keras' own layers."""
    if framework != "keras":
        return None
    from ncps_keras.natives import KerasNatives

    return KerasNatives()


def ncps_runs_on(framework: str) -> str | None:
    """The back end that Keras has in this process, or takes when it is imported."""
    return current() if framework == "keras" else None


def ncps_neural(framework: str, arrays: str) -> Any:
    """The operations of `ncps.neural` on Keras' tensors, or on JAX arrays.

    Raises: PluginError for the arrays of a back end that Keras does not run on.
    """
    if framework != "keras":
        return None
    if arrays == "jax":
        return _jax()
    if arrays not in ("keras", current()):
        raise PluginError(
            f"Keras runs on {current()} in this process. Set KERAS_BACKEND="
            f"{arrays} before Python starts"
        )
    from ncps_keras.neural._keras import KerasFunctions

    return KerasFunctions()


def _jax() -> Any:
    try:
        from ncps_keras.neural._jax import JaxFunctions
    except ModuleNotFoundError as error:
        raise PluginError("JAX is not installed. Run: pip install jax") from error
    return JaxFunctions()


def ncps_guest(framework: str) -> Any:
    """What runs Keras layers inside a model of another framework."""
    if framework != "keras":
        return None
    from ncps_keras.mixed import KerasGuest

    return KerasGuest()


def ncps_recurrence(framework: str) -> type | None:
    """The layer that runs any cell over a sequence."""
    if framework != "keras":
        return None
    from ncps_keras.layers import RecurrentOver

    return RecurrentOver
