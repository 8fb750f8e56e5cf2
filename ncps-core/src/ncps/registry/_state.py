"""What the registry has read and remembers: one object, so that `reload` drops it all at once."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ncps.config import Settings, load_settings
from ncps.registry._added import added, put, remove, table
from ncps.registry._scan import scan

if TYPE_CHECKING:
    from ncps.registry._catalogue import Catalogue
    from ncps.registry._choice import Choice
    from ncps.registry._outcome import Failed
    from ncps.registry._plugins import Plugin
    from ncps.registry._records import Provider

_MOST_CHOICES = 4096


class State:
    """Results of the scan, of reading the config, and of all choices so far."""

    def __init__(self, before: State | None = None) -> None:
        """Anew, or with what another state has read and warned of."""
        self._lock = threading.RLock()
        self._scanned: dict[bool, Catalogue] = {} if before is None else before._scanned
        self._catalogues: dict[bool, Catalogue] = {}
        self._settings: Settings | None = None if before is None else before._settings
        self.choices: dict[object, Choice] = {}
        self.plugins: dict[str | None, Plugin | Failed] = {}
        self.failures: dict[tuple[Provider, str | None], Failed] = {}
        self.warned: set[object] = set() if before is None else before.warned

    def catalogue(self, *, discover: bool) -> Catalogue:
        """What is installed; scanned once, by one thread."""
        found = self._catalogues.get(discover)
        if found is None:
            with self._lock:
                found = self._catalogues.get(discover)
                if found is None:
                    found = self._catalogues[discover] = self._completed(discover)
        return found

    def _completed(self, discover: bool) -> Catalogue:
        """What was scanned, and what code has registered."""
        if discover not in self._scanned:
            self._scanned[discover] = scan(discover=discover)
        manifest = added()
        scanned = self._scanned[discover]
        return scanned if manifest is None else scanned.joined_by(manifest)

    def settings(self) -> Settings:
        """What the config files say; read once."""
        if self._settings is None:
            with self._lock:
                if self._settings is None:
                    self._settings = load_settings()
        return self._settings

    def remember(self, key: object, choice: Choice) -> None:
        """Keep a choice for the next call; all are forgotten when there are too many."""
        if len(self.choices) >= _MOST_CHOICES:
            self.choices.clear()
        self.choices[key] = choice

    def disqualify(self, provider: Provider, device: str | None, failed: Failed) -> None:
        """From now on this provider is one that cannot be used on this device."""
        self.failures[provider, device] = failed
        self.choices.clear()  # some may have found it usable

    def renew_lock(self) -> None:
        """In a forked child: whoever held the lock is not there to let it go."""
        self._lock = threading.RLock()

    def warn_once(self, key: object) -> bool:
        """True for the first call with `key`."""
        with self._lock:
            if key in self.warned:
                return False
            self.warned.add(key)
            return True


_state = State()


def state() -> State:
    """The state in force."""
    return _state


def reload() -> None:
    """Read config and installed plugins anew, and try plugins that failed again.

    What code has registered stays.

    Needed after installing a plugin or changing a config file in a running process; the
    environment, `use` and `set_default` count at once without it.
    """
    global _state
    importlib.invalidate_caches()
    _state = State()


def register(
    technology: str,
    framework: str,
    layers: Mapping[str, Callable[..., Any] | str],
    *,
    priority: float = 0,
    requires: Sequence[str] = (),
    devices: Sequence[str] = (),
) -> None:
    """Offer layers from now on, in this process, as a plugin's manifest would.

    `layers` names for each layer type a factory ``factory(spec, seed=, dtype=, device=)``, or where
    it is, ``"module:Class"``. It is subject to the choice like all others, by its `priority`, and
    stays after `reload`.

    Raises: PluginError for a name that is ours, a layer that is registered already, or a value
    that a manifest cannot have; then nothing is registered.
    """
    put(table(technology, framework, layers, priority, requires, devices))
    _renew()


def unregister(technology: str, framework: str | None = None) -> None:
    """Take back what `register` offered, on one framework or on all.

    Raises: PluginError when it is not registered.
    """
    remove(technology, framework)
    _renew()


def _renew() -> None:
    """Forget all choices. Whoever is choosing at this moment ends with what was there."""
    global _state
    _state = State(_state)


def _in_forked_child() -> None:
    _state.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
