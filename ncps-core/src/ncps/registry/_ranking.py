"""In which order the providers of a layer are tried, and which source said so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ncps.config import Order, Settings, UnknownSettingError, environment_order
from ncps.errors import NcpsError, PluginError, UnknownNameError, unknown
from ncps.registry._catalogue import Catalogue
from ncps.registry._names import framework_rank
from ncps.registry._records import Provider
from ncps.registry._wishes import Environment
from ncps.registry._words import Selector, check_distribution, resolve

DECLARED = "declared priorities"


class Ranking:
    """The order in force for one layer: the first source that gives one, else the declared one."""

    def __init__(self, source: str, order: Order, catalogue: Catalogue) -> None:
        self.source = source
        self._listed = isinstance(order, tuple)
        numbers = order.items() if not isinstance(order, tuple) else ((w, 0.0) for w in order)
        self._words = [(_resolve(word, catalogue), number) for word, number in numbers]

    def priority(self, provider: Provider) -> float:
        """The number that counts: from the table in force, else the declared one.

        When several words mean the provider, the most specific one counts.
        """
        hits = [(sel.weight(), number) for sel, number in self._words if sel.matches(provider)]
        if self._listed or not hits:
            return provider.priority
        return max(hits)[1]

    def key(self, provider: Provider) -> tuple[object, ...]:
        """Sort key: the order in force, the declared priority, the framework's rank, the names."""
        position = 0
        if self._listed:
            hits = (i for i, (sel, _) in enumerate(self._words) if sel.matches(provider))
            position = next(hits, len(self._words))
        return (
            position,
            -self.priority(provider),
            -provider.priority,
            -framework_rank(provider.framework),
            provider.technology,
            provider.framework,
            provider.distribution,
        )


def orders(layer: str, env: Environment, settings: Settings) -> Iterator[tuple[str, Order]]:
    """Every order that speaks about `layer`, the first that counts in front."""
    if env.priority:
        yield "NCPS_PRIORITY", environment_order(env.priority)
    yield from settings.orders(layer)


def ranking(layer: str, env: Environment, settings: Settings, catalogue: Catalogue) -> Ranking:
    """The order in force for `layer`.

    Raises: ConfigError for a source that names what is not known.
    """
    check_names(env, settings, catalogue)
    source, order = next(orders(layer, env, settings), (DECLARED, {}))
    return Ranking(source, order, catalogue)


def check_names(env: Environment, settings: Settings, catalogue: Catalogue) -> None:
    """UnknownSettingError for a technology or layer that is not known, wherever it is named."""
    numbers = environment_order(env.priority) if env.priority else {}
    if not catalogue.complete:  # with discovery off, a plugin's names are not known
        return
    _check_words(numbers, "NCPS_PRIORITY", catalogue)
    for file in settings.files:
        _check_distributions(file.allow or (), f"{file.path} allow", catalogue)
        _check_distributions(file.deny or (), f"{file.path} deny", catalogue)
        _check_words(file.priority or (), f"{file.path} priority", catalogue)
        for layer, order in file.layers.items():
            if layer not in catalogue.layers and catalogue.lost(layer) is None:
                error = unknown("layer", layer, catalogue.layers)
                raise UnknownSettingError(f"{file.path} [layers]: {error}")
            _check_words(order, f"{file.path} [layers] {layer}", catalogue)


def _check_words(order: Order, source: str, catalogue: Catalogue) -> None:
    for word in order:
        try:
            resolve(word, catalogue)
        except UnknownNameError as error:
            raise UnknownSettingError(f"{source}: {error}") from error
        except PluginError:  # its plugin is broken: whoever only ranks it goes without
            continue


def _check_distributions(names: Iterable[str], source: str, catalogue: Catalogue) -> None:
    for name in names:
        try:
            check_distribution(name, catalogue)
        except UnknownNameError as error:
            raise UnknownSettingError(f"{source}: {error}") from error


def _resolve(word: str, catalogue: Catalogue) -> Selector:
    try:
        return resolve(word, catalogue)
    except NcpsError:  # it was checked: discovery is off, or its plugin is broken
        return Selector(technology=word)
