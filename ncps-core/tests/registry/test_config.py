from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ncps import config, registry
from ncps.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    Site = Any


def test_config_file_gives_all_that_it_says(site: Site) -> None:
    path = site.config(
        'priority = { torch = 2000, mlx = 1.5 }\nallow = ["Ncps_Torch"]\ndeny = []\n'
        '[layers]\nCfC = ["mlx", "acme-ncps:acme"]\n'
    )
    (file,) = config.load_settings().files
    assert file.path == str(path)
    assert file.priority == {"torch": 2000, "mlx": 1.5}
    assert (file.allow, file.deny) == (frozenset({"ncps-torch"}), frozenset())
    assert file.layers == {"CfC": ("mlx", "acme-ncps:acme")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prioritty = 1", "unknown key 'prioritty'. Did you mean 'priority'?"),
        ("priority = 1", "priority expected a table of numbers or a list of names, got 1"),
        ("priority = { torch = '1' }", "priority expected a number for each name"),
        ("priority = { torch = true }", "priority expected a number for each name"),
        ("priority = [1]", r"priority expected a list of names, got \[1\]"),
        ("priority = ['a', 'a']", "priority names 'a' twice"),
        ("layers = 1", "layers expected a table of lists, got 1"),
        ("[layers]\nCfC = 'mlx'", "layers.CfC expected a list of names, got 'mlx'"),
        ("allow = 'acme'", "allow expected a list of names"),
        ("deny = 3", "deny expected a list of names"),
        ("deny =", "is not valid TOML"),
    ],
)
def test_config_error_names_file_and_key(site: Site, text: str, message: str) -> None:
    path = site.config(text)
    with pytest.raises(ConfigError, match=message) as caught:
        config.load_settings()
    assert str(path) in str(caught.value)


def test_unknown_key_is_an_unknown_name_too(site: Site) -> None:
    site.config("layer = {}")
    with pytest.raises(UnknownNameError, match="Did you mean 'layers'"):
        config.load_settings()


def test_project_config_is_searched_upward_to_the_repository(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = site.project / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    (site.home / "ncps.toml").write_text("deny = ['above']")
    assert config.project_config() is None  # .git in project ends the search
    path = site.config("deny = ['acme']")
    found = config.project_config()
    assert found is not None
    assert found.path == str(path)
    (deep / "ncps.toml").write_text("deny = ['nearer']")
    nearer = config.project_config()
    assert nearer is not None
    assert nearer.deny == {"nearer"}


def test_search_ends_at_home(site: Site, tmp_path: Path) -> None:
    (tmp_path / "ncps.toml").write_text("deny = ['above']")
    folder = site.home / "no-repository"
    folder.mkdir()
    assert config.project_config(folder) is None
    (site.home / "ncps.toml").write_text("deny = ['home']")
    found = config.project_config(folder)
    assert found is not None
    assert found.deny == {"home"}


def test_pyproject_table_counts_and_ncps_toml_beside_it_wins(site: Site) -> None:
    (site.project / "pyproject.toml").write_text('[tool.ncps]\npriority = ["mlx"]\n')
    found = config.project_config()
    assert found is not None
    assert found.priority == ("mlx",)
    assert found.path.endswith("pyproject.toml [tool.ncps]")
    site.config('priority = ["torch"]')
    wins = config.project_config()
    assert wins is not None
    assert wins.priority == ("torch",)


@pytest.mark.parametrize("text", ["[project]\n", "broken = # of ncps", "tool = 3 # ncps"])
def test_pyproject_without_our_table_is_passed_over(site: Site, text: str) -> None:
    (site.project / "pyproject.toml").write_text(text)
    assert config.project_config() is None


def test_broken_pyproject_with_our_table_raises(site: Site) -> None:
    (site.project / "pyproject.toml").write_text("[tool.ncps]\npriority =\n")
    with pytest.raises(ConfigError, match=r"pyproject.toml is not valid TOML"):
        config.project_config()


def test_user_config_follows_xdg_and_comes_after_the_project(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.config("deny = ['user']", user=True)
    site.config("allow = ['project']")
    settings = config.load_settings()
    assert [Path(f.path).parent.name for f in settings.files] == ["project", "ncps"]
    assert settings.deny() == ({"user"}, settings.files[1].path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config.user_config() is None
    (tmp_path / "ncps").mkdir()
    (tmp_path / "ncps" / "ncps.toml").write_text("deny = ['xdg']")
    found = config.user_config()
    assert found is not None
    assert found.deny == {"xdg"}


def test_config_is_read_once_until_reload(site: Site) -> None:
    site.plugin("acme")
    assert registry.explain("Dense").chosen.technology == "acme"
    (site.project / "ncps.toml").write_text("deny = ['acme']")
    assert registry.explain("Dense").chosen.technology == "acme"
    registry.reload()
    assert registry.explain("Dense").chosen.technology != "acme"


@pytest.mark.parametrize("text", ["torch", "torch=", "=5", "torch=high", "torch=nan", "a=1;b=2"])
def test_priority_variable_that_cannot_be_read_raises(text: str) -> None:
    with pytest.raises(ConfigError, match="NCPS_PRIORITY expected name=number pairs"):
        config.environment_order(text)


def test_priority_variable_that_names_one_twice_raises() -> None:
    with pytest.raises(ConfigError, match="NCPS_PRIORITY names 'torch' twice"):
        config.environment_order("torch=1, mlx=2, torch=3")


def test_config_in_a_folder_that_may_not_be_entered_is_passed_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a process of another user that kept HOME; root may enter every folder."""
    stat = os.stat

    def denied(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(str(site.home)):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *args, **options)

    monkeypatch.setattr(os, "stat", denied)
    assert config.load_settings().files == ()


def test_priority_variable_may_name_a_distribution() -> None:
    table = config.environment_order(" torch = 2000, mlx=-1.5,acme-ncps:acme=3,")
    assert table == {"torch": 2000, "mlx": -1.5, "acme-ncps:acme": 3}
