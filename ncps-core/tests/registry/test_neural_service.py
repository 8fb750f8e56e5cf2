from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ncps import registry
from ncps.errors import PluginError

if TYPE_CHECKING:
    Site = Any

HOOKS = """
from ncps.neural import Functions

class Mine(Functions):
    framework = "fx"

def ncps_neural(framework, arrays):
    if arrays == "gx":
        raise ImportError("gx is not here")
    return Mine() if arrays == "fx" else None

def ncps_runs_on(framework): return "gx"
"""


def test_operations_come_from_the_frameworks_plugin(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    assert type(registry.neural("fx")).__name__ == "Mine"
    assert type(registry.neural("numpy")).__name__ == "NumpyFunctions"


def test_arrays_that_a_framework_has_no_operations_for_are_told_with_the_reason(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    with pytest.raises(PluginError, match=r"operations on gx arrays for 'fx' \(.*gx is not here"):
        registry.neural("fx", "gx")
    site.plugin("plain", framework="fy")
    registry.reload()
    with pytest.raises(PluginError, match=r"array operations for 'fy'\. .* one: fx, .*numpy"):
        registry.neural("fy")


def test_framework_runs_on_itself_unless_its_plugin_says_otherwise(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    assert registry.runs_on("fx") == "gx"
    assert registry.runs_on("numpy") == "numpy"


def test_what_a_plugin_leaves_undefined_says_so(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    ops = registry.neural("fx")
    with pytest.raises(NotImplementedError, match="Mine must define array"):
        ops.array([1.0])
    with pytest.raises(NotImplementedError, match="Mine must define value_and_grad"):
        ops.value_and_grad(abs)
