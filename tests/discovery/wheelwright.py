"""Third-party plugins made on the spot: a description becomes a real wheel that pip installs."""

from __future__ import annotations

import json
import textwrap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LAYERS = """
class Layer:
    def __init__(self, spec, *, seed=None, dtype=None, device=None):
        self.spec, self.technology = spec, __name__.partition(".")[0]

    def __call__(self, x):
        return x
"""


@dataclass(frozen=True)
class Plugin:
    """A distribution with one technology, both of this name, and what is odd about it.

    `technology` replaces keys of its table; None leaves a key out. `manifest` is the whole text;
    "" leaves the file out.
    """

    name: str
    priority: object = 5000
    technology: Mapping[str, Any] = field(default_factory=dict)
    manifest: str | None = None
    hooks: str = ""
    layers: str = LAYERS
    version: str = "1.0"

    @property
    def package(self) -> str:
        """Name of the import package."""
        return self.name.replace("-", "_")

    @property
    def entry_points(self) -> str:
        """Text of entry_points.txt."""
        return f"[ncps.plugins]\n{self.name} = {self.package}:ncps_plugin.toml\n"

    def files(self) -> dict[str, str]:
        """The package's files, by path."""
        files = {"__init__.py": "", "_plugin.py": self.hooks, "layers.py": self.layers}
        manifest = self._manifest() if self.manifest is None else self.manifest
        if manifest:
            files["ncps_plugin.toml"] = manifest
        return {f"{self.package}/{file}": textwrap.dedent(text) for file, text in files.items()}

    def wheel(self, folder: Path) -> Path:
        """Write the wheel."""
        return write_wheel(folder, self.name, self.version, self.files(), self.entry_points)

    def checkout(self, folder: Path) -> Path:
        """Write a source folder that `pip install -e` takes; this file is its build back end."""
        for path, text in self.files().items():
            (folder / "src" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "src" / path).write_text(text)
        (folder / "pyproject.toml").write_text(
            f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{self.name}"\nversion = "{self.version}"\n'
        )
        pth = {f"{self.package}.pth": f"{folder / 'src'}\n"}
        (folder / "backend.py").write_text(
            f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\n"
            "from pathlib import Path\nfrom wheelwright import write_wheel\n"
            "def build_editable(folder, config_settings=None, metadata_directory=None):\n"
            f"    parts = {self.name!r}, {self.version!r}, {pth!r}, {self.entry_points!r}\n"
            "    return write_wheel(Path(folder), *parts).name\n"
        )
        return folder

    def _manifest(self) -> str:
        table = {
            "name": self.name,
            "framework": self.name,
            "priority": self.priority,
            "layers": {"Dense": f"{self.package}.layers:Layer"},
            **self.technology,
        }
        lines = [f"{key} = {_toml(value)}" for key, value in table.items() if value is not None]
        head = f'schema = 1\napi = 1\nplugin = "{self.package}._plugin"\n[[technology]]\n'
        return head + "\n".join(lines) + "\n"


def write_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str], entry_points: str
) -> Path:
    """A wheel with these files."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    contents[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*contents, f"{info}/RECORD"])
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(file, text)
    return path


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
