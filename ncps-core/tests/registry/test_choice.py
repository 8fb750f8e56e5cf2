"""Each way to choose, and for each two neighbours the one that speaks first."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.registry import _names

if TYPE_CHECKING:
    Site = Any

Setter = Callable[[str], AbstractContextManager[None]]


def chosen(**named: str) -> str:
    """The technology that serves now, asked in both ways."""
    layer = registry.create("Dense", units=2, **named)
    row = registry.explain("Dense", **named).chosen
    assert row is not None
    assert layer.home == f"{row.technology}.layers"
    return row.technology


@pytest.fixture
def two(site: Site) -> Site:
    """Technologies `low` and `high`, each on a framework of its own and `high` declared first."""
    site.plugin("high", framework="fhigh", priority=6000)
    site.plugin("low", framework="flow", priority=5000)
    site.plugin("other", framework="fother", priority=4000)
    return site


def sources(site: Site, monkeypatch: pytest.MonkeyPatch) -> dict[str, Setter]:
    """Every source below the arguments, the first that speaks in front."""

    @contextmanager
    def default(name: str) -> Iterator[None]:
        ncps.set_default(name)
        yield

    def env(variable: str, form: str) -> Setter:
        @contextmanager
        def setter(name: str) -> Iterator[None]:
            monkeypatch.setenv(variable, form.format(name))
            yield

        return setter

    def file(form: str, *, user: bool) -> Setter:
        @contextmanager
        def setter(name: str) -> Iterator[None]:
            site.config(form.format(name), user=user)
            yield

        return setter

    return {
        "use": ncps.use,
        "set_default": default,
        "NCPS_TECHNOLOGY": env("NCPS_TECHNOLOGY", "{}"),
        "NCPS_PRIORITY": env("NCPS_PRIORITY", "{}=9000"),
        "project": file("priority = {{ {} = 9000 }}", user=False),
        "user": file("priority = {{ {} = 9000 }}", user=True),
    }


SOURCES = ["use", "set_default", "NCPS_TECHNOLOGY", "NCPS_PRIORITY", "project", "user"]


def test_declared_priority_decides_when_nobody_speaks(two: Site) -> None:
    assert chosen() == "high"
    assert registry.explain("Dense").order_by == "declared priorities"


def test_arguments_name_technology_or_framework(two: Site) -> None:
    assert chosen(technology="low") == "low"
    assert chosen(framework="flow") == "low"
    assert chosen(technology="low", framework="flow") == "low"


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_speaks(two: Site, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with sources(two, monkeypatch)[name]("low"):
        assert chosen() == "low"


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise(SOURCES)))
def test_earlier_source_speaks_before_its_neighbour(
    two: Site, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    with ExitStack() as stack:
        setters = sources(two, monkeypatch)
        stack.enter_context(setters[second]("other"))
        assert chosen() == "other"
        stack.enter_context(setters[first]("low"))
        assert chosen() == "low"


def test_arguments_speak_before_use(two: Site) -> None:
    with ncps.use("other"):
        assert chosen(technology="low") == "low"
        assert chosen(framework="flow") == "low"


def test_scopes_nest_and_end(two: Site) -> None:
    with ncps.use("low"):
        with ncps.use("other"):
            assert chosen() == "other"
        assert chosen() == "low"
        with ncps.use(None):
            assert chosen() == "low"
        with ncps.use(framework="fother"):
            assert chosen() == "other"
    assert chosen() == "high"


def test_scope_works_as_decorator(two: Site) -> None:
    @ncps.use("low")
    def make() -> str:
        return chosen()

    assert (make(), make(), chosen()) == ("low", "low", "high")


def test_default_reaches_threads_and_a_scope_does_not(two: Site) -> None:
    seen: list[str] = []
    ncps.set_default("low")
    with ncps.use("other"):
        thread = threading.Thread(target=lambda: seen.append(chosen()))
        thread.start()
        thread.join(30)
    assert seen == ["low"]
    ncps.set_default()
    assert chosen() == "high"


def test_tasks_inherit_a_scope_and_keep_their_own(two: Site) -> None:
    async def own(name: str) -> str:
        with ncps.use(name):
            await asyncio.sleep(0)
            return chosen()

    async def main() -> list[str]:
        with ncps.use("low"):

            async def inherits() -> str:
                return chosen()

            return list(await asyncio.gather(own("other"), own("high"), inherits()))

    assert asyncio.run(main()) == ["other", "high", "low"]


def test_environment_is_read_at_each_call(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen() == "high"
    monkeypatch.setenv("NCPS_TECHNOLOGY", "low")
    assert chosen() == "low"
    monkeypatch.setenv("NCPS_TECHNOLOGY", "")
    assert chosen() == "high"
    monkeypatch.setenv("NCPS_PRIORITY", "other=9000,high=1")
    assert chosen() == "other"


def test_list_is_the_whole_order(two: Site) -> None:
    site = two
    site.config('priority = ["other", "low"]')
    explanation = registry.explain("Dense")
    names = [row.technology for row in explanation.candidates]
    assert names[:3] == ["other", "low", "high"]
    assert explanation.order_by.endswith("ncps.toml priority")


def test_layer_order_counts_before_priority_of_the_same_file_only_for_its_layer(two: Site) -> None:
    two.config('priority = ["other"]\n[layers]\nLSTM = ["low"]')
    assert chosen() == "other"
    two.config('priority = ["other"]\n[layers]\nDense = ["low"]')
    assert chosen() == "low"
    assert registry.explain("Dense").order_by.endswith("ncps.toml [layers]")


def test_project_priority_counts_before_the_users_layer_order(two: Site) -> None:
    two.config('[layers]\nDense = ["other"]', user=True)
    assert chosen() == "other"
    two.config('priority = ["low"]')
    assert chosen() == "low"


def test_named_technology_is_strict_and_ranked_one_is_not(two: Site) -> None:
    with ncps.use("high"):
        names = {row.technology: row.status for row in registry.explain("Dense").candidates}
    assert (names["high"], names["low"]) == ("chosen", "dropped")
    names = {row.technology: row.status for row in registry.explain("Dense").candidates}
    assert (names["high"], names["low"]) == ("chosen", "next")


def test_ties_fall_to_the_frameworks_rank_and_then_to_the_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, framework in (("b", "torch"), ("c", "keras"), ("d", "mlx"), ("a", "fx")):
        site.plugin(name, framework=framework)
    site.plugin("aa", framework="fx")

    def order() -> str:
        rows = registry.explain("Dense").candidates
        return " ".join(row.technology for row in rows if row.priority == 5000)

    monkeypatch.setattr(_names.sys, "platform", "darwin")
    assert order() == "d c b a aa"
    monkeypatch.setattr(_names.sys, "platform", "linux")
    assert order() == "b c d a aa"
