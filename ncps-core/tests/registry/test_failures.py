"""Plugins that cannot be used: the ranked one is passed over, the named one raises."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ncps import registry
from ncps.errors import PluginError, SpecError
from ncps.registry import PluginWarning

if TYPE_CHECKING:
    Site = Any

WAYS = {
    "raises at import": ("raise ValueError('boom')", "import: importing 'bad._plugin' failed: V"),
    "exits at import": ("raise SystemExit(3)", "failed: SystemExit: 3"),
    "dies at import": ("class Dead(BaseException): pass\nraise Dead('x')", "failed: Dead: x"),
    "missing module": ("import absent_module", "ModuleNotFoundError"),
    "hook of an unknown name": ("def ncps_prob(framework): pass", "hooks of 'bad._plugin' do not"),
    "hook with a wrong argument": ("def ncps_probe(frame): pass", "hooks of 'bad._plugin' do not"),
    "probe says why not": ("def ncps_probe(): return 'no driver'", "probe: no driver"),
    "probe raises": ("def ncps_probe(): raise OSError('x')", "probe: its hook failed: OSError: x"),
    "probe exits": ("def ncps_probe(): raise SystemExit", "probe: its hook failed: SystemExit"),
    "probe dies": ("def ncps_probe(): raise BaseException('x')", "hook failed: BaseException: x"),
    "probe answers nonsense": ("def ncps_probe(): return 3", "expected a list of devices or a te"),
    "supports says why not": ("def ncps_supports(spec): return 'too big'", "supports: too big"),
    "supports raises": ("def ncps_supports(): raise KeyError('k')", "supports: its hook failed: K"),
    "supports nonsense": ("def ncps_supports(): return 3", "expected None or a text, got 3"),
}
RAISED = {
    "raises at import": ValueError,
    "exits at import": SystemExit,
    "missing module": ModuleNotFoundError,
    "dies at import": BaseException,
    "probe raises": OSError,
    "supports raises": KeyError,
}


@pytest.mark.parametrize("way", WAYS)
def test_ranked_plugin_that_fails_warns_once_and_the_next_is_taken(site: Site, way: str) -> None:
    hooks, reason = WAYS[way]
    site.plugin("bad", hooks=hooks, priority=9000)
    site.plugin("good", priority=8000)
    with pytest.warns(PluginWarning) as caught:
        assert registry.create("Dense", units=2).home == "good.layers"
    assert "bad on bad (bad 1.0) ranks before good on good (good 1.0)" in str(caught[0].message)
    assert reason.partition(": ")[2] in str(caught[0].message)
    assert caught[0].filename == __file__
    assert registry.create("Dense", units=3).home == "good.layers"  # warnings are errors here


@pytest.mark.parametrize("way", WAYS)
def test_named_plugin_that_fails_raises_with_its_cause(site: Site, way: str) -> None:
    hooks, reason = WAYS[way]
    site.plugin("bad", hooks=hooks, priority=9000)
    site.plugin("good", priority=8000)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"technology='bad'\) cannot serve 'Dense'") as caught:
            registry.create("Dense", units=2, technology="bad")
        assert reason in str(caught.value)
        if way in RAISED:
            assert isinstance(caught.value.__cause__, RAISED[way])


@pytest.mark.parametrize(
    ("head", "error"),
    [
        ("raise KeyboardInterrupt", KeyboardInterrupt),
        ("raise GeneratorExit", GeneratorExit),
        ("import asyncio\nraise asyncio.CancelledError", asyncio.CancelledError),
    ],
)
def test_interrupt_at_import_is_no_failure_of_the_plugin(
    site: Site, head: str, error: type[BaseException]
) -> None:
    site.plugin("slow", hooks=head, priority=9000)
    site.plugin("good", priority=8000)
    with pytest.raises(error):
        registry.create("Dense", units=2)
    # the interrupted import is not remembered as a failure
    (site.path / "slow" / "_plugin.py").write_text("")
    assert registry.create("Dense", units=2).home == "slow.layers"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("bad.layers:Absent", "loading 'bad.layers:Absent' failed: AttributeError"),
        ("bad.absent:Fake", "loading 'bad.absent:Fake' failed: ModuleNotFoundError"),
        ("bad.layers:__name__", "expected a class, got 'bad.layers'"),
    ],
)
def test_target_that_cannot_be_loaded_fails_alike(site: Site, target: str, reason: str) -> None:
    site.plugin("bad", layers={"Dense": target}, priority=9000)
    site.plugin("good", priority=8000)
    with pytest.raises(PluginError, match=reason):
        registry.create("Dense", units=2, technology="bad")
    with pytest.warns(PluginWarning, match=reason):
        assert registry.create("Dense", units=2).home == "good.layers"


@pytest.mark.parametrize(
    "returned",
    ["None", "spec", "len", "type('T', (), {'spec': 1})", "type('T', (), {'spec': 1})()"],
)
def test_factory_that_returns_no_layer_fails_alike(site: Site, returned: str) -> None:
    site.plugin("bad", code=f"def Fake(spec, **options): return {returned}", priority=9000)
    site.plugin("good", priority=8000)
    assert registry.select("Dense").technology == "bad"  # its factory was not called yet
    reason = "create: expected its factory to return a layer, which can be called"
    with pytest.warns(PluginWarning, match=reason.partition(": ")[2]) as caught:
        assert registry.create("Dense", units=2).home == "good.layers"
    assert caught[0].filename == __file__
    assert registry.create("Dense", units=3).home == "good.layers"  # warnings are errors here
    with pytest.raises(PluginError, match=reason):
        registry.create("Dense", units=2, technology="bad")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def Fake(spec): pass", "TypeError: Fake.. got an unexpected keyword"),
        ("def Fake(spec, **options): raise SystemExit(3)", "SystemExit: 3"),
        ("def Fake(spec, **options): raise BaseException(3)", "BaseException: 3"),
    ],
)
def test_factory_that_raises_is_an_error_with_its_cause(site: Site, code: str, told: str) -> None:
    site.plugin("bad", code=code, priority=9000)
    with pytest.raises(
        PluginError, match=rf"bad 1.0\): create: making Dense.* failed: {told}"
    ) as e:
        registry.create("Dense", units=2)
    assert type(e.value.__cause__).__name__ == told.partition(":")[0]
    assert registry.create("Dense", units=2, technology="numpy").framework == "numpy"


def test_what_a_factory_says_itself_is_left_as_it_is(site: Site) -> None:
    code = "from ncps.errors import SpecError\ndef Fake(spec, **options): raise SpecError('no')"
    site.plugin("picky", code=code)
    with pytest.raises(SpecError, match=r"^no$"):
        registry.create("Dense", units=2)


def test_hook_that_fails_on_a_finished_layer_is_an_error_with_its_cause(site: Site) -> None:
    site.plugin("bad", hooks="def ncps_layer_created(layer): raise KeyError('k')")
    with pytest.raises(PluginError, match="created: its hook failed: KeyError: 'k'") as caught:
        registry.create("Dense", units=2)
    assert isinstance(caught.value.__cause__, KeyError)


def test_exception_that_cannot_be_printed_is_described_by_its_type(site: Site) -> None:
    hooks = "class Odd(Exception):\n    def __str__(self): return 3\nraise Odd"
    site.plugin("bad", hooks=hooks)
    with pytest.raises(PluginError, match=r"importing 'bad._plugin' failed: Odd"):
        registry.create("Dense", units=2, technology="bad")


def test_keyboard_interrupt_is_not_caught(site: Site) -> None:
    site.plugin("bad", hooks="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        registry.create("Dense", units=2)


def test_only_the_leader_is_imported(site: Site) -> None:
    site.plugin("first", priority=9000)
    site.plugin("second", hooks="raise RuntimeError", priority=8000)
    assert registry.create("Dense", units=2).home == "first.layers"
    assert "first._plugin" in sys.modules
    assert not any(name.startswith("second") for name in sys.modules)


def test_failed_import_is_not_repeated_until_reload(site: Site) -> None:
    folder = site.plugin("bad", hooks="import bad\nbad.count = getattr(bad, 'count', 0) + 1\n1/0")
    for _ in range(3):
        with pytest.raises(PluginError, match="ZeroDivisionError"):
            registry.create("Dense", units=2, technology="bad")
    assert sys.modules["bad"].count == 1
    (folder / "_plugin.py").write_text("repaired = True")
    registry.reload()
    assert registry.create("Dense", units=2, technology="bad").home == "bad.layers"


def test_support_is_asked_for_every_spec(site: Site) -> None:
    hooks = "def ncps_supports(spec, technology): return technology if spec.units > 9 else None"
    site.plugin("small", hooks=hooks, priority=9000)
    site.plugin("large", priority=8000)
    assert registry.create("Dense", units=2).home == "small.layers"
    with pytest.warns(PluginWarning, match="small"):
        assert registry.create("Dense", units=10).home == "large.layers"
    assert registry.create("Dense", units=2).home == "small.layers"
    assert registry.create("Dense", units=11).home == "large.layers"


def test_probe_decides_about_the_device(site: Site) -> None:
    hooks = "def ncps_probe(technology, framework): return ['cpu', 'cuda:0']"
    site.plugin("acme", hooks=hooks, devices=["cpu", "cuda", "mps"])
    assert registry.create("Dense", units=2, technology="acme", device="cuda:1").device == "cuda:1"
    with pytest.raises(PluginError, match="it runs here on cpu, cuda:0, not on mps"):
        registry.create("Dense", units=2, technology="acme", device="mps")


def test_next_provider_of_the_named_framework_is_tried(site: Site) -> None:
    site.plugin("bad", framework="fx", hooks="1/0", priority=9000)
    site.plugin("good", framework="fx", priority=8000)
    with pytest.warns(PluginWarning, match="ZeroDivisionError"):
        assert registry.create("Dense", units=2, technology="fx").home == "good.layers"


def test_all_failures_are_told_when_nobody_can(site: Site) -> None:
    site.plugin("bad", framework="fx", hooks="1/0", priority=9000)
    site.plugin("worse", framework="fx", requires=["absent_module"])
    with pytest.raises(PluginError, match=r"framework='fx'.*ZeroDivisionError.*absent_module") as e:
        registry.create("Dense", units=2, framework="fx")
    assert isinstance(e.value.__cause__, ZeroDivisionError)


def test_explain_shows_a_failure_that_already_happened(site: Site) -> None:
    site.plugin("bad", hooks="1/0", priority=9000)
    site.plugin("good", priority=8000)
    assert str(registry.explain("Dense").candidates[0]) == "chosen"
    with pytest.warns(PluginWarning):
        registry.create("Dense", units=2)
    assert "dropped by import" in str(registry.explain("Dense").candidates[0])
    assert str(registry.explain("Dense").candidates[1]) == "chosen"
    (info,) = [t for t in registry.technologies() if t.name == "bad"]
    assert "ZeroDivisionError" in str(info.reason)


def test_load_gives_the_factory_or_raises_with_the_cause(site: Site) -> None:
    site.plugin("bad", hooks="1/0", framework="fx", priority=10)
    site.plugin("good", framework="fx", priority=20)
    rows = registry.state().catalogue(discover=True).providers("Dense")
    by_name = {provider.technology: provider for provider in rows}
    assert registry.load(by_name["good"]).__name__ == "Fake"
    with pytest.raises(PluginError, match=r"import: importing 'bad._plugin' failed") as caught:
        registry.load(by_name["bad"])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
