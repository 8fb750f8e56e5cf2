"""What a framework's plugin offers beside layers: trainer, arrays, native modules, other hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ncps.config import Settings
from ncps.errors import NcpsError, PluginError
from ncps.registry._catalogue import Catalogue
from ncps.registry._names import framework_rank
from ncps.registry._outcome import Failed, call
from ncps.registry._plan import barred
from ncps.registry._records import Provider, Technology
from ncps.registry._state import state
from ncps.registry._wishes import environment
from ncps.registry._words import resolve_framework

if TYPE_CHECKING:
    import pluggy

    from ncps.registry._plugins import Plugin


def trainer(framework: str) -> Any:
    """The trainer class for a framework, from the plugin that ranks first and has one.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_trainer", "a trainer", framework)


def arrays(framework: str) -> Any:
    """The adapter between NumPy and a framework's arrays.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_arrays", "an array adapter", framework)


def natives(framework: str) -> Any:
    """The adapter to a framework's own modules, `ncps.canonical.Natives`.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_natives", "a reader of native modules", framework)


def kernels(framework: str) -> dict[str, Callable[..., Any]]:
    """The kernels on a framework that one plugin lends to others, by name.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has some, if none
    has.
    """
    found: dict[str, Callable[..., Any]] = _service("ncps_kernels", "kernels", framework)
    return found


def toolkit(framework: str) -> Any:
    """What a plugin's own layers on a framework are built from, so that it imports no other one.

    ``toolkit("torch").NativeLayer`` is the base of native layers: spec, lazy building, parameters,
    files. `ncps_torch.toolkit` and `ncps_mlx.toolkit` list the rest.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_toolkit", "a base for native layers", framework)


def recurrence(framework: str) -> Any:
    """The module class of a framework that runs any cell over a sequence.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_recurrence", "sequence over any cell", framework)


def neural(framework: str, arrays: str | None = None) -> Any:
    """The operations on a framework's arrays, `ncps.neural.Functions`.

    `arrays` names the library whose arrays are meant where a framework runs on several, as Keras
    does: ``neural("keras", "jax")``.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has them, if none
    has.
    """
    kind = framework if arrays is None else arrays
    what = "array operations" if kind == framework else f"operations on {kind} arrays"
    return _service("ncps_neural", what, framework, arrays=kind)


def runs_on(framework: str) -> str:
    """The library whose arrays the framework's layers take in this process: Keras' back end.

    It is the framework itself where it has arrays of its own. Raises: as `hooks`.
    """
    found: str | None = hooks(framework).ncps_runs_on(framework=framework)
    return framework if found is None else found


def guest(framework: str) -> Any:
    """What runs a framework's layers inside a model of another, `ncps.mixed.GuestSide`.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_guest", "layers as guests of another framework", framework)


def host(framework: str) -> Any:
    """What takes layers of other frameworks into a framework's models, `ncps.mixed.HostSide`.

    Raises: UnknownNameError for an unknown framework; PluginError, saying who has one, if none has.
    """
    return _service("ncps_host", "modules that host another framework's layers", framework)


def frameworks() -> frozenset[str]:
    """Names of all frameworks that are known here."""
    return _catalogue().frameworks


def hooks(source: Provider | str) -> pluggy.HookRelay:
    """The hooks of a provider's plugin, or of the first usable plugin of a framework.

    ``hooks("torch").ncps_devices(framework="torch")`` calls one.

    Raises: UnknownNameError for an unknown framework; PluginError when no plugin can be used.
    """
    if isinstance(source, Provider):
        return _plugin(source).manager.hook
    problems: list[str] = []
    for technology in _usable(source):
        try:
            return _plugin(technology).manager.hook
        except PluginError as error:
            problems.append(str(error))
    why = "; ".join(problems) or "None is installed."
    raise PluginError(f"no usable plugin for the framework {source!r}. {why}")


def usable_reason(technology: Technology, catalogue: Catalogue, settings: Settings) -> str | None:
    """Why a technology cannot be used here, as far as can be told without importing it."""
    found = barred(technology, settings)
    return found[1] if found else catalogue.missing(technology.requires)


def by_rank(technologies: Iterable[Technology]) -> list[Technology]:
    """Technologies by declared priority, then by the framework's rank, then by name."""
    return sorted(
        technologies,
        key=lambda t: (-t.priority, -framework_rank(t.framework), t.name, t.framework),
    )


def _service(hook: str, what: str, framework: str, **arguments: str) -> Any:
    found, problems = _first(hook, framework, **arguments)
    if found is not None:
        return found
    others = []
    frameworks = {t.framework for t in _catalogue().technologies if t.refused is None}
    for other in sorted(frameworks - {framework}):
        if _first(hook, other, **(arguments and {"arrays": other}))[0] is not None:
            others.append(other)
    offered = f"Frameworks that offer one: {', '.join(others) or 'none'}"
    because = f" ({'; '.join(problems)})" if problems else ""
    raise PluginError(f"nothing installed offers {what} for {framework!r}{because}. {offered}.")


def _first(hook: str, framework: str, **arguments: str) -> tuple[Any, list[str]]:
    problems: list[str] = []
    for technology in _usable(framework):
        try:
            caller = _plugin(technology).hook(hook)
            found = None if caller is None else call(caller, framework=framework, **arguments)
        except NcpsError as error:
            problems.append(str(error))
            continue
        if found is not None:
            return found, problems
    return None, problems


def _usable(framework: str) -> list[Technology]:
    """One technology for each plugin of a framework that can be imported."""
    catalogue, settings = _catalogue(), state().settings()
    resolve_framework(framework, catalogue)
    found: dict[str, Technology] = {}
    for t in by_rank(catalogue.technologies):
        wanted = t.framework == framework and t.plugin is not None
        if wanted and usable_reason(t, catalogue, settings) is None:
            found.setdefault(t.plugin or "", t)
    return list(found.values())


def _catalogue() -> Catalogue:
    return state().catalogue(discover=environment().discovers())


def _plugin(source: Provider | Technology) -> Plugin:
    from ncps.registry._plugins import plugin_of

    plugin = plugin_of(source.plugin, state())
    if isinstance(plugin, Failed):
        raise PluginError(f"{source.distribution}: {plugin.reason}.") from plugin.cause
    return plugin
