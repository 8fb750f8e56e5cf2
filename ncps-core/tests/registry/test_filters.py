from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.config import UnknownSettingError
from ncps.errors import PluginError, UnknownNameError
from ncps.registry._plan import device_kind

if TYPE_CHECKING:
    Site = Any


def verdict(name: str, **named: object) -> str:
    """How the technology `name` fares, by its first distribution."""
    rows = registry.explain("Dense", **named).candidates
    return next(str(row) for row in rows if row.technology == name)


@pytest.fixture
def three(site: Site) -> Site:
    for name, priority in (("a", 7000), ("b", 6000), ("c", 5000)):
        site.plugin(name, framework=f"f{name}", priority=priority, devices=["cpu", name])
    return site


def test_denied_distribution_is_dropped_and_says_by_which_file(three: Site) -> None:
    path = three.config('deny = ["A"]')
    assert verdict("a") == f"dropped by config: a is in deny of {path}"
    assert registry.create("Dense", units=2).home == "b.layers"


def test_only_allowed_distributions_are_used(three: Site) -> None:
    path = three.config('allow = ["c"]')
    assert verdict("b") == f"dropped by config: b is not in allow of {path}"
    assert verdict("numpy") == f"dropped by config: ncps is not in allow of {path}"
    assert registry.create("Dense", units=2).home == "c.layers"


def test_denied_technology_that_is_named_raises(three: Site) -> None:
    three.config('deny = ["a"]')
    with pytest.raises(
        PluginError, match=r"technology='a'\) cannot serve 'Dense'.*config: a is in"
    ):
        registry.create("Dense", units=2, technology="a")


def test_other_technologies_are_dropped_by_choice(three: Site) -> None:
    assert verdict("a", technology="b") == (
        "dropped by choice: not what argument (technology='b') names"
    )
    with ncps.use("c"):
        assert "ncps.use (technology='c')" in verdict("a")


def test_missing_requirement_drops_and_raises_when_named(three: Site) -> None:
    three.plugin("d", framework="fd", priority=9000, requires=["absent_module"])
    assert verdict("d") == "dropped by requires: absent_module is not installed"
    assert registry.create("Dense", units=2).home == "a.layers"
    with pytest.raises(PluginError, match=r"d on fd \(d 1.0\): requires: absent_module is not"):
        registry.create("Dense", units=2, technology="d")


def test_technology_that_does_not_offer_the_device_is_dropped(three: Site) -> None:
    assert verdict("a", device="b") == "dropped by device: it offers cpu, a, not b"
    assert registry.create("Dense", units=2, device="b:1").home == "b.layers"
    assert registry.create("Dense", units=2, device="b:1").device == "b:1"
    with pytest.raises(PluginError, match="No installed technology can serve 'Dense'"):
        registry.create("Dense", units=2, device="tpu")


def test_technology_that_declares_no_devices_is_not_filtered_by_device(site: Site) -> None:
    site.plugin("open")
    assert registry.create("Dense", units=2, device="mps").home == "open.layers"


class Kind:
    def __str__(self) -> str:
        return "DeviceType.gpu"


class Device:
    def __init__(self, kind: object) -> None:
        self.type = kind


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (None, None),
        ("cpu", "cpu"),
        ("cuda:0", "cuda"),
        (Device("cuda"), "cuda"),
        (Device(Kind()), "gpu"),
    ],
)
def test_device_kind_is_read_from_texts_and_native_objects(device: object, kind: str) -> None:
    assert device_kind(device) == kind


def test_reserved_name_of_a_third_party_is_dropped_with_a_reason(site: Site) -> None:
    site.plugin("acme", name="torch", framework="torch", priority=9000)
    assert verdict("torch").startswith("dropped by manifest: the name 'torch' is reserved to ncps")
    assert registry.explain("Dense", technology="numpy").chosen is not None
    (info,) = [t for t in registry.technologies() if t.distribution == "acme"]
    assert not info.available


def test_our_distribution_may_use_our_name(site: Site) -> None:
    site.plugin("ncps-torch", name="ncps", framework="torch", priority=9000)
    # in a process of its own: the real plugin may be imported in this one
    done = site.run("import ncps; print(ncps.create('Dense', units=2).home)")
    assert done.stdout == "ncps_torch.layers\n", done.stderr


@pytest.fixture
def rivals(site: Site) -> Site:
    for name in ("one", "two"):
        site.plugin(name, name="shared", framework="fs", priority=9000)
    site.plugin("third", priority=8000)
    return site


def test_two_distributions_that_claim_one_provider_use_neither(rivals: Site) -> None:
    text = verdict("shared")
    assert text.startswith("dropped by conflict: two claims 'shared' on 'fs' too")
    assert '[layers] Dense = ["one:shared"]' in text
    assert registry.create("Dense", units=2).home == "third.layers"
    with pytest.raises(PluginError, match="conflict: two claims 'shared'"):
        registry.create("Dense", units=2, technology="shared")


@pytest.mark.parametrize(
    "text",
    [
        '[layers]\nDense = ["two:shared"]',
        'priority = ["two:shared"]',
        'priority = { "Two:shared" = 9500 }',
        'deny = ["one"]',
        'allow = ["two", "third"]',
    ],
)
def test_config_settles_a_conflict(rivals: Site, text: str) -> None:
    rivals.config(text)
    assert registry.create("Dense", units=2).home == "two.layers"
    assert registry.create("Dense", units=2, technology="shared").home == "two.layers"


def test_naming_a_distribution_that_does_not_bring_the_technology_raises(rivals: Site) -> None:
    with pytest.raises(UnknownNameError, match=r"of one 'shard'\. Did you mean 'shared'"):
        registry.create("Dense", units=2, technology="one:shard")
    rivals.config('priority = ["third:shared"]')
    with pytest.raises(UnknownSettingError, match="unknown technology of third 'shared'"):
        registry.explain("Dense")


def test_argument_and_environment_settle_a_conflict(
    rivals: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.create("Dense", units=2, technology="two:shared").home == "two.layers"
    monkeypatch.setenv("NCPS_PRIORITY", "one:shared=9500")
    assert registry.create("Dense", units=2).home == "one.layers"
    assert registry.create("Dense", units=2, technology="two:shared").home == "two.layers"


def test_same_technology_on_other_frameworks_or_layers_is_no_conflict(site: Site) -> None:
    site.plugin("one", name="shared", framework="f1", priority=9000)
    site.plugin("two", name="shared", framework="f2", priority=8000)
    site.plugin("three", name="shared", framework="f1", layers={"LSTM": "three.layers:Fake"})
    assert registry.create("Dense", units=2).home == "one.layers"
    assert registry.create("Dense", units=2, framework="f2").home == "two.layers"
    assert registry.create("LSTM", units=2, technology="shared").home == "three.layers"


def test_refused_claim_is_no_conflict(site: Site) -> None:
    site.plugin("acme", name="ncps", framework="torch", priority=9000)
    site.plugin("ncps-torch", name="ncps", framework="torch", priority=9000)
    # in a process of its own: the real plugin may be imported in this one
    done = site.run("import ncps; print(ncps.create('Dense', units=2).home)")
    assert done.stdout == "ncps_torch.layers\n", done.stderr
