from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Site = Any


@pytest.fixture(autouse=True)
def _unregistered() -> Iterator[None]:
    yield
    for t in registry.technologies():
        if t.distribution == "registered":
            registry.unregister(t.name, t.framework)


def _layers(site: Site) -> Any:
    site.plugin("acme", framework="fx")
    import acme.layers

    return acme.layers


def test_registered_technology_serves_its_layers_and_is_explained(site: Site) -> None:
    layers = _layers(site)
    registry.register("mine", "fx", {"Dense": layers.Fake}, priority=9000)
    assert type(ncps.create("Dense", units=2)) is layers.Fake
    first = ncps.explain("Dense").candidates[0]
    assert (first.technology, first.distribution, first.status) == ("mine", "registered", "chosen")
    assert first.path == "registered in this process"
    assert registry.load(registry.select("Dense")) is layers.Fake


def test_registered_technology_ranks_by_its_priority(site: Site) -> None:
    registry.register("mine", "fx", {"Dense": _layers(site).Fake}, priority=4999)
    assert registry.select("Dense").technology == "acme"
    assert registry.select("Dense", technology="registered:mine").technology == "mine"


def test_registration_survives_reload_and_ends_with_unregister(site: Site) -> None:
    registry.register("mine", "fx", {"Dense": _layers(site).Fake}, priority=9000)
    registry.reload()
    assert registry.select("Dense").technology == "mine"
    registry.unregister("mine")
    assert registry.select("Dense").technology == "acme"
    with pytest.raises(UnknownNameError, match=r"unknown technology 'mine'"):
        ncps.create("Dense", technology="mine", units=2)
    with pytest.raises(PluginError, match=r"'mine' is not registered. Registered: none"):
        registry.unregister("mine")


def test_choices_made_before_are_made_anew(site: Site) -> None:
    layers = _layers(site)
    assert registry.select("Dense").technology == "acme"
    registry.register("mine", "fx", {"Dense": layers.Fake}, priority=9000)
    assert registry.select("Dense").technology == "mine"


@pytest.mark.parametrize("name", ["ncps", "torch", "mlx.nn", "hyena"])
def test_names_of_ours_are_reserved(site: Site, name: str) -> None:
    with pytest.raises(PluginError, match=f"'{name}' is reserved"):
        registry.register(name, "fx", {"Dense": "acme.layers:Fake"})
    assert all(t.distribution != "registered" for t in registry.technologies())


def test_config_bars_what_is_registered(site: Site) -> None:
    registry.register("mine", "fx", {"Dense": _layers(site).Fake}, priority=9000)
    site.config('deny = ["registered"]')
    row = ncps.explain("Dense").candidates[0]
    assert (row.technology, row.filter) == ("mine", "config")
    assert registry.select("Dense").technology == "acme"


def test_name_that_an_installed_plugin_has_is_a_conflict(site: Site) -> None:
    registry.register("acme", "fx", {"Dense": _layers(site).Fake}, priority=9000)
    rows = ncps.explain("Dense").candidates
    assert {row.filter for row in rows if row.technology == "acme"} == {"conflict"}
    chosen = registry.select("Dense", technology="registered:acme")
    assert chosen.distribution == "registered"


def test_layers_join_those_of_the_technology_but_not_twice(site: Site) -> None:
    fake = _layers(site).Fake
    registry.register("mine", "fx", {"Dense": fake})
    registry.register("mine", "fx", {"GRU": fake})
    (info,) = [t for t in registry.technologies() if t.name == "mine"]
    assert info.layers == ("Dense", "GRU")
    with pytest.raises(PluginError, match=r"has GRU already. Unregister it first"):
        registry.register("mine", "fx", {"GRU": fake})


def test_factory_must_have_a_name_to_be_found_by(site: Site) -> None:
    class Local:
        pass

    for factory in (Local, lambda spec, **_: spec):
        with pytest.raises(PluginError, match=r"at the top of a module"):
            registry.register("mine", "fx", {"Dense": factory})


def test_values_are_those_that_a_manifest_may_have(site: Site) -> None:
    with pytest.raises(PluginError, match="priority: expected a number"):
        registry.register("mine", "fx", {"Dense": "acme.layers:Fake"}, priority="high")
    with pytest.raises(PluginError, match="expected at least one layer"):
        registry.register("mine", "fx", {})
    with pytest.raises(PluginError, match=r"a name such as"):
        registry.register("no name", "fx", {"Dense": "acme.layers:Fake"})


def test_target_that_does_not_exist_is_passed_over_with_a_warning(site: Site) -> None:
    _layers(site)
    registry.register("mine", "fx", {"Dense": "acme.layers:Nobody"}, priority=9000)
    with pytest.warns(registry.PluginWarning, match=r"Nobody"):
        assert registry.select("Dense").technology == "acme"


def test_doctor_finds_no_fault_in_a_registered_class(site: Site) -> None:
    registry.register("mine", "fx", {"Dense": _layers(site).Fake}, priority=9000)
    assert not [p for p in registry.overview(load=True).problems if p.distribution == "registered"]


def test_active_is_what_is_named_then_what_is_ranked(site: Site) -> None:
    site.plugin("acme", framework="fx")
    site.plugin("other", framework="fy", priority=4000)
    registry.reload()
    assert (registry.active().technology, registry.active().framework) == ("acme", "fx")
    site.config("priority = { other = 9000 }")
    assert registry.active().framework == "fy"
    assert registry.active().source.endswith("ncps.toml priority")
    registry.set_default("acme")
    assert registry.active().source == "ncps.set_default (technology='acme')"
    with ncps.use(framework="fy"):
        assert registry.active().technology == "other"


def test_active_technology_that_cannot_be_used_raises_with_its_reason(site: Site) -> None:
    site.plugin("acme", framework="fx", requires=["no_such_module"])
    with ncps.use("acme"), pytest.raises(PluginError, match="no_such_module is not installed"):
        registry.active()


def test_registered_technology_is_there_with_discovery_off(site: Site, monkeypatch) -> None:
    registry.register("mine", "fx", {"Dense": _layers(site).Fake}, priority=9000)
    monkeypatch.setenv("NCPS_DISCOVER", "0")
    assert registry.select("Dense").technology == "mine"
    assert {t.name for t in registry.technologies()} == {"mine", "numpy"}
