"""What the words for technologies mean, and what is said about a word that means nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.config import UnknownSettingError
from ncps.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    Site = Any


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


@pytest.fixture
def words(site: Site) -> Site:
    """Framework `fx` with `ours` before the stock technology `fx`, whose alias is `fx.nn`."""
    site.plugin("ours", framework="fx", priority=6000)
    site.plugin("fx", framework="fx", priority=5500, aliases=["fx.nn"])
    return site


def test_framework_word_means_any_layer_on_it_and_alias_the_stock_one(words: Site) -> None:
    words.plugin("elsewhere", framework="fy", priority=9000)
    assert chosen() == "elsewhere"
    assert chosen(technology="fx") == "ours"
    assert chosen(technology="fx.nn") == "fx"
    assert chosen(technology="ours") == "ours"
    with ncps.use("fx.nn"):
        assert chosen() == "fx"


def test_distribution_may_be_part_of_the_word(words: Site) -> None:
    assert chosen(technology="fx:fx") == "fx"
    assert chosen(technology="Ours:ours") == "ours"
    with pytest.raises(PluginError, match="no plugin for 'nobody:fx2' is installed"):
        chosen(technology="nobody:fx2")


def test_words_in_a_priority_mean_the_same(words: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    words.plugin("elsewhere", framework="fy", priority=9000)
    monkeypatch.setenv("NCPS_PRIORITY", "fx=9500")
    assert chosen() == "ours"
    monkeypatch.setenv("NCPS_PRIORITY", "fx=9500,fx.nn=9600")
    assert chosen() == "fx"


def test_named_technology_takes_the_framework_in_use(site: Site) -> None:
    tables = "".join(
        f'[[technology]]\nname="multi"\nframework="{f}"\npriority={p}\n'
        'layers={Dense="multi.layers:Fake"}\n'
        for f, p in (("f1", 10), ("f2", 20))
    )
    site.plugin("multi", "schema=1\napi=1\n" + tables)

    def framework(**named: str) -> str:
        return registry.select("Dense", **named).framework

    assert framework(technology="multi") == "f2"
    with ncps.use("f1"):
        assert framework(technology="multi") == "f1"
        assert framework(technology="multi", framework="f2") == "f2"
        with ncps.use("multi"):
            assert framework() == "f1"
    with ncps.use("numpy"):  # it is not there on numpy: the highest ranked
        assert framework(technology="multi") == "f2"
    with ncps.use(framework="f2"), ncps.use("f1"):
        assert framework(technology="multi") == "f1"


def test_named_framework_keeps_the_technology_in_use(words: Site) -> None:
    with ncps.use("fx.nn"):
        assert chosen(framework="fx") == "fx"
        assert chosen(technology="fx") == "ours"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"technology": "hgih"}, "unknown technology 'hgih'. Did you mean 'high'?"),
        ({"framework": "flwo"}, "unknown framework 'flwo'. Did you mean 'flow'?"),
        ({"device": "cudda"}, "unknown device 'cudda'. Did you mean 'cuda'?"),
        ({"technology": "flow", "framework": "fhigh"}, "'flow' is on framework 'flow'"),
    ],
)
def test_unknown_argument_raises_with_the_nearest_match(
    two: Site, named: dict[str, str], message: str
) -> None:
    for ask in (
        lambda: registry.create("Dense", units=2, **named),
        lambda: registry.explain("Dense", **named),
    ):
        with pytest.raises(UnknownNameError, match=message.replace("?", r"\?")):
            ask()


def test_unknown_layer_raises_with_the_nearest_match(two: Site) -> None:
    for ask in (registry.create, registry.explain, registry.select):
        with pytest.raises(
            UnknownNameError, match=r"unknown layer 'Desne'. Did you mean 'Dense'\?"
        ):
            ask("Desne")


def test_unknown_technology_raises_where_it_is_named(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (ncps.use, ncps.set_default):
        with pytest.raises(UnknownNameError, match="Did you mean 'high'"):
            name("hgih")
    monkeypatch.setenv("NCPS_TECHNOLOGY", "hgih")
    with pytest.raises(UnknownSettingError, match="NCPS_TECHNOLOGY: unknown technology 'hgih'"):
        chosen()
    monkeypatch.delenv("NCPS_TECHNOLOGY")
    monkeypatch.setenv("NCPS_PRIORITY", "hgih=3")
    with pytest.raises(UnknownSettingError, match="NCPS_PRIORITY: unknown technology 'hgih'"):
        chosen()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("priority = ['hgih']", "priority: unknown technology 'hgih'. Did you mean 'high'"),
        ("priority = { hgih = 3 }", "priority: unknown technology 'hgih'"),
        ("[layers]\nDense = ['hgih']", r"\[layers\] Dense: unknown technology 'hgih'"),
        ("[layers]\nDesne = ['high']", r"\[layers\]: unknown layer 'Desne'. Did you mean 'Dense'"),
    ],
)
def test_config_that_names_what_is_unknown_raises(two: Site, text: str, message: str) -> None:
    path = two.config(text)
    with pytest.raises(UnknownSettingError, match=message) as caught:
        chosen()
    assert str(path) in str(caught.value)


def test_config_may_name_our_technologies_and_foreign_distributions_that_are_absent(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.config('priority = ["hyena", "xlstm", "absent-dist:thing", "low"]')
    assert chosen() == "low"


def test_discovery_off_takes_no_offence_at_names_of_plugins(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.config('priority = ["low"]\n[layers]\nForeign = ["high"]')
    monkeypatch.setenv("NCPS_DISCOVER", "0")
    row = registry.explain("Dense").chosen
    assert row is not None
    assert row.technology == "numpy"


def test_named_technology_without_the_layer_says_who_offers_it(two: Site) -> None:
    two.plugin("special", framework="fs", layers={"CfC": "special.layers:Fake"})
    with pytest.raises(
        UnknownNameError,
        match=r"\(technology='special'\) has no layer 'Dense'. It is offered by: .*high on",
    ):
        registry.create("Dense", units=2, technology="special")


@pytest.mark.usefixtures("without_ours")
@pytest.mark.parametrize(("word", "hint"), [("hyena", "ncps-hyena"), ("xlstm", "ncps-xlstm")])
def test_technology_of_ours_that_is_not_installed_says_how(two: Site, word: str, hint: str) -> None:
    with pytest.raises(
        PluginError, match=f"no plugin for '{word}' is installed: pip install {hint}"
    ):
        registry.create("Dense", units=2, technology=word)


ASKS: dict[str, Any] = {
    "use": registry.use,
    "set_default": registry.set_default,
    "create": partial(registry.create, "Dense", units=2),
    "explain": partial(registry.explain, "Dense"),
}


@pytest.mark.parametrize("call", list(ASKS))
@pytest.mark.parametrize("name", [3, ["numpy"]])
@pytest.mark.parametrize("key", ["technology", "framework"])
def test_name_that_is_no_text_is_refused(site: Site, call: str, name: object, key: str) -> None:
    with pytest.raises(UnknownNameError, match=f"{key} expected a name such as 'numpy', got"):
        ASKS[call](**{key: name})


def test_empty_framework_is_refused(site: Site) -> None:
    with pytest.raises(UnknownNameError, match="unknown framework ''"):
        registry.create("Dense", units=2, framework="")
