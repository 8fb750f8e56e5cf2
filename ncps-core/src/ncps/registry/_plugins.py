"""Import of a chosen plugin, and its hooks. What it raises is kept as the reason why it failed."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import pluggy

from ncps.errors import PluginError
from ncps.registry import hookspecs
from ncps.registry._outcome import Failed, Hook, Loaded, call, described, fetch, let_through
from ncps.registry._records import Provider
from ncps.registry._state import State


@dataclass(frozen=True)
class Plugin:
    """An imported plugin: its pluggy manager, and which hooks it has."""

    manager: pluggy.PluginManager

    def hook(self, name: str) -> Hook | None:
        """The caller of a hook, or None when the plugin does not define it."""
        caller: pluggy.HookCaller = getattr(self.manager.hook, name)
        return caller if caller.get_hookimpls() else None


class _Manager(pluggy.PluginManager):
    """Takes the plain functions of a plugin module that are named ``ncps_…`` for hooks too."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        marked = super().parse_hookimpl_opts(plugin, name)
        if marked is not None or not name.startswith("ncps_"):
            return marked
        function = getattr(plugin, name, None)
        if not inspect.isfunction(function) or function.__module__ != plugin.__name__:
            return None
        return pluggy.HookimplOpts(
            wrapper=False,
            hookwrapper=False,
            optionalhook=False,
            tryfirst=False,
            trylast=False,
            specname=None,
        )


def plugin_of(module: str | None, state: State) -> Plugin | Failed:
    """Import a plugin's module and check its hooks; a success and a failure are both remembered."""
    found = state.plugins.get(module)
    if found is None:
        # two threads may both get here: importing twice is harmless, a lock of ours held
        # while foreign code runs would not be
        found = state.plugins.setdefault(module, _import_plugin(module))
    return found


def load(provider: Provider, device: str | None, state: State) -> Loaded | Failed:
    """Import the provider's plugin, ask whether it can run here, and fetch the layer's factory."""
    key = (provider, device)
    known = state.failures.get(key)
    if known is not None:
        return known
    plugin = plugin_of(provider.plugin, state)
    found = plugin if isinstance(plugin, Failed) else _load(provider, device, plugin)
    if isinstance(found, Failed):
        state.failures[key] = found
    return found


def _import_plugin(module: str | None) -> Plugin | Failed:
    manager = _Manager("ncps")
    manager.add_hookspecs(hookspecs)
    if module is None:
        return Plugin(manager)
    try:
        manager.register(importlib.import_module(module))
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        return Failed("import", f"hooks of {module!r} do not fit: {error}", error)
    except BaseException as error:
        let_through(error)
        return Failed("import", f"importing {module!r} failed: {described(error)}", error)
    return Plugin(manager)


def _load(provider: Provider, device: str | None, plugin: Plugin) -> Loaded | Failed:
    probe = plugin.hook("ncps_probe")
    if probe is not None:
        failed = _probe(provider, device, probe)
        if failed is not None:
            return failed
    try:
        factory = fetch(provider.target)
    except BaseException as error:
        let_through(error)
        return Failed("load", f"loading {provider.target!r} failed: {described(error)}", error)
    if not callable(factory):
        return Failed("load", f"{provider.target!r} expected a class, got {factory!r}")
    return Loaded(
        provider, factory, plugin.hook("ncps_supports"), plugin.hook("ncps_layer_created")
    )


def _probe(provider: Provider, device: str | None, probe: Hook) -> Failed | None:
    try:
        answer = call(probe, technology=provider.technology, framework=provider.framework)
    except PluginError as error:
        return Failed("probe", str(error), error.__cause__)
    if answer is None:
        return None
    if isinstance(answer, str):
        return Failed("probe", answer)
    if not isinstance(answer, list | tuple) or not all(isinstance(d, str) for d in answer):
        return Failed("probe", f"ncps_probe expected a list of devices or a text, got {answer!r}")
    if device is not None and device not in {d.partition(":")[0] for d in answer}:
        return Failed("probe", f"it runs here on {', '.join(answer) or 'nothing'}, not on {device}")
    return None
