"""The hooks that a plugin's `_plugin` module may define; all are optional.

A hook is a plain function with the name and (any of) the arguments below, or one marked with
`ncps.registry.hookimpl`. It is called only when a provider of the plugin is about to be used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ncps.specs import Spec

hookspec = pluggy.HookspecMarker("ncps")
hookimpl = pluggy.HookimplMarker("ncps")


@hookspec(firstresult=True)
def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices on which it can run here, such as ``["cpu"]``; a text says why it cannot."""


@hookspec(firstresult=True)
def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """None when this configuration is supported; a text says why it is not."""


@hookspec
def ncps_layer_created(layer: Any, spec: Spec) -> None:
    """Called with every layer that `ncps.create` made from this plugin."""


@hookspec(firstresult=True)
def ncps_devices(framework: str) -> list[str] | None:
    """The devices of this machine, in the framework's words: ``["cpu", "cuda:0"]``."""


@hookspec(firstresult=True)
def ncps_kernels(framework: str) -> dict[str, Callable[..., Any]] | None:
    """The kernels that other plugins may use, by name."""


@hookspec(firstresult=True)
def ncps_trainer(framework: str) -> type | None:
    """The class that trains a model on this framework; see `ncps.training`."""


@hookspec(firstresult=True)
def ncps_arrays(framework: str) -> Any:
    """The adapter between NumPy and the framework's arrays; see `ncps.testing`."""


@hookspec(firstresult=True)
def ncps_natives(framework: str) -> Any:
    """The adapter to the framework's own modules; see `ncps.canonical.Natives`."""


@hookspec(firstresult=True)
def ncps_toolkit(framework: str) -> Any:
    """What other plugins may build native layers from: base classes, checks of arguments."""


@hookspec(firstresult=True)
def ncps_recurrence(framework: str) -> type | None:
    """The module class that runs any cell over a sequence; see `ncps.layers.RecurrentOver`."""


@hookspec(firstresult=True)
def ncps_neural(framework: str, arrays: str) -> Any:
    """The operations on arrays, an `ncps.neural.Functions`; None for arrays that it has none for.

    `arrays` is the framework's name, or that of the library whose arrays are meant: ``"jax"``.
    """


@hookspec(firstresult=True)
def ncps_runs_on(framework: str) -> str | None:
    """The library whose arrays the layers take, if it is not the framework: Keras' back end."""


@hookspec(firstresult=True)
def ncps_guest(framework: str) -> Any:
    """What runs the framework's layers inside another's model; see `ncps.mixed.GuestSide`."""


@hookspec(firstresult=True)
def ncps_host(framework: str) -> Any:
    """What takes other frameworks' layers into a model of this one; see `ncps.mixed.HostSide`."""
