"""What a check is, the list of all of them, and how one is run on all its cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from ncps.errors import unknown
from ncps.specs import Spec
from ncps.specs._base import Kind
from ncps.testing._arrays import gradient_limit
from ncps.testing._cases import Case
from ncps.testing._subject import Subject
from ncps.testing._variants import Cases

Run = Callable[[Subject, Case], None]
RECURRENT: tuple[Kind, ...] = ("cell", "sequence")
SEQUENCE: tuple[Kind, ...] = ("sequence",)
FEEDFORWARD: tuple[Kind, ...] = ("feedforward",)
ALL: tuple[Kind, ...] = ("feedforward", "cell", "sequence")
COLLECTION: tuple[Kind, ...] = ("collection",)
EVERY: tuple[Kind, ...] = (*ALL, *COLLECTION)


@dataclass(frozen=True)
class Check:
    """One promise that a layer must keep; `run` raises AssertionError where it does not."""

    name: str
    promise: str
    run: Run
    cases: Callable[[str], Cases]
    kinds: tuple[Kind, ...]
    gradients: bool
    sized: bool
    unbatched: bool
    of: type[Spec]
    forward_only: bool
    when: Callable[[Spec], bool]

    def applies_to(self, layer: str) -> bool:
        """Whether the promise concerns this layer type: at least one case of it."""
        return any(map(self.concerns, self.cases(layer)))

    def concerns(self, case: Case) -> bool:
        """Whether the promise concerns this case's layer."""
        spec = case.spec()
        barred = (
            (self.sized and not spec.sized)
            or (self.unbatched and spec.needs_batch)
            or (self.forward_only and not spec.forward_only)
            or not self.when(spec)
        )
        return spec.kind in self.kinds and isinstance(spec, self.of) and not barred


@dataclass
class Findings:
    """What one check found on one subject."""

    checked: int = 0
    failures: list[tuple[Case, BaseException]] = field(default_factory=list)
    left_out: list[tuple[Case, str]] = field(default_factory=list)

    def message(self) -> str | None:
        """Why the check fails, case by case; None when it holds."""
        if not self.checked:
            reasons = "; ".join(sorted({reason for _, reason in self.left_out}))
            return f"nothing was checked: {reasons or 'no cases'}"
        if not self.failures:
            return None
        lines = [f"{_summary(error)} — in {case}" for case, error in self.failures]
        count = f"{len(lines)} of {self.checked} cases"
        return "\n".join([lines[0], *(f"also: {line}" for line in lines[1:4]), f"({count})"])


_checks: dict[str, Check] = {}


def _always(spec: Spec) -> bool:
    return True


def check(
    cases: Callable[[str], Cases],
    kinds: tuple[Kind, ...] = RECURRENT,
    gradients: bool = False,
    sized: bool = False,
    unbatched: bool = False,
    of: type[Spec] = Spec,
    forward_only: bool = False,
    when: Callable[[Spec], bool] = _always,
) -> Callable[[Run], Run]:
    """Make a function ``check_<name>(subject, case)`` one of the kit's checks.

    `sized` leaves out the layers that take inputs of any size, `unbatched` those that always take
    a batch, `of` those with another spec, `forward_only` those that read ahead, `when` those whose
    spec it says no to.
    """

    def register(run: Run) -> Run:
        name = run.__name__.removeprefix("check_")
        promise = (run.__doc__ or "").partition("\n")[0]
        limits = (sized, unbatched, of, forward_only, when)
        _checks[name] = Check(name, promise, run, cases, kinds, gradients, *limits)
        return run

    return register


def all_checks() -> dict[str, Check]:
    """Every check of the kit by name, in the order of a report."""
    # the modules of this package register what they hold
    import_module("ncps.testing.checks")
    return dict(_checks)


def find_check(name: str) -> Check:
    """The check of this name; UnknownNameError with the nearest match otherwise."""
    checks = all_checks()
    if name not in checks:
        raise unknown("check", name, checks)
    return checks[name]


def examine(check: Check, subject: Subject, cases: Sequence[Case] | None = None) -> Findings:
    """Run a check on every case that the subject offers."""
    findings = Findings()
    for case in filter(check.concerns, check.cases(subject.layer) if cases is None else cases):
        reason = _left_out(check, subject, case)
        if reason is not None:
            findings.left_out.append((case, reason))
            continue
        findings.checked += 1
        try:
            check.run(subject, case)
        except Exception as error:
            # whatever a layer raises is a finding, and must not hide those of the other cases
            findings.failures.append((case, error))
    return findings


def _left_out(check: Check, subject: Subject, case: Case) -> str | None:
    spec = case.spec()
    refused = subject.supports(spec)
    limit = gradient_limit(subject.arrays)
    if refused is not None or not check.gradients or limit is None:
        return refused
    steps = case.steps if spec.kind == "sequence" else 1
    numbers = sum(math.prod(p.shape) for p in spec.parameters())
    numbers += math.prod(case.x_shape)
    if numbers * steps <= limit:
        return None
    return f"its gradients take too long on {subject.arrays.framework}"


def _summary(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, AssertionError) and text:
        return text
    return f"raised {type(error).__name__}: {text}"
