"""The choice itself: walk the plan until a provider can be used, and remember it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ncps.errors import PluginError
from ncps.registry._failure import cannot_serve
from ncps.registry._outcome import Failed, Loaded, call
from ncps.registry._plan import Plan, Question, device_kind, make_plan
from ncps.registry._records import PluginWarning, Provider
from ncps.registry._state import State, state
from ncps.registry._wishes import environment, standing, wishes
from ncps.registry._words import check_texts

if TYPE_CHECKING:
    from ncps.registry._catalogue import Catalogue
    from ncps.specs import Spec


class Choice:
    """A plan, and what became of the providers that were tried so far."""

    def __init__(self, plan: Plan, catalogue: Catalogue, state: State) -> None:
        self.plan = plan
        self._catalogue = catalogue
        self._state = state
        self._survivors = plan.survivors
        self._tried: list[Loaded | Failed | None] = [None] * len(self._survivors)

    def take(self, spec: Spec | None) -> Loaded:
        """The first provider that can be used, for this spec.

        Raises: PluginError or UnknownNameError when there is none.
        """
        failures: list[tuple[Provider, Failed]] = []
        for index, provider in enumerate(self._survivors):
            tried = self._tried[index] or self._load(index)
            if isinstance(tried, Loaded):
                refused = None
                if tried.supports is not None and spec is not None:
                    refused = unsupported(tried, spec)
                if refused is None:
                    if failures:
                        self._warn(failures, provider)
                    return tried
                tried = refused
            failures.append((provider, tried))
        raise cannot_serve(self.plan, failures, self._catalogue)

    def _load(self, index: int) -> Loaded | Failed:
        from ncps.registry._plugins import load

        found = self._tried[index] = load(self._survivors[index], self.plan.device, self._state)
        return found

    def _warn(self, failures: list[tuple[Provider, Failed]], taken: Provider) -> None:
        for provider, failed in failures:
            if self._state.warn_once((provider, failed.step)):
                warnings.warn(
                    f"{provider} ranks before {taken} for {provider.layer!r} but cannot be used: "
                    f"{failed.reason}. `ncps doctor` shows all plugins.",
                    PluginWarning,
                    stacklevel=5,
                )


def choose(
    layer: str,
    technology: str | None,
    framework: str | None,
    device: object,
    spec: Spec | None,
) -> Loaded:
    """The provider of `layer` that is in force at this moment, loaded."""
    check_texts(technology, framework)  # before they are part of a key
    now = state()
    kind = None if device is None else device_kind(device)
    env = environment()
    scopes = standing()
    key = (layer, technology, framework, kind, scopes, env)
    choice = now.choices.get(key)
    if choice is None:
        asked = tuple(wishes(technology, framework, scopes, env))
        question = Question(layer, asked, kind, env)
        catalogue = now.catalogue(discover=env.discovers())
        choice = Choice(make_plan(question, catalogue, now.settings()), catalogue, now)
        now.remember(key, choice)
    return choice.take(spec)


def unsupported(loaded: Loaded, spec: Spec) -> Failed | None:
    """What the plugin has against this spec, or None."""
    p = loaded.provider
    assert loaded.supports is not None
    try:
        reason = call(loaded.supports, spec=spec, technology=p.technology, framework=p.framework)
    except PluginError as error:
        return Failed("supports", str(error), error.__cause__)
    if reason is None:
        return None
    if isinstance(reason, str):
        return Failed("supports", reason)
    return Failed("supports", f"ncps_supports expected None or a text, got {reason!r}")
