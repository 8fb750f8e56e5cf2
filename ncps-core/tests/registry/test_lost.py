"""A technology or layer whose plugin cannot be read: whoever names it is told why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    Site = Any

FUTURE = """
schema = 1
api = 9
[[technology]]
name = "tomorrow"
aliases = ["tomorrow.nn"]
framework = "ft"
layers = { Novelty = "acme.layers:Fake" }
[specs]
Novelty = "acme.specs:Novelty"
"""
WHY = "comes from a plugin that cannot be used: acme 1.0: .*: api: expected 1, got 9"


@pytest.fixture
def future(site: Site) -> Site:
    """A plugin that a newer ncps will read, and a good one."""
    site.plugin("acme", FUTURE)
    site.plugin("good")
    return site


@pytest.mark.parametrize("word", ["tomorrow", "tomorrow.nn", "acme", "x"])
def test_name_of_a_technology_alias_distribution_or_entry_point_raises_with_the_cause(
    future: Site, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    for ask in (
        lambda: registry.create("Dense", technology=word, units=1),
        lambda: registry.explain("Dense", technology=word),
        lambda: ncps.use(word),
        lambda: ncps.set_default(word),
    ):
        with pytest.raises(PluginError, match=f"{word!r} {WHY}") as caught:
            ask()
        assert isinstance(caught.value.__cause__, PluginError)
    monkeypatch.setenv("NCPS_TECHNOLOGY", word)
    with pytest.raises(PluginError, match=WHY):
        registry.create("Dense", units=1)


def test_layer_that_only_it_brings_raises_with_the_cause(future: Site) -> None:
    for ask in (registry.create, registry.explain, registry.select):
        with pytest.raises(PluginError, match=f"'Novelty' {WHY}") as caught:
            ask("Novelty")
        assert isinstance(caught.value.__cause__, PluginError)


def test_config_that_merely_ranks_it_is_followed(future: Site) -> None:
    future.config('priority = ["tomorrow", "good"]\n[layers]\nNovelty = ["tomorrow"]')
    assert registry.create("Dense", units=1).home == "good.layers"


def test_other_names_are_unknown_as_ever(future: Site) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown technology 'goood'\. Did you mean 'good'"):
        registry.create("Dense", technology="goood", units=1)


@pytest.mark.parametrize("word", ["torch", "torch.nn"])
def test_our_own_plugin_that_cannot_be_read_is_not_called_absent(site: Site, word: str) -> None:
    site.plugin("ncps-torch", "schema = 1\napi = 9")
    # in a process of its own: the real plugin may be imported in this one
    done = site.run(f"import ncps; ncps.create('Dense', technology={word!r}, units=1)")
    error = done.stderr.splitlines()[-1]
    assert "comes from a plugin that cannot be used: ncps-torch 1.0: " in error
    assert "api: expected 1, got 9" in error


def test_our_own_plugin_that_cannot_be_read_is_told_where_others_serve_its_framework(
    site: Site,
) -> None:
    site.plugin(
        "acme", FUTURE.replace("api = 9", "api = 1").replace('"ft"', '"torch"\npriority = 1')
    )
    site.plugin("ncps-torch", "schema = 1\napi = 9")
    done = site.run("import ncps; ncps.create('Dense', technology='torch', units=1)")
    assert "cannot be used: ncps-torch 1.0: " in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("without_ours")
def test_stranger_that_cannot_be_read_is_not_blamed_for_our_names(site: Site) -> None:
    site.plugin("acme", FUTURE.replace("tomorrow.nn", "hyena"))
    with pytest.raises(PluginError, match="no plugin for 'hyena' is installed: pip install"):
        registry.create("Dense", technology="hyena", units=1)


def test_explanation_names_what_could_not_be_read(future: Site) -> None:
    explanation = registry.explain("Dense")
    (problem,) = explanation.unread
    assert problem.distribution == "acme"
    assert str(explanation).splitlines()[-1] == f"cannot be read: {problem}"
    (told,) = explanation.to_dict()["unread"]
    assert told["text"].startswith("api: expected 1, got 9")
