from __future__ import annotations

from pathlib import Path

import pytest

from ncps.errors import PluginError
from ncps.registry._manifest import Manifest, read_manifest
from ncps.registry._records import Origin

HEAD = "schema = 1\napi = 1\n"
TABLE = '[[technology]]\nname = "a"\nframework = "f"\npriority = 7\nlayers = { Dense = "a:B" }\n'


def read(text: str, distribution: str = "acme") -> Manifest:
    return read_manifest(text.encode(), Origin(distribution, "1.0", Path("/x/ncps_plugin.toml")))


def test_manifest_gives_all_that_it_declares() -> None:
    text = (
        'schema = 1\napi = 1\nplugin = "acme._plugin"\n[[technology]]\nname = "acme"\n'
        'framework = "torch"\npriority = 12.5\nrequires = ["torch>=2", "acme.core"]\n'
        'devices = ["cpu"]\naliases = ["acme.nn"]\nlayers = { CfC = "acme.layers:CfC" }\n'
        '[specs]\nNew = "acme.specs:New"\n[checkpoints]\nold = "acme.old:Read"\n'
        '[references]\nNew = "acme.meaning:new"\n[cases]\nNew = "acme.cases:new"\n'
    )
    manifest = read(text)
    (technology,) = manifest.technologies
    assert (technology.name, technology.framework, technology.priority) == ("acme", "torch", 12.5)
    assert technology.requires == ("torch>=2", "acme.core")
    assert (technology.devices, technology.aliases) == (("cpu",), ("acme.nn",))
    assert technology.layers == {"CfC": "acme.layers:CfC"}
    assert technology.plugin == "acme._plugin"
    assert manifest.specs == {"New": "acme.specs:New"}
    assert manifest.references == {"New": "acme.meaning:new"}
    assert manifest.cases == {"New": "acme.cases:new"}
    assert manifest.checkpoints == {"old": "acme.old:Read"}
    assert manifest.problems == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = ", "expected valid TOML"),
        ("api = 1", "schema: expected 1, got nothing"),
        ("schema = 2\napi = 1", "schema: expected 1, got 2. It needs a newer ncps"),
        ("schema = 1\napi = 9", "api: expected 1, got 9. It needs a newer ncps"),
        ("schema = true\napi = 1", "schema: expected 1, got True"),
        (HEAD + "plugin = 3", r"plugin: expected a module such as .*, got 3 \(int\)"),
        (HEAD + 'plugin = "a b"', "plugin: expected a module"),
        (HEAD + "technology = 3", r"technology: expected tables, each headed \[\[technology\]\]"),
        (HEAD + TABLE.replace('name = "a"\n', ""), r"technology\[0\].name: .*, got nothing"),
        (HEAD + TABLE.replace('"a"', '"a:b"'), r"technology\[0\].name: expected a name"),
        (HEAD + TABLE.replace('framework = "f"', "framework = 1"), "framework: expected a name"),
        (HEAD + TABLE.replace("priority = 7\n", ""), "priority: expected a number, got nothing"),
        (HEAD + TABLE.replace("7", '"high"'), r"priority: .*got 'high' \(str\)"),
        (HEAD + TABLE.replace("7", "true"), "priority: expected a number"),
        (HEAD + TABLE.replace("7", "nan"), "priority: expected a number"),
        (HEAD + TABLE.replace("7", "[{marker = 3, value = 1}]"), r"priority\[0\].marker: "),
        (HEAD + TABLE.replace("7", "[{marker = 'os', value = 1}]"), "expected a PEP 508 marker"),
        (
            HEAD + TABLE.replace("7", "[{mark = 'x', value = 1}]"),
            r"priority\[0\]: expected a table",
        ),
        (HEAD + TABLE.replace("7", "[{value = 'x'}]"), r"priority\[0\].value: expected a number"),
        (HEAD + TABLE + 'requires = "torch"', "requires: expected a list of texts, got 'torch'"),
        (HEAD + TABLE + "requires = ['a b']", r"requires\[0\]: expected an import name"),
        (HEAD + TABLE + "devices = [1]", r"devices\[0\]: expected a name"),
        (HEAD + TABLE.replace('{ Dense = "a:B" }', "{}"), "layers: expected at least one layer"),
        (HEAD + TABLE.replace("a:B", "a.B"), r"layers.Dense: expected a target .*, got 'a.B'"),
        (HEAD + TABLE + "[specs]\nNew = 1", "specs.New: expected a target"),
        (HEAD + "specs = 1", "specs: expected a table"),
        (HEAD + TABLE + TABLE, r"technology\[1\]: 'a' on 'f' is declared twice"),
    ],
)
def test_broken_manifest_says_key_and_expectation(text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        read(text)


def test_unknown_keys_are_passed_over_and_reported_with_the_nearest_match() -> None:
    manifest = read(HEAD + "extra = 1\n" + TABLE + "device = ['cpu']\n")
    assert [t.name for t in manifest.technologies] == ["a"]
    assert [p.dropped for p in manifest.problems] == [False, False]
    assert "extra" in manifest.problems[0].text
    assert "technology[0].device: unknown key 'device'. Did you mean 'devices'?" in str(
        manifest.problems[1]
    )


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        ("[{marker = \"python_version >= '3'\", value = 1}, {value = 2}]", 1),
        ("[{value = 2}, {marker = \"python_version >= '3'\", value = 1}]", 1),
        ("[{marker = \"python_version < '3'\", value = 1}, {value = 2}]", 2),
        ("[{marker = \"os_name != ''\", value = 5}, {marker = \"os_name != ''\", value = 6}]", 5),
    ],
)
def test_priority_follows_the_first_marker_that_holds(priority: str, expected: int) -> None:
    (technology,) = read(HEAD + TABLE.replace("7", priority)).technologies
    assert technology.priority == expected
    assert technology.refused is None


def test_technology_without_priority_for_this_platform_is_refused() -> None:
    text = HEAD + TABLE.replace("7", "[{marker = \"python_version < '3'\", value = 1}]")
    (technology,) = read(text).technologies
    assert technology.refused is not None
    assert "no priority for this platform" in technology.refused


@pytest.mark.parametrize("name", ["ncps", "mlx", "keras", "torch", "hyena", "xlstm", "numpy"])
def test_our_names_are_reserved_to_our_distributions(name: str) -> None:
    text = HEAD + TABLE.replace('"a"', f'"{name}"')
    (stranger,) = read(text, "acme").technologies
    assert stranger.refused is not None
    assert f"the name {name!r} is reserved to ncps" in stranger.refused
    for ours in ("ncps", "ncps-torch", "NCPS_MLX"):
        (own,) = read(text, ours).technologies
        assert own.refused is None


def test_our_aliases_are_reserved_and_frameworks_are_open_to_all() -> None:
    (alias,) = read(HEAD + TABLE + "aliases = ['torch.nn']").technologies
    assert "torch.nn" in str(alias.refused)
    (hijack,) = read(HEAD + TABLE.replace('"f"', '"ncps"')).technologies
    assert "'ncps'" in str(hijack.refused)
    (guest,) = read(HEAD + TABLE.replace('"f"', '"torch"')).technologies
    assert guest.refused is None
