"""The conformance kit: what every layer of every technology promises, as checks.

A plugin's tests inherit `LayerConformance`; ``ncps verify TECHNOLOGY`` runs the same checks
without pytest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ncps.conversion.tolerances import TOLERANCES as TOLERANCES

if TYPE_CHECKING:
    from ncps.testing._arrays import Arrays as Arrays
    from ncps.testing._cases import Case as Case
    from ncps.testing._check import Check as Check
    from ncps.testing._check import all_checks as all_checks
    from ncps.testing._check import examine as examine
    from ncps.testing._plugin_cases import LayerCases as LayerCases
    from ncps.testing._subject import Subject as Subject
    from ncps.testing._suite import LayerConformance as LayerConformance
    from ncps.testing._support import support_matrix as support_matrix
    from ncps.testing._verify import Result as Result
    from ncps.testing._verify import verify as verify

# resolved at first use: the suite needs pytest, and tolerances alone need none of the others
_HOME = {
    "Arrays": "_arrays",
    "Case": "_cases",
    "Check": "_check",
    "LayerCases": "_plugin_cases",
    "LayerConformance": "_suite",
    "Result": "_verify",
    "Subject": "_subject",
    "all_checks": "_check",
    "examine": "_check",
    "support_matrix": "_support",
    "verify": "_verify",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'ncps.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ncps.testing.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
