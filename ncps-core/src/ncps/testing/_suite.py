"""The class that a plugin's tests inherit; this module alone needs pytest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import ClassVar

import pytest

from ncps.registry import TechnologyInfo
from ncps.testing._check import all_checks, find_check
from ncps.testing._subject import Subject
from ncps.testing._technology import Gaps, declared_gaps, exactly, layers_of, subject
from ncps.testing._verify import FAIL, GAP, check_gaps, gap_of, outcome


class LayerConformance:
    """Every check of the kit, on every layer of one technology, as pytest's tests.

    ::

        class TestOurs(LayerConformance):
            technology, framework = "acme", "torch"
            gaps = {("LSTM", "timestamps"): "our kernel takes no timestamps yet"}

    `layers` narrows the run. A declared gap is expected to fail and is shown as xfail with its
    reason; a gap whose check passes fails, so that the declaration goes. Gaps in
    ``CONFORMANCE_GAPS`` of the plugin's module count too, and `ncps verify` reads those.

    Raises: UnknownNameError for a technology, layer or check that is not known.
    """

    technology: ClassVar[str]
    framework: ClassVar[str]
    layers: ClassVar[tuple[str, ...] | None] = None
    gaps: ClassVar[Mapping[tuple[str, str], str]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each layer and each check that concerns it."""
        if metafunc.function.__name__ != "test_layer_keeps_promise":
            return
        info = exactly(self.technology, self.framework)
        pairs = [
            pytest.param(layer, check.name, id=f"{layer}-{check.name}")
            for layer in layers_of(info, self.layers)
            for check in all_checks().values()
            if check.applies_to(layer)
        ]
        metafunc.parametrize(("layer", "check"), pairs)

    def test_layer_keeps_promise(self, layer: str, check: str) -> None:
        """The check holds, or fails as a declared gap says."""
        reason = gap_of(_gaps(type(self)), layer, check)
        result = outcome(
            find_check(check), _subject(self.technology, self.framework, layer), reason
        )
        if result.outcome == GAP:
            pytest.xfail(f"declared gap: {reason}")
        if result.outcome == FAIL:
            pytest.fail(f"{layer} {check}: {result.reason}", pytrace=False)

    def test_gaps_name_checks_and_layers(self) -> None:
        """Every declared gap names what exists."""
        check_gaps(_gaps(type(self)), exactly(self.technology, self.framework).layers)


@cache
def _info(technology: str, framework: str) -> TechnologyInfo:
    return exactly(technology, framework)


@cache
def _subject(technology: str, framework: str, layer: str) -> Subject:
    return subject(_info(technology, framework), layer)


def _gaps(suite: type[LayerConformance]) -> Gaps:
    return {**declared_gaps(_info(suite.technology, suite.framework)), **suite.gaps}
