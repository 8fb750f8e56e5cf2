"""Threads, tasks and processes choose alike, and only once what need be done once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from wheelwright import Plugin

if TYPE_CHECKING:
    Environment = Any

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def three(make: Any) -> Environment:
    """Three plugins; `acme-high` declares the highest priority."""
    plugins = {"acme-high": 6000, "acme-low": 5000, "acme-other": 4000}
    return make(*(Plugin(name, priority) for name, priority in plugins.items()))


def test_threads_that_choose_at_once_scan_and_import_once_and_agree(three: Environment) -> None:
    told = three.told("threads")
    assert told["made"] == ["acme_high"] * 16
    assert told["explained"] == ["acme-high"] * 16
    assert told["warned"] == []
    files = ["acme_high", "acme_low", "acme_other", "reference"]
    assert told["opened"] == dict.fromkeys(files, 1)
    assert {name: n for name, n in told["imported"].items() if n} == {"acme_high": 1}


def test_threads_are_warned_once_about_a_plugin_that_fails(make: Any) -> None:
    broken = Plugin("broken", 9000, hooks="raise RuntimeError('boom')")
    told = make(Plugin("acme-high"), broken).told("threads")
    assert told["made"] == ["acme_high"] * 16
    assert told["imported"]["acme_high"] == 1
    (warning,) = told["warned"]
    assert "broken on broken (broken 1.0) ranks before acme-high" in warning


def test_tasks_keep_their_own_scope_and_hand_it_to_their_threads(three: Environment) -> None:
    low, none, other = three.told("tasks")
    assert low == ["acme_low"] * 3
    assert none == ["acme_high"] * 3
    assert other == ["acme_other"] * 3


@pytest.fixture(scope="module")
def pools(three: Environment) -> dict[str, Any]:
    """What the workers of every pool made."""
    return three.told("pools")


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("when", ["unused", "used"])
def test_workers_of_a_process_pool_choose_like_their_parent(
    pools: Any, kind: str, when: str
) -> None:
    assert pools["parent"] == "acme_high"
    assert pools[f"{kind}, {when}"] == ["acme_high"] * 2


def test_forked_workers_inherit_the_default_and_spawned_ones_the_environment_alone(
    pools: Any,
) -> None:
    assert pools["fork, default and variable"] == ["acme_low"] * 2
    assert pools["spawn, default and variable"] == ["acme_other"] * 2


def test_child_forked_while_another_thread_scans_does_not_hang(pools: Any) -> None:
    assert pools["fork in a scan"] == "acme_high"
