"""Run the checks on a technology without pytest, and say what came of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ncps.errors import SpecError, unknown
from ncps.registry import TechnologyInfo
from ncps.testing._check import Check, all_checks, examine
from ncps.testing._subject import Subject
from ncps.testing._technology import Gaps, declared_gaps, layers_of, subject

PASS, GAP, FAIL = "pass", "gap", "FAIL"
CLOSED = "gap closed: the check passes, remove the declaration"


@dataclass(frozen=True)
class Result:
    """What came of one check on one layer; `reason` is the gap's or the failure's.

    `left_out` counts the cases that the technology does not offer.
    """

    technology: str
    framework: str
    layer: str
    check: str
    outcome: str
    reason: str | None
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)


def gap_of(gaps: Gaps, layer: str, check: str) -> str | None:
    """The reason declared for this layer and check, or for the check of all layers."""
    return gaps.get((layer, check), gaps.get(("*", check)))


def check_gaps(gaps: Gaps, layers: Iterable[str]) -> None:
    """Every declared gap names a check, and a layer or ``*``, and gives a reason.

    Raises: UnknownNameError for a wrong name, SpecError for an empty reason.
    """
    known = {*layers, "*"}
    for (layer, check), reason in gaps.items():
        if check not in all_checks():
            raise unknown("check in a declared gap", check, all_checks())
        if layer not in known:
            raise unknown("layer in a declared gap", layer, known)
        if not reason.strip():
            raise SpecError(f"expected a reason for the gap {(layer, check)}, got none.")


def outcome(check: Check, subject: Subject, gap: str | None) -> Result:
    """Run one check on one subject, and weigh it against its declared gap."""
    findings = examine(check, subject)
    message = findings.message()
    if message is None:
        what, reason = (PASS, None) if gap is None else (FAIL, f"{CLOSED} ({gap})")
    else:
        what, reason = (FAIL, message) if gap is None else (GAP, gap)
    where = (subject.technology, subject.arrays.framework, subject.layer)
    return Result(*where, check.name, what, reason, len(findings.left_out))


def verify(
    info: TechnologyInfo, layers: tuple[str, ...] | None = None, gaps: Gaps | None = None
) -> Iterator[Result]:
    """Every check that concerns the technology's layers, one result at a time."""
    declared: Mapping[tuple[str, str], str] = {**declared_gaps(info), **(gaps or {})}
    check_gaps(declared, info.layers)
    for layer in layers_of(info, layers):
        one = subject(info, layer)
        for check in all_checks().values():
            if check.applies_to(layer):
                yield outcome(check, one, gap_of(declared, layer, check.name))
