from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from ncps import registry, specs
from ncps.errors import PluginError, SpecError, UnknownNameError

if TYPE_CHECKING:
    Site = Any

SPEC = """
from dataclasses import dataclass
from typing import ClassVar
from ncps.specs import Spec

@dataclass(frozen=True, kw_only=True)
class Novel(Spec):
    layer: ClassVar[str] = "{layer}"
    kind: ClassVar[str] = "feedforward"
    units: int = 1
"""


def novel(site: Site, package: str, layer: str, spec: str = SPEC, target: str = "Novel") -> None:
    manifest = (
        f'schema = 1\napi = 1\n[[technology]]\nname = "{package}"\nframework = "{package}"\n'
        f'priority = 1\nlayers = {{ {layer} = "{package}.layers:Fake" }}\n'
        f'[specs]\n{layer} = "{package}.specs:{target}"\n'
    )
    site.plugin(package, manifest)
    site.package(package, {"specs.py": spec.format(layer=layer)})


def test_create_hands_spec_and_arguments_to_the_factory(site: Site) -> None:
    site.plugin("acme", devices=["cpu"])
    layer = registry.create("Dense", "acme", device="cpu", dtype="float16", seed=3, units=2)
    assert layer.spec == specs.build("Dense", units=2)
    assert (layer.device, layer.dtype, layer.seed) == ("cpu", "float16", 3)


def test_create_takes_a_finished_spec_and_no_options_beside_it(site: Site) -> None:
    site.plugin("acme")
    spec = specs.build("Dense", units=2)
    assert registry.create(spec).spec is spec
    with pytest.raises(SpecError, match=r"got both: \['units'\]"):
        registry.create(spec, units=3)


@pytest.mark.parametrize("layer", [None, int, {"layer": "Dense"}])
def test_layer_that_is_neither_name_nor_spec_is_refused(layer: Any) -> None:
    with pytest.raises(SpecError, match="create expected a layer's name or a spec, got"):
        registry.create(layer)


def test_unknown_option_raises_before_anything_is_chosen(site: Site) -> None:
    site.plugin("acme", hooks="raise RuntimeError")
    with pytest.raises(UnknownNameError, match="Did you mean 'units'"):
        registry.create("Dense", unitz=2)


def test_plugin_is_told_about_every_layer_that_was_created(site: Site) -> None:
    site.plugin("acme", hooks="made = []\ndef ncps_layer_created(layer, spec): made.append(layer)")
    first, second = (registry.create("Dense", units=2) for _ in range(2))
    import acme._plugin  # type: ignore[import-not-found]

    assert acme._plugin.made == [first, second]


def test_marked_hooks_work_beside_plain_ones(site: Site) -> None:
    hooks = """
        from ncps.registry import hookimpl
        from json import dumps as ncps_borrowed
        made = []

        @hookimpl(specname="ncps_layer_created")
        def told(layer):
            made.append(layer)

        def ncps_devices(framework):
            return [framework]
    """
    site.plugin("acme", hooks=hooks)
    layer = registry.create("Dense", units=2)
    import acme._plugin

    assert acme._plugin.made == [layer]
    assert registry.hooks("acme").ncps_devices(framework="acme") == ["acme"]


def test_repeated_choice_is_remembered_and_never_stale(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("high", priority=6000)
    site.plugin("low", priority=5000)
    plans: list[object] = []
    make_plan = registry._choice.make_plan
    monkeypatch.setattr(registry._choice, "make_plan", lambda *a: plans.append(a) or make_plan(*a))
    for _ in range(5):
        assert registry.create("Dense", units=2).home == "high.layers"
    assert len(plans) == 1
    with registry.use("low"):
        assert registry.create("Dense", units=2).home == "low.layers"
    assert registry.create("Dense", units=2).home == "high.layers"
    assert len(plans) == 2


def test_layer_type_of_a_plugin_is_created_by_name(site: Site) -> None:
    novel(site, "novelty", "Novel1")
    assert registry.create("Novel1", units=4).spec.units == 4
    assert registry.plugin_spec("Novel1") is specs.get("Novel1")
    assert registry.plugin_spec("Absent") is None
    with pytest.raises(UnknownNameError, match=r"unknown layer 'Novle1'. Did you mean 'Novel1'"):
        registry.create("Novle1")


@pytest.mark.parametrize(
    ("spec", "target", "message"),
    [
        ("1/0", "Novel", "loading the spec 'broken.specs:Novel' failed: ZeroDivisionError"),
        ("", "Absent", "AttributeError"),
        ("Novel = 3", "Novel", "expected 'broken.specs:Novel' to be the Spec of 'Novel2', got 3"),
        (SPEC.replace("{layer}", "X"), "Novel", "to be the Spec of 'Novel2'"),
    ],
)
def test_spec_of_a_plugin_that_is_broken_raises(
    site: Site, spec: str, target: str, message: str
) -> None:
    novel(site, "broken", "Novel2", spec, target)
    with pytest.raises(PluginError, match=message):
        registry.create("Novel2")


def test_two_distributions_with_one_spec_need_a_decision(site: Site) -> None:
    novel(site, "left", "Novel3")
    novel(site, "right", "Novel3")
    with pytest.raises(PluginError, match="comes from left, right; deny all but one"):
        registry.create("Novel3")
    site.config('deny = ["right"]')
    assert registry.create("Novel3").home == "left.layers"


def test_explain_of_a_plugins_layer_imports_none_of_it(site: Site) -> None:
    novel(site, "shy", "Novel4", "raise RuntimeError")
    row = registry.explain("Novel4", units=3).chosen
    assert row is not None
    assert row.technology == "shy"


def test_select_names_the_provider_that_create_takes(site: Site) -> None:
    folder = site.plugin("acme", devices=["cpu"], aliases=["acme.nn"])
    provider = registry.select("Dense", technology="acme.nn")
    assert (provider.technology, provider.framework, provider.layer) == ("acme", "acme", "Dense")
    assert (provider.target, provider.plugin) == ("acme.layers:Fake", "acme._plugin")
    assert (provider.distribution, provider.version) == ("acme", "1.0")
    assert provider.manifest == folder / "ncps_plugin.toml"


def test_threads_with_scopes_of_their_own_do_not_mix(site: Site) -> None:
    names = [f"t{i}" for i in range(4)]
    for name in names:
        site.plugin(name)
    seen: dict[str, set[str]] = {name: set() for name in names}
    barrier = threading.Barrier(len(names))

    def work(name: str) -> None:
        barrier.wait()
        with registry.use(name):
            for _ in range(50):
                seen[name].add(registry.create("Dense", units=2).home)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == {name: {f"{name}.layers"} for name in names}
