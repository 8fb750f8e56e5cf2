"""The error when no provider can serve a layer: it says who was asked for, and why each cannot."""

from __future__ import annotations

from collections.abc import Sequence

from ncps.errors import NcpsError, PluginError, UnknownNameError
from ncps.registry._catalogue import Catalogue
from ncps.registry._names import ALIASES, HOME, install_hint
from ncps.registry._outcome import Failed
from ncps.registry._plan import Plan
from ncps.registry._records import Provider


def cannot_serve(
    plan: Plan, failures: Sequence[tuple[Provider, Failed]], catalogue: Catalogue
) -> NcpsError:
    """The error for a plan of which no provider can be used, with the first cause chained."""
    named = [c for c in plan.candidates if c.named]
    if not named:
        return _nobody(plan, catalogue)
    failed = {provider: f"{f.step}: {f.reason}" for provider, f in failures}
    reasons = [
        f"{c.provider}: {failed.get(c.provider) or f'{c.dropped}: {c.reason}'}" for c in named
    ]
    asked = plan.wish or "No installed technology"
    verb = "cannot" if plan.wish else "can"
    error = PluginError(f"{asked} {verb} serve {plan.layer!r}. {'; '.join(reasons)}.")
    error.__cause__ = next((f.cause for _, f in failures if f.cause is not None), None)
    return error


def _nobody(plan: Plan, catalogue: Catalogue) -> NcpsError:
    offers = sorted(
        {str(c.provider) for c in plan.candidates if c.dropped not in ("manifest", "config")}
    )
    offered = f"It is offered by: {', '.join(offers)}" if offers else "No plugin offers it"
    if plan.wish is None:
        return PluginError(f"no installed technology offers the layer {plan.layer!r}.")
    word = plan.wish.technology or plan.wish.framework or ""
    name = word.rpartition(":")[2]
    lost = catalogue.lost(name) or catalogue.lost(HOME.get(ALIASES.get(name, name), name))
    if lost is not None:
        return lost
    if not _installed(name, catalogue):
        hint = install_hint(word)
        remedy = f": {hint}" if hint else ""
        off = "" if catalogue.complete else " (NCPS_DISCOVER=0 turns plugins off)"
        return PluginError(
            f"{plan.wish}: no plugin for {word!r} is installed{off}{remedy}. "
            f"The layer {plan.layer!r}: {offered[0].lower()}{offered[1:]}."
        )
    return UnknownNameError(f"{plan.wish} has no layer {plan.layer!r}. {offered}.")


def _installed(name: str, catalogue: Catalogue) -> bool:
    frameworks = {t.framework for t in catalogue.technologies if t.refused is None}
    return name in catalogue.names or name in catalogue.aliases or name in frameworks
