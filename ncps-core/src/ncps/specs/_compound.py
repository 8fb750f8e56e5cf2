"""What all layers that hold others share: members by name, and their parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncps.errors import SpecError
from ncps.specs._base import Parameter, Spec


@dataclass(frozen=True, kw_only=True)
class CompoundSpec(Spec):
    """A layer that holds others, its `members`; parameters are called as theirs behind their names.

    ``0.kernel`` is the kernel of the member ``0``.
    """

    def members(self) -> dict[str, Spec]:
        """The layers inside by name, in order."""
        raise NotImplementedError(f"{type(self).__name__} must define members")

    @property
    def is_open(self) -> bool:
        """Whether a member waits for an input size."""
        return any(member.is_open for member in self.members().values())

    def parameters(self) -> tuple[Parameter, ...]:
        """The canonical parameters, member by member."""
        return tuple(
            dataclasses.replace(p, name=f"{name}.{p.name}")
            for name, member in self.members().items()
            for p in member.parameters()
        )


def member_of(owner: str, what: str, given: Any) -> Spec:
    """The spec of a member: a spec, a name, ``(name, options)``, or a config.

    Raises: SpecError for anything else.
    """
    from ncps import specs

    if isinstance(given, Spec):
        return given
    if isinstance(given, str):
        return specs.build(given)
    if isinstance(given, Mapping):
        return specs.from_config(given)
    if isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[1], Mapping):
        return specs.build(str(given[0]), **given[1])
    raise SpecError(
        f"{owner} expected {what} as a spec, a layer's name or (name, options), got "
        f'{given!r}. Write ("Dense", {{"units": 4}}), or put modules into a container of '
        "their own framework."
    )
