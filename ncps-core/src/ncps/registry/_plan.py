"""Who may serve a layer, in which order, and why the others may not. Nothing is imported for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ncps.config import Settings, UnknownSettingError, canonical_distribution
from ncps.errors import UnknownNameError, unknown
from ncps.registry._catalogue import Catalogue
from ncps.registry._ranking import orders, ranking
from ncps.registry._records import Provider, Technology
from ncps.registry._wishes import Environment, Wish
from ncps.registry._words import Selector, both

_DEVICES = frozenset({"cpu", "cuda", "gpu", "mps", "tpu", "xpu"})


@dataclass(frozen=True)
class Candidate:
    """A provider in its place; `dropped` names the first filter that it did not pass.

    `named` says whether it is among those that the first wish names, or whether nothing was named.
    """

    provider: Provider
    priority: float
    named: bool
    dropped: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Plan:
    """The candidates of one layer in order. `wish` is the strict one that spoke, if any did."""

    layer: str
    candidates: tuple[Candidate, ...]
    wish: Wish | None
    device: str | None
    order: str

    @property
    def survivors(self) -> tuple[Provider, ...]:
        """The providers to try, in order."""
        return tuple(c.provider for c in self.candidates if c.dropped is None)


@dataclass(frozen=True)
class Question:
    """All that a choice depends on; `wishes` has the one that speaks first in front."""

    layer: str
    wishes: tuple[Wish, ...]
    device: str | None
    env: Environment


def make_plan(question: Question, catalogue: Catalogue, settings: Settings) -> Plan:
    """Rank all providers of the layer and put each through the filters.

    Raises: UnknownNameError for a layer, technology, framework or device that nobody knows;
    PluginError for one whose plugin cannot be read;
    ConfigError when the config cannot be followed.
    """
    layer = question.layer
    providers = catalogue.providers(layer)
    if layer not in catalogue.layers:
        raise catalogue.lost(layer) or unknown("layer", layer, catalogue.layers)
    _check_device(question.device, catalogue)
    order = ranking(layer, question.env, settings, catalogue)
    named = selectors(question.wishes, catalogue)
    later = in_use(question.wishes, named)
    ordered = sorted(
        providers, key=lambda p: (*(not sel.matches(p) for sel in later), *order.key(p))
    )
    filters = _Filters(question, named, catalogue, settings, providers)
    return Plan(
        layer,
        tuple(
            Candidate(p, order.priority(p), filters.named(p), *filters.first(p)) for p in ordered
        ),
        question.wishes[0] if question.wishes else None,
        question.device,
        order.source,
    )


def device_kind(device: object) -> str | None:
    """The kind of a device: ``cuda`` for ``"cuda:0"`` and for the framework's own device object."""
    if device is None:
        return None
    kind = device if isinstance(device, str) else str(getattr(device, "type", device))
    return kind.partition(":")[0].rpartition(".")[2]


def barred(item: Provider | Technology, settings: Settings) -> tuple[str, str] | None:
    """The filter and reason that bar a technology whatever is asked: its manifest, the config."""
    if item.refused is not None:
        return "manifest", item.refused
    reason = barred_distribution(item.distribution, settings)
    return ("config", reason) if reason else None


def barred_distribution(distribution: str, settings: Settings) -> str | None:
    """Why `allow` or `deny` of the config bars a distribution, or None."""
    allow, deny = settings.allow(), settings.deny()
    if deny is not None and distribution in deny[0]:
        return f"{distribution} is in deny of {deny[1]}"
    if allow is not None and distribution not in allow[0]:
        return f"{distribution} is not in allow of {allow[1]}"
    return None


class _Filters:
    """The filters in the order in which they are applied, the cheapest first."""

    def __init__(
        self,
        question: Question,
        named: list[Selector],
        catalogue: Catalogue,
        settings: Settings,
        providers: tuple[Provider, ...],
    ) -> None:
        self._question = question
        self._strict = named[0] if named else Selector()
        self._catalogue = catalogue
        self._settings = settings
        self._rivals = [p for p in providers if barred(p, settings) is None]
        words = [wish.technology or "" for wish in question.wishes]
        for _, order in orders(question.layer, question.env, settings):
            words += order
        self._qualified = [tuple(w.split(":", 1)) for w in words if ":" in w]
        self._steps: tuple[Callable[[Provider], tuple[str, str] | None], ...] = (
            lambda p: barred(p, settings),
            self._conflict,
            self._choice,
            self._requires,
            self._device,
        )

    def named(self, provider: Provider) -> bool:
        """Is it what the first wish names?"""
        return self._strict.matches(provider)

    def first(self, provider: Provider) -> tuple[str | None, str | None]:
        """Name and reason of the first filter that drops the provider."""
        return next(filter(None, (step(provider) for step in self._steps)), (None, None))

    def _conflict(self, provider: Provider) -> tuple[str, str] | None:
        p = provider
        claimants = {
            q.distribution
            for q in self._rivals
            if (q.technology, q.framework) == (p.technology, p.framework)
        }
        if len(claimants) < 2:
            return None
        for distribution, technology in self._qualified:
            chosen = canonical_distribution(distribution)
            if chosen in claimants and technology in (p.technology, *p.aliases):
                if chosen == p.distribution:
                    return None
                return "conflict", f"{chosen} was chosen for {p.technology!r}"
        others = ", ".join(sorted(claimants - {p.distribution}))
        return "conflict", (
            f"{others} claims {p.technology!r} on {p.framework!r} too; say which in ncps.toml, "
            f'[layers] {p.layer} = ["{p.distribution}:{p.technology}"], or deny one'
        )

    def _choice(self, provider: Provider) -> tuple[str, str] | None:
        if self.named(provider):
            return None
        return "choice", f"not what {self._question.wishes[0]} names"

    def _requires(self, provider: Provider) -> tuple[str, str] | None:
        reason = self._catalogue.missing(provider.requires)
        return ("requires", reason) if reason else None

    def _device(self, provider: Provider) -> tuple[str, str] | None:
        device = self._question.device
        if device is None or not provider.devices or device in provider.devices:
            return None
        return "device", f"it offers {', '.join(provider.devices)}, not {device}"


def check_wish(env: Environment, catalogue: Catalogue) -> None:
    """Raise what a choice would raise for the technology that NCPS_TECHNOLOGY names."""
    if env.technology:
        _selector(Wish("NCPS_TECHNOLOGY", env.technology, None), catalogue)


def selectors(wishes: tuple[Wish, ...], catalogue: Catalogue) -> list[Selector]:
    """What each wish means. Raises: as `both`."""
    return [_selector(wish, catalogue) for wish in wishes]


def _selector(wish: Wish, catalogue: Catalogue) -> Selector:
    try:
        return both(wish.technology, wish.framework, catalogue)
    except UnknownNameError as error:
        if wish.source == "NCPS_TECHNOLOGY":
            raise UnknownSettingError(f"NCPS_TECHNOLOGY: {error}") from error
        raise


def in_use(wishes: tuple[Wish, ...], named: list[Selector]) -> list[Selector]:
    """What later wishes say where the first left a side open: it orders, it does not exclude.

    So ``technology="hyena"`` inside ``use("torch")`` is hyena on torch, if hyena is there on torch.
    """
    if not wishes:
        return []
    later = named[1:]
    frameworks = [Selector(framework=s.framework) for s in later if s.framework]
    technologies = [s._replace(framework=None) for s in later if s.technology]
    open_framework = named[0].framework is None
    open_technology = wishes[0].technology is None
    return frameworks[: int(open_framework)] + technologies[: int(open_technology)]


def _check_device(device: str | None, catalogue: Catalogue) -> None:
    known = _DEVICES.union(*(t.devices for t in catalogue.technologies))
    if device is not None and device not in known:
        raise unknown("device", device, known)
