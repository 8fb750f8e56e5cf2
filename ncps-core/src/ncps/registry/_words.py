"""What the word in ``technology="torch"`` means.

======================  =======================================================================
word                    means
======================  =======================================================================
a framework (`torch`)   any layer on that framework; ours come first by their declared priority
an alias (`torch.nn`)   the technology that declares it: the framework's stock layers
a technology (`ncps`)   that technology, on any framework
``dist:technology``     that technology, from that distribution only
======================  =======================================================================
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from ncps.config import canonical_distribution
from ncps.errors import UnknownNameError, unknown
from ncps.registry._catalogue import Catalogue
from ncps.registry._names import ALIASES, FRAMEWORKS, OURS, RESERVED
from ncps.registry._records import Provider


class Selector(NamedTuple):
    """The providers that a word means; None leaves that side open."""

    technology: str | None = None
    framework: str | None = None
    distribution: str | None = None

    def matches(self, provider: Provider) -> bool:
        """Does the word mean this provider?"""
        return (
            self.technology in (None, provider.technology)
            and self.framework in (None, provider.framework)
            and self.distribution in (None, provider.distribution)
        )

    def weight(self) -> int:
        """How specific the word is: a distribution over a technology over a framework."""
        return 4 * bool(self.distribution) + 2 * bool(self.technology) + bool(self.framework)


def resolve(word: str, catalogue: Catalogue) -> Selector:
    """What `word` means.

    Raises: UnknownNameError, with the nearest match, for a word that means nothing; PluginError
    for one that a plugin would bring, could it be read.
    """
    distribution, colon, name = word.rpartition(":")
    if colon:
        return _qualified(canonical_distribution(distribution), name, catalogue)
    if word in catalogue.frameworks:
        return Selector(framework=word)
    selector = _technology(word, catalogue)
    if selector is None:
        raise catalogue.lost(word) or unknown("technology", word, known_words(catalogue))
    return selector


def resolve_framework(name: str, catalogue: Catalogue) -> Selector:
    """What ``framework=name`` means."""
    if name not in catalogue.frameworks:
        raise catalogue.lost(name) or unknown("framework", name, catalogue.frameworks)
    return Selector(framework=name)


def known_words(catalogue: Catalogue) -> set[str]:
    """Every word that `resolve` understands, without the ``distribution:`` forms."""
    installed = {*catalogue.frameworks, *catalogue.names, *catalogue.aliases}
    return installed | RESERVED | FRAMEWORKS | ALIASES.keys()


def check_distribution(name: str, catalogue: Catalogue) -> None:
    """UnknownNameError when no such plugin is installed, but one of nearly that name is.

    Any other name may be that of a plugin which this machine lacks.
    """
    known = catalogue.distributions | OURS
    if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.8):
        raise unknown("distribution", name, known)


def _qualified(distribution: str, name: str, catalogue: Catalogue) -> Selector:
    check_distribution(distribution, catalogue)
    selector = _technology(name, catalogue) or Selector(name)
    brought = [t for t in catalogue.technologies if t.distribution == distribution]
    if brought and not any(name in (t.name, *t.aliases) for t in brought):
        names = {word for t in brought for word in (t.name, *t.aliases)}
        raise unknown(f"technology of {distribution}", name, names)
    return selector._replace(distribution=distribution)


def _technology(name: str, catalogue: Catalogue) -> Selector | None:
    if name in catalogue.names or name in RESERVED:
        return Selector(technology=name)
    if name in catalogue.aliases:
        technology, framework = catalogue.aliases[name]
        return Selector(technology=technology, framework=framework)
    if name in ALIASES:
        return Selector(technology=ALIASES[name], framework=ALIASES[name])
    return None


def check_texts(technology: object, framework: object) -> None:
    """UnknownNameError for what cannot be a name at all, such as a list or a module."""
    for key, name in (("technology", technology), ("framework", framework)):
        if not (name is None or isinstance(name, str)):
            raise UnknownNameError(f"{key} expected a name such as 'numpy', got {name!r}.")


def both(technology: str | None, framework: str | None, catalogue: Catalogue) -> Selector:
    """The two arguments as one selector.

    Raises: UnknownNameError when they contradict each other.
    """
    check_texts(technology, framework)
    if technology is None:
        return Selector() if framework is None else resolve_framework(framework, catalogue)
    selector = resolve(technology, catalogue)
    if framework is None:
        return selector
    resolve_framework(framework, catalogue)
    if selector.framework not in (None, framework):
        raise UnknownNameError(
            f"technology {technology!r} is on framework {selector.framework!r}, "
            f"but framework={framework!r} was asked for. Leave one of them out."
        )
    return selector._replace(framework=framework)
