"""Fake plugins: real folders with real metadata on sys.path, and none of this machine's config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from ncps import registry
from ncps.registry import _scan
from ncps.registry._names import OURS

LAYERS = """
class Fake:
    def __init__(self, spec, *, seed=None, dtype=None, device=None):
        self.spec, self.seed, self.dtype, self.device = spec, seed, dtype, device
        self.home = __name__

    def __call__(self, x):
        return x
"""


class Site:
    """A folder like site-packages, and the config and home of a user."""

    def __init__(self, root: Path) -> None:
        self.path = root / "site"
        self.home = root / "home"
        self.project = self.home / "project"
        for folder in (self.path, self.project / ".git"):
            folder.mkdir(parents=True)
        self.names: list[str] = []
        self.hidden: dict[str, ModuleType] = {}

    def distribution(
        self, name: str, entry_points: str, version: str = "1.0", site: Path | None = None
    ) -> None:
        """Write the metadata of an installed distribution."""
        info = (site or self.path) / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)

    def package(self, package: str, files: Mapping[str, str]) -> Path:
        """Write an import package."""
        folder = self.path / package
        for file, text in {"__init__.py": "", **files}.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        self.names.append(package)
        return folder

    def plugin(
        self,
        distribution: str,
        manifest: str | None = None,
        /,
        *,
        hooks: str = "",
        code: str = LAYERS,
        **technology: object,
    ) -> Path:
        """Install a plugin; keywords fill in its one [[technology]], or `manifest` says it all."""
        package = distribution.replace("-", "_")
        # a real plugin of this name is out of the way for as long as this site is there
        for name in [n for n in sys.modules if n.partition(".")[0] == package]:
            self.hidden.setdefault(name, sys.modules.pop(name))
        text = manifest_of(package, **technology) if manifest is None else manifest
        self.distribution(distribution, f"[ncps.plugins]\nx = {package}:ncps_plugin.toml\n")
        return self.package(
            package, {"ncps_plugin.toml": text, "_plugin.py": hooks, "layers.py": code}
        )

    def config(self, text: str, *, user: bool = False) -> Path:
        """Write the project's config, or the user's."""
        folder = self.home / ".config" / "ncps" if user else self.project
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ncps.toml").write_text(text)
        registry.reload()
        return folder / "ncps.toml"

    def run(self, code: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a process of its own, with this site first on its path."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NCPS_", "XDG_"))}
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
            env={**kept, "HOME": str(self.home), "PYTHONPATH": str(self.path), **env},
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def manifest_of(package: str, /, **technology: object) -> str:
    """A manifest with one technology, of the package's name and on a framework of that name."""
    table: dict[str, object] = {
        "name": package,
        "framework": package,
        "priority": 5000,
        "layers": {"Dense": f"{package}.layers:Fake"},
        **technology,
    }
    lines = [f"{key} = {toml(value)}" for key, value in table.items() if value is not None]
    head = f'schema = 1\napi = 1\nplugin = "{package}._plugin"\n[[technology]]\n'
    return head + "\n".join(lines) + "\n"


def toml(value: object) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    found = Site(tmp_path)
    before = set(sys.modules)
    for variable in ("NCPS_TECHNOLOGY", "NCPS_PRIORITY", "NCPS_DISCOVER", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(found.home))
    monkeypatch.chdir(found.project)
    monkeypatch.syspath_prepend(found.path)
    registry.reload()
    yield found
    registry.set_default()
    for module in set(sys.modules) - before | found.hidden.keys() & sys.modules.keys():
        if module.partition(".")[0] in found.names:
            del sys.modules[module]
    sys.modules.update({n: m for n, m in found.hidden.items() if n in before})
    monkeypatch.undo()
    registry.reload()


@pytest.fixture
def without_ours(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if none of our own plugins were installed, whichever are."""
    found = _scan._distributions
    monkeypatch.setattr(_scan, "_distributions", lambda problems: found(problems) - OURS)
    registry.reload()
