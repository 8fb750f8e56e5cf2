"""Requirements are looked up, never imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ncps import registry

if TYPE_CHECKING:
    Site = Any


def test_technology_is_unavailable_when_a_requirement_is_missing(site: Site) -> None:
    site.distribution("dep", "", "1.5")
    site.package("dep", {"part.py": ""})
    site.distribution("nightly", "", "2.5.dev1")
    cases = {
        "dep": None,
        "dep.part": None,
        "dep>=1.0": None,
        "nightly>=2": None,
        "dep>=2; python_version < '3'": None,
        "absent_module": "absent_module is not installed",
        "dep.absent": "dep.absent is not installed",
        "dep.part.deeper": "dep.part.deeper is not installed",
        "dep>=2": "expected dep>=2, got 1.5",
        "absent-dist>=1": "absent-dist is not installed",
    }
    for index, requirement in enumerate(cases):
        site.plugin(f"p{index}", requires=["json", requirement])
    found = {info.name: info for info in registry.technologies()}
    reasons = [found[f"p{index}"].reason for index in range(len(cases))]
    assert reasons == list(cases.values())
    assert "dep" not in sys.modules
