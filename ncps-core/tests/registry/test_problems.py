"""What `ncps doctor` tells: each cause once, whatever keeps a technology from being used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from ncps import registry
from ncps.config import UnknownSettingError

if TYPE_CHECKING:
    Site = Any


def told(distribution: str, *, load: bool = False) -> list[str]:
    """What the overview says about a distribution."""
    problems = registry.overview(load=load).problems
    return [p.text for p in problems if p.distribution == distribution]


def available(name: str) -> bool:
    """Does the list of technologies say that it can be used?"""
    return next(t.available for t in registry.technologies() if t.name == name)


def test_reserved_name_is_told(site: Site) -> None:
    site.plugin("acme", name="torch", framework="torch")
    (text,) = told("acme")
    assert text.startswith("'torch' on 'torch': the name 'torch' is reserved to ncps")


def test_absent_requirement_is_told(site: Site) -> None:
    site.plugin("acme", requires=["absent_module"])
    assert told("acme") == ["'acme' on 'acme': absent_module is not installed"]


TWO_FRAMEWORKS = """
schema = 1
api = 1
[[technology]]
name = "acme"
framework = "one"
priority = 5
requires = ["{first}"]
layers = {{ Dense = "acme.layers:Fake" }}
[[technology]]
name = "acme"
framework = "two"
priority = 5
requires = ["{second}"]
layers = {{ Dense = "acme.layers:Fake" }}
"""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("json", "absent_module", []),
        ("absent_dist>=1", "json", []),
        ("json", "pluggy<0.1", ["two"]),  # installed, but not so that it serves
        ("absent_one", "absent_two", ["one", "two"]),
    ],
)
def test_absent_framework_is_told_unless_the_plugin_serves_another(
    site: Site, first: str, second: str, expected: list[str]
) -> None:
    site.plugin("acme", TWO_FRAMEWORKS.format(first=first, second=second))
    assert [text.partition(":")[0] for text in told("acme")] == [
        f"'acme' on {framework!r}" for framework in expected
    ]


@pytest.mark.parametrize("absent", ["acme.absent:Fake", "absent.layers:Fake"])
def test_module_that_does_not_exist_is_told_without_importing_any(site: Site, absent: str) -> None:
    site.plugin("acme", layers={"Dense": "acme.layers:Fake", "LSTM": absent})
    module = absent.partition(":")[0]
    assert told("acme") == [f"'acme' on 'acme': expected a module {module!r}, found none"]
    assert not available("acme")
    assert "acme" not in sys.modules


def test_plugin_module_that_does_not_exist_is_told(site: Site) -> None:
    (site.plugin("acme") / "_plugin.py").unlink()
    assert told("acme") == ["'acme' on 'acme': expected a module 'acme._plugin', found none"]


def test_conflict_is_told_once_until_the_config_decides(site: Site) -> None:
    layers = {"Dense": "one.layers:Fake", "LSTM": "one.layers:Fake"}
    for name in ("one", "two"):
        site.plugin(name, name="shared", framework="fs", layers=layers)
    (text,) = told("one") + told("two")
    assert "two claims 'shared' on 'fs' too; say which in ncps.toml" in text
    site.config('deny = ["one"]')
    assert told("one") + told("two") == []
    site.config('priority = ["two:shared"]')
    assert told("one") + told("two") == []


def test_what_the_config_bars_is_no_problem(site: Site) -> None:
    site.plugin("acme", requires=["absent_module"])
    site.config('deny = ["acme"]')
    assert told("acme") == []


def test_failure_is_told_once_it_happened_or_when_asked_to_load(site: Site) -> None:
    site.plugin("acme", hooks="raise OSError('no\\nlicence')", layers={"LSTM": "acme.layers:Fake"})
    assert told("acme") == []
    assert told("acme", load=True) == told("acme")
    (problem,) = (p for p in registry.overview().problems if p.distribution == "acme")
    assert "importing 'acme._plugin' failed: OSError: no licence" in str(problem)


def test_loading_tries_each_layer_of_what_may_be_used(site: Site) -> None:
    site.plugin("mute", code="def Fake(spec, **options): return None")
    site.plugin("rude", code="def Fake(spec, **options): raise SystemExit(4)")
    site.plugin(
        "choosy", code="from ncps.errors import SpecError\ndef Fake(*a, **k): raise SpecError"
    )
    site.plugin(
        "picky",
        code="def Fake(spec, **options): 1 / 0",
        hooks="def ncps_supports(): return 'too small'",
    )
    site.plugin("failing", hooks="def ncps_supports(): raise KeyError('k')")
    site.plugin("denied", hooks="raise OSError")
    site.config('deny = ["denied"]')
    assert "expected its factory to return a layer" in told("mute", load=True)[0]
    assert "failed: SystemExit: 4" in told("rude")[0]
    assert "supports: its hook failed: KeyError: 'k'" in told("failing")[0]
    assert told("choosy") + told("picky") + told("denied") == []
    assert "denied" not in sys.modules


@pytest.mark.parametrize("key", ["allow", "deny"])
def test_distribution_that_is_nearly_an_installed_one_raises(site: Site, key: str) -> None:
    site.plugin("acme-layers")
    path = site.config(f'{key} = ["acme-layres"]')
    with pytest.raises(
        UnknownSettingError,
        match=r"unknown distribution 'acme-layres'\. Did you mean 'acme-layers'",
    ) as caught:
        registry.select("Dense")
    assert f"{path} {key}: " in str(caught.value)


def test_distribution_of_another_machine_is_passed_over_and_told(site: Site) -> None:
    site.plugin("acme")
    path = site.config('deny = ["elsewhere", "ncps-xslt", "acme"]')
    notes = [p for p in registry.overview().problems if p.path == str(path)]
    assert [(p.text, p.dropped) for p in notes] == [
        ("deny names 'elsewhere', but no such plugin is installed", False),
        ("deny names 'ncps-xslt', but no such plugin is installed", False),
    ]


def test_variable_of_nearly_our_name_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NCPS_TECHNOLGY", "acme")
    (note,) = (p for p in registry.overview().problems if p.path == "environment")
    assert "unknown variable 'NCPS_TECHNOLGY'. Did you mean 'NCPS_TECHNOLOGY'?" in note.text
    assert not note.dropped


@pytest.mark.parametrize("missing", ["Name", "Version"])
def test_metadata_without_name_or_version_is_told(site: Site, missing: str) -> None:
    site.plugin("acme")
    metadata = site.path / "acme-1.0.dist-info" / "METADATA"
    lines = [line for line in metadata.read_text().splitlines() if not line.startswith(missing)]
    metadata.write_text("\n".join(lines))
    (problem,) = (p for p in registry.overview().problems if "acme" in str(p))
    assert f"expected a {missing} in its metadata, got none" in problem.text
    assert ("acme" in [t.name for t in registry.technologies()]) is (missing == "Version")
    metadata.unlink()
    registry.reload()
    assert "expected a Name in its metadata" in str(registry.overview().problems)
