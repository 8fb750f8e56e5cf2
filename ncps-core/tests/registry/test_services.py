from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    Site = Any

HOOKS = """
class Trainer: pass
class Arrays: pass
class Natives: pass
def ncps_trainer(framework): return Trainer if framework == "fx" else None
def ncps_arrays(framework): return Arrays()
def ncps_devices(framework): return ["cpu", framework]
def ncps_natives(framework): return Natives() if framework == "fx" else None
"""


def test_trainer_and_arrays_come_from_the_frameworks_plugin(site: Site) -> None:
    site.plugin("bare", framework="fx", priority=9000)
    site.plugin("acme", framework="fx", hooks=HOOKS)
    assert registry.trainer("fx").__name__ == "Trainer"
    assert type(registry.arrays("fx")).__module__ == "acme._plugin"


@pytest.mark.parametrize("side", ["guest", "host"])
def test_sides_of_a_mixed_model_come_from_the_frameworks_plugin(site: Site, side: str) -> None:
    code = f"class Side: pass\ndef ncps_{side}(framework): return Side()"
    site.plugin("acme", framework="fx", hooks=code)
    site.plugin("bare", framework="fy")
    service = getattr(registry, side)
    assert type(service("fx")).__module__ == "acme._plugin"
    with pytest.raises(PluginError, match=r"another framework.* for 'fy'.*offer one: .*fx"):
        service("fy")


def test_kernels_of_one_plugin_are_there_for_others_by_name(site: Site) -> None:
    code = "def ncps_kernels(framework): return {'double': lambda x: 2 * x}"
    site.plugin("acme", framework="fx", hooks=code)
    site.plugin("bare", framework="fy")
    assert registry.kernels("fx")["double"](4) == 8
    with pytest.raises(PluginError, match=r"nothing installed offers kernels for 'fy'.*: fx"):
        registry.kernels("fy")


def test_native_modules_are_read_by_the_frameworks_plugin_or_the_error_says_who_can(
    site: Site,
) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    site.plugin("plain", framework="fy", hooks=HOOKS)
    assert type(registry.natives("fx")).__name__ == "Natives"
    with pytest.raises(PluginError, match=r"reader of native modules for 'fy'.* offer one: fx"):
        registry.natives("fy")


def test_layer_of_a_plugin_without_a_reader_is_saved(site: Site, tmp_path: Path) -> None:
    code = "from ncps.reference import layers\nclass Fake(layers.Dense): framework = 'acme'\n"
    site.plugin("acme", code=code)
    layer = ncps.create("Dense", technology="acme", input_size=3, units=2)
    ncps.save({"head": layer}, tmp_path / "m.safetensors")
    (head,) = ncps.load(tmp_path / "m.safetensors", technology="numpy", dtype="float64").values()
    assert (ncps.parameters(head)["kernel"] == ncps.parameters(layer)["kernel"]).all()


def test_missing_trainer_says_who_offers_one(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    site.plugin("bad", framework="fy", hooks="1/0")
    with pytest.raises(PluginError, match=r"trainer for 'fy' \(bad: .*ZeroDivision.*: fx"):
        registry.trainer("fy")
    with pytest.raises(UnknownNameError, match="unknown framework 'fz'"):
        registry.trainer("fz")


def test_broken_plugin_does_not_hide_the_trainer_of_another(site: Site) -> None:
    site.plugin("bad", framework="fx", hooks="1/0", priority=9000)
    site.plugin("worse", framework="fx", hooks="def ncps_trainer(): 1/0", priority=8000)
    site.plugin("acme", framework="fx", hooks=HOOKS)
    assert registry.trainer("fx").__name__ == "Trainer"


def test_denied_plugin_gives_no_trainer(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    site.config('deny = ["acme"]')
    with pytest.raises(PluginError, match="nothing installed offers a trainer for 'fx'"):
        registry.trainer("fx")


def test_hooks_of_a_framework_or_provider_can_be_called(site: Site) -> None:
    site.plugin("acme", framework="fx", hooks=HOOKS)
    assert registry.hooks("fx").ncps_devices(framework="fx") == ["cpu", "fx"]
    provider = registry.select("Dense", technology="acme")
    assert registry.hooks(provider).ncps_devices(framework="q") == ["cpu", "q"]
    assert registry.hooks(provider).ncps_kernels(framework="q") is None
    site.plugin("bad", framework="fy", hooks="1/0")
    registry.reload()
    with pytest.raises(PluginError, match=r"no usable plugin for the framework 'fy'. bad: .*Zero"):
        registry.hooks("fy")
