"""Discovery and choice: which technology serves a layer, and why.

Discovery reads data files and runs no plugin code; only the plugin that is chosen is imported.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ncps.registry._active import Active as Active
from ncps.registry._active import active as active
from ncps.registry._create import checkpoint_formats as checkpoint_formats
from ncps.registry._create import checkpoint_reader as checkpoint_reader
from ncps.registry._create import create as create
from ncps.registry._create import load as load
from ncps.registry._create import plugin_spec as plugin_spec
from ncps.registry._create import select as select
from ncps.registry._explain import Explanation as Explanation
from ncps.registry._explain import explain as explain
from ncps.registry._origin import provider_of as provider_of
from ncps.registry._overview import Overview as Overview
from ncps.registry._overview import TechnologyInfo as TechnologyInfo
from ncps.registry._overview import overview as overview
from ncps.registry._overview import technologies as technologies
from ncps.registry._records import PluginWarning as PluginWarning
from ncps.registry._records import Problem as Problem
from ncps.registry._records import Provider as Provider
from ncps.registry._services import arrays as arrays
from ncps.registry._services import frameworks as frameworks
from ncps.registry._services import guest as guest
from ncps.registry._services import hooks as hooks
from ncps.registry._services import host as host
from ncps.registry._services import kernels as kernels
from ncps.registry._services import natives as natives
from ncps.registry._services import neural as neural
from ncps.registry._services import recurrence as recurrence
from ncps.registry._services import runs_on as runs_on
from ncps.registry._services import toolkit as toolkit
from ncps.registry._services import trainer as trainer
from ncps.registry._state import register as register
from ncps.registry._state import reload as reload
from ncps.registry._state import state
from ncps.registry._state import unregister as unregister
from ncps.registry._tables import WIDTH as WIDTH
from ncps.registry._tables import table_text as table_text
from ncps.registry._wishes import environment, scope, set_process_default
from ncps.registry._words import both

if TYPE_CHECKING:
    from ncps.registry.hookspecs import hookimpl as hookimpl


def use(
    technology: str | None = None, framework: str | None = None
) -> AbstractContextManager[None]:
    """``with ncps.use("torch"):`` every layer made inside is on torch, in this thread or task.

    Scopes nest, the innermost speaks first; one that names nothing changes nothing. Raises:
    UnknownNameError, with the nearest match, for a technology or framework that is not known;
    PluginError for one whose plugin cannot be read.
    """
    _check(technology, framework)
    return scope(technology, framework)


def set_default(technology: str | None = None, framework: str | None = None) -> None:
    """From now on, in all threads, layers come from here unless a call or `use` says otherwise.

    ``set_default()`` removes the default. Raises: UnknownNameError, with the nearest match, for a
    technology or framework that is not known; PluginError for one whose plugin cannot be read.
    """
    _check(technology, framework)
    set_process_default(technology, framework)


def _check(technology: str | None, framework: str | None) -> None:
    if technology is not None or framework is not None:
        both(technology, framework, state().catalogue(discover=environment().discovers()))


def __getattr__(name: str) -> object:
    if name == "hookimpl":  # imports pluggy, which only plugins need
        from ncps.registry.hookspecs import hookimpl

        return hookimpl
    raise AttributeError(f"module 'ncps.registry' has no attribute {name!r}")
