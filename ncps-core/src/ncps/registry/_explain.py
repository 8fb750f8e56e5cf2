"""Why this technology? The candidates of a layer as a table, made without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps.registry._plan import Candidate, Plan, Question, device_kind, make_plan
from ncps.registry._records import Problem
from ncps.registry._state import State, state
from ncps.registry._tables import WIDTH, explanation_text
from ncps.registry._wishes import environment, standing, wishes


@dataclass(frozen=True)
class Row:
    """One candidate; `status` is ``chosen``, ``next`` or ``dropped``, `filter` what dropped it."""

    technology: str
    framework: str
    priority: float
    distribution: str
    version: str
    path: str
    status: str
    filter: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.status == "dropped":
            return f"dropped by {self.filter}: {self.reason}"
        return "would be next" if self.status == "next" else "chosen"


@dataclass(frozen=True)
class Explanation:
    """Every candidate for a layer, in order.

    `named_by` is who named a technology or framework, `order_by` the source that set the order;
    `unread` are plugins that could not be read, and so are no candidates.
    """

    layer: str
    named_by: str | None
    order_by: str
    candidates: tuple[Row, ...]
    unread: tuple[Problem, ...] = ()

    @property
    def chosen(self) -> Row | None:
        """The candidate that would be taken, or None."""
        return next((row for row in self.candidates if row.status == "chosen"), None)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "layer": self.layer,
            "named_by": self.named_by,
            "order_by": self.order_by,
            "candidates": [dict(vars(row)) for row in self.candidates],
            "unread": [problem.to_dict() for problem in self.unread],
        }

    def text(self, width: int = WIDTH) -> str:
        """A table for a terminal that is `width` columns wide."""
        return explanation_text(self, width)

    def __str__(self) -> str:
        return self.text()


def explain(
    layer: str,
    technology: str | None = None,
    framework: str | None = None,
    device: Any = None,
    **config: Any,
) -> Explanation:
    """Who would serve this call, who would be next, and why the others would not.

    Options of one of our own layers are checked; whether a plugin supports them is not asked, for
    that would import it.

    Raises: UnknownNameError for a layer, technology, framework or option that is not known.
    """
    now, env = state(), environment()
    catalogue = now.catalogue(discover=env.discovers())
    asked = tuple(wishes(technology, framework, standing(), env))
    question = Question(layer, asked, device_kind(device), env)
    plan = make_plan(question, catalogue, now.settings())
    if config:
        _check(layer, config)
    named_by = str(plan.wish) if plan.wish else None
    unread = tuple(p for p in catalogue.problems if p.dropped)
    return Explanation(layer, named_by, plan.order, _rows(plan, now), unread)


def _rows(plan: Plan, now: State) -> tuple[Row, ...]:
    rows: list[Row] = []
    for candidate in plan.candidates:
        if candidate.dropped is None:
            failed = now.failures.get((candidate.provider, plan.device))
            if failed is not None:
                rows.append(_row(candidate, "dropped", failed.step, failed.reason))
            elif any(row.status == "chosen" for row in rows):
                rows.append(_row(candidate, "next"))
            else:
                rows.append(_row(candidate, "chosen"))
        else:
            rows.append(_row(candidate, "dropped", candidate.dropped, candidate.reason))
    return tuple(rows)


def _row(
    candidate: Candidate, status: str, filter_: str | None = None, reason: str | None = None
) -> Row:
    p = candidate.provider
    return Row(
        p.technology,
        p.framework,
        candidate.priority,
        p.distribution,
        p.version,
        str(p.manifest),
        status,
        filter_,
        reason,
    )


def _check(layer: str, config: dict[str, Any]) -> None:
    from ncps import specs

    if layer in specs.BUILTIN:
        specs.build(layer, **config)
