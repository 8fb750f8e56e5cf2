"""The kit itself: red for every planted fault, and no check without a fault that it catches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ncps import specs
from ncps.reference import collections
from ncps.reference.layers import StreamingLayer
from ncps.testing import all_checks, examine
from ncps.testing._check import find_check
from ncps.testing._numpy_adapter import NumpyArrays
from ncps.testing._subject import Subject

from . import running_sum
from .faults import FAULTS
from .wrong_layers import Wrong

STREAMING = (specs.AttentionSpec, running_sum.RunningSum)
PAIRS = [(name, check) for name, fault in FAULTS.items() for check in fault.red]


@pytest.fixture(autouse=True)
def sums() -> Iterator[None]:
    running_sum.register()
    yield
    running_sum.forget()


@pytest.mark.parametrize(("name", "check"), PAIRS, ids=[f"{n}-{c}" for n, c in PAIRS])
def test_planted_fault_turns_check_red(name: str, check: str) -> None:
    fault = FAULTS[name]
    message = examine(find_check(check), fault.subject()).message()
    assert message is not None
    if check == fault.red[0]:
        assert fault.says in message


@pytest.mark.parametrize("layer", sorted({fault.layer for fault in FAULTS.values()}))
def test_harness_of_the_faults_adds_none_of_its_own(layer: str) -> None:
    streaming = issubclass(specs.get(layer), STREAMING)
    plain = getattr(collections, layer, StreamingLayer if streaming else Wrong)
    subject = Subject(layer, plain, NumpyArrays())
    checks = {c for fault in FAULTS.values() if fault.layer == layer for c in fault.red}
    messages = {c: examine(find_check(c), subject).message() for c in checks}
    assert messages == dict.fromkeys(checks)


def test_discovery_that_imports_the_framework_turns_check_red(tmp_path: Path) -> None:
    (tmp_path / "slow_framework.py").write_text("")
    (tmp_path / "sitecustomize.py").write_text("import slow_framework")
    subject = Subject(
        *("Dense", Wrong, NumpyArrays()),
        modules=("slow_framework",),
        environment=(("PYTHONPATH", str(tmp_path)),),
    )
    message = examine(find_check("discovery"), subject).message()
    assert message is not None
    assert "imported slow_framework" in message


def test_every_check_is_red_for_some_fault() -> None:
    assert {check for _, check in PAIRS} | {"discovery"} == set(all_checks())
